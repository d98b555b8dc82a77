// Passes over all numbers of lists of arrays at once: one loop for all of them, however small some are. Tasks have fixed
// sizes, so results do not depend on the number of threads.

#include "../internal.h"

#include <stdlib.h>

enum { numbersPerTask = 65536 };

typedef struct list_loop {
    const wf_kernels *kernels;
    const wf_parameter *parts;
    /// `[count + 1]`: the first task of each array.
    int32_t *firsts;
    int64_t count;
    double *sums;
    const wf_adamw_step *step;
} list_loop;

/// The numbers of a task: where they begin in their array, and how many they are.
static const wf_parameter *part_of(const list_loop *loop, int32_t task, int64_t *begin, int64_t *length) {
    int64_t low = 0, high = loop->count;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (loop->firsts[middle] <= task) low = middle;
        else high = middle;
    }
    const wf_parameter *part = loop->parts + low;
    *begin = (int64_t)(task - loop->firsts[low]) * numbersPerTask;
    *length = part->count - *begin < numbersPerTask ? part->count - *begin : numbersPerTask;
    return part;
}

static void square_task(void *context, int32_t index) {
    const list_loop *loop = context;
    int64_t begin, length;
    const wf_parameter *part = part_of(loop, index, &begin, &length);
    loop->sums[index] = loop->kernels->square_sum(part->gradient + begin, length);
}

static void step_task(void *context, int32_t index) {
    const list_loop *loop = context;
    int64_t begin, length;
    const wf_parameter *part = part_of(loop, index, &begin, &length);
    loop->kernels->adamw(part, begin, length, loop->step);
}

/// Arrays without numbers have no task.
static int32_t plan(list_loop *loop) {
    loop->firsts = malloc((size_t)(loop->count + 1) * sizeof *loop->firsts);
    if (!loop->firsts) return -1;
    int32_t tasks = 0;
    for (int64_t index = 0; index < loop->count; index++) {
        loop->firsts[index] = tasks;
        tasks += (int32_t)((loop->parts[index].count + numbersPerTask - 1) / numbersPerTask);
    }
    loop->firsts[loop->count] = tasks;
    return tasks;
}

wf_status wf_square_sum(const wf_parameter *parts, int64_t count, double *sum, wf_pool *pool) {
    list_loop loop = {.kernels = wf_kernels_current(), .parts = parts, .count = count};
    const int32_t tasks = plan(&loop);
    if (tasks > 0) loop.sums = malloc((size_t)tasks * sizeof *loop.sums);
    if (tasks < 0 || (tasks > 0 && !loop.sums)) {
        free(loop.firsts);
        return WF_OUT_OF_MEMORY;
    }
    wf_pool_run(pool, tasks, square_task, &loop);
    *sum = 0;
    for (int32_t task = 0; task < tasks; task++) *sum += loop.sums[task];
    free(loop.sums);
    free(loop.firsts);
    return WF_OK;
}

wf_status wf_adamw(const wf_parameter *parts, int64_t count, const wf_adamw_step *step, wf_pool *pool) {
    list_loop loop = {.kernels = wf_kernels_current(), .parts = parts, .count = count, .step = step};
    const int32_t tasks = plan(&loop);
    if (tasks < 0) return WF_OUT_OF_MEMORY;
    wf_pool_run(pool, tasks, step_task, &loop);
    free(loop.firsts);
    return WF_OK;
}
