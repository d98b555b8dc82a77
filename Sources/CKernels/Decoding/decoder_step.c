// One step of a llama-like decoder. Products, the feed-forward block's gating and attention are shared among threads;
// what lies between takes a microsecond or two and stays with the caller.

#include "decoder.h"

#include <math.h>
#include <string.h>

// MARK: Products

/// Some products of one input, done in one parallel loop.
typedef struct shared_products {
    const wf_decoder *decoder;
    const wf_matrix *matrices[3];
    float *outputs[3];
    int64_t first_task[4];  // the tasks of matrix `m` are `first_task[m] ..< first_task[m + 1]`
    int64_t panels_per_task[3];
    int count;
    wf_activations activations;
} shared_products;

static void shared_task(void *context, int32_t index) {
    const shared_products *work = context;
    int m = 0;
    while (index >= work->first_task[m + 1]) m++;
    const wf_matrix *matrix = work->matrices[m];
    const int64_t begin = (index - work->first_task[m]) * work->panels_per_task[m];
    const int64_t end = begin + work->panels_per_task[m];
    wf_matrix_product(work->decoder->kernels, matrix)(matrix, begin, end < matrix->panels ? end : matrix->panels,
                                                      &work->activations, work->outputs[m], matrix->rows);
}

/// The input of products, quantised if one of the matrices wants it.
static wf_activations activations_for(const wf_decoder *decoder, const wf_matrix *const *matrices, int count,
                                      const float *x, int32_t rows) {
    const int64_t columns = matrices[0]->columns, blocks = columns / WF_BLOCK;
    wf_activations activations = {.columns = columns, .batch = rows, .values = x};
    bool integers = false;
    for (int m = 0; m < count; m++) integers |= wf_matrix_wants_integers(matrices[m]);
    if (!integers) return activations;
    activations.quantised = decoder->integers;
    activations.scales = (float *)(activations.quantised + rows * columns);
    activations.offsets = activations.scales + rows * blocks;
    activations.sums = (int32_t *)(activations.offsets + rows * blocks);
    for (int32_t row = 0; row < rows; row++)
        decoder->kernels->quantise(x + row * columns, columns, activations.quantised + row * columns,
                                   activations.scales + row * blocks, activations.offsets + row * blocks,
                                   activations.sums + row * blocks);
    return activations;
}

static void multiply(const wf_decoder *decoder, const wf_matrix *const *matrices, float *const *outputs, int count,
                     const float *x, int32_t rows) {
    shared_products work = {.decoder = decoder, .count = count};
    work.activations = activations_for(decoder, matrices, count, x, rows);
    int64_t panels = 0;
    for (int m = 0; m < count; m++) panels += matrices[m]->panels;
    for (int m = 0; m < count; m++) {
        work.matrices[m] = matrices[m];
        work.outputs[m] = outputs[m];
        const int64_t step = wf_panels_per_task(matrices[m], panels, wf_pool_threads(decoder->pool));
        work.panels_per_task[m] = step;
        work.first_task[m + 1] = work.first_task[m] + (matrices[m]->panels + step - 1) / step;
    }
    wf_pool_run(decoder->pool, (int32_t)work.first_task[count], shared_task, &work);
}

// MARK: Feed-forward

typedef struct gated_products {
    const wf_decoder *decoder;
    const wf_decoder_layer *layer;
    int64_t step;
    wf_activations activations;
} gated_products;

static void gated_task(void *context, int32_t index) {
    const gated_products *work = context;
    const wf_decoder *decoder = work->decoder;
    const wf_matrix *gate = work->layer->gate, *up = work->layer->up;
    const int64_t begin = index * work->step;
    const int64_t end = begin + work->step < gate->panels ? begin + work->step : gate->panels;
    wf_matrix_product(decoder->kernels, gate)(gate, begin, end, &work->activations, decoder->gates, gate->rows);
    wf_matrix_product(decoder->kernels, up)(up, begin, end, &work->activations, decoder->ups, up->rows);
    const int64_t first = begin * WF_PANEL_ROWS;
    const int64_t last = end * WF_PANEL_ROWS < gate->rows ? end * WF_PANEL_ROWS : gate->rows;
    for (int64_t row = 0; row < work->activations.batch; row++)
        decoder->kernels->gate(decoder->shape.activation, decoder->gates + row * gate->rows + first,
                               decoder->ups + row * gate->rows + first, last - first);
}

/// `gates = activation(gate x) * (up x)`.
static void multiply_gated(const wf_decoder *decoder, const wf_decoder_layer *layer, const float *x, int32_t rows) {
    const wf_matrix *matrices[2] = {layer->gate, layer->up};
    gated_products work = {.decoder = decoder, .layer = layer};
    work.activations = activations_for(decoder, matrices, 2, x, rows);
    work.step = wf_panels_per_task(layer->gate, layer->gate->panels, wf_pool_threads(decoder->pool));
    wf_pool_run(decoder->pool, (int32_t)((layer->gate->panels + work.step - 1) / work.step), gated_task, &work);
}

// MARK: Attention

/// Rotates the leading elements of a head.
static void rotate(const wf_decoder_shape *s, float *head, const float *cosines, const float *sines) {
    const int32_t half = s->rotary_dimensions / 2;
    const bool halves = s->rotary_pairs == WF_ROTARY_HALVES;
    for (int32_t i = 0; i < half; i++) {
        float *first = halves ? head + i : head + 2 * i;
        float *second = halves ? first + half : first + 1;
        const float a = *first, b = *second;
        *first = a * cosines[i] - b * sines[i];
        *second = b * cosines[i] + a * sines[i];
    }
}

/// Bias, norm and rotation of one row's queries or keys.
static void prepare_heads(const wf_decoder *decoder, float *x, int32_t heads, const float *bias, const float *norm,
                          const float *cosines, const float *sines) {
    const wf_decoder_shape *s = &decoder->shape;
    if (bias) decoder->kernels->add(x, bias, (int64_t)heads * s->head_dimensions);
    for (int32_t head = 0; head < heads; head++, x += s->head_dimensions) {
        if (norm) decoder->kernels->rms_norm(x, norm, s->epsilon, s->head_dimensions, x);
        if (s->rotary_dimensions > 0) rotate(s, x, cosines, sines);
    }
}

/// Everything between the query-key-value products and attention: queries are ready afterwards, keys and values stored.
static void store_keys_and_values(const wf_decoder *decoder, const wf_decoder_input *input, int32_t index) {
    const wf_decoder_shape *s = &decoder->shape;
    const wf_decoder_layer *layer = &decoder->layers[index];
    const int64_t size = s->head_dimensions, inner = s->heads * size, shared = s->key_value_heads * size;
    const int64_t half = s->rotary_dimensions / 2;
    for (int32_t row = 0; row < input->rows; row++) {
        const int64_t angle = half > 0 ? ((int64_t)layer->rotary_table * input->rows + row) * half : 0;
        const float *cosines = half > 0 ? input->cosines + angle : NULL;
        const float *sines = half > 0 ? input->sines + angle : NULL;
        float *query = decoder->queries + row * inner, *key = decoder->keys + row * shared;
        float *value = decoder->values + row * shared;
        prepare_heads(decoder, query, s->heads, layer->query_bias, layer->query_norm, cosines, sines);
        prepare_heads(decoder, key, s->key_value_heads, layer->key_bias, layer->key_norm, cosines, sines);
        if (layer->value_bias) decoder->kernels->add(value, layer->value_bias, shared);
        const float factor = input->query_scales ? input->query_scales[row] : 1;
        decoder->kernels->scale(query, s->attention_scale * factor, inner);
        const wf_cache_view *cache = &input->caches[row];
        for (int64_t head = 0; head < s->key_value_heads; head++) {
            const int64_t place = (head * cache->capacity + input->positions[row]) * size;
            memcpy(cache->keys[index] + place, key + head * size, (size_t)size * sizeof(float));
            memcpy(cache->values[index] + place, value + head * size, (size_t)size * sizeof(float));
        }
    }
}

/// One layer's attention. A task is one span of positions for one key-value head of one row; its partial results are,
/// for every query head in turn, the maximum, the total and the weighted values.
typedef struct attention_loop {
    const wf_decoder *decoder;
    const wf_decoder_input *input;
    int32_t layer;
    int64_t spans;  // of the row that has most
} attention_loop;

static int64_t first_position(const wf_decoder_layer *layer, int32_t position) {
    return layer->window > 0 && position >= layer->window ? position - layer->window + 1 : 0;
}

static int64_t span_count(const wf_decoder_layer *layer, int32_t position) {
    return (position - first_position(layer, position)) / WF_ATTENTION_SPAN + 1;
}

static void attention_task(void *context, int32_t index) {
    const attention_loop *loop = context;
    const wf_decoder *decoder = loop->decoder;
    const wf_decoder_shape *s = &decoder->shape;
    const int64_t span = index % loop->spans, shared_head = index / loop->spans % s->key_value_heads;
    const int64_t row = index / loop->spans / s->key_value_heads;
    const int32_t position = loop->input->positions[row];
    const wf_decoder_layer *layer = &decoder->layers[loop->layer];
    if (span >= span_count(layer, position)) return;
    const int64_t begin = first_position(layer, position) + span * WF_ATTENTION_SPAN;
    const int64_t end = begin + WF_ATTENTION_SPAN < position + 1 ? begin + WF_ATTENTION_SPAN : position + 1;
    const wf_cache_view *cache = &loop->input->caches[row];
    const int64_t size = s->head_dimensions, group = s->heads / s->key_value_heads;
    const float *keys = cache->keys[loop->layer] + shared_head * cache->capacity * size;
    const float *values = cache->values[loop->layer] + shared_head * cache->capacity * size;
    for (int64_t head = shared_head * group; head < (shared_head + 1) * group; head++) {
        float *partial = decoder->partials + ((row * s->heads + head) * loop->spans + span) * (size + 2);
        decoder->kernels->attend(decoder->queries + (row * s->heads + head) * size, keys, values, begin, end, size,
                                 s->attention_soft_cap, head == shared_head * group, partial, partial + 1,
                                 partial + 2);
    }
}

/// Joins the spans of one head: weighted by `exp(maximum - largest maximum)`, divided by the weighted totals.
static void join_spans(const float *partials, int64_t spans, int64_t size, float *output) {
    float largest = partials[0];
    for (int64_t span = 1; span < spans; span++) {
        const float maximum = partials[span * (size + 2)];
        largest = maximum > largest ? maximum : largest;
    }
    float total = 0;
    for (int64_t span = 0; span < spans; span++) {
        const float *partial = partials + span * (size + 2);
        const float weight = spans == 1 ? 1 : expf(partial[0] - largest);
        total += weight * partial[1];
        for (int64_t i = 0; i < size; i++) output[i] = (span == 0 ? 0 : output[i]) + weight * partial[2 + i];
    }
    for (int64_t i = 0; i < size; i++) output[i] /= total;
}

static void attend_all(const wf_decoder *decoder, const wf_decoder_input *input, int32_t layer) {
    const wf_decoder_shape *s = &decoder->shape;
    attention_loop loop = {decoder, input, layer, 1};
    for (int32_t row = 0; row < input->rows; row++) {
        const int64_t spans = span_count(&decoder->layers[layer], input->positions[row]);
        if (spans > loop.spans) loop.spans = spans;
    }
    wf_pool_run(decoder->pool, (int32_t)(input->rows * s->key_value_heads * loop.spans), attention_task, &loop);
    const int64_t size = s->head_dimensions;
    for (int64_t row = 0; row < input->rows; row++) {
        const int64_t spans = span_count(&decoder->layers[layer], input->positions[row]);
        for (int64_t head = row * s->heads; head < (row + 1) * s->heads; head++)
            join_spans(decoder->partials + head * loop.spans * (size + 2), spans, size,
                       decoder->attended + head * size);
    }
}

// MARK: The step

static wf_status check(const wf_decoder *decoder, const wf_decoder_input *input) {
    const wf_decoder_shape *s = &decoder->shape;
    if (input->rows < 1 || input->rows > decoder->maximum_rows) return WF_TOO_MANY_ROWS;
    if (input->first_layer < 0 || input->last_layer > s->layers || input->first_layer > input->last_layer)
        return WF_INVALID_SHAPE;
    if (!input->positions || !input->caches || (!input->tokens && !input->hidden)) return WF_INVALID_SHAPE;
    if (s->rotary_dimensions > 0 && (!input->cosines || !input->sines)) return WF_INVALID_SHAPE;
    for (int32_t row = 0; row < input->rows; row++) {
        if (!input->hidden && (input->tokens[row] < 0 || input->tokens[row] >= s->vocabulary))
            return WF_TOKEN_OUT_OF_RANGE;
        if (input->positions[row] < 0 || input->positions[row] >= input->caches[row].capacity)
            return WF_POSITION_OUT_OF_RANGE;
    }
    return WF_OK;
}

/// Makes room for the partial results of attention over the longest text of this step.
static bool grow_partials(wf_decoder *decoder, const wf_decoder_input *input) {
    const wf_decoder_shape *s = &decoder->shape;
    int64_t longest = 0;
    for (int32_t row = 0; row < input->rows; row++)
        longest = input->positions[row] > longest ? input->positions[row] : longest;
    const size_t needed = (size_t)(longest / WF_ATTENTION_SPAN + 1) * (size_t)(s->head_dimensions + 2)
        * (size_t)s->heads * (size_t)input->rows;
    if (needed <= decoder->partials_count) return true;
    float *larger = wf_memory_allocate(2 * needed * sizeof(float));
    if (!larger) return false;
    wf_memory_free(decoder->partials);
    decoder->partials = larger;
    decoder->partials_count = 2 * needed;
    return true;
}

/// Adds a branch to the residual stream of every row, after its bias and norm where it has them.
static void add_branch(const wf_decoder *decoder, int32_t rows, const float *bias, const float *norm) {
    const int64_t d = decoder->shape.dimensions;
    for (int32_t row = 0; row < rows; row++) {
        float *branch = decoder->branch + row * d;
        if (bias) decoder->kernels->add(branch, bias, d);
        if (norm) decoder->kernels->rms_norm(branch, norm, decoder->shape.epsilon, d, branch);
        decoder->kernels->add(decoder->residual + row * d, branch, d);
    }
}

static void normalise(const wf_decoder *decoder, int32_t rows, const float *weight, float *output) {
    const int64_t d = decoder->shape.dimensions;
    for (int32_t row = 0; row < rows; row++)
        decoder->kernels->rms_norm(decoder->residual + row * d, weight, decoder->shape.epsilon, d, output + row * d);
}

static void run_layer(const wf_decoder *decoder, const wf_decoder_input *input, int32_t index) {
    const wf_decoder_layer *layer = &decoder->layers[index];
    const int32_t rows = input->rows;
    normalise(decoder, rows, layer->attention_norm, decoder->normalised);
    multiply(decoder, (const wf_matrix *[]){layer->query, layer->key, layer->value},
             (float *[]){decoder->queries, decoder->keys, decoder->values}, 3, decoder->normalised, rows);
    store_keys_and_values(decoder, input, index);
    attend_all(decoder, input, index);
    multiply(decoder, &layer->output, &decoder->branch, 1, decoder->attended, rows);
    add_branch(decoder, rows, layer->output_bias, layer->post_attention_norm);

    normalise(decoder, rows, layer->feed_forward_norm, decoder->normalised);
    multiply_gated(decoder, layer, decoder->normalised, rows);
    multiply(decoder, &layer->down, &decoder->branch, 1, decoder->gates, rows);
    add_branch(decoder, rows, NULL, layer->post_feed_forward_norm);
}

wf_status wf_decoder_step(wf_decoder *decoder, const wf_decoder_input *input, const wf_decoder_output *output) {
    const wf_status status = check(decoder, input);
    if (status != WF_OK) return status;
    if (!grow_partials(decoder, input)) return WF_OUT_OF_MEMORY;
    decoder->kernels = wf_kernels_current();
    const int32_t rows = input->rows;
    const int64_t d = decoder->shape.dimensions;
    for (int32_t row = 0; row < rows; row++) {
        float *residual = decoder->residual + row * d;
        if (input->hidden) {
            memcpy(residual, input->hidden + row * d, (size_t)d * sizeof(float));
        } else {
            wf_matrix_row(decoder->embedding, input->tokens[row], residual);
            if (decoder->shape.embedding_scale != 1)
                decoder->kernels->scale(residual, decoder->shape.embedding_scale, d);
        }
    }
    for (int32_t layer = input->first_layer; layer < input->last_layer; layer++) run_layer(decoder, input, layer);

    if (output->residual) memcpy(output->residual, decoder->residual, (size_t)(rows * d) * sizeof(float));
    if (!output->hidden && !output->logits) return WF_OK;
    normalise(decoder, rows, decoder->final_norm, decoder->normalised);
    if (output->hidden) memcpy(output->hidden, decoder->normalised, (size_t)(rows * d) * sizeof(float));
    if (!output->logits) return WF_OK;
    multiply(decoder, &decoder->head, (float *[]){output->logits}, 1, decoder->normalised, rows);
    if (decoder->shape.logit_soft_cap > 0)
        decoder->kernels->soft_cap(output->logits, decoder->shape.logit_soft_cap,
                                   (int64_t)rows * decoder->shape.vocabulary);
    return WF_OK;
}
