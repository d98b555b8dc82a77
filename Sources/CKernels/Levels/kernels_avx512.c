#if defined(__x86_64__)

#define WF_AVX512_TARGET "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
#define WF_AVX512_TABLE wf_kernels_avx512
#include "avx512.h"

#endif
