// What the files of this target share: the matrix layout, quantised activations and the table of kernels of a level.

#ifndef WF_INTERNAL_H
#define WF_INTERNAL_H

#include "CKernels.h"

#pragma clang assume_nonnull begin

enum {
    /// Rows side by side in a panel: the 32-bit lanes of a 64-byte vector.
    WF_PANEL_ROWS = 16,
    /// Columns of a quantised block.
    WF_BLOCK = 32,
    WF_MATRIX_KINDS = 5,
    /// Positions that one attention task covers. Fixed, so that sums do not depend on the number of threads.
    WF_ATTENTION_SPAN = 128,
    /// Elements whose dropout is decided together: the words of sixteen blocks of the generator.
    WF_DROPOUT_GROUP = 64,
    /// Rows that go through a tower together.
    WF_TOWER_TILE = 8,
};

typedef struct wf_slab wf_slab;

/// Quantised panels of 16 rows hold first the numbers of every block (Q4_1: 16 f16 scales and 16 f16 minima; others: 16
/// scales), padded to 64 bytes, then the weights of every block as 64-byte vectors in which row `r` has the bytes
/// `4 r ..< 4 r + 4`. A vector of nibbles has columns `4 g ..< 4 g + 4` in the low halves and the same plus 16 in the
/// high ones; a vector of bytes has columns `4 g ..< 4 g + 4`, stored with 128 added. bf16 and f32 stay row after row.
struct wf_matrix {
    wf_matrix_kind kind;
    wf_arithmetic arithmetic;
    int64_t rows;
    int64_t columns;
    /// 16 rows each; the last one may be partly empty (zeros in quantised ones, not there in others).
    int64_t panels;
    size_t panel_bytes;
    /// Where the weights of a quantised panel begin.
    size_t weights_offset;
    /// 64-byte aligned unless it is the caller's.
    const uint8_t *data;
    /// What holds the data; null where it is the caller's.
    wf_slab *_Nullable slab;
};

/// The inputs of a product: f32, and where a matrix needs it 8-bit integers with a scale per block of 32.
typedef struct wf_activations {
    int64_t columns;
    int64_t batch;
    const float *values;           // [batch][columns]
    int8_t *_Nullable quantised;   // [batch][columns]
    float *_Nullable scales;       // [batch][columns / 32]
    float *_Nullable offsets;      // [batch][columns / 32]: scale times the sum of the integers
    int32_t *_Nullable sums;       // [batch][columns / 32]: the sum of the integers
} wf_activations;

/// Computes rows `16 * begin ..< min(16 * end, rows)` of every product of the batch; `y` has a row for each of them.
typedef void (*wf_product)(const wf_matrix *matrix, int64_t begin, int64_t end, const wf_activations *activations,
                           float *y, int64_t y_stride);

/// A layer of a tower in the order of the kernel: `[columns / 16][1 + inputs][16]`, the bias before the weights. Columns
/// and, after the first layer, inputs are rounded up to a multiple of 16; what is added is zero.
typedef struct wf_packed_layer {
    int64_t inputs, columns;
    wf_tower_activation activation;
    float *panels;
    /// Of Dice: scale, shift and slope, `[3][columns]`.
    float *gates;
} wf_packed_layer;

/// The kernels of one instruction-set level.
typedef struct wf_kernels {
    wf_product _Nonnull product[WF_MATRIX_KINDS][2];  // by kind and arithmetic
    /// Quantises one row of activations.
    void (*quantise)(const float *x, int64_t columns, int8_t *quantised, float *scales, float *offsets, int32_t *sums);
    /// `y = x / sqrt(mean(x^2) + epsilon) * weight`; `y` may be `x`.
    void (*rms_norm)(const float *x, const float *weight, float epsilon, int64_t count, float *y);
    /// `x += y`.
    void (*add)(float *x, const float *y, int64_t count);
    /// `x *= factor`.
    void (*scale)(float *x, float factor, int64_t count);
    /// `gate = activation(gate) * up`.
    void (*gate)(wf_activation activation, float *gate, const float *up, int64_t count);
    /// `x = cap * tanh(x / cap)`.
    void (*soft_cap)(float *x, float cap, int64_t count);
    /// Attention of one query over the positions `begin ..< end`, at most WF_ATTENTION_SPAN: the largest score, the sum
    /// of the exponentials relative to it, and the values weighted by them. `cold` says that keys and values come from
    /// memory, not from the caches of a query just before.
    void (*attend)(const float *query, const float *keys, const float *values, int64_t begin, int64_t end,
                   int64_t head_dimensions, float soft_cap, bool cold, float *maximum, float *total, float *output);
    /// `x = x (slope + (1 - slope) / (1 + exp(-(x scale + shift))))` of rows, with one scale, shift and slope a column.
    void (*dice)(float *x, const float *scale, const float *shift, const float *slope, int64_t rows, int64_t columns);
    /// One layer for WF_TOWER_TILE rows.
    void (*tower_tile)(const wf_packed_layer *layer, const float *panels, const float *x, float *y);
    // Parts of a training step over bf16 numbers; see the functions of CKernels.h that share them among threads.
    void (*train_gate)(const uint16_t *gate, const uint16_t *up, uint16_t *output, int64_t count);
    void (*train_gate_backward)(const uint16_t *gate, const uint16_t *up, const uint16_t *upstream,
                                uint16_t *gate_gradient, uint16_t *up_gradient, int64_t count);
    void (*train_norm)(const uint16_t *x, const float *weight, float epsilon, int64_t columns, uint16_t *output,
                       float *inverse);
    void (*train_norm_backward)(const uint16_t *x, const float *weight, float inverse, const uint16_t *upstream,
                                int64_t columns, uint16_t *x_gradient, float *weight_gradient);
    void (*train_rotate)(const uint16_t *x, const float *cosine, const float *sine, int64_t half, float direction,
                         uint16_t *output);
    float (*train_cross_entropy)(uint16_t *logits, int64_t columns, int64_t label, float factor, bool wants_gradient);
    double (*square_sum)(const float *x, int64_t count);
    void (*adamw)(const wf_parameter *part, int64_t begin, int64_t count, const wf_adamw_step *step);
    // `count` elements from element `64 * group` on.
    void (*train_dropout_f32)(const float *x, int64_t count, int64_t group, uint64_t key, uint32_t threshold,
                              float scale, float *output);
    void (*train_dropout_bf16)(const uint16_t *x, int64_t count, int64_t group, uint64_t key, uint32_t threshold,
                               float scale, uint16_t *output);
    // One head of one row of the batch, and one key head of one row.
    void (*train_attend)(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch);
    void (*train_attend_backward)(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch);
    void (*train_attend_gather)(const wf_train_attention *task, int64_t batch, int64_t key_head);
} wf_kernels;

extern const wf_kernels wf_kernels_plain;
#if defined(__x86_64__)
extern const wf_kernels wf_kernels_avx2;
extern const wf_kernels wf_kernels_avx512;
extern const wf_kernels wf_kernels_avx512bf16;
#endif

/// The kernels of the level that this thread uses.
const wf_kernels *wf_kernels_current(void);

/// Memory aligned to 64 bytes (large blocks to huge pages), for `wf_memory_free`.
void *_Nullable wf_memory_allocate(size_t bytes);
void wf_memory_free(void *_Nullable memory);

/// Memory for weights, aligned to 64 bytes, right after what was asked for before; null if memory is short.
uint8_t *_Nullable wf_slab_allocate(size_t bytes, wf_slab *_Nullable *_Nonnull owner);
void wf_slab_release(wf_slab *_Nullable owner);

float wf_f32_from_f16(uint16_t bits);
float wf_f32_from_bf16(uint16_t bits);

/// Whether products with this matrix need quantised activations.
static inline bool wf_matrix_wants_integers(const wf_matrix *matrix) {
    return matrix->kind <= WF_MATRIX_Q8_0 && matrix->arithmetic == WF_ARITHMETIC_INT8;
}

static inline wf_product wf_matrix_product(const wf_kernels *kernels, const wf_matrix *matrix) {
    return kernels->product[matrix->kind][matrix->arithmetic];
}

/// How many panels one task of a parallel loop takes: about four tasks a thread, none below 16 KiB of weights.
static inline int64_t wf_panels_per_task(const wf_matrix *matrix, int64_t panels, int32_t threads) {
    if (threads <= 1) return panels > 0 ? panels : 1;
    const int64_t shared = (panels + 4 * threads - 1) / (4 * threads);
    const int64_t smallest = (int64_t)(16384 / (matrix->panel_bytes + 1)) + 1;
    return shared > smallest ? shared : smallest;
}

#pragma clang assume_nonnull end

#endif
