// The kernels that need no particular instruction. Included once by each level, inside its target attributes.

#include "../internal.h"
#include "vector.h"

#include <math.h>

#pragma clang fp contract(fast)

// MARK: Vectors

WF_INLINE wf_float16 splat(float value) { return (wf_float16)value; }

WF_INLINE wf_float16 load(const float *address) {
    wf_float16 value;
    memcpy(&value, address, sizeof value);
    return value;
}

WF_INLINE void store(float *address, wf_float16 value) { memcpy(address, &value, sizeof value); }

WF_INLINE wf_float16 load_bf16(const uint8_t *address) {
    wf_half16 bits;
    memcpy(&bits, address, sizeof bits);
    return (wf_float16)(__builtin_convertvector(bits, wf_uint16) << 16);
}

/// `sum + a.low * b.low + a.high * b.high` of pairs of bf16 numbers.
WF_INLINE wf_float16 pair_product(wf_float16 sum, wf_uint16 a, wf_uint16 b) {
#if defined(WF_MULTIPLIES_BF16)
    return (wf_float16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    sum += (wf_float16)(a << 16) * (wf_float16)(b << 16);
    return sum + (wf_float16)(a & 0xffff0000) * (wf_float16)(b & 0xffff0000);
#endif
}

WF_INLINE wf_float16 load_f16(const uint8_t *address) {
    wf_half16 bits;
    memcpy(&bits, address, sizeof bits);
    const wf_uint16 wide = __builtin_convertvector(bits, wf_uint16);
    const wf_uint16 magnitude = (wide & 0x7fff) << 13;
    // Infinity and not-a-number keep the largest exponent; for others the biases of the exponents differ by 112.
    const wf_uint16 special = (wf_uint16)(magnitude >= 0x0f800000u);
    const wf_float16 finite = (wf_float16)magnitude * 0x1p112f;
    const wf_uint16 bitsOut = (special & (magnitude | 0x7f800000u)) | (~special & (wf_uint16)finite);
    return (wf_float16)(bitsOut | ((wide & 0x8000) << 16));
}

WF_INLINE float sum_of(wf_float16 v) {
    const __typeof__(v.lo) eight = v.lo + v.hi;
    const __typeof__(eight.lo) four = eight.lo + eight.hi;
    return (four.x + four.z) + (four.y + four.w);
}

/// `exp(x)` to about 1.5 units in the last place; below -87 as at -87, above 88 as at 88.
WF_INLINE wf_float16 exponential(wf_float16 x) {
    x = __builtin_elementwise_min(__builtin_elementwise_max(x, splat(-87)), splat(88));
    const wf_float16 rounder = splat(12582912);  // 1.5 * 2^23: adding it rounds to an integer
    const wf_float16 shifted = x * 1.44269504088896341f + rounder;
    const wf_float16 n = shifted - rounder;
    // ln 2 in two parts, the first short enough for exact products.
    const wf_float16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    // The Taylor series to r^7 / 7!: at |r| <= ln 2 / 2 the rest is 5e-9.
    wf_float16 p = splat(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const wf_int16 exponent = __builtin_convertvector(n, wf_int16) + 127;
    return p * (wf_float16)(exponent << 23);
}

WF_INLINE wf_float16 hyperbolic_tangent(wf_float16 x) { return 1.0f - 2.0f / (exponential(x * 2.0f) + 1.0f); }

/// The first `count < 16` numbers at `address`, then zeros.
WF_INLINE wf_float16 load_part(const float *address, int64_t count) {
    wf_float16 value = splat(0);
    memcpy(&value, address, (size_t)count * sizeof(float));
    return value;
}

WF_INLINE void store_part(float *address, wf_float16 value, int64_t count) {
    memcpy(address, &value, (size_t)count * sizeof(float));
}

/// How far ahead of their use matrices and keys are asked for, in bytes. Memory that is shared with busy neighbours
/// answers late: there, 16 KiB doubled the speed of products over asking for nothing, and 4 KiB and 32 KiB gave less.
enum { matrixDistance = 16384, keyDistance = 8192 };

/// Asks for the `bytes` that begin `distance` after `address`, into the first cache (`near`) or the second.
WF_INLINE void prefetch(const void *address, size_t bytes, size_t distance, const bool near) {
    for (size_t line = 0; line < bytes; line += 64) {
        if (near) __builtin_prefetch((const char *)address + distance + line, 0, 3);
        else __builtin_prefetch((const char *)address + distance + line, 0, 2);
    }
}

// MARK: Element by element

static void add(float *x, const float *y, int64_t count) {
    for (int64_t i = 0; i < count; i++) x[i] += y[i];
}

static void scale(float *x, float factor, int64_t count) {
    for (int64_t i = 0; i < count; i++) x[i] *= factor;
}

static void rms_norm(const float *x, const float *weight, float epsilon, int64_t count, float *y) {
    wf_float16 even = splat(0), odd = splat(0);
    int64_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const wf_float16 a = load(x + i), b = load(x + i + 16);
        even += a * a;
        odd += b * b;
    }
    float squares = sum_of(even + odd);
    for (; i < count; i++) squares += x[i] * x[i];
    const float factor = 1 / sqrtf(squares / (float)count + epsilon);
    for (i = 0; i < count; i++) y[i] = x[i] * factor * weight[i];
}

/// Activation of `x`: silu `x / (1 + exp(-x))` or the tanh approximation of GELU, which is `x / (1 + exp(-2 u))` with
/// `u = sqrt(2 / pi) (x + 0.044715 x^3)`.
WF_INLINE wf_float16 activated(wf_activation activation, wf_float16 x) {
    const wf_float16 u = activation == WF_ACTIVATION_SILU
        ? x : x * (1.5957691216057308f + 0.07135481282956485f * x * x);
    return x / (1.0f + exponential(-u));
}

WF_INLINE void gate_with(wf_activation activation, float *gate, const float *up, int64_t count) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) store(gate + i, activated(activation, load(gate + i)) * load(up + i));
    if (i == count) return;
    const wf_float16 g = load_part(gate + i, count - i), u = load_part(up + i, count - i);
    store_part(gate + i, activated(activation, g) * u, count - i);
}

static void gate(wf_activation activation, float *gate, const float *up, int64_t count) {
    if (activation == WF_ACTIVATION_SILU) gate_with(WF_ACTIVATION_SILU, gate, up, count);
    else gate_with(WF_ACTIVATION_GELU_TANH, gate, up, count);
}

static void soft_cap(float *x, float cap, int64_t count) {
    const float inverse = 1 / cap;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) store(x + i, hyperbolic_tangent(load(x + i) * inverse) * cap);
    if (i < count) {
        const wf_float16 rest = load_part(x + i, count - i);
        store_part(x + i, hyperbolic_tangent(rest * inverse) * cap, count - i);
    }
}

static void quantise(const float *x, int64_t columns, int8_t *quantised, float *scales, float *offsets,
                     int32_t *sums) {
    const wf_float16 rounder = splat(12582912);
    for (int64_t block = 0; block < columns / WF_BLOCK; block++) {
        const wf_float16 a = load(x + block * WF_BLOCK), b = load(x + block * WF_BLOCK + 16);
        const float largest =
            __builtin_reduce_max(__builtin_elementwise_max(__builtin_elementwise_abs(a), __builtin_elementwise_abs(b)));
        const float unit = largest / 127;
        // A block of zeros, of numbers too small to divide by, or with an infinity has no integers.
        const float inverse = unit > 0x1p-120f && unit < 0x1p120f ? 1 / unit : 0;
        const wf_int16 c = __builtin_convertvector((a * inverse + rounder) - rounder, wf_int16);
        const wf_int16 d = __builtin_convertvector((b * inverse + rounder) - rounder, wf_int16);
        const wf_byte16 e = __builtin_convertvector(c, wf_byte16), f = __builtin_convertvector(d, wf_byte16);
        memcpy(quantised + block * WF_BLOCK, &e, sizeof e);
        memcpy(quantised + block * WF_BLOCK + 16, &f, sizeof f);
        sums[block] = __builtin_reduce_add(c + d);
        scales[block] = unit;
        offsets[block] = unit * (float)sums[block];
    }
}

// MARK: Products in f32

/// Dot products of `R` rows with `B` inputs. Every row and input has its own accumulator, so neither number changes a
/// result.
WF_INLINE void dense(const wf_matrix *matrix, int64_t row, const int R, const wf_activations *activations,
                     int64_t item, const int B, const bool half, float *y, int64_t y_stride) {
    const int64_t columns = matrix->columns;
    const size_t size = half ? 2 : 4;
    const uint8_t *w = matrix->data + (size_t)(row * columns) * size;
    const float *x = activations->values + item * columns;
    wf_float16 sum[4][4];
    for (int r = 0; r < R; r++)
        for (int b = 0; b < B; b++) sum[r][b] = splat(0);
    int64_t column = 0;
    for (; column + 16 <= columns; column += 16) {
        wf_float16 input[4];
        for (int b = 0; b < B; b++) input[b] = load(x + b * columns + column);
        prefetch(w + (size_t)(R * column) * size, (size_t)(R * 16) * size, matrixDistance, true);
        for (int r = 0; r < R; r++) {
            const uint8_t *address = w + (size_t)(r * columns + column) * size;
            const wf_float16 weight = half ? load_bf16(address) : load((const float *)(const void *)address);
            for (int b = 0; b < B; b++) sum[r][b] += weight * input[b];
        }
    }
    for (int r = 0; r < R; r++) {
        for (int b = 0; b < B; b++) {
            float total = sum_of(sum[r][b]);
            for (int64_t rest = column; rest < columns; rest++) {
                float weight;
                uint16_t bits;
                const uint8_t *address = w + (size_t)(r * columns + rest) * size;
                if (half) {
                    memcpy(&bits, address, sizeof bits);
                    weight = wf_f32_from_bf16(bits);
                } else {
                    memcpy(&weight, address, sizeof weight);
                }
                total += weight * x[b * columns + rest];
            }
            y[(item + b) * y_stride + row + r] = total;
        }
    }
}

WF_INLINE void dense_product(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations,
                             const bool half, float *y, int64_t y_stride) {
    const int64_t last = end * WF_PANEL_ROWS < matrix->rows ? end * WF_PANEL_ROWS : matrix->rows;
    int64_t row = begin * WF_PANEL_ROWS;
    for (; row + 4 <= last; row += 4) {
        int64_t item = 0;
        for (; item + 4 <= activations->batch; item += 4)
            dense(matrix, row, 4, activations, item, 4, half, y, y_stride);
        for (; item + 2 <= activations->batch; item += 2)
            dense(matrix, row, 4, activations, item, 2, half, y, y_stride);
        for (; item < activations->batch; item++) dense(matrix, row, 4, activations, item, 1, half, y, y_stride);
    }
    for (; row < last; row++)
        for (int64_t item = 0; item < activations->batch; item++)
            dense(matrix, row, 1, activations, item, 1, half, y, y_stride);
}

static void product_bf16(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations,
                         float *y, int64_t y_stride) {
    dense_product(matrix, begin, end, activations, true, y, y_stride);
}

static void product_f32(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations,
                        float *y, int64_t y_stride) {
    dense_product(matrix, begin, end, activations, false, y, y_stride);
}

// MARK: Products of quantised weights in f32

/// Writes a panel's sixteen results; the last panel of a matrix may have fewer rows.
WF_INLINE void store_panel(const wf_matrix *matrix, int64_t panel, wf_float16 value, float *y) {
    const int64_t row = panel * WF_PANEL_ROWS;
    if (row + WF_PANEL_ROWS <= matrix->rows) store(y + row, value);
    else store_part(y + row, value, matrix->rows - row);
}

/// One panel times `B` inputs: the integers of a block are multiplied first and scaled then.
WF_INLINE void expanded(const wf_matrix *matrix, int64_t panel, const wf_activations *activations, int64_t item,
                        const int B, const wf_matrix_kind kind, float *y, int64_t y_stride) {
    const int64_t columns = matrix->columns, blocks = columns / WF_BLOCK;
    const uint8_t *numbers = matrix->data + (size_t)panel * matrix->panel_bytes;
    const uint8_t *weights = numbers + matrix->weights_offset;
    const float *x = activations->values + item * columns;
    wf_float16 total[4];
    for (int b = 0; b < B; b++) total[b] = splat(0);
    for (int64_t block = 0; block < blocks; block++, x += WF_BLOCK) {
        wf_float16 sum[4][2];
        for (int b = 0; b < B; b++) sum[b][0] = sum[b][1] = splat(0);
        const int groups = kind == WF_MATRIX_Q8_0 ? 8 : 4;
        for (int group = 0; group < groups; group++, weights += 64) {
            wf_uint16 packed;
            memcpy(&packed, weights, sizeof packed);
#pragma clang loop unroll(full)
            for (unsigned c = 0; c < 4; c++) {
                const int column = 4 * group + (int)c;
                if (kind == WF_MATRIX_Q8_0) {
                    const wf_int16 integer = (wf_int16)((packed >> (8 * c)) & 255) - 128;
                    const wf_float16 weight = __builtin_convertvector(integer, wf_float16);
                    for (int b = 0; b < B; b++) sum[b][c & 1] += weight * x[b * columns + column];
                } else {
                    const int shift = kind == WF_MATRIX_Q4_0 ? 8 : 0;
                    const wf_int16 low = (wf_int16)((packed >> (8 * c)) & 15) - shift;
                    const wf_int16 high = (wf_int16)((packed >> (8 * c + 4)) & 15) - shift;
                    const wf_float16 first = __builtin_convertvector(low, wf_float16);
                    const wf_float16 second = __builtin_convertvector(high, wf_float16);
                    for (int b = 0; b < B; b++) {
                        sum[b][0] += first * x[b * columns + column];
                        sum[b][1] += second * x[b * columns + column + 16];
                    }
                }
            }
        }
        const wf_float16 unit = load_f16(numbers);
        for (int b = 0; b < B; b++) total[b] += unit * (sum[b][0] + sum[b][1]);
        if (kind == WF_MATRIX_Q4_1) {
            const wf_float16 minimum = load_f16(numbers + 32);
            for (int b = 0; b < B; b++)
                total[b] += minimum * sum_of(load(x + b * columns) + load(x + b * columns + 16));
            numbers += 32;
        }
        numbers += 32;
    }
    for (int b = 0; b < B; b++) store_panel(matrix, panel, total[b], y + (item + b) * y_stride);
}

#define WF_EXPANDED_PRODUCT(name, kind)                                                                               \
    static void name(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations, float *y, \
                     int64_t y_stride) {                                                                              \
        for (int64_t panel = begin; panel < end; panel++) {                                                           \
            int64_t item = 0;                                                                                         \
            for (; item + 4 <= activations->batch; item += 4)                                                         \
                expanded(matrix, panel, activations, item, 4, kind, y, y_stride);                                     \
            for (; item + 2 <= activations->batch; item += 2)                                                         \
                expanded(matrix, panel, activations, item, 2, kind, y, y_stride);                                     \
            for (; item < activations->batch; item++)                                                                 \
                expanded(matrix, panel, activations, item, 1, kind, y, y_stride);                                     \
        }                                                                                                             \
    }
WF_EXPANDED_PRODUCT(expanded_q4_1, WF_MATRIX_Q4_1)
WF_EXPANDED_PRODUCT(expanded_q4_0, WF_MATRIX_Q4_0)
WF_EXPANDED_PRODUCT(expanded_q8_0, WF_MATRIX_Q8_0)
#undef WF_EXPANDED_PRODUCT

#include "generic_attention.h"
#include "generic_serving.h"
#include "generic_training.h"
#include "generic_dropout.h"
#include "generic_train_attention.h"

/// The table of a level, given its integer products.
#define WF_KERNEL_TABLE(name, q4_1, q4_0, q8_0)                                                              \
    const wf_kernels name = {                                                                                \
        .product =                                                                                           \
            {                                                                                                \
                [WF_MATRIX_Q4_1] = {q4_1, expanded_q4_1},                                                    \
                [WF_MATRIX_Q4_0] = {q4_0, expanded_q4_0},                                                    \
                [WF_MATRIX_Q8_0] = {q8_0, expanded_q8_0},                                                    \
                [WF_MATRIX_BF16] = {product_bf16, product_bf16},                                             \
                [WF_MATRIX_F32] = {product_f32, product_f32},                                                \
            },                                                                                               \
        .quantise = quantise,                                                                                \
        .rms_norm = rms_norm,                                                                                \
        .add = add,                                                                                          \
        .scale = scale,                                                                                      \
        .gate = gate,                                                                                        \
        .soft_cap = soft_cap,                                                                                \
        .dice = dice,                                                                                        \
        .tower_tile = tower_tile,                                                                            \
        .attend = attend,                                                                                    \
        .train_gate = train_gate,                                                                            \
        .train_gate_backward = train_gate_backward,                                                          \
        .train_norm = train_norm,                                                                            \
        .train_norm_backward = train_norm_backward,                                                          \
        .train_rotate = train_rotate,                                                                        \
        .train_cross_entropy = train_cross_entropy,                                                          \
        .square_sum = square_sum,                                                                            \
        .adamw = adamw,                                                                                      \
        .train_dropout_f32 = train_dropout_f32,                                                              \
        .train_dropout_bf16 = train_dropout_bf16,                                                            \
        .train_attend = train_attend,                                                                        \
        .train_attend_backward = train_attend_backward,                                                      \
        .train_attend_gather = train_attend_gather,                                                          \
    }
