/* Normalisation. Short runs are summed in float32, and their sums in float64. */

#include "activate.h"

enum {
    RUN = 1024,     /* floats summed in float32, in the lanes of four vectors */
    POSITIONS = 16, /* positions that the layer norm processes at once: a cache line */
    CHANNELS = 32,  /* channels that it sums in float32 */
};

INLINE double sum_lanes(f32x4 v) {
    return ((double)v[0] + (double)v[1]) + ((double)v[2] + (double)v[3]);
}

/* The sum of (x - mean)^power of a row, power 1 or 2. */
INLINE double moment(const float *x, ptrdiff_t count, float mean, const int power) {
    double total = 0;
    for (ptrdiff_t start = 0; start < count; start += RUN) {
        const ptrdiff_t stop = count - start < RUN ? count : start + RUN;
        f32x4 sums[4] = {0};
        ptrdiff_t i = start;
        for (; i + 4 * LANES <= stop; i += 4 * LANES)
            for (int v = 0; v < 4; v++) {
                const f32x4 d = load(x + i + v * LANES) - splat(mean);
                sums[v] += power == 2 ? d * d : d;
            }
        total += sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
        for (; i < stop; i++) {
            const float d = x[i] - mean;
            total += power == 2 ? d * d : d;
        }
    }
    return total;
}

/* (x - mean) * factor + bias, in place. */
static void normalise_row(float *x, ptrdiff_t count, float mean, float factor, float bias) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(x + i, (load(x + i) - splat(mean)) * splat(factor) + splat(bias));
    for (; i < count; i++) x[i] = (x[i] - mean) * factor + bias;
}

/* Group norm with one group (Wu & He 2018) for every row, over channels and positions, in place; then an
 * activation (GLU leaves its result in the first half of the channels).
 *
 * x: (channels x rows x positions), strides in floats; weight, bias: (channels). */
EXPORT(group_norm)
void group_norm(float *x, ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t positions,
                ptrdiff_t channel_stride, ptrdiff_t row_stride, const float *weight,
                const float *bias, double epsilon, int32_t activation) {
    const double count = (double)channels * (double)positions;
    const ptrdiff_t half = channels / 2;
    for (ptrdiff_t row = 0; row < rows; row++, x += row_stride) {
        double sum = 0, squares = 0;
        for (ptrdiff_t c = 0; c < channels; c++)
            sum += moment(x + c * channel_stride, positions, 0, 1);
        const float mean = (float)(sum / count);
        for (ptrdiff_t c = 0; c < channels; c++)
            squares += moment(x + c * channel_stride, positions, mean, 2);
        const double scale = 1 / __builtin_sqrt(squares / count + epsilon);
        for (ptrdiff_t c = 0; c < channels; c++) {
            float *line = x + c * channel_stride;
            normalise_row(line, positions, mean, (float)(scale * (double)weight[c]), bias[c]);
            if (activation == GELU) gelu_row(line, line, positions);
            if (activation == SWISH) glu_row(line, line, line, positions);
            float *value = line - half * channel_stride;
            if (activation == GLU && c >= half) glu_row(value, line, value, positions);
        }
    }
}

/* Adds the sum over the channels of (x - mean)^power to `totals`, for at most POSITIONS positions; power 1
 * or 2. */
static void add_moments(const float *x, ptrdiff_t channels, ptrdiff_t stride, ptrdiff_t count,
                        const float *mean, const int power, double *totals) {
    for (ptrdiff_t start = 0; start < channels; start += CHANNELS) {
        const ptrdiff_t stop = channels - start < CHANNELS ? channels : start + CHANNELS;
        float sums[POSITIONS] = {0};
        for (ptrdiff_t c = start; c < stop; c++)
            for (ptrdiff_t i = 0; i < count; i++) {
                const float d = x[c * stride + i] - mean[i];
                sums[i] += power == 2 ? d * d : d;
            }
        for (ptrdiff_t i = 0; i < count; i++) totals[i] += (double)sums[i];
    }
}

/* Layer norm (Ba et al. 2016) over the channels of every position.
 *
 * x, out: (channels x positions), rows `stride` and `positions` floats apart. */
EXPORT(layer_norm)
void layer_norm(const float *x, ptrdiff_t channels, ptrdiff_t positions, ptrdiff_t stride,
                const float *weight, const float *bias, double epsilon, float *out) {
    for (ptrdiff_t start = 0; start < positions; start += POSITIONS) {
        const ptrdiff_t count = positions - start < POSITIONS ? positions - start : POSITIONS;
        double sums[POSITIONS] = {0}, squares[POSITIONS] = {0};
        float mean[POSITIONS] = {0}, scale[POSITIONS];
        add_moments(x + start, channels, stride, count, mean, 1, sums);
        for (ptrdiff_t i = 0; i < count; i++) mean[i] = (float)(sums[i] / (double)channels);
        add_moments(x + start, channels, stride, count, mean, 2, squares);
        for (ptrdiff_t i = 0; i < count; i++)
            scale[i] = (float)(1 / __builtin_sqrt(squares[i] / (double)channels + epsilon));
        for (ptrdiff_t c = 0; c < channels; c++)
            for (ptrdiff_t i = 0; i < count; i++)
                out[c * positions + start + i] =
                    (x[c * stride + start + i] - mean[i]) * scale[i] * weight[c] + bias[c];
    }
}

/* What to multiply at most POSITIONS positions by: `root` / the length of each one's vector of channels. */
static void scales_of(const float *x, ptrdiff_t channels, ptrdiff_t stride, ptrdiff_t count,
                      double root, double smallest, float *scale) {
    double squares[POSITIONS] = {0};
    for (ptrdiff_t c = 0; c < channels; c++)
        for (ptrdiff_t i = 0; i < count; i++) {
            const double value = x[c * stride + i];
            squares[i] += value * value;
        }
    for (ptrdiff_t i = 0; i < count; i++)
        scale[i] = (float)(root / larger_double(__builtin_sqrt(squares[i]), smallest));
}

/* RMS norm (Zhang & Sennrich 2019) over the channels of every position; a vector shorter than `smallest` is
 * divided by that. Squares are float64: those of float32 numbers neither overflow nor become subnormal.
 *
 * x, out: (channels x positions), rows `stride` and `positions` floats apart. */
EXPORT(rms_norm)
void rms_norm(const float *x, ptrdiff_t channels, ptrdiff_t positions, ptrdiff_t stride,
              const float *weight, double smallest, float *out) {
    const double root = __builtin_sqrt((double)channels);
    for (ptrdiff_t start = 0; start < positions; start += POSITIONS, x += POSITIONS, out += POSITIONS) {
        const ptrdiff_t count = fewer(positions - start, POSITIONS);
        float scale[POSITIONS];
        scales_of(x, channels, stride, count, root, smallest, scale);
        for (ptrdiff_t c = 0; c < channels; c++)
            for (ptrdiff_t i = 0; i < count; i++)
                out[c * positions + i] = x[c * stride + i] * scale[i] * weight[c];
    }
}
