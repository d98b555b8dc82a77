// The bridge to LibTorch: operators by handle, gradients, generators, threads. C on the outside, C++ inside.
//
// A tensor is an owned reference to LibTorch's TensorImpl. Functions that return a `wf_tensor` give the caller one
// reference, to be given back with `wf_tensor_release`. Functions that can fail return false (or null) and leave a
// message for `wf_error_message` on the calling thread.
#ifndef WALLFACER_CLIBTORCH_H
#define WALLFACER_CLIBTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wf_tensor_s *wf_tensor;
typedef struct wf_operator_s *wf_operator;
typedef struct wf_generator_s *wf_generator;

enum {
    WF_OMITTED = 0,    // take the schema's default
    WF_ABSENT = 1,     // None
    WF_TENSOR = 2,     // pointer: wf_tensor
    WF_INTEGER = 3,    // integer
    WF_REAL = 4,       // real
    WF_BOOLEAN = 5,    // integer
    WF_INTEGERS = 6,   // pointer: int64_t[count]
    WF_REALS = 7,      // pointer: double[count]
    WF_TENSORS = 8,    // pointer: wf_tensor[count], null for None
    WF_STRING = 9,     // pointer: UTF-8, count bytes
    WF_DEVICE = 10,    // integer: type, count: index
    WF_GENERATOR = 11, // pointer: wf_generator
    WF_BOOLEANS = 12,  // pointer: int64_t[count]
};

/// One argument of an operator.
typedef struct wf_value {
    int32_t kind;
    int32_t reserved;
    int64_t count;
    union {
        int64_t integer;
        double real;
        const void *pointer;
    };
} wf_value;

/// The message of the last failure on this thread.
const char *wf_error_message(void);

// MARK: Operators

/// Looks an operator up by name (`aten::add`) and overload (`Tensor`, or empty); null with a message if there is none.
wf_operator wf_operator_find(const char *name, const char *overload);
const char *wf_operator_schema(wf_operator);
/// Calls an operator. Missing trailing arguments and omitted ones take the schema's defaults; counts and kinds are
/// checked. `results` receives up to `capacity` tensors (a list of tensors is spread); `count` says how many there are.
bool wf_operator_call(wf_operator, const wf_value *arguments, int64_t argument_count, wf_tensor *results,
                      int64_t capacity, int64_t *count);

// MARK: Tensors

/// `device_type`: 0 cpu, 1 cuda, 13 mps. Copies `bytes`, which hold a contiguous array of `dtype`.
wf_tensor wf_tensor_copying(const void *bytes, const int64_t *shape, int64_t rank, int32_t dtype);
wf_tensor wf_tensor_retain(wf_tensor);
void wf_tensor_release(wf_tensor);
int64_t wf_tensor_rank(wf_tensor);
int64_t wf_tensor_size(wf_tensor, int64_t dimension);
int64_t wf_tensor_stride(wf_tensor, int64_t dimension);
int64_t wf_tensor_count(wf_tensor);
int32_t wf_tensor_dtype(wf_tensor);
int32_t wf_tensor_device_type(wf_tensor);
int32_t wf_tensor_device_index(wf_tensor);
bool wf_tensor_is_contiguous(wf_tensor);
/// Address of the first element of a tensor on the CPU; null elsewhere.
void *wf_tensor_data(wf_tensor);
/// Counts in-place writes to the tensor's memory.
int64_t wf_tensor_version(wf_tensor);
/// Counts a write that no operator has made.
void wf_tensor_mark_written(wf_tensor);
/// The value of a tensor with one element.
bool wf_tensor_item(wf_tensor, double *value);

// MARK: Gradients

bool wf_tensor_requires_gradient(wf_tensor);
bool wf_tensor_set_requires_gradient(wf_tensor, bool);
/// The accumulated gradient of a leaf; null if there is none.
wf_tensor wf_tensor_gradient(wf_tensor);
bool wf_tensor_set_gradient(wf_tensor, wf_tensor gradient);
wf_tensor wf_tensor_detached(wf_tensor);

enum { WF_ADD, WF_SUBTRACT, WF_MULTIPLY, WF_DIVIDE };

/// The four operators that small computations consist of, without the detour of `wf_operator_call`: a tenth of their
/// time. Null with a message on an error.
wf_tensor wf_tensor_arithmetic(int32_t kind, wf_tensor left, wf_tensor right);
bool wf_backward(wf_tensor output, wf_tensor gradient, bool keep_graph);
/// Gradients of `output` with respect to `inputs`; null where an input does not take part.
bool wf_gradients(wf_tensor output, wf_tensor gradient, const wf_tensor *inputs, int64_t count, bool keep_graph,
                  bool create_graph, wf_tensor *results);
/// Receives the gradient of the output and writes one gradient (or null) per input, each an owned reference.
/// Returns false with a message in `wf_set_error` on failure.
typedef bool (*wf_backward_function)(void *context, wf_tensor output_gradient, wf_tensor *input_gradients,
                                     int64_t count);
/// Gives `output`, computed without gradients, the inputs as its history and `function` as its derivative. `release`
/// is called once, when the graph lets go of it.
bool wf_custom_gradient(wf_tensor output, const wf_tensor *inputs, int64_t count, wf_backward_function function,
                        void (*release)(void *), void *context);
bool wf_gradient_mode(void);
void wf_set_gradient_mode(bool);

// MARK: Random numbers

wf_generator wf_generator_create(uint64_t seed);
void wf_generator_release(wf_generator);
// The next 64 bits; the state moves on.
uint64_t wf_generator_next(wf_generator);
wf_tensor wf_generator_state(wf_generator);
bool wf_generator_set_state(wf_generator, wf_tensor state);

// MARK: The process

int32_t wf_thread_count(void);
void wf_set_thread_count(int32_t);
bool wf_device_is_available(int32_t device_type, int32_t index);
/// Loads the CUDA half of LibTorch where it is installed; false if it is not.
bool wf_load_cuda(const char *library);
const char *wf_libtorch_version(void);
/// True when the CPU multiplies bf16 matrices in hardware.
bool wf_has_fast_bfloat16(void);

#ifdef __cplusplus
}
#endif

#endif
