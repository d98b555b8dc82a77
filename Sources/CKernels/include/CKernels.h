/// C kernels for one-token decoding on a CPU: matrix-vector products over quantised, bf16 and f32 weights, and the
/// whole decoder step of llama-like language models built on them.
///
/// Conventions
/// - Sizes are counted in elements unless a name says bytes. Matrices are row-major `[rows][columns]`, `y = W x`.
/// - Instruction sets are chosen at run time (see `wf_kernels_force`); the results of one level depend neither on the
///   number of threads nor on the other rows of a batch.
/// - Functions that can fail return a `wf_status` or a null pointer; none of them prints or aborts.

#ifndef WF_CKERNELS_H
#define WF_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/// The outcome of a call.
typedef enum wf_status {
    WF_OK = 0,
    WF_OUT_OF_MEMORY,
    /// A shape is impossible: a size that is not positive, matrices that do not fit together, a missing pointer.
    WF_INVALID_SHAPE,
    /// A token is not in `0..<vocabulary`.
    WF_TOKEN_OUT_OF_RANGE,
    /// A position is negative or does not fit the capacity of its cache.
    WF_POSITION_OUT_OF_RANGE,
    /// More rows than the decoder was created for, or fewer than one.
    WF_TOO_MANY_ROWS,
} wf_status;

/// A sentence fragment for an error message, such as "a token is outside the vocabulary".
const char *wf_status_text(wf_status status);

// MARK: Instruction sets

/// Instruction-set levels, each a superset of the one before.
typedef enum wf_level {
    /// What the compiler may use without any flag: SSE2 on x86-64, NEON on arm64.
    WF_LEVEL_PLAIN = 0,
    /// AVX2, FMA and F16C.
    WF_LEVEL_AVX2 = 1,
    /// AVX-512 F, BW, DQ, VL and VNNI.
    WF_LEVEL_AVX512 = 2,
    /// The same and AVX-512 BF16.
    WF_LEVEL_AVX512_BF16 = 3,
} wf_level;

/// The highest level that this processor offers.
wf_level wf_kernels_available(void);

/// The level that calls from this thread use.
wf_level wf_kernels_level(void);

/// Makes calls from this thread use `level`, or the highest available one below it; for tests and comparisons.
/// - Returns: the level now in use.
wf_level wf_kernels_force(wf_level level);

// MARK: Threads

/// A team of threads for short parallel loops. The calling thread takes part, so a pool of one starts no thread.
/// Idle threads spin for about 50 µs and then sleep; work that a late thread has not taken is done by the others.
typedef struct wf_pool wf_pool;

/// - Parameter threads: how many threads work, the caller included; values below 1 count as 1.
/// - Returns: null if no thread could be started.
wf_pool *_Nullable wf_pool_create(int32_t threads);

/// Stops and joins the threads. No loop may be running.
void wf_pool_destroy(wf_pool *_Nullable pool);

/// How many threads work, the caller included; 1 for null.
int32_t wf_pool_threads(const wf_pool *_Nullable pool);

/// Calls `body(context, index)` for every index in `0..<count`, in no fixed order, and returns when all are done.
/// A nested or concurrent call on the same pool runs on its caller alone.
void wf_pool_run(wf_pool *_Nullable pool, int32_t count, void (*body)(void *_Nullable context, int32_t index),
                 void *_Nullable context);

// MARK: Matrices

/// How the elements of a matrix are stored.
typedef enum wf_matrix_kind {
    /// GGUF blocks of 32 weights: f16 scale, f16 minimum, 16 bytes of nibbles; `w = scale * nibble + minimum`.
    WF_MATRIX_Q4_1 = 0,
    /// GGUF blocks of 32 weights: f16 scale, 16 bytes of nibbles; `w = scale * (nibble - 8)`.
    WF_MATRIX_Q4_0 = 1,
    /// GGUF blocks of 32 weights: f16 scale, 32 signed bytes; `w = scale * byte`.
    WF_MATRIX_Q8_0 = 2,
    /// The upper halves of f32 numbers.
    WF_MATRIX_BF16 = 3,
    WF_MATRIX_F32 = 4,
} wf_matrix_kind;

/// How the products of a quantised matrix are computed. bf16 and f32 matrices always compute in f32.
typedef enum wf_arithmetic {
    /// Activations are quantised to 8 bits, per block of 32 with the scale `max |x| / 127`, and multiplied as integers.
    WF_ARITHMETIC_INT8 = 0,
    /// Weights are expanded in registers and multiplied in f32: the exact product of the dequantised matrix.
    WF_ARITHMETIC_F32 = 1,
} wf_arithmetic;

/// A weight matrix `[rows][columns]`; immutable, so it may be used from several threads.
typedef struct wf_matrix wf_matrix;

/// The bytes of one row as stored in a file; 0 where `columns` does not fit the kind (blocks hold 32 columns).
size_t wf_matrix_row_bytes(wf_matrix_kind kind, int64_t columns);

/// Copies a matrix, quantised ones into panels of 16 rows side by side.
/// - Parameters:
///   - data: `rows * wf_matrix_row_bytes(kind, columns)` bytes, row after row; any alignment.
/// - Returns: null if the shape is impossible or memory is short.
wf_matrix *_Nullable wf_matrix_create(wf_matrix_kind kind, wf_arithmetic arithmetic, int64_t rows, int64_t columns,
                                      const void *data);

/// A bf16 or f32 matrix that uses the caller's memory, which must outlive it.
/// - Parameter data: as for `wf_matrix_create`, aligned to its elements.
/// - Returns: null if the kind is quantised, the shape is impossible or memory is short.
wf_matrix *_Nullable wf_matrix_view(wf_matrix_kind kind, int64_t rows, int64_t columns, const void *data);

void wf_matrix_destroy(wf_matrix *_Nullable matrix);

int64_t wf_matrix_rows(const wf_matrix *matrix);
int64_t wf_matrix_columns(const wf_matrix *matrix);

/// Bytes that one product reads.
size_t wf_matrix_bytes(const wf_matrix *matrix);

/// Writes row `row`, expanded to f32, to `output[columns]`.
void wf_matrix_row(const wf_matrix *matrix, int64_t row, float *output);

/// `y[b] = W x[b]` for every `b` in `0..<batch`.
/// - Parameters:
///   - x: `[batch][columns]`.
///   - y: `[batch][rows]`, not overlapping `x`.
wf_status wf_matrix_vector(const wf_matrix *matrix, const float *x, int64_t batch, float *y, wf_pool *_Nullable pool);

/// The same product in plain C, accumulated in double precision, with f32 activations whatever the matrix's
/// arithmetic: what every other variant is tested against.
wf_status wf_matrix_vector_reference(const wf_matrix *matrix, const float *x, int64_t batch, float *y);

/// The index of the largest of `count` values, the first one among equals; -1 where there is none that is a number.
int64_t wf_index_of_maximum(const float *values, int64_t count);

/// The activation `x = x (slope + (1 - slope) p)` with `p = 1 / (1 + exp(-(x scale + shift)))` (Dice, Zhou et al. 2018),
/// in place: normalisation, gate and mixture in one pass over the memory.
/// - Parameters:
///   - x: `[rows][columns]`.
///   - scale, shift, slope: `[columns]`.
void wf_dice(float *x, const float *scale, const float *shift, const float *slope, int64_t rows, int64_t columns,
             wf_pool *_Nullable pool);

/// What follows the linear map of a layer.
typedef enum wf_tower_activation {
    WF_TOWER_PLAIN,
    WF_TOWER_RELU,
    /// As `wf_dice`.
    WF_TOWER_DICE,
} wf_tower_activation;

/// `y = activation(W x + b)`, one layer of a tower.
typedef struct wf_tower_layer {
    int64_t columns;
    /// Row `c` begins at `weight + c * weight_stride` and has a number for each input.
    const float *weight;
    int64_t weight_stride;
    /// `[columns]`; null for zeros.
    const float *_Nullable bias;
    wf_tower_activation activation;
    /// Of `WF_TOWER_DICE`: `[columns]`.
    const float *_Nullable scale, *_Nullable shift, *_Nullable slope;
} wf_tower_layer;

/// Layers on top of one another, each of few rows at a time, so that what stands between them stays in the caches.
typedef struct wf_tower {
    int64_t rows, inputs;
    /// `[layer_count]`, at least one.
    const wf_tower_layer *layers;
    int32_t layer_count;
    /// `[rows][inputs]`.
    const float *x;
    /// `[rows][columns of the last layer]`.
    float *y;
} wf_tower;

/// - Returns: `WF_INVALID_SHAPE` for impossible sizes, `WF_OUT_OF_MEMORY` where there is no room for the weights in the
///   order of the kernel.
wf_status wf_tower_run(const wf_tower *task, wf_pool *_Nullable pool);

/// One history pooled for each of many targets `e`: `Σ_j unit_j(e) h_j` (Zhou et al. 2018, eq. 3). The unit is a tower
/// with one column at the end; for a given item of the history, its first layer is a linear map of the target.
typedef struct wf_target_attention {
    int64_t targets, items, dimensions;
    /// `[layer_count]`, at least two. The first has `items` weights one behind the other, each of `columns` rows, and as
    /// many biases.
    const wf_tower_layer *layers;
    int32_t layer_count;
    /// `[items][dimensions]`.
    const float *history;
    /// `[targets][dimensions]`.
    const float *target;
    float *output;
} wf_target_attention;

/// - Returns: as `wf_tower_run`.
wf_status wf_target_attend(const wf_target_attention *task, wf_pool *_Nullable pool);

// MARK: Training
// Element-wise parts of a training step over bf16 numbers (the upper halves of f32 ones) where no other type is said,
// computed in f32 and rounded once. All arrays are contiguous; outputs overlap no input unless said so.

/// `output = silu(gate) * up`.
void wf_train_gate(const uint16_t *gate, const uint16_t *up, int64_t count, uint16_t *output, wf_pool *_Nullable pool);

/// Gradients of `silu(gate) * up`.
void wf_train_gate_backward(const uint16_t *gate, const uint16_t *up, const uint16_t *upstream, int64_t count,
                            uint16_t *gate_gradient, uint16_t *up_gradient, wf_pool *_Nullable pool);

/// `output = x / rms(x) * weight` for each row.
/// - Parameters:
///   - x: `[rows][columns]`.
///   - weight: `[columns]`.
///   - inverse: receives `1 / rms` of each row, for the derivative.
void wf_train_norm(const uint16_t *x, const float *weight, float epsilon, int64_t rows, int64_t columns,
                   uint16_t *output, float *inverse, wf_pool *_Nullable pool);

/// How many rows of partial sums `wf_train_norm_backward` writes.
int64_t wf_train_norm_partials(int64_t rows);

/// Gradients of `wf_train_norm`.
/// - Parameter partials: `[wf_train_norm_partials(rows)][columns]`; their sum is the gradient of the weight.
void wf_train_norm_backward(const uint16_t *x, const float *weight, const float *inverse, const uint16_t *upstream,
                            int64_t rows, int64_t columns, uint16_t *x_gradient, float *partials,
                            wf_pool *_Nullable pool);

/// Turns pairs `(i, i + dimensions / 2)` of each head by their angles.
/// - Parameters:
///   - x: `[batch][time][heads][dimensions]`.
///   - cosine: `[time][dimensions / 2]`; a row of the batch uses those `table_stride` numbers after its predecessor's.
///   - direction: 1, or -1 for the derivative.
void wf_train_rotate(const uint16_t *x, const float *cosine, const float *sine, int64_t batch, int64_t time,
                     int64_t heads, int64_t dimensions, int64_t table_stride, float direction, uint16_t *output,
                     wf_pool *_Nullable pool);

/// Cross-entropies of rows of logits, each times its factor.
/// - Parameters:
///   - logits: `[rows][columns]`; with `wants_gradients` they become the gradients of the losses.
///   - labels: `[rows]`, in `0..<columns`.
///   - factors: `[rows]`; null for 1 each.
///   - losses: `[rows]`.
/// - Returns: `WF_TOKEN_OUT_OF_RANGE` for a label outside; nothing is written then.
wf_status wf_train_cross_entropy(uint16_t *logits, const int64_t *labels, const float *_Nullable factors, int64_t rows,
                                 int64_t columns, bool wants_gradients, float *losses, wf_pool *_Nullable pool);

/// A factor of a product: its number at row `r` and depth `k` is at `r * stride + k * depth_stride`, of which one is 1.
typedef struct wf_factor {
    /// bf16, or f32 that is rounded to bf16.
    const void *data;
    bool is_f32;
    int64_t stride, depth_stride;
} wf_factor;

/// `output[r][c] = sum over k of left(r, k) * right(c, k)`: of bf16 numbers, summed in f32.
typedef struct wf_train_product {
    wf_factor left, right;
    int64_t rows, columns, depth;
    /// `[rows][columns]` in f32 or bf16; overlaps no factor.
    void *output;
    bool output_is_f32;
    /// Adds to an output in f32.
    bool accumulates;
} wf_train_product;

/// Whether this processor multiplies bf16 numbers and the level of this thread allows it.
bool wf_train_product_is_available(void);

/// How many f32 numbers of scratch a product needs.
size_t wf_train_product_scratch(const wf_train_product *task);

/// - Parameter scratch: `[wf_train_product_scratch(task)]`.
wf_status wf_train_multiply(const wf_train_product *task, float *scratch, wf_pool *_Nullable pool);

/// `output = x * scale` where an element is kept and `x * 0` where it is not. Element `e` has word `e / 16 % 4` of the
/// Philox-4x32-10 block (Salmon, Moraes, Dror and Shaw 2011) with the counter `e / 64 * 16 + e % 16` and is kept where
/// that word is at least `threshold`: one key gives one mask, whatever the threads and the instruction set, so a
/// derivative makes the mask again.
/// - Parameters:
///   - threshold: the share of the elements that are dropped times 2^32.
///   - output: may be `x`.
void wf_train_dropout_f32(const float *x, int64_t count, uint64_t key, uint32_t threshold, float scale, float *output,
                          wf_pool *_Nullable pool);

/// The same of bf16 numbers, multiplied in f32 and rounded once.
void wf_train_dropout_bf16(const uint16_t *x, int64_t count, uint64_t key, uint32_t threshold, float scale,
                           uint16_t *output, wf_pool *_Nullable pool);

/// Queries in a block and keys in a panel of `wf_train_attend`.
#define WF_ATTENTION_BLOCK 64

/// Causal attention of one training step: products of bf16 numbers (weights and slopes of scores are rounded to it, as in
/// other implementations), sums and exponentials in f32. `dimensions` is a multiple of 16, `heads` one of `key_heads`.
typedef struct wf_train_attention {
    int64_t batch, time, heads, key_heads, dimensions;
    /// The factor on the scores, above 0.
    float scale;
    /// `[batch][time]`: the first key that each query sees; it sees those from there up to its own. Null for 0.
    const int32_t *_Nullable starts;
    /// `[batch][time][heads][dimensions]`.
    const uint16_t *queries;
    /// `[batch][time][key_heads][dimensions]`.
    const uint16_t *keys, *values;
    /// As the queries. Of the forward pass only.
    uint16_t *_Nullable output;
    /// `[batch][heads][time]`: the logarithms of the sums of the exponentials, written by the forward and read by the
    /// backward pass.
    float *logarithms;
    // Of the backward pass only.
    const uint16_t *_Nullable upstream;
    uint16_t *_Nullable query_gradients, *_Nullable key_gradients, *_Nullable value_gradients;
    /// `[batch][heads][time][dimensions]`: room for the shares of the query heads.
    float *_Nullable key_partials, *_Nullable value_partials;
} wf_train_attention;

/// `softmax(q k^T scale) v` over the keys that each query sees (Vaswani et al. 2017).
wf_status wf_train_attend(const wf_train_attention *task, wf_pool *_Nullable pool);

/// Gradients of `wf_train_attend`.
wf_status wf_train_attend_backward(const wf_train_attention *task, wf_pool *_Nullable pool);

/// A parameter with its gradient and what AdamW keeps of it; all arrays are in f32.
typedef struct wf_parameter {
    int64_t count;
    const float *gradient;
    // `[count]`. Not read by `wf_square_sum`.
    float *_Nullable parameter, *_Nullable first, *_Nullable second;
    /// `1 - β₁ⁿ` and `1 - β₂ⁿ` of the n-th step.
    float first_correction, second_correction;
} wf_parameter;

typedef struct wf_adamw_step {
    float learning_rate, beta1, beta2, weight_decay, epsilon;
    /// Multiplies the gradients, which stay as they are.
    float gradient_scale;
} wf_adamw_step;

/// The sum of the squares of all gradients.
wf_status wf_square_sum(const wf_parameter *parts, int64_t count, double *sum, wf_pool *_Nullable pool);

/// `m = β₁ m + (1 - β₁) g`, `v = β₂ v + (1 - β₂) g²`, `p = p (1 - η λ) - η m̂ / (√v̂ + ε)`.
wf_status wf_adamw(const wf_parameter *parts, int64_t count, const wf_adamw_step *step, wf_pool *_Nullable pool);

// MARK: Decoder

/// Which elements of a head rotary embedding turns together.
typedef enum wf_rotary_pairs {
    /// Element `i` with `i + rotaryDimensions / 2`, as in published checkpoints.
    WF_ROTARY_HALVES = 0,
    /// Element `2 i` with `2 i + 1`, as in GGUF files of llama-family models, whose query and key rows are permuted.
    WF_ROTARY_NEIGHBOURS = 1,
} wf_rotary_pairs;

/// The non-linearity of the gated feed-forward block.
typedef enum wf_activation {
    WF_ACTIVATION_SILU = 0,
    /// The tanh approximation of GELU.
    WF_ACTIVATION_GELU_TANH = 1,
} wf_activation;

/// The shape of a decoder and the numbers that all of its layers share.
typedef struct wf_decoder_shape {
    int32_t layers;
    int32_t dimensions;
    int32_t heads;
    int32_t key_value_heads;
    int32_t head_dimensions;
    int32_t feed_forward;
    int32_t vocabulary;
    /// The leading elements of a head that are rotated: even, at most `head_dimensions`; 0 for none.
    int32_t rotary_dimensions;
    /// How many cosine and sine tables a step is given (Gemma: one for windowed layers, one for global ones).
    int32_t rotary_tables;
    wf_rotary_pairs rotary_pairs;
    wf_activation activation;
    /// Added to the mean square in every norm.
    float epsilon;
    /// Multiplies query-key products, commonly `1 / sqrt(head_dimensions)`.
    float attention_scale;
    /// `cap * tanh(score / cap)` on query-key products; 0 for none.
    float attention_soft_cap;
    /// The same on logits; 0 for none.
    float logit_soft_cap;
    /// Multiplies embeddings (Gemma: `sqrt(dimensions)`); 1 for none.
    float embedding_scale;
} wf_decoder_shape;

/// The weights of one layer. Vectors are copied when the decoder is created; matrices are borrowed.
/// Norm weights multiply as they are: for Gemma pass `1 + weight`.
typedef struct wf_decoder_layer {
    /// `[heads * head_dimensions][dimensions]`.
    const wf_matrix *_Nullable query;
    /// `[key_value_heads * head_dimensions][dimensions]`.
    const wf_matrix *_Nullable key;
    const wf_matrix *_Nullable value;
    /// `[dimensions][heads * head_dimensions]`.
    const wf_matrix *_Nullable output;
    /// `[feed_forward][dimensions]`.
    const wf_matrix *_Nullable gate;
    const wf_matrix *_Nullable up;
    /// `[dimensions][feed_forward]`.
    const wf_matrix *_Nullable down;
    /// `[heads * head_dimensions]` or null; likewise for key, value.
    const float *_Nullable query_bias;
    const float *_Nullable key_bias;
    const float *_Nullable value_bias;
    /// `[dimensions]` or null.
    const float *_Nullable output_bias;
    /// `[dimensions]`, before attention.
    const float *_Nullable attention_norm;
    /// `[head_dimensions]` or null, over each head before the rotation.
    const float *_Nullable query_norm;
    const float *_Nullable key_norm;
    /// `[dimensions]` or null, on the attention's output before it is added.
    const float *_Nullable post_attention_norm;
    /// `[dimensions]`, before the feed-forward block.
    const float *_Nullable feed_forward_norm;
    /// `[dimensions]` or null, on the block's output before it is added.
    const float *_Nullable post_feed_forward_norm;
    /// How many positions, the current one included, a query sees; 0 for all.
    int32_t window;
    /// Which of the rotary tables this layer uses.
    int32_t rotary_table;
} wf_decoder_layer;

/// The cache of one row: for every layer a base address of f32 `[key_value_heads][capacity][head_dimensions]`.
typedef struct wf_cache_view {
    /// `[layers]`.
    float *_Nonnull const *_Nonnull keys;
    float *_Nonnull const *_Nonnull values;
    int64_t capacity;
} wf_cache_view;

/// One step: `rows` tokens, each with its own position and cache. Rows that share a cache must have different
/// positions; each sees what the step itself writes at lower ones, so consecutive tokens of one text may go together.
typedef struct wf_decoder_input {
    int32_t rows;
    /// `[rows]`; read when `hidden` is null.
    const int32_t *_Nullable tokens;
    /// `[rows]`: where this token goes in the cache, which is the number of tokens before it.
    const int32_t *_Nullable positions;
    /// `[rows]`.
    const wf_cache_view *_Nullable caches;
    /// `[rotary_tables][rows][rotary_dimensions / 2]`; null without rotation.
    const float *_Nullable cosines;
    const float *_Nullable sines;
    /// `[rows]` factors on the queries (LogN scaling); null for 1.
    const float *_Nullable query_scales;
    /// `[rows][dimensions]`: the residual stream to start from in place of embeddings; null for embeddings.
    const float *_Nullable hidden;
    /// The layers `first_layer ..< last_layer` are run.
    int32_t first_layer;
    int32_t last_layer;
} wf_decoder_input;

/// Where the results of a step go; each pointer may be null.
typedef struct wf_decoder_output {
    /// `[rows][dimensions]`: the residual stream after the last layer run.
    float *_Nullable residual;
    /// `[rows][dimensions]`: the same after the final norm.
    float *_Nullable hidden;
    /// `[rows][vocabulary]`.
    float *_Nullable logits;
} wf_decoder_output;

/// A decoder and its working memory. One step at a time.
typedef struct wf_decoder wf_decoder;

/// - Parameters:
///   - layers: `[shape->layers]`.
///   - embedding: `[vocabulary][dimensions]`.
///   - final_norm: `[dimensions]`, copied.
///   - head: `[vocabulary][dimensions]`; null for the embedding (tied).
///   - maximum_rows: the largest number of rows a step may have.
///   - pool: must outlive the decoder; null to work on the calling thread.
///   - status: the reason where null is returned; may itself be null.
/// - Returns: a decoder that borrows the matrices, which must outlive it.
wf_decoder *_Nullable wf_decoder_create(const wf_decoder_shape *shape, const wf_decoder_layer *layers,
                                        const wf_matrix *embedding, const float *final_norm,
                                        const wf_matrix *_Nullable head, int32_t maximum_rows,
                                        wf_pool *_Nullable pool, wf_status *_Nullable status);

void wf_decoder_destroy(wf_decoder *_Nullable decoder);

/// Runs one step and writes the keys and values of its tokens into their caches. Nothing is written on an error.
wf_status wf_decoder_step(wf_decoder *decoder, const wf_decoder_input *input, const wf_decoder_output *output);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif

#endif
