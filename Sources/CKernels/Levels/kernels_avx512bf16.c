// AVX-512 with BF16: products of two pairs of bf16 numbers and their sum in one instruction.

#if defined(__x86_64__)

#define WF_MULTIPLIES_BF16
#define WF_AVX512_TARGET "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"
#define WF_AVX512_TABLE wf_kernels_avx512bf16
#include "avx512.h"

#endif
