// Attention of a training step: the heads of all rows, shared among threads. Each head is computed by one thread, so
// results do not depend on their number.

#include "../internal.h"

#include <stdatomic.h>

typedef struct attention_loop {
    const wf_kernels *kernels;
    const wf_train_attention *task;
    bool is_backward;
    float *scratch;
    size_t scratch_count;  // numbers of one thread
    int64_t heads;
    _Atomic(int64_t) next;
} attention_loop;

static void attention_worker(void *context, int32_t index) {
    attention_loop *loop = context;
    float *scratch = loop->scratch + (size_t)index * loop->scratch_count;
    const int64_t heads = loop->task->heads;
    for (int64_t job; (job = atomic_fetch_add(&loop->next, 1)) < loop->heads;)
        (loop->is_backward ? loop->kernels->train_attend_backward : loop->kernels->train_attend)(
            loop->task, job / heads, job % heads, scratch);
}

static void gather_worker(void *context, int32_t index) {
    const attention_loop *loop = context;
    const int64_t heads = loop->task->key_heads;
    loop->kernels->train_attend_gather(loop->task, index / heads, index % heads);
}

static wf_status run(const wf_train_attention *task, bool is_backward, wf_pool *pool) {
    const int64_t D = task->dimensions;
    if (task->batch < 1 || task->time < 1 || D < 16 || D % 16 || task->key_heads < 1 || task->heads % task->key_heads
        || !(task->scale > 0))
        return WF_INVALID_SHAPE;
    for (int64_t place = 0; task->starts && place < task->batch * task->time; place++)
        if (task->starts[place] < 0 || task->starts[place] > place % task->time) return WF_POSITION_OUT_OF_RANGE;
    const int64_t padded = (task->time + WF_ATTENTION_BLOCK - 1) / WF_ATTENTION_BLOCK * WF_ATTENTION_BLOCK;
    const int64_t jobs = task->batch * task->heads, available = wf_pool_threads(pool);
    const int32_t workers = (int32_t)(jobs < available ? jobs : available);
    attention_loop loop = {
        .kernels = wf_kernels_current(),
        .task = task,
        .is_backward = is_backward,
        // In numbers of four bytes: scores and products, then the packed pairs.
        .scratch_count = (size_t)(is_backward ? WF_ATTENTION_BLOCK * (padded * 7 / 2 + 3 * D) + padded * D * 4
                                              : WF_ATTENTION_BLOCK * (padded * 3 / 2 + D * 3 / 2) + padded * D * 3 / 2),
        .heads = jobs,
    };
    loop.scratch = wf_memory_allocate((size_t)workers * loop.scratch_count * sizeof(float));
    if (!loop.scratch) return WF_OUT_OF_MEMORY;
    wf_pool_run(pool, workers, attention_worker, &loop);
    wf_memory_free(loop.scratch);
    if (is_backward) wf_pool_run(pool, (int32_t)(task->batch * task->key_heads), gather_worker, &loop);
    return WF_OK;
}

wf_status wf_train_attend(const wf_train_attention *task, wf_pool *pool) { return run(task, false, pool); }
wf_status wf_train_attend_backward(const wf_train_attention *task, wf_pool *pool) { return run(task, true, pool); }
