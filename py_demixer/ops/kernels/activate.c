#include "activate.h"

void add_to_row(float *row, float value, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(row + i, load(row + i) + splat(value));
    for (; i < count; i++) row[i] += value;
}

void copy_row(const float *x, float *out, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, load(x + i));
    for (; i < count; i++) out[i] = x[i];
}

EXPORT(gelu_row)
void gelu_row(const float *x, float *out, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, gelu(load(x + i)));
    store_some(out + i, gelu(load_some(x + i, count - i)), count - i);
}

/* out = x sigmoid(gates) */
EXPORT(glu_row)
void glu_row(const float *x, const float *gates, float *out, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, gate(load(x + i), load(gates + i)));
    const ptrdiff_t rest = count - i;
    store_some(out + i, gate(load_some(x + i, rest), load_some(gates + i, rest)), rest);
}
