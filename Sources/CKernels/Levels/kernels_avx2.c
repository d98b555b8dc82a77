// AVX2, FMA and F16C. A 64-byte vector of a panel is two 32-byte ones with eight rows each.

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "../internal.h"
#include "vector.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "generic.h"

/// Adds products of four neighbouring bytes to each 32-bit lane. The products of two must fit 16 bits.
WF_INLINE __m256i add_products(__m256i sum, __m256i weights, __m256i x) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(weights, x), _mm256_set1_epi16(1)));
}

WF_INLINE __m256i four_bytes(const int8_t *x) {
    int32_t word;
    memcpy(&word, x, sizeof word);
    return _mm256_set1_epi32(word);
}

/// Half a panel (eight rows) of one block times one row of integers. Bytes go up to 255, whose products would not fit,
/// so they lose their 128 here and give their sign to the other factor.
WF_INLINE __m256i half_block(const uint8_t *weights, const int8_t *x, int32_t sum, const wf_matrix_kind kind) {
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i dots = _mm256_set1_epi32(kind == WF_MATRIX_Q4_0 ? -8 * sum : 0);
    const int groups = kind == WF_MATRIX_Q8_0 ? 8 : 4;
#pragma clang loop unroll(full)
    for (int group = 0; group < groups; group++) {
        const __m256i packed = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 64 * group));
        if (kind == WF_MATRIX_Q8_0) {
            const __m256i value = _mm256_xor_si256(packed, _mm256_set1_epi8(-128));
            dots = add_products(dots, _mm256_abs_epi8(value), _mm256_sign_epi8(four_bytes(x + 4 * group), value));
        } else {
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(packed, 4), nibble);
            dots = add_products(dots, _mm256_and_si256(packed, nibble), four_bytes(x + 4 * group));
            dots = add_products(dots, high, four_bytes(x + 16 + 4 * group));
        }
    }
    return dots;
}

WF_INLINE __m256 eight_halves(const uint8_t *address) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)address));
}

WF_INLINE void integer_panel(const wf_matrix *matrix, int64_t panel, const wf_activations *activations, int64_t item,
                             const wf_matrix_kind kind, float *y) {
    const int64_t columns = matrix->columns, blocks = columns / WF_BLOCK;
    const uint8_t *numbers = matrix->data + (size_t)panel * matrix->panel_bytes;
    const uint8_t *weights = numbers + matrix->weights_offset;
    const int8_t *x = activations->quantised + item * columns;
    __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (int64_t block = 0; block < blocks; block++, x += WF_BLOCK) {
        const int64_t place = item * blocks + block;
        const __m256 unit = _mm256_set1_ps(activations->scales[place]);
        const __m256 offset = _mm256_set1_ps(activations->offsets[place]);
        for (int side = 0; side < 2; side++) {
            const __m256i dots = half_block(weights + 32 * side, x, activations->sums[place], kind);
            const __m256 scale = _mm256_mul_ps(eight_halves(numbers + 16 * side), unit);
            total[side] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, total[side]);
            if (kind == WF_MATRIX_Q4_1)
                total[side] = _mm256_fmadd_ps(eight_halves(numbers + 32 + 16 * side), offset, total[side]);
        }
        weights += kind == WF_MATRIX_Q8_0 ? 512 : 256;
        numbers += kind == WF_MATRIX_Q4_1 ? 64 : 32;
    }
    wf_float16 both;
    memcpy(&both, total, sizeof both);
    store_panel(matrix, panel, both, y);
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

#pragma clang attribute pop

WF_KERNEL_TABLE(wf_kernels_avx2, integer_q4_1, integer_q4_0, integer_q8_0);

#endif
