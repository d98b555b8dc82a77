// Threads for loops of a few microseconds. The caller publishes a loop by storing the number of tasks in `remaining`;
// whoever lowers that number owns a task. A thread reads the loop's description only after it owns a task, and the
// caller changes it only when every task is done, so a thread that comes late finds nothing to do and delays nobody.

#define _GNU_SOURCE  // clock_gettime

#include "internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// How long a thread without work spins before it sleeps.
static const int64_t spinNanoseconds = 50000;

struct wf_pool {
    int32_t threads;
    pthread_t *members;  // [threads - 1]
    int32_t started;

    void (*body)(void *context, int32_t index);
    void *context;
    int32_t count;

    _Alignas(64) _Atomic(int32_t) remaining;  // tasks nobody has taken yet
    _Alignas(64) _Atomic(int32_t) unfinished;  // tasks not yet done
    _Alignas(64) atomic_bool busy;
    _Atomic(int32_t) sleepers;
    atomic_bool caller_sleeps;
    atomic_bool stopping;

    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t done;
};

static void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Spins until `*value` differs from zero (`wanted` true) or is zero (false); false if that took too long.
static bool spin(_Atomic(int32_t) *value, bool wanted, const atomic_bool *stopping) {
    int64_t limit = 0;
    while (true) {
        for (int round = 0; round < 64; round++) {
            if ((atomic_load_explicit(value, memory_order_acquire) != 0) == wanted) return true;
            relax();
        }
        if (stopping && atomic_load_explicit(stopping, memory_order_relaxed)) return false;
        const int64_t now = nanoseconds();
        if (limit == 0) limit = now + spinNanoseconds;
        if (now > limit) return false;
    }
}

/// Takes and runs tasks until none is left.
static void work(wf_pool *pool) {
    int32_t left = atomic_load_explicit(&pool->remaining, memory_order_acquire);
    while (left > 0) {
        if (!atomic_compare_exchange_weak_explicit(&pool->remaining, &left, left - 1, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        pool->body(pool->context, pool->count - left);
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
        left = atomic_load_explicit(&pool->remaining, memory_order_acquire);
    }
}

static void *member(void *argument) {
    wf_pool *pool = argument;
    while (!atomic_load(&pool->stopping)) {
        if (!spin(&pool->remaining, true, &pool->stopping)) {
            pthread_mutex_lock(&pool->lock);
            atomic_fetch_add(&pool->sleepers, 1);
            while (atomic_load(&pool->remaining) == 0 && !atomic_load(&pool->stopping))
                pthread_cond_wait(&pool->work, &pool->lock);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->lock);
        }
        work(pool);
    }
    return NULL;
}

wf_pool *wf_pool_create(int32_t threads) {
    if (threads < 1) threads = 1;
    // The counters are aligned to cache lines, and so must be the whole.
    wf_pool *pool = aligned_alloc(64, (sizeof(wf_pool) + 63) / 64 * 64);
    if (!pool) return NULL;
    *pool = (wf_pool){.threads = threads};
    pool->members = calloc((size_t)threads, sizeof(pthread_t));
    if (!pool->members) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int32_t index = 0; index < threads - 1; index++) {
        if (pthread_create(&pool->members[index], NULL, member, pool) != 0) {
            wf_pool_destroy(pool);
            return NULL;
        }
        pool->started = index + 1;
    }
    return pool;
}

void wf_pool_destroy(wf_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t index = 0; index < pool->started; index++) pthread_join(pool->members[index], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->members);
    free(pool);
}

int32_t wf_pool_threads(const wf_pool *pool) { return pool ? pool->threads : 1; }

void wf_pool_run(wf_pool *pool, int32_t count, void (*body)(void *context, int32_t index), void *context) {
    if (count <= 0) return;
    if (!pool || pool->threads == 1 || count == 1 || atomic_exchange(&pool->busy, true)) {
        for (int32_t index = 0; index < count; index++) body(context, index);
        return;
    }
    pool->body = body;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->unfinished, count);
    atomic_store(&pool->remaining, count);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->lock);
    }
    work(pool);
    if (!spin(&pool->unfinished, false, NULL)) {
        pthread_mutex_lock(&pool->lock);
        atomic_store(&pool->caller_sleeps, true);
        while (atomic_load(&pool->unfinished) > 0) pthread_cond_wait(&pool->done, &pool->lock);
        atomic_store(&pool->caller_sleeps, false);
        pthread_mutex_unlock(&pool->lock);
    }
    atomic_store(&pool->busy, false);
}
