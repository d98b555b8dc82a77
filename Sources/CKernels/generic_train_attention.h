// Attention of a training step over bf16 numbers, one query head at a time, computed in f32. Included by generic.h.
//
// Queries are taken in blocks of 64, keys and values in panels of 64, so that scores of a block stay in the caches.
// Everything is one small product: `c[4][64] += a[4][depth] b[depth][64]` in 16 vectors.

enum { attentionBlock = WF_ATTENTION_BLOCK };

/// `c[i][..<16 * V] (+)= sum over k of a[i * row_step + k * depth_step] * b[k][..<16 * V]` for four rows `i`.
WF_INLINE void attention_tile(const float *a, int64_t row_step, int64_t depth_step, const float *b, int64_t b_stride,
                              int64_t depth, float *c, int64_t c_stride, const int V, const bool accumulates) {
    wf_float16 sums[4][4];
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < V; v++) sums[i][v] = accumulates ? load(c + i * c_stride + 16 * v) : splat(0);
    for (int64_t k = 0; k < depth; k++) {
        wf_float16 row[4];
        for (int v = 0; v < V; v++) row[v] = load(b + k * b_stride + 16 * v);
        for (int i = 0; i < 4; i++) {
            const wf_float16 factor = splat(a[i * row_step + k * depth_step]);
            for (int v = 0; v < V; v++) sums[i][v] += factor * row[v];
        }
    }
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < V; v++) store(c + i * c_stride + 16 * v, sums[i][v]);
}

/// `c[rows][columns] (+)= a b` with `rows` a multiple of 4 and `columns` of 16.
static void attention_product(const float *a, int64_t row_step, int64_t depth_step, const float *b, int64_t b_stride,
                              int64_t depth, float *c, int64_t c_stride, int64_t rows, int64_t columns,
                              bool accumulates) {
    int64_t column = 0;
    for (; column + 64 <= columns; column += 64)
        for (int64_t i = 0; i < rows; i += 4)
            attention_tile(a + i * row_step, row_step, depth_step, b + column, b_stride, depth,
                           c + i * c_stride + column, c_stride, 4, accumulates);
    for (; column < columns; column += 16)
        for (int64_t i = 0; i < rows; i += 4)
            attention_tile(a + i * row_step, row_step, depth_step, b + column, b_stride, depth,
                           c + i * c_stride + column, c_stride, 1, accumulates);
}

/// `count` rows of one head as f32 times a factor, then rows of zeros up to `padded`.
static void attention_rows(const uint16_t *x, int64_t stride, int64_t count, int64_t padded, int64_t dimensions,
                           float factor, float *rows) {
    for (int64_t row = 0; row < count; row++)
        for (int64_t d = 0; d < dimensions; d += 16)
            store(rows + row * dimensions + d, load_half(x + row * stride + d) * factor);
    memset(rows + count * dimensions, 0, (size_t)((padded - count) * dimensions) * sizeof *rows);
}

/// Panels `[time / 64][dimensions][64]` of the transposed rows.
static void attention_panels(const float *rows, int64_t padded, int64_t dimensions, float *panels) {
    for (int64_t panel = 0; panel < padded / attentionBlock; panel++)
        for (int64_t row = 0; row < attentionBlock; row++)
            for (int64_t d = 0; d < dimensions; d++)
                panels[(panel * dimensions + d) * attentionBlock + row] =
                    rows[(panel * attentionBlock + row) * dimensions + d];
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
static void attention_scores(const float *queries, const float *panels, int64_t first, int64_t last,
                             int64_t dimensions, int64_t width, float *scores) {
    for (int64_t panel = first; panel < last; panel++)
        attention_product(queries, dimensions, 1, panels + panel * attentionBlock * dimensions, attentionBlock,
                          dimensions, scores + (panel - first) * attentionBlock, width, attentionBlock,
                          attentionBlock, false);
}

/// Turns a row of scores into `exp(score - shift)` where the query sees the key and 0 elsewhere; returns their sum.
static float attention_weights(float *row, int64_t width, int64_t from, int64_t to, float shift) {
    wf_float16 sum = splat(0);
    for (int64_t j = 0; j < width; j += 16) {
        if (j + 16 <= from || j >= to) {
            store(row + j, splat(0));
            continue;
        }
        // The exponential clamps what is no number; the second addend keeps it one that is not.
        const wf_float16 score = load(row + j) - shift;
        wf_float16 weights = exponential(score) + score * 0.0f;
        if (j < from || j + 16 > to)
            for (int lane = 0; lane < 16; lane++)
                if (j + lane < from || j + lane >= to) weights[lane] = 0;
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

static void train_attend(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch) {
    const int64_t time = task->time, D = task->dimensions;
    const int64_t padded = (time + attentionBlock - 1) / attentionBlock * attentionBlock;
    const int64_t q_stride = task->heads * D, kv_stride = task->key_heads * D;
    const int64_t key_head = head / (task->heads / task->key_heads);
    const int64_t q_place = batch * time * q_stride + head * D, kv_place = batch * time * kv_stride + key_head * D;
    const int32_t *starts = task->starts ? task->starts + batch * time : NULL;
    float *values = scratch, *panels = values + padded * D, *queries = panels + padded * D;
    float *output = queries + attentionBlock * D, *scores = output + attentionBlock * D;
    attention_rows(task->keys + kv_place, kv_stride, time, padded, D, 1, values);
    attention_panels(values, padded, D, panels);
    attention_rows(task->values + kv_place, kv_stride, time, padded, D, 1, values);
    for (int64_t begin = 0; begin < time; begin += attentionBlock) {
        const int64_t count = time - begin < attentionBlock ? time - begin : attentionBlock;
        int64_t first, last;
        attention_span(starts, begin, count, &first, &last);
        const int64_t width = (last - first) * attentionBlock, origin = first * attentionBlock;
        attention_rows(task->queries + q_place + begin * q_stride, q_stride, count, attentionBlock, D, task->scale,
                       queries);
        attention_scores(queries, panels, first, last, D, width, scores);
        float inverse[WF_ATTENTION_BLOCK];
        for (int64_t row = 0; row < count; row++) {
            float *line = scores + row * width;
            const int64_t from = (starts ? starts[begin + row] : 0) - origin, to = begin + row + 1 - origin;
            const float largest = attention_maximum(line, from, to);
            const float total = attention_weights(line, width, from, to, largest);
            task->logarithms[(batch * task->heads + head) * time + begin + row] = largest + logf(total);
            inverse[row] = 1 / total;
        }
        attention_product(scores, width, 1, values + origin * D, D, width, output, D, attentionBlock, D, false);
        for (int64_t row = 0; row < count; row++)
            for (int64_t d = 0; d < D; d += 16)
                store_half(task->output + q_place + (begin + row) * q_stride + d,
                           load(output + row * D + d) * inverse[row]);
    }
}

/// With `P = exp(S - logarithm)`, `dP = dO V^T` and `dS = P (dP - sum(P dP))`: `dV = P^T dO`, `dK = dS^T Q scale`,
/// `dQ = dS K scale` (Dao et al. 2022, algorithm 4).
static void train_attend_backward(const wf_train_attention *task, int64_t batch, int64_t head, float *scratch) {
    const int64_t time = task->time, D = task->dimensions;
    const int64_t padded = (time + attentionBlock - 1) / attentionBlock * attentionBlock;
    const int64_t q_stride = task->heads * D, kv_stride = task->key_heads * D;
    const int64_t key_head = head / (task->heads / task->key_heads);
    const int64_t q_place = batch * time * q_stride + head * D, kv_place = batch * time * kv_stride + key_head * D;
    const int32_t *starts = task->starts ? task->starts + batch * time : NULL;
    float *keys = scratch, *key_panels = keys + padded * D, *value_panels = key_panels + padded * D;
    float *key_gradients = value_panels + padded * D, *value_gradients = key_gradients + padded * D;
    float *queries = value_gradients + padded * D, *upstream = queries + attentionBlock * D;
    float *query_gradients = upstream + attentionBlock * D, *weights = query_gradients + attentionBlock * D;
    float *slopes = weights + attentionBlock * padded;
    attention_rows(task->values + kv_place, kv_stride, time, padded, D, 1, keys);
    attention_panels(keys, padded, D, value_panels);
    attention_rows(task->keys + kv_place, kv_stride, time, padded, D, 1, keys);
    attention_panels(keys, padded, D, key_panels);
    memset(key_gradients, 0, (size_t)(padded * D) * 2 * sizeof *key_gradients);
    for (int64_t begin = 0; begin < time; begin += attentionBlock) {
        const int64_t count = time - begin < attentionBlock ? time - begin : attentionBlock;
        const int64_t place = q_place + begin * q_stride;
        int64_t first, last;
        attention_span(starts, begin, count, &first, &last);
        const int64_t width = (last - first) * attentionBlock, origin = first * attentionBlock;
        attention_rows(task->queries + place, q_stride, count, attentionBlock, D, task->scale, queries);
        attention_rows(task->upstream + place, q_stride, count, attentionBlock, D, 1, upstream);
        attention_scores(queries, key_panels, first, last, D, width, weights);
        attention_scores(upstream, value_panels, first, last, D, width, slopes);
        for (int64_t row = 0; row < attentionBlock; row++) {
            float *line = weights + row * width, *slope = slopes + row * width;
            const bool is_real = row < count;
            const int64_t from = is_real ? (starts ? starts[begin + row] : 0) - origin : 0;
            const int64_t to = is_real ? begin + row + 1 - origin : 0;
            const float logarithm =
                is_real ? task->logarithms[(batch * task->heads + head) * time + begin + row] : 0;
            attention_weights(line, width, from, to, logarithm);
            // Equal to sum(dO O), but not made of a rounded output.
            wf_float16 sum = splat(0);
            for (int64_t j = 0; j < width; j += 16) sum += load(line + j) * load(slope + j);
            const float share = sum_of(sum);
            for (int64_t j = 0; j < width; j += 16) store(slope + j, load(line + j) * (load(slope + j) - share));
        }
        attention_product(weights, 1, width, upstream, D, attentionBlock, value_gradients + origin * D, D, width, D,
                          true);
        attention_product(slopes, 1, width, queries, D, attentionBlock, key_gradients + origin * D, D, width, D, true);
        attention_product(slopes, width, 1, keys + origin * D, D, width, query_gradients, D, attentionBlock, D, false);
        for (int64_t row = 0; row < count; row++)
            for (int64_t d = 0; d < D; d += 16)
                store_half(task->query_gradients + place + row * q_stride + d,
                           load(query_gradients + row * D + d) * task->scale);
    }
    const int64_t part = (batch * task->heads + head) * time * D;
    memcpy(task->key_partials + part, key_gradients, (size_t)(time * D) * sizeof(float));
    memcpy(task->value_partials + part, value_gradients, (size_t)(time * D) * sizeof(float));
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
