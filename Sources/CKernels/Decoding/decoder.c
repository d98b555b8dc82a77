// Making and ending decoders: shapes are checked, vectors copied and working memory set up.

#include "decoder.h"

#include <stdlib.h>
#include <string.h>

// MARK: Shapes

static bool fits(const wf_matrix *matrix, int64_t rows, int64_t columns) {
    return matrix && matrix->rows == rows && matrix->columns == columns;
}

static bool shape_is_sound(const wf_decoder_shape *s) {
    return s->layers > 0 && s->dimensions > 0 && s->heads > 0 && s->key_value_heads > 0 && s->head_dimensions > 0
        && s->feed_forward > 0 && s->vocabulary > 0 && s->heads % s->key_value_heads == 0 && s->rotary_dimensions >= 0
        && s->rotary_dimensions % 2 == 0 && s->rotary_dimensions <= s->head_dimensions && s->rotary_tables >= 0
        && (s->rotary_dimensions == 0 || s->rotary_tables > 0)
        && (int64_t)s->heads * s->head_dimensions <= INT32_MAX && s->attention_soft_cap >= 0 && s->logit_soft_cap >= 0;
}

static bool layer_is_sound(const wf_decoder_shape *s, const wf_decoder_layer *layer) {
    const int64_t d = s->dimensions, inner = (int64_t)s->heads * s->head_dimensions;
    const int64_t shared = (int64_t)s->key_value_heads * s->head_dimensions;
    return fits(layer->query, inner, d) && fits(layer->key, shared, d) && fits(layer->value, shared, d)
        && fits(layer->output, d, inner) && fits(layer->gate, s->feed_forward, d)
        && fits(layer->up, s->feed_forward, d) && fits(layer->down, d, s->feed_forward) && layer->attention_norm
        && layer->feed_forward_norm && layer->window >= 0 && layer->rotary_table >= 0
        && (s->rotary_dimensions == 0 || layer->rotary_table < s->rotary_tables);
}

/// A vector of a layer: where its pointer stands and how long it is.
typedef struct vector_field {
    const float **pointer;
    int64_t count;
} vector_field;

enum { vectorsPerLayer = 10 };

static void list_vectors(const wf_decoder_shape *s, wf_decoder_layer *layer, vector_field fields[vectorsPerLayer]) {
    const int64_t d = s->dimensions, head = s->head_dimensions;
    const vector_field all[vectorsPerLayer] = {
        {&layer->query_bias, s->heads * head},
        {&layer->key_bias, s->key_value_heads * head},
        {&layer->value_bias, s->key_value_heads * head},
        {&layer->output_bias, d},
        {&layer->attention_norm, d},
        {&layer->query_norm, head},
        {&layer->key_norm, head},
        {&layer->post_attention_norm, d},
        {&layer->feed_forward_norm, d},
        {&layer->post_feed_forward_norm, d},
    };
    memcpy(fields, all, sizeof all);
}

/// Copies the layers and everything they point to except matrices; false if memory is short.
static bool copy_vectors(wf_decoder *decoder, const wf_decoder_layer *layers, const float *final_norm) {
    const wf_decoder_shape *s = &decoder->shape;
    decoder->layers = malloc((size_t)s->layers * sizeof(wf_decoder_layer));
    if (!decoder->layers) return false;
    memcpy(decoder->layers, layers, (size_t)s->layers * sizeof(wf_decoder_layer));
    vector_field fields[vectorsPerLayer];
    int64_t total = s->dimensions;
    for (int32_t layer = 0; layer < s->layers; layer++) {
        list_vectors(s, &decoder->layers[layer], fields);
        for (int field = 0; field < vectorsPerLayer; field++) total += *fields[field].pointer ? fields[field].count : 0;
    }
    float *next = decoder->vectors = wf_memory_allocate((size_t)total * sizeof(float));
    if (!next) return false;
    for (int32_t layer = 0; layer < s->layers; layer++) {
        list_vectors(s, &decoder->layers[layer], fields);
        for (int field = 0; field < vectorsPerLayer; field++) {
            if (!*fields[field].pointer) continue;
            memcpy(next, *fields[field].pointer, (size_t)fields[field].count * sizeof(float));
            *fields[field].pointer = next;
            next += fields[field].count;
        }
    }
    memcpy(next, final_norm, (size_t)s->dimensions * sizeof(float));
    decoder->final_norm = next;
    return true;
}

/// Sets up the working memory; false if memory is short.
static bool make_buffers(wf_decoder *decoder) {
    const wf_decoder_shape *s = &decoder->shape;
    const int64_t rows = decoder->maximum_rows, d = s->dimensions;
    const int64_t inner = (int64_t)s->heads * s->head_dimensions;
    const int64_t shared = (int64_t)s->key_value_heads * s->head_dimensions;
    struct {
        float **pointer;
        int64_t count;
    } buffers[] = {
        {&decoder->residual, d},       {&decoder->normalised, d}, {&decoder->queries, inner},
        {&decoder->keys, shared},      {&decoder->values, shared}, {&decoder->attended, inner},
        {&decoder->gates, s->feed_forward}, {&decoder->ups, s->feed_forward}, {&decoder->branch, d},
    };
    const size_t number = sizeof buffers / sizeof buffers[0];
    int64_t total = 0;
    for (size_t i = 0; i < number; i++) total += (rows * buffers[i].count + 15) / 16 * 16;
    float *next = decoder->memory = wf_memory_allocate((size_t)total * sizeof(float));
    if (!next) return false;
    for (size_t i = 0; i < number; i++) {
        *buffers[i].pointer = next;
        next += (rows * buffers[i].count + 15) / 16 * 16;
    }
    decoder->widest = d > inner ? d : inner;
    if (s->feed_forward > decoder->widest) decoder->widest = s->feed_forward;
    decoder->integers = wf_memory_allocate((size_t)(rows * (decoder->widest + 12 * (decoder->widest / WF_BLOCK + 1))));
    return decoder->integers != NULL;
}

wf_decoder *wf_decoder_create(const wf_decoder_shape *shape, const wf_decoder_layer *layers, const wf_matrix *embedding,
                              const float *final_norm, const wf_matrix *head, int32_t maximum_rows, wf_pool *pool,
                              wf_status *status) {
    wf_status ignored;
    if (!status) status = &ignored;
    *status = WF_INVALID_SHAPE;
    if (!shape_is_sound(shape) || maximum_rows < 1) return NULL;
    if (!fits(embedding, shape->vocabulary, shape->dimensions)) return NULL;
    if (head && !fits(head, shape->vocabulary, shape->dimensions)) return NULL;
    for (int32_t layer = 0; layer < shape->layers; layer++)
        if (!layer_is_sound(shape, &layers[layer])) return NULL;
    *status = WF_OUT_OF_MEMORY;
    wf_decoder *decoder = calloc(1, sizeof(wf_decoder));
    if (!decoder) return NULL;
    decoder->shape = *shape;
    decoder->embedding = embedding;
    decoder->head = head ? head : embedding;
    decoder->pool = pool;
    decoder->maximum_rows = maximum_rows;
    if (!copy_vectors(decoder, layers, final_norm) || !make_buffers(decoder)) {
        wf_decoder_destroy(decoder);
        return NULL;
    }
    *status = WF_OK;
    return decoder;
}

void wf_decoder_destroy(wf_decoder *decoder) {
    if (!decoder) return;
    free(decoder->layers);
    wf_memory_free(decoder->vectors);
    wf_memory_free(decoder->memory);
    wf_memory_free(decoder->integers);
    wf_memory_free(decoder->partials);
    free(decoder);
}
