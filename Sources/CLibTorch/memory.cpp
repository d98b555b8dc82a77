// Memory for tensors. A training step frees and takes back the same large blocks. The C library's heap walks long lists
// for each of them, and giving them to the kernel in between costs a page fault on every large activation. Here large
// blocks are cut from segments on huge pages: best fit, neighbours joined when freed, all in logarithmic time. Small
// ones come from the C library. Segments are kept, but unused ones are given back before a very large one is made.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <set>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "internal.h"

#if defined(__linux__)

namespace {

constexpr size_t alignment = 64;                // also the room for a header
constexpr size_t smallest_large = 256 << 10;    // bytes from which a block is cut from a segment
constexpr size_t grain = 4096;                  // sizes of blocks are multiples
constexpr size_t page = 2 << 20;
constexpr size_t segment_size = 64 << 20;

struct Block {
    char *start;
    size_t size;
    Block *before, *after;  // neighbours in the segment
    bool is_free;
};

/// Stands before the bytes of a tensor: the block they lie in, or what the C library gave.
struct Header {
    Block *block;
    void *memory;
};

struct BySize {
    bool operator()(const Block *left, const Block *right) const {
        return left->size != right->size ? left->size < right->size : left->start < right->start;
    }
};

class Segments {
  public:
    char *take(size_t bytes) {
        const size_t size = (bytes + grain - 1) / grain * grain;
        std::lock_guard guard(lock);
        // Blocks as large as a segment have one of their own, which is never cut: what outlives them would pin it.
        Block *block = size >= segment_size ? take_whole(size) : take_part(size);
        block->is_free = false;
        *reinterpret_cast<Header *>(block->start) = {block, nullptr};
        return block->start;
    }

    void give_back(Block *block) {
        std::lock_guard guard(lock);
        if (block->before && block->before->is_free) {
            Block *before = block->before;
            free_blocks.erase(before);
            join(before, block);
            block = before;
        }
        if (block->after && block->after->is_free) {
            free_blocks.erase(block->after);
            join(block, block->after);
        }
        block->is_free = true;
        (block->size > segment_size ? whole_segments : free_blocks).insert(block);
    }

  private:
    using Blocks = std::set<Block *, BySize>;
    std::mutex lock;
    Blocks free_blocks;     // in segments that are cut
    Blocks whole_segments;  // free ones that are not

    Block *take_part(size_t size) {
        Block *block = best_fit(free_blocks, size, SIZE_MAX);
        if (!block) block = new_segment(segment_size);
        if (block->size >= size + smallest_large) {
            auto *rest = new Block{block->start + size, block->size - size, block, block->after, true};
            if (rest->after) rest->after->before = rest;
            block->after = rest;
            block->size = size;
            free_blocks.insert(rest);
        }
        return block;
    }

    Block *take_whole(size_t size) {
        if (Block *block = best_fit(whole_segments, size, size + size / 4)) return block;
        // Sizes that grow with every call would otherwise leave all the smaller ones behind.
        release_free_segments();
        return new_segment((size / page + 1) * page);
    }

    static Block *best_fit(Blocks &blocks, size_t size, size_t largest) {
        Block wanted{nullptr, size, nullptr, nullptr, true};
        auto found = blocks.lower_bound(&wanted);
        if (found == blocks.end() || (*found)->size > largest) return nullptr;
        Block *block = *found;
        blocks.erase(found);
        return block;
    }

    /// Adds the second of two neighbours to the first.
    static void join(Block *first, Block *second) {
        first->size += second->size;
        first->after = second->after;
        if (first->after) first->after->before = first;
        delete second;
    }

    Block *new_segment(size_t size) {
        void *memory = map(size);
        if (memory == MAP_FAILED) {
            release_free_segments();
            memory = map(size);
        }
        TORCH_CHECK(memory != MAP_FAILED, "not enough memory for ", size, " bytes");
        return new Block{static_cast<char *>(memory), size, nullptr, nullptr, false};
    }

    /// Memory that starts at a huge page.
    static void *map(size_t size) {
        void *memory = mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return memory;
        char *start = static_cast<char *>(memory);
        char *aligned = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(start) + page - 1) / page * page);
        if (aligned > start) munmap(start, aligned - start);
        if (aligned < start + page) munmap(aligned + size, start + page - aligned);
        madvise(aligned, size, MADV_HUGEPAGE);
        return aligned;
    }

    void release_free_segments() {
        for (Blocks *blocks : {&free_blocks, &whole_segments})
            for (auto place = blocks->begin(); place != blocks->end();) {
                Block *block = *place;
                if (block->before || block->after) {
                    ++place;
                    continue;
                }
                place = blocks->erase(place);
                munmap(block->start, block->size);
                delete block;
            }
    }
};

/// Lives as long as the process: tensors may be freed after everything else.
Segments &segments() {
    static auto *shared = new Segments;
    return *shared;
}

struct TensorMemory final : c10::Allocator {
    static Header *header(void *data) { return reinterpret_cast<Header *>(static_cast<char *>(data) - alignment); }

    c10::DataPtr allocate(size_t bytes) override {
        if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::DeviceType::CPU)};
        char *data;
        if (bytes + alignment >= smallest_large) {
            data = segments().take(bytes + alignment) + alignment;
        } else {
            // Aligned by hand: the C library is several times slower at it.
            void *memory = std::malloc(bytes + 2 * alignment);
            TORCH_CHECK(memory, "not enough memory for ", bytes, " bytes");
            const auto address = reinterpret_cast<uintptr_t>(memory) + 2 * alignment - 1;
            data = reinterpret_cast<char *>(address / alignment * alignment);
            *header(data) = {nullptr, memory};
        }
        return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *target, const void *source, size_t count) const override {
        default_copy_data(target, source, count);
    }

    static void release(void *data) {
        if (!data) return;
        const Header *found = header(data);
        if (found->block) segments().give_back(found->block);
        else std::free(found->memory);
    }
};

}  // namespace

void wallfacer::use_tensor_memory() {
    static auto *memory = new TensorMemory;  // never destroyed
    c10::SetCPUAllocator(memory, 1);
}

#else

void wallfacer::use_tensor_memory() {}

#endif
