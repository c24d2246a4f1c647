/* Scaled dot-product attention (Vaswani et al. 2017), a block of queries at a time.
 *
 * Scores are kept transposed, (keys x queries), in panels of TILE_COLUMNS queries. The product of keys
 * and queries therefore writes them in the order in which the product with the values reads them, and the
 * softmax of a query runs down a lane: no packing, and no sums across lanes.
 */

#include "activate.h"
#include "multiply.h"

enum {
    BLOCK_QUERIES = 32, /* 2688 keys: 336 KiB of scores, in the level-2 cache until they are used */
    SUMMED_KEYS = 64,   /* keys per partial sum: one long running sum would lose digits */
};

_Static_assert(TILE_VECTORS == PAIR, "a row of a panel goes through the softmax at once");

/* 1 / ln 2: e^x = 2^(BINARY x). */
static const float BINARY = 1.44269504f;
/* The smallest exponent, and 1. Smaller powers of two would be subnormal; they are negligible compared
 * with the largest power, which is 1. */
static const float SOFTMAX[] = {-125.0f, 1.0f};

/* Floats of scratch memory that attention() needs; `width`: channels per head. */
EXPORT(attention_scratch)
ptrdiff_t attention_scratch(ptrdiff_t width, ptrdiff_t keys) {
    return 2 * keys * width + (keys + 2 * width + 1) * BLOCK_QUERIES;
}

/* Panels of queries times the scale, padded with zeros. */
static void pack_queries(const float *query, ptrdiff_t stride, ptrdiff_t width, ptrdiff_t count,
                         float scale, float *packed) {
    for (ptrdiff_t start = 0; start < count; start += TILE_COLUMNS)
        for (ptrdiff_t channel = 0; channel < width; channel++)
            for (ptrdiff_t i = start; i < start + TILE_COLUMNS; i++)
                *packed++ = i < count ? query[channel * stride + i] * scale : 0;
}

/* The softmax, to base 2, of a panel of queries: replaces the scores by 2^(score - the query's largest)
 * and writes the reciprocals of their sums to `factors`. Exported so that it can be timed alone. */
EXPORT(exponentiate)
void exponentiate(float *scores, ptrdiff_t keys, float *factors) {
    CONSTANTS(c, SOFTMAX);
    CONSTANTS(e, EXPONENTIAL);
    f32x4 top[PAIR], sum[PAIR] = {0};
    BOTH top[v] = load(scores + v * LANES);
    for (ptrdiff_t key = 1; key < keys; key++)
        BOTH top[v] = larger(top[v], load(scores + key * TILE_COLUMNS + v * LANES));
    for (ptrdiff_t start = 0; start < keys; start += SUMMED_KEYS) {
        const ptrdiff_t stop = fewer(keys, start + SUMMED_KEYS);
        f32x4 part[PAIR] = {0};
        for (ptrdiff_t key = start; key < stop; key++) {
            float *score = scores + key * TILE_COLUMNS;
            f32x4 power[PAIR];
            BOTH power[v] = larger(load(score + v * LANES) - top[v], c[0]);
            exponentials(power, c[1], e, power);
            BOTH store(score + v * LANES, power[v]);
            BOTH part[v] += power[v];
        }
        BOTH sum[v] += part[v];
    }
    BOTH store(factors + v * LANES, splat(1) / sum[v]);
}

/* A matrix whose rows, the channels of a head, are `stride` floats apart. */
typedef struct {
    const float *first;
    ptrdiff_t stride;
} Head;

/* out = values softmax(keys^T queries * scale) for one head: query, out (width x queries); key, value
 * (width x keys). */
static void attend(ptrdiff_t width, ptrdiff_t queries, ptrdiff_t keys, float scale, Head query,
                   Head key, Head value, float *out, ptrdiff_t out_stride, float *scratch) {
    float *packed_keys = scratch, *packed_values = packed_keys + keys * width;
    float *scores = packed_values + keys * width, *block = scores + keys * BLOCK_QUERIES;
    float *mixed = block + width * BLOCK_QUERIES, *factors = mixed + width * BLOCK_QUERIES;
    pack_a(keys, width, key.first, 0, 1, key.stride, packed_keys);
    pack_a(width, keys, value.first, 0, value.stride, 1, packed_values);
    for (ptrdiff_t start = 0; start < queries; start += BLOCK_QUERIES) {
        const ptrdiff_t count = fewer(BLOCK_QUERIES, queries - start);
        pack_queries(query.first + start, query.stride, width, count, scale * BINARY, block);
        multiply_panels(keys, width, count, packed_keys, block, scores, TILE_COLUMNS,
                        keys * TILE_COLUMNS);
        for (ptrdiff_t i = 0; i < count; i += TILE_COLUMNS)
            exponentiate(scores + i * keys, keys, factors + i);
        multiply_panels(width, keys, count, packed_values, scores, mixed, BLOCK_QUERIES,
                        TILE_COLUMNS);
        for (ptrdiff_t channel = 0; channel < width; channel++)
            for (ptrdiff_t i = 0; i < count; i++)
                out[channel * out_stride + start + i] =
                    mixed[channel * BLOCK_QUERIES + i] * factors[i];
    }
}

/* Attention in every row, by every head.
 *
 * query, out: (heads width x rows x queries); key, value: (heads width x rows x keys); strides in floats. */
EXPORT(attention)
void attention(ptrdiff_t heads, ptrdiff_t width, ptrdiff_t rows, ptrdiff_t queries, ptrdiff_t keys,
               float scale, const float *query, ptrdiff_t query_channel, ptrdiff_t query_row,
               const float *key, ptrdiff_t key_channel, ptrdiff_t key_row, const float *value,
               ptrdiff_t value_channel, ptrdiff_t value_row, float *out, ptrdiff_t out_channel,
               ptrdiff_t out_row, float *scratch) {
    for (ptrdiff_t first = 0; first < heads * width; first += width)
        for (ptrdiff_t row = 0; row < rows; row++) {
            const Head q = {query + first * query_channel + row * query_row, query_channel};
            const Head k = {key + first * key_channel + row * key_row, key_channel};
            const Head v = {value + first * value_channel + row * value_row, value_channel};
            attend(width, queries, keys, scale, q, k, v, out + first * out_channel + row * out_row,
                   out_channel, scratch);
        }
}
