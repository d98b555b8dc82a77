// Parts of a recommender that answers, shared among threads. Tasks have fixed sizes, so results do not depend on the number
// of threads.

#include "../internal.h"

#include <stdlib.h>
#include <string.h>

enum { elementsPerTask = 32768 };

static int32_t parts(int64_t count, int64_t size) { return (int32_t)((count + size - 1) / size); }
static int64_t end_of(int64_t begin, int64_t size, int64_t count) { return begin + size < count ? begin + size : count; }

typedef struct dice_loop {
    const wf_kernels *kernels;
    float *x;
    const float *scale, *shift, *slope;
    int64_t rows, columns, rows_per_task;
} dice_loop;

static void dice_task(void *context, int32_t index) {
    const dice_loop *loop = context;
    const int64_t begin = (int64_t)index * loop->rows_per_task;
    const int64_t end = end_of(begin, loop->rows_per_task, loop->rows);
    loop->kernels->dice(loop->x + begin * loop->columns, loop->scale, loop->shift, loop->slope, end - begin,
                        loop->columns);
}

void wf_dice(float *x, const float *scale, const float *shift, const float *slope, int64_t rows, int64_t columns,
             wf_pool *pool) {
    if (rows <= 0 || columns <= 0) return;
    const int64_t size = columns < elementsPerTask ? elementsPerTask / columns : 1;
    dice_loop loop = {wf_kernels_current(), x, scale, shift, slope, rows, columns, size};
    wf_pool_run(pool, parts(rows, size), dice_task, &loop);
}

/// Tiles of both kinds that a thread works in: two of the widest layer, the targets, the result.
static size_t scratch_count(const wf_target_attention *task) {
    return (size_t)(2 * WF_TARGET_TILE * (task->widest + task->dimensions));
}

typedef struct target_loop {
    const wf_kernels *kernels;
    const wf_target_attention *task;
    float *scratch;
    int64_t workers;
} target_loop;

/// Every worker has a scratch of its own and takes each of the `workers`-th parts.
static void target_worker(void *context, int32_t worker) {
    const target_loop *loop = context;
    const wf_target_attention *task = loop->task;
    const int64_t dimensions = task->dimensions;
    float *layers = loop->scratch + (size_t)worker * scratch_count(task);
    float *targets = layers + 2 * WF_TARGET_TILE * task->widest, *output = targets + WF_TARGET_TILE * dimensions;
    for (int64_t begin = worker * WF_TARGET_TILE; begin < task->targets; begin += loop->workers * WF_TARGET_TILE) {
        const int64_t count = end_of(begin, WF_TARGET_TILE, task->targets) - begin;
        const size_t bytes = (size_t)(count * dimensions) * sizeof(float);
        memset(targets, 0, (size_t)(WF_TARGET_TILE * dimensions) * sizeof(float));
        memcpy(targets, task->target + begin * dimensions, bytes);
        loop->kernels->target_attention(task, targets, layers, output);
        memcpy(task->output + begin * dimensions, output, bytes);
    }
}

wf_status wf_target_attend(const wf_target_attention *task, wf_pool *pool) {
    if (task->targets <= 0) return WF_OK;
    const int32_t workers = wf_pool_threads(pool) * 4;
    float *scratch = aligned_alloc(64, ((size_t)workers * scratch_count(task) * sizeof(float) + 63) / 64 * 64);
    if (!scratch) return WF_OUT_OF_MEMORY;
    target_loop loop = {wf_kernels_current(), task, scratch, workers};
    wf_pool_run(pool, workers, target_worker, &loop);
    free(scratch);
    return WF_OK;
}
