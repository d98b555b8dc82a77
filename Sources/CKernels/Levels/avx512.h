// AVX-512 with VNNI: a 64-byte vector of a panel is multiplied by four broadcast activations in one instruction. Included
// by the files of both AVX-512 levels, which name the instructions (WF_AVX512_TARGET) and the table (WF_AVX512_TABLE).

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "../internal.h"
#include "vector.h"

#pragma clang attribute push(__attribute__((target(WF_AVX512_TARGET))), apply_to = function)

#define WF_ESTIMATES_RECIPROCALS
#include "generic.h"

WF_INLINE __m512i four_bytes(const int8_t *x) {
    int32_t word;
    memcpy(&word, x, sizeof word);
    return _mm512_set1_epi32(word);
}

WF_INLINE __m512 sixteen_halves(const uint8_t *address) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)address));
}

/// One panel times `B` rows of integers.
WF_INLINE void integer_panel(const wf_matrix *matrix, int64_t panel, const wf_activations *activations, int64_t item,
                             const int B, const wf_matrix_kind kind, float *y, int64_t y_stride) {
    const int64_t columns = matrix->columns, blocks = columns / WF_BLOCK;
    const uint8_t *start = matrix->data + (size_t)panel * matrix->panel_bytes;
    const uint8_t *numbers = start, *weights = start + matrix->weights_offset;
    const int8_t *x = activations->quantised + item * columns;
    const size_t stride = kind == WF_MATRIX_Q4_1 ? 320 : kind == WF_MATRIX_Q4_0 ? 288 : 544;
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512 total[4];
    for (int b = 0; b < B; b++) total[b] = _mm512_setzero_ps();
    for (int64_t block = 0; block < blocks; block++, x += WF_BLOCK) {
        prefetch(start + (size_t)block * stride, stride, matrixDistance, true);
        __m512i vectors[8];
        if (kind == WF_MATRIX_Q8_0) {
            for (int group = 0; group < 8; group++) vectors[group] = _mm512_loadu_si512(weights + 64 * group);
            weights += 512;
        } else {
            for (int group = 0; group < 4; group++) {
                const __m512i packed = _mm512_loadu_si512(weights + 64 * group);
                vectors[group] = _mm512_and_si512(packed, nibble);
                vectors[group + 4] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), nibble);
            }
            weights += 256;
        }
        const __m512 scale = sixteen_halves(numbers);
        const __m512 minimum = kind == WF_MATRIX_Q4_1 ? sixteen_halves(numbers + 32) : _mm512_setzero_ps();
        numbers += kind == WF_MATRIX_Q4_1 ? 64 : 32;
        for (int b = 0; b < B; b++) {
            const int64_t place = (item + b) * blocks + block;
            const int32_t bias = kind == WF_MATRIX_Q8_0 ? -128 : kind == WF_MATRIX_Q4_0 ? -8 : 0;
            __m512i first = bias ? _mm512_set1_epi32(bias * activations->sums[place]) : _mm512_setzero_si512();
            __m512i second = _mm512_setzero_si512();
            for (int group = 0; group < 4; group++) {
                first = _mm512_dpbusd_epi32(first, vectors[group], four_bytes(x + b * columns + 4 * group));
                second = _mm512_dpbusd_epi32(second, vectors[group + 4], four_bytes(x + b * columns + 16 + 4 * group));
            }
            const __m512 dots = _mm512_cvtepi32_ps(_mm512_add_epi32(first, second));
            const __m512 unit = _mm512_mul_ps(scale, _mm512_set1_ps(activations->scales[place]));
            total[b] = _mm512_fmadd_ps(dots, unit, total[b]);
            if (kind == WF_MATRIX_Q4_1)
                total[b] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(activations->offsets[place]), total[b]);
        }
    }
    for (int b = 0; b < B; b++) store_panel(matrix, panel, (wf_float16)total[b], y + (item + b) * y_stride);
}

#define WF_INTEGER_PRODUCT(name, kind)                                                                                \
    static void name(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations, float *y, \
                     int64_t y_stride) {                                                                              \
        for (int64_t panel = begin; panel < end; panel++) {                                                           \
            int64_t item = 0;                                                                                         \
            for (; item + 4 <= activations->batch; item += 4)                                                         \
                integer_panel(matrix, panel, activations, item, 4, kind, y, y_stride);                                \
            for (; item + 2 <= activations->batch; item += 2)                                                         \
                integer_panel(matrix, panel, activations, item, 2, kind, y, y_stride);                                \
            for (; item < activations->batch; item++)                                                                 \
                integer_panel(matrix, panel, activations, item, 1, kind, y, y_stride);                                \
        }                                                                                                             \
    }
WF_INTEGER_PRODUCT(integer_q4_1, WF_MATRIX_Q4_1)
WF_INTEGER_PRODUCT(integer_q4_0, WF_MATRIX_Q4_0)
WF_INTEGER_PRODUCT(integer_q8_0, WF_MATRIX_Q8_0)

#pragma clang attribute pop

WF_KERNEL_TABLE(WF_AVX512_TABLE, integer_q4_1, integer_q4_0, integer_q8_0);
