// A decoder and its working memory.

#ifndef WF_DECODER_H
#define WF_DECODER_H

#include "../internal.h"

struct wf_decoder {
    wf_decoder_shape shape;
    wf_decoder_layer *layers;  // vectors point into `vectors`
    float *vectors;
    const float *final_norm;
    const wf_matrix *embedding;
    const wf_matrix *head;
    wf_pool *pool;
    const wf_kernels *kernels;
    int32_t maximum_rows;

    // Working memory, one row for each row of a step.
    float *memory;
    float *residual;     // [dimensions]
    float *normalised;   // [dimensions]
    float *queries;      // [heads * head_dimensions]
    float *keys;         // [key_value_heads * head_dimensions]
    float *values;       // the same
    float *attended;     // [heads * head_dimensions]
    float *gates;        // [feed_forward]
    float *ups;          // [feed_forward]
    float *branch;       // [dimensions]: what attention or the feed-forward block adds
    void *integers;      // quantised activations of the widest product
    int64_t widest;
    // Partial results of attention, grown to the longest text so far.
    float *partials;
    size_t partials_count;
};

#endif
