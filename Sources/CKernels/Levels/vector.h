// Sixteen numbers at a time in the compiler's vector extension: one source that becomes AVX-512, AVX2, SSE2 or NEON,
// depending on the target attributes in force where it is included.

#ifndef WF_VECTOR_H
#define WF_VECTOR_H

#include <stdint.h>
#include <string.h>

#define WF_INLINE static inline __attribute__((always_inline))

typedef float wf_float16 __attribute__((ext_vector_type(16)));
typedef int32_t wf_int16 __attribute__((ext_vector_type(16)));
typedef uint32_t wf_uint16 __attribute__((ext_vector_type(16)));
typedef uint64_t wf_ulong8 __attribute__((ext_vector_type(8)));
typedef uint16_t wf_half16 __attribute__((ext_vector_type(16)));
typedef int8_t wf_byte16 __attribute__((ext_vector_type(16)));

/// Functions with vectors in their signatures are always inlined, so the calling convention that this warning is about
/// is never used.
#pragma clang diagnostic ignored "-Wpsabi"

#endif
