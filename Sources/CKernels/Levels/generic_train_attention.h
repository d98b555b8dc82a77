// Attention of a training step over bf16 numbers, one query head at a time: products of bf16 numbers, sums and
// exponentials in f32. Included by generic.h.
//
// Queries are taken in blocks of 64, keys and values in panels of 64, so that scores of a block stay in the caches.
// Everything is one small product of pairs of neighbours along its depth, packed in words.

enum { attentionBlock = WF_ATTENTION_BLOCK, attentionPairs = attentionBlock / 2 };

WF_INLINE wf_uint16 load_words(const uint32_t *address) {
    wf_uint16 value;
    memcpy(&value, address, sizeof value);
    return value;
}

WF_INLINE void store_words(uint32_t *address, wf_uint16 value) { memcpy(address, &value, sizeof value); }

/// Words of two rows of bf16 numbers, the first in the lower halves.
WF_INLINE wf_uint16 paired(wf_half16 first, wf_half16 second) {
    return __builtin_convertvector(first, wf_uint16) | __builtin_convertvector(second, wf_uint16) << 16;
}

WF_INLINE wf_half16 load_bits(const uint16_t *address) {
    wf_half16 value;
    memcpy(&value, address, sizeof value);
    return value;
}

/// `c[i][..<16 * V] (+)= sum over k of a[i * row_step + k * depth_step] * b[k][..<16 * V]` for four rows `i`, where `a`
/// and `b` are pairs of which both products count.
WF_INLINE void attention_tile(const uint32_t *a, int64_t row_step, int64_t depth_step, const uint32_t *b,
                              int64_t b_stride, int64_t pairs, float *c, int64_t c_stride, const int V,
                              const bool accumulates) {
    wf_float16 sums[4][4];
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < V; v++) sums[i][v] = accumulates ? load(c + i * c_stride + 16 * v) : splat(0);
    for (int64_t k = 0; k < pairs; k++) {
        wf_uint16 row[4];
        for (int v = 0; v < V; v++) row[v] = load_words(b + k * b_stride + 16 * v);
        for (int i = 0; i < 4; i++) {
            const wf_uint16 factor = (wf_uint16)a[i * row_step + k * depth_step];
            for (int v = 0; v < V; v++) sums[i][v] = pair_product(sums[i][v], factor, row[v]);
        }
    }
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < V; v++) store(c + i * c_stride + 16 * v, sums[i][v]);
}

/// `c[rows][columns] (+)= a b` with `rows` a multiple of 4 and `columns` of 16.
static void attention_product(const uint32_t *a, int64_t row_step, int64_t depth_step, const uint32_t *b,
                              int64_t b_stride, int64_t pairs, float *c, int64_t c_stride, int64_t rows,
                              int64_t columns, bool accumulates) {
    int64_t column = 0;
    for (; column + 64 <= columns; column += 64)
        for (int64_t i = 0; i < rows; i += 4)
            attention_tile(a + i * row_step, row_step, depth_step, b + column, b_stride, pairs,
                           c + i * c_stride + column, c_stride, 4, accumulates);
    for (; column < columns; column += 16)
        for (int64_t i = 0; i < rows; i += 4)
            attention_tile(a + i * row_step, row_step, depth_step, b + column, b_stride, pairs,
                           c + i * c_stride + column, c_stride, 1, accumulates);
}

/// `count` rows of one head, one after another, then rows of zeros up to `padded`.
static void attention_rows(const uint16_t *x, int64_t stride, int64_t count, int64_t padded, int64_t dimensions,
                           uint32_t *rows) {
    const size_t bytes = (size_t)dimensions * sizeof *x;
    for (int64_t row = 0; row < count; row++) memcpy(rows + row * dimensions / 2, x + row * stride, bytes);
    memset(rows + count * dimensions / 2, 0, (size_t)(padded - count) * bytes);
}

/// Rows in pairs of neighbours: `[padded / 2][dimensions]`.
static void attention_pairs(const uint32_t *rows, int64_t padded, int64_t dimensions, uint32_t *pairs) {
    const uint16_t *x = (const uint16_t *)rows;
    for (int64_t pair = 0; pair < padded / 2; pair++)
        for (int64_t d = 0; d < dimensions; d += 16)
            store_words(pairs + pair * dimensions + d, paired(load_bits(x + 2 * pair * dimensions + d),
                                                              load_bits(x + (2 * pair + 1) * dimensions + d)));
}

/// Panels `[padded / 64][dimensions / 2][64]` of the transposed rows.
static void attention_panels(const uint32_t *rows, int64_t padded, int64_t dimensions, uint32_t *panels) {
    const int64_t words = dimensions / 2;
    for (int64_t begin = 0; begin < padded; begin += attentionBlock, panels += words * attentionBlock)
        for (int64_t word = 0; word < words; word++)
            for (int64_t row = 0; row < attentionBlock; row++)
                panels[word * attentionBlock + row] = rows[(begin + row) * words + word];
}

/// The panels that a block of queries sees.
static void attention_span(const int32_t *starts, int64_t begin, int64_t count, int64_t *first, int64_t *last) {
    int64_t lowest = starts ? INT64_MAX : 0;
    for (int64_t row = 0; starts && row < count; row++)
        if (starts[begin + row] < lowest) lowest = starts[begin + row];
    *first = lowest / attentionBlock;
    *last = (begin + count + attentionBlock - 1) / attentionBlock;
}

/// Scores `[64][width]` of a block of queries: products with the keys of the panels `first ..< last`.
static void attention_scores(const uint32_t *queries, const uint32_t *panels, int64_t first, int64_t last,
                             int64_t dimensions, int64_t width, float *scores) {
    const int64_t words = dimensions / 2;
    for (int64_t panel = first; panel < last; panel++)
        attention_product(queries, words, 1, panels + panel * attentionBlock * words, attentionBlock, words,
                          scores + (panel - first) * attentionBlock, width, attentionBlock, attentionBlock, false);
}

/// Turns a row of scores into `exp(scale * score - shift)` where the query sees the key and 0 elsewhere; returns their
/// sum.
static float attention_weights(float *row, int64_t width, int64_t from, int64_t to, float scale, float shift) {
    wf_float16 sum = splat(0);
    for (int64_t j = 0; j < width; j += 16) {
        if (j + 16 <= from || j >= to) {
            store(row + j, splat(0));
            continue;
        }
        // The exponential clamps what is no number; the second addend keeps it one that is not.
        const wf_float16 score = load(row + j) * scale - shift;
        wf_float16 weights = exponential(score) + score * 0.0f;
        const wf_int16 place = (wf_int16){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + (int32_t)j;
        weights = (wf_float16)((wf_int16)weights & (place >= (int32_t)from) & (place < (int32_t)to));
        store(row + j, weights);
        sum += weights;
    }
    return sum_of(sum);
}

static float attention_maximum(const float *row, int64_t from, int64_t to) {
    float largest = -INFINITY;
    int64_t j = from;
    if (to - from >= 16) {
        wf_float16 most = load(row + j);
        for (j += 16; j + 16 <= to; j += 16) most = __builtin_elementwise_max(most, load(row + j));
        largest = __builtin_reduce_max(most);
    }
    for (; j < to; j++) largest = fmaxf(largest, row[j]);
    return largest;
}

/// Where one query head of one row of the batch lies.
typedef struct attention_head {
    int64_t padded, q_stride, kv_stride, q_place, kv_place, logarithms;
    const int32_t *starts;
} attention_head;

static attention_head attention_place(const wf_train_attention *task, int64_t batch, int64_t head) {
    const int64_t time = task->time, D = task->dimensions;
    const int64_t q_stride = task->heads * D, kv_stride = task->key_heads * D;
    return (attention_head){
        .padded = (time + attentionBlock - 1) / attentionBlock * attentionBlock,
        .q_stride = q_stride,
        .kv_stride = kv_stride,
        .q_place = batch * time * q_stride + head * D,
        .kv_place = batch * time * kv_stride + head / (task->heads / task->key_heads) * D,
        .logarithms = (batch * task->heads + head) * time,
        .starts = task->starts ? task->starts + batch * time : NULL,
    };
}

static void train_attend(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch) {
    const attention_head h = attention_place(task, batch, head);
    const int64_t time = task->time, D = task->dimensions, words = D / 2;
    float *scores = scratch, *output = scores + attentionBlock * h.padded;
    uint32_t *weights = (uint32_t *)output + attentionBlock * D, *queries = weights + attentionPairs * h.padded;
    uint32_t *rows = queries + attentionBlock * words, *panels = rows + h.padded * words;
    uint32_t *values = panels + h.padded * words;
    attention_rows(task->keys + h.kv_place, h.kv_stride, time, h.padded, D, rows);
    attention_panels(rows, h.padded, D, panels);
    attention_rows(task->values + h.kv_place, h.kv_stride, time, h.padded, D, rows);
    attention_pairs(rows, h.padded, D, values);
    for (int64_t begin = 0; begin < time; begin += attentionBlock) {
        const int64_t count = time - begin < attentionBlock ? time - begin : attentionBlock;
        int64_t first, last;
        attention_span(h.starts, begin, count, &first, &last);
        const int64_t width = (last - first) * attentionBlock, origin = first * attentionBlock;
        attention_rows(task->queries + h.q_place + begin * h.q_stride, h.q_stride, count, attentionBlock, D, queries);
        attention_scores(queries, panels, first, last, D, width, scores);
        float inverse[WF_ATTENTION_BLOCK];
        for (int64_t row = 0; row < count; row++) {
            float *line = scores + row * width;
            const int64_t from = (h.starts ? h.starts[begin + row] : 0) - origin, to = begin + row + 1 - origin;
            const float largest = attention_maximum(line, from, to) * task->scale;
            const float total = attention_weights(line, width, from, to, task->scale, largest);
            task->logarithms[h.logarithms + begin + row] = largest + logf(total);
            inverse[row] = 1 / total;
            for (int64_t j = 0; j < width; j += 16)
                store_half((uint16_t *)weights + row * width + j, load(line + j));
        }
        memset((uint16_t *)weights + count * width, 0, (size_t)((attentionBlock - count) * width) * sizeof(uint16_t));
        attention_product(weights, width / 2, 1, values + origin * words, D, width / 2, output, D, attentionBlock, D,
                          false);
        for (int64_t row = 0; row < count; row++)
            for (int64_t d = 0; d < D; d += 16)
                store_half(task->output + h.q_place + (begin + row) * h.q_stride + d,
                           load(output + row * D + d) * inverse[row]);
    }
}

/// Weights `P` and slopes `dS = P (dP - sum(P dP))` of one query, from its scores and from `dP`.
static void attention_slopes(const wf_train_attention *task, const attention_head *h, int64_t query, int64_t origin,
                             int64_t width, float *weights, float *slopes) {
    const bool is_real = query < task->time;
    const int64_t from = is_real ? (h->starts ? h->starts[query] : 0) - origin : 0;
    const int64_t to = is_real ? query + 1 - origin : 0;
    attention_weights(weights, width, from, to, task->scale, is_real ? task->logarithms[h->logarithms + query] : 0);
    // Equal to sum(dO O), but not made of a rounded output.
    wf_float16 sum = splat(0);
    for (int64_t j = 0; j < width; j += 16) sum += load(weights + j) * load(slopes + j);
    const float share = sum_of(sum);
    for (int64_t j = 0; j < width; j += 16) store(slopes + j, load(weights + j) * (load(slopes + j) - share));
}

/// With `P = exp(S - logarithm)`, `dP = dO V^T` and `dS = P (dP - sum(P dP))`: `dV = P^T dO`, `dK = dS^T Q scale`,
/// `dQ = dS K scale` (Dao et al. 2022, algorithm 4).
static void train_attend_backward(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch) {
    const attention_head h = attention_place(task, batch, head);
    const int64_t time = task->time, D = task->dimensions, words = D / 2;
    float *weights = scratch, *slopes = weights + attentionBlock * h.padded;
    float *key_gradients = slopes + attentionBlock * h.padded, *value_gradients = key_gradients + h.padded * D;
    float *query_gradients = value_gradients + h.padded * D;
    uint32_t *weight_pairs = (uint32_t *)query_gradients + attentionBlock * D;
    uint32_t *slope_pairs = weight_pairs + attentionPairs * h.padded;
    uint32_t *slope_rows = slope_pairs + attentionPairs * h.padded;
    uint32_t *queries = slope_rows + attentionPairs * h.padded, *query_pairs = queries + attentionBlock * words;
    uint32_t *upstream = query_pairs + attentionBlock * words, *upstream_pairs = upstream + attentionBlock * words;
    uint32_t *rows = upstream_pairs + attentionBlock * words, *value_panels = rows + h.padded * words;
    uint32_t *key_panels = value_panels + h.padded * words, *key_pairs = key_panels + h.padded * words;
    attention_rows(task->values + h.kv_place, h.kv_stride, time, h.padded, D, rows);
    attention_panels(rows, h.padded, D, value_panels);
    attention_rows(task->keys + h.kv_place, h.kv_stride, time, h.padded, D, rows);
    attention_panels(rows, h.padded, D, key_panels);
    attention_pairs(rows, h.padded, D, key_pairs);
    memset(key_gradients, 0, (size_t)(h.padded * D) * 2 * sizeof *key_gradients);
    for (int64_t begin = 0; begin < time; begin += attentionBlock) {
        const int64_t count = time - begin < attentionBlock ? time - begin : attentionBlock;
        const int64_t place = h.q_place + begin * h.q_stride;
        int64_t first, last;
        attention_span(h.starts, begin, count, &first, &last);
        const int64_t width = (last - first) * attentionBlock, origin = first * attentionBlock;
        attention_rows(task->queries + place, h.q_stride, count, attentionBlock, D, queries);
        attention_rows(task->upstream + place, h.q_stride, count, attentionBlock, D, upstream);
        attention_pairs(queries, attentionBlock, D, query_pairs);
        attention_pairs(upstream, attentionBlock, D, upstream_pairs);
        attention_scores(queries, key_panels, first, last, D, width, weights);
        attention_scores(upstream, value_panels, first, last, D, width, slopes);
        for (int64_t row = 0; row < attentionBlock; row += 2) {
            for (int64_t one = row; one < row + 2; one++)
                attention_slopes(task, &h, begin + one, origin, width, weights + one * width, slopes + one * width);
            for (int64_t j = 0; j < width; j += 16) {
                const float *p = weights + row * width + j, *s = slopes + row * width + j;
                const wf_half16 upper = rounded_half(load(s)), lower = rounded_half(load(s + width));
                store_words(weight_pairs + row / 2 * width + j,
                            paired(rounded_half(load(p)), rounded_half(load(p + width))));
                store_words(slope_pairs + row / 2 * width + j, paired(upper, lower));
                memcpy((uint16_t *)slope_rows + row * width + j, &upper, sizeof upper);
                memcpy((uint16_t *)slope_rows + (row + 1) * width + j, &lower, sizeof lower);
            }
        }
        attention_product(weight_pairs, 1, width, upstream_pairs, D, attentionPairs, value_gradients + origin * D, D,
                          width, D, true);
        attention_product(slope_pairs, 1, width, query_pairs, D, attentionPairs, key_gradients + origin * D, D, width,
                          D, true);
        attention_product(slope_rows, width / 2, 1, key_pairs + origin * words, D, width / 2, query_gradients, D,
                          attentionBlock, D, false);
        for (int64_t row = 0; row < count; row++)
            for (int64_t d = 0; d < D; d += 16)
                store_half(task->query_gradients + place + row * h.q_stride + d,
                           load(query_gradients + row * D + d) * task->scale);
    }
    const int64_t part = h.logarithms * D;
    for (int64_t i = 0; i < time * D; i += 16) {
        store(task->key_partials + part + i, load(key_gradients + i) * task->scale);
        store(task->value_partials + part + i, load(value_gradients + i));
    }
}

/// The gradients of one key head: the sum over the query heads that share it.
static void train_attend_gather(const wf_train_attention *task, int64_t batch, int64_t key_head) {
    const int64_t time = task->time, D = task->dimensions, group = task->heads / task->key_heads;
    const int64_t stride = task->key_heads * D, place = batch * time * stride + key_head * D;
    for (int part = 0; part < 2; part++) {
        const float *partials = part ? task->value_partials : task->key_partials;
        uint16_t *gradients = part ? task->value_gradients : task->key_gradients;
        const float *head = partials + (batch * task->heads + key_head * group) * time * D;
        for (int64_t row = 0; row < time; row++)
            for (int64_t d = 0; d < D; d += 16) {
                wf_float16 sum = load(head + row * D + d);
                for (int64_t other = 1; other < group; other++) sum += load(head + (other * time + row) * D + d);
                store_half(gradients + place + row * stride + d, sum);
            }
    }
}
