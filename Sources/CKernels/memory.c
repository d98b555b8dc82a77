// Memory for weights. Products of small matrices are slowed down by page look-ups and by prefetching that runs off the
// end of one matrix into nothing, so matrices lie one after another, in the order they were made, on huge pages.

#define _GNU_SOURCE  // madvise

#include "internal.h"

#include <pthread.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

static const size_t hugePage = 2 << 20;

void *wf_memory_allocate(size_t bytes) {
    const size_t alignment = bytes >= hugePage ? hugePage : 64;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
    if (memory && bytes >= hugePage) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void wf_memory_free(void *memory) { free(memory); }

/// Memory that several matrices share; freed with the last of them.
struct wf_slab {
    uint8_t *memory;
    size_t used;
    size_t capacity;
    size_t users;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/// The slab with room for the next matrix, as long as it has users.
static wf_slab *current;

static wf_slab *make_slab(size_t capacity) {
    wf_slab *slab = malloc(sizeof(wf_slab));
    if (!slab) return NULL;
    *slab = (wf_slab){wf_memory_allocate(capacity), 0, capacity, 0};
    if (slab->memory) return slab;
    free(slab);
    return NULL;
}

uint8_t *wf_slab_allocate(size_t bytes, wf_slab **owner) {
    const size_t slabSize = 4 * hugePage;
    const size_t needed = (bytes + 63) / 64 * 64;
    uint8_t *memory = NULL;
    pthread_mutex_lock(&lock);
    wf_slab *slab = current;
    if (!slab || slab->capacity - slab->used < needed) {
        slab = make_slab(needed > slabSize / 4 ? (needed + hugePage - 1) / hugePage * hugePage : slabSize);
        if (slab && slab->capacity - needed > (current ? current->capacity - current->used : 0)) current = slab;
    }
    if (slab) {
        memory = slab->memory + slab->used;
        slab->used += needed;
        slab->users++;
        *owner = slab;
    }
    pthread_mutex_unlock(&lock);
    return memory;
}

void wf_slab_release(wf_slab *owner) {
    if (!owner) return;
    pthread_mutex_lock(&lock);
    const bool last = --owner->users == 0;
    if (last && owner == current) current = NULL;
    pthread_mutex_unlock(&lock);
    if (!last) return;
    wf_memory_free(owner->memory);
    free(owner);
}
