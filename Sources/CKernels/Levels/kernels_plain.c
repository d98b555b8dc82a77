// The level that any processor of the architecture has.

#include "generic.h"

/// One panel times one row of integers. The order of additions over blocks is that of the other levels.
WF_INLINE void integer_panel(const wf_matrix *matrix, int64_t panel, const wf_activations *activations, int64_t item,
                             const wf_matrix_kind kind, float *y) {
    const int64_t columns = matrix->columns, blocks = columns / WF_BLOCK;
    const uint8_t *numbers = matrix->data + (size_t)panel * matrix->panel_bytes;
    const uint8_t *weights = numbers + matrix->weights_offset;
    wf_float16 total = splat(0);
    for (int64_t block = 0; block < blocks; block++) {
        const int8_t *x = activations->quantised + item * columns + block * WF_BLOCK;
        const int32_t sum = activations->sums[item * blocks + block];
        int32_t dots[WF_PANEL_ROWS];
        for (int row = 0; row < WF_PANEL_ROWS; row++)
            dots[row] = kind == WF_MATRIX_Q8_0 ? -128 * sum : kind == WF_MATRIX_Q4_0 ? -8 * sum : 0;
        for (int group = 0; group < (kind == WF_MATRIX_Q8_0 ? 8 : 4); group++, weights += 64, x += 4) {
            for (int row = 0; row < WF_PANEL_ROWS; row++) {
                for (int c = 0; c < 4; c++) {
                    const int32_t both = weights[4 * row + c];
                    if (kind == WF_MATRIX_Q8_0) dots[row] += both * x[c];
                    else dots[row] += (both & 15) * x[c] + (both >> 4) * x[c + 16];
                }
            }
        }
        wf_int16 integers;
        memcpy(&integers, dots, sizeof integers);
        const wf_float16 unit = load_f16(numbers) * activations->scales[item * blocks + block];
        total += __builtin_convertvector(integers, wf_float16) * unit;
        if (kind == WF_MATRIX_Q4_1) {
            total += load_f16(numbers + 32) * activations->offsets[item * blocks + block];
            numbers += 32;
        }
        numbers += 32;
    }
    store_panel(matrix, panel, total, y);
}

#define WF_INTEGER_PRODUCT(name, kind)                                                                                \
    static void name(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations, float *y, \
                     int64_t y_stride) {                                                                              \
        for (int64_t panel = begin; panel < end; panel++)                                                             \
            for (int64_t item = 0; item < activations->batch; item++)                                                 \
                integer_panel(matrix, panel, activations, item, kind, y + item * y_stride);                           \
    }
WF_INTEGER_PRODUCT(integer_q4_1, WF_MATRIX_Q4_1)
WF_INTEGER_PRODUCT(integer_q4_0, WF_MATRIX_Q4_0)
WF_INTEGER_PRODUCT(integer_q8_0, WF_MATRIX_Q8_0)

WF_KERNEL_TABLE(wf_kernels_plain, integer_q4_1, integer_q4_0, integer_q8_0);
