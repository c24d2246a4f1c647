/* Rotary position embedding (Su et al. 2021). */

#include "activate.h"

/* Rotates points, (first, second), by angles of which cosines and sines are given, in place. */
static void rotate_row(float *first, float *second, const float *cosines, const float *sines,
                       ptrdiff_t count) {
    for (; count > 0; count -= PAIR * LANES) {
        f32x4 x[PAIR], y[PAIR], c[PAIR], s[PAIR], turned[PAIR];
        load_pair(first, count, x);
        load_pair(second, count, y);
        load_pair(cosines, count, c);
        load_pair(sines, count, s);
        BOTH turned[v] = x[v] * c[v] - y[v] * s[v];
        store_pair(first, turned, count);
        BOTH turned[v] = y[v] * c[v] + x[v] * s[v];
        store_pair(second, turned, count);
        first += PAIR * LANES, second += PAIR * LANES;
        cosines += PAIR * LANES, sines += PAIR * LANES;
    }
}

/* Rotates pairs of adjacent channels of every head by angles that grow with the position, in place.
 *
 * x: (heads x pairs x 2 x rows x positions), contiguous; cosines, sines: (pairs x positions). */
EXPORT(rotate)
void rotate(float *x, ptrdiff_t heads, ptrdiff_t pairs, ptrdiff_t rows, ptrdiff_t positions,
            const float *cosines, const float *sines) {
    const ptrdiff_t channel = rows * positions;
    for (ptrdiff_t pair = 0; pair < heads * pairs; pair++, x += 2 * channel) {
        const ptrdiff_t angles = pair % pairs * positions;
        for (ptrdiff_t row = 0; row < channel; row += positions)
            rotate_row(x + row, x + channel + row, cosines + angles, sines + angles, positions);
    }
}
