// Element-wise parts of a training step, shared among threads. Tasks have fixed sizes, so results do not depend on the
// number of threads.

#include "../internal.h"

#include <string.h>

enum { elementsPerTask = 32768, rowsPerTask = 64 };

static int32_t parts(int64_t count, int64_t size) { return (int32_t)((count + size - 1) / size); }
static int64_t end_of(int64_t begin, int64_t size, int64_t count) { return begin + size < count ? begin + size : count; }

typedef struct gate_loop {
    const wf_kernels *kernels;
    const uint16_t *gate, *up, *upstream;
    uint16_t *first, *second;
    int64_t count;
} gate_loop;

static void gate_task(void *context, int32_t index) {
    const gate_loop *loop = context;
    const int64_t begin = (int64_t)index * elementsPerTask;
    const int64_t count = end_of(begin, elementsPerTask, loop->count) - begin;
    if (loop->upstream)
        loop->kernels->train_gate_backward(loop->gate + begin, loop->up + begin, loop->upstream + begin,
                                           loop->first + begin, loop->second + begin, count);
    else loop->kernels->train_gate(loop->gate + begin, loop->up + begin, loop->first + begin, count);
}

void wf_train_gate(const uint16_t *gate, const uint16_t *up, int64_t count, uint16_t *output, wf_pool *pool) {
    gate_loop loop = {wf_kernels_current(), gate, up, NULL, output, NULL, count};
    wf_pool_run(pool, parts(count, elementsPerTask), gate_task, &loop);
}

void wf_train_gate_backward(const uint16_t *gate, const uint16_t *up, const uint16_t *upstream, int64_t count,
                            uint16_t *gate_gradient, uint16_t *up_gradient, wf_pool *pool) {
    gate_loop loop = {wf_kernels_current(), gate, up, upstream, gate_gradient, up_gradient, count};
    wf_pool_run(pool, parts(count, elementsPerTask), gate_task, &loop);
}

typedef struct dropout_loop {
    const wf_kernels *kernels;
    const float *reals;
    const uint16_t *halves;
    int64_t count;
    uint64_t key;
    uint32_t threshold;
    float scale;
    float *real_output;
    uint16_t *half_output;
} dropout_loop;

static void dropout_task(void *context, int32_t index) {
    const dropout_loop *loop = context;
    const int64_t begin = (int64_t)index * elementsPerTask, group = begin / WF_DROPOUT_GROUP;
    const int64_t count = end_of(begin, elementsPerTask, loop->count) - begin;
    if (loop->reals)
        loop->kernels->train_dropout_f32(loop->reals + begin, count, group, loop->key, loop->threshold, loop->scale,
                                         loop->real_output + begin);
    else
        loop->kernels->train_dropout_bf16(loop->halves + begin, count, group, loop->key, loop->threshold, loop->scale,
                                          loop->half_output + begin);
}

void wf_train_dropout_f32(const float *x, int64_t count, uint64_t key, uint32_t threshold, float scale, float *output,
                          wf_pool *pool) {
    dropout_loop loop = {wf_kernels_current(), x, NULL, count, key, threshold, scale, output, NULL};
    wf_pool_run(pool, parts(count, elementsPerTask), dropout_task, &loop);
}

void wf_train_dropout_bf16(const uint16_t *x, int64_t count, uint64_t key, uint32_t threshold, float scale,
                           uint16_t *output, wf_pool *pool) {
    dropout_loop loop = {wf_kernels_current(), NULL, x, count, key, threshold, scale, NULL, output};
    wf_pool_run(pool, parts(count, elementsPerTask), dropout_task, &loop);
}

typedef struct norm_loop {
    const wf_kernels *kernels;
    const uint16_t *x, *upstream;
    const float *weight;
    float epsilon;
    int64_t rows, columns;
    uint16_t *output;
    float *inverse;
    float *partials;
} norm_loop;

static void norm_task(void *context, int32_t index) {
    const norm_loop *loop = context;
    const int64_t columns = loop->columns, begin = (int64_t)index * rowsPerTask;
    const int64_t end = end_of(begin, rowsPerTask, loop->rows);
    float *partial = loop->partials ? loop->partials + index * columns : NULL;
    if (partial) memset(partial, 0, (size_t)columns * sizeof *partial);
    for (int64_t row = begin; row < end; row++) {
        const int64_t place = row * columns;
        if (partial)
            loop->kernels->train_norm_backward(loop->x + place, loop->weight, loop->inverse[row],
                                               loop->upstream + place, columns, loop->output + place, partial);
        else
            loop->kernels->train_norm(loop->x + place, loop->weight, loop->epsilon, columns, loop->output + place,
                                      loop->inverse + row);
    }
}

int64_t wf_train_norm_partials(int64_t rows) { return parts(rows, rowsPerTask); }

void wf_train_norm(const uint16_t *x, const float *weight, float epsilon, int64_t rows, int64_t columns,
                   uint16_t *output, float *inverse, wf_pool *pool) {
    norm_loop loop = {wf_kernels_current(), x, NULL, weight, epsilon, rows, columns, output, inverse, NULL};
    wf_pool_run(pool, parts(rows, rowsPerTask), norm_task, &loop);
}

void wf_train_norm_backward(const uint16_t *x, const float *weight, const float *inverse, const uint16_t *upstream,
                            int64_t rows, int64_t columns, uint16_t *x_gradient, float *partials, wf_pool *pool) {
    norm_loop loop = {wf_kernels_current(), x,          upstream,         weight,  0, rows, columns,
                      x_gradient,           (float *)(uintptr_t)inverse, partials};
    wf_pool_run(pool, parts(rows, rowsPerTask), norm_task, &loop);
}

typedef struct rotation_loop {
    const wf_kernels *kernels;
    const uint16_t *x;
    const float *cosine, *sine;
    int64_t batch, time, heads, dimensions, table_stride;
    float direction;
    uint16_t *output;
} rotation_loop;

static void rotation_task(void *context, int32_t index) {
    const rotation_loop *loop = context;
    const int64_t half = loop->dimensions / 2, begin = (int64_t)index * rowsPerTask;
    const int64_t end = end_of(begin, rowsPerTask, loop->batch * loop->time);
    for (int64_t row = begin; row < end; row++) {
        const int64_t angle = row / loop->time * loop->table_stride + row % loop->time * half;
        for (int64_t head = 0; head < loop->heads; head++) {
            const int64_t place = (row * loop->heads + head) * loop->dimensions;
            loop->kernels->train_rotate(loop->x + place, loop->cosine + angle, loop->sine + angle, half,
                                        loop->direction, loop->output + place);
        }
    }
}

void wf_train_rotate(const uint16_t *x, const float *cosine, const float *sine, int64_t batch, int64_t time,
                     int64_t heads, int64_t dimensions, int64_t table_stride, float direction, uint16_t *output,
                     wf_pool *pool) {
    rotation_loop loop = {wf_kernels_current(), x,          cosine,       sine,      batch, time, heads,
                          dimensions,           table_stride, direction, output};
    wf_pool_run(pool, parts(batch * time, rowsPerTask), rotation_task, &loop);
}

typedef struct loss_loop {
    const wf_kernels *kernels;
    uint16_t *logits;
    const int64_t *labels;
    const float *factors;
    int64_t columns;
    bool wants_gradients;
    float *losses;
} loss_loop;

static void loss_task(void *context, int32_t row) {
    const loss_loop *loop = context;
    loop->losses[row] = loop->kernels->train_cross_entropy(loop->logits + row * loop->columns, loop->columns,
                                                           loop->labels[row], loop->factors ? loop->factors[row] : 1,
                                                           loop->wants_gradients);
}

wf_status wf_train_cross_entropy(uint16_t *logits, const int64_t *labels, const float *factors, int64_t rows,
                                 int64_t columns, bool wants_gradients, float *losses, wf_pool *pool) {
    for (int64_t row = 0; row < rows; row++)
        if (labels[row] < 0 || labels[row] >= columns) return WF_TOKEN_OUT_OF_RANGE;
    loss_loop loop = {wf_kernels_current(), logits, labels, factors, columns, wants_gradients, losses};
    wf_pool_run(pool, (int32_t)rows, loss_task, &loop);
    return WF_OK;
}
