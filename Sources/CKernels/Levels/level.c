#include "../internal.h"

/// The level forced on this thread; -1 for the highest.
static _Thread_local int forced = -1;

wf_level wf_kernels_available(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni");
    if (avx512 && __builtin_cpu_supports("avx512bf16")) return WF_LEVEL_AVX512_BF16;
    return avx512 ? WF_LEVEL_AVX512 : avx2 ? WF_LEVEL_AVX2 : WF_LEVEL_PLAIN;
#else
    return WF_LEVEL_PLAIN;
#endif
}

wf_level wf_kernels_force(wf_level level) {
    const wf_level available = wf_kernels_available();
    forced = level < available ? (int)level : (int)available;
    return (wf_level)forced;
}

wf_level wf_kernels_level(void) { return forced >= 0 ? (wf_level)forced : wf_kernels_available(); }

const wf_kernels *wf_kernels_current(void) {
#if defined(__x86_64__)
    switch (wf_kernels_level()) {
        case WF_LEVEL_AVX512_BF16: return &wf_kernels_avx512bf16;
        case WF_LEVEL_AVX512: return &wf_kernels_avx512;
        case WF_LEVEL_AVX2: return &wf_kernels_avx2;
        case WF_LEVEL_PLAIN: break;
    }
#endif
    return &wf_kernels_plain;
}

const char *wf_status_text(wf_status status) {
    switch (status) {
        case WF_OK: return "no error";
        case WF_OUT_OF_MEMORY: return "not enough memory";
        case WF_INVALID_SHAPE: return "shapes that do not fit together";
        case WF_TOKEN_OUT_OF_RANGE: return "a token is outside the vocabulary";
        case WF_POSITION_OUT_OF_RANGE: return "a position is outside its cache";
        case WF_TOO_MANY_ROWS: return "more rows than the decoder was made for, or fewer than one";
    }
    return "an unknown error";
}
