// The process around LibTorch: heap, threads, devices.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#if defined(__linux__)
#include <dlfcn.h>
#include <malloc.h>
#endif

#include <cstdlib>

#include "internal.h"

namespace {

// The process keeps its heap: tensors have their own memory (memory.cpp), but the scratch memory of products and what
// Swift allocates come from the C library. One arena, because glibc's other arenas cannot hold blocks over 64 MB.
// LibTorch asks for huge pages itself when THP_MEM_ALLOC_ENABLE is set.
__attribute__((constructor)) void keep_heap() {
#if defined(__linux__)
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
    mallopt(M_ARENA_MAX, 1);
    setenv("THP_MEM_ALLOC_ENABLE", "1", 0);
#endif
    wallfacer::use_tensor_memory();
}

}  // namespace

extern "C" {

int32_t wf_thread_count(void) { return at::get_num_threads(); }
void wf_set_thread_count(int32_t count) { at::set_num_threads(count); }

bool wf_device_is_available(int32_t device_type, int32_t index) {
    return wallfacer::guarded(false, [&] {
        switch (static_cast<c10::DeviceType>(device_type)) {
            case c10::DeviceType::CPU: return index == 0;
            case c10::DeviceType::CUDA: return at::hasCUDA() && index < at::getNumGPUs();
            case c10::DeviceType::MPS: return at::hasMPS() && index == 0;
            default: return false;
        }
    });
}

bool wf_load_cuda(const char *library) {
#if defined(__linux__)
    if (dlopen(library, RTLD_NOW | RTLD_GLOBAL)) return true;
    wallfacer::set_error(dlerror());
#endif
    return false;
}

const char *wf_libtorch_version(void) { return TORCH_VERSION; }

bool wf_has_fast_bfloat16(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

}  // extern "C"
