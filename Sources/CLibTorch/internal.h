// What the files of the bridge share.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>

#include "include/CLibTorch.h"

namespace wallfacer {

inline c10::TensorImpl *implementation(wf_tensor tensor) { return reinterpret_cast<c10::TensorImpl *>(tensor); }

/// A tensor sharing the caller's reference.
inline at::Tensor borrow(wf_tensor tensor) {
    return at::Tensor(
        c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(implementation(tensor)));
}

/// Gives the caller the reference.
inline wf_tensor give(at::Tensor tensor) { return reinterpret_cast<wf_tensor>(tensor.unsafeReleaseTensorImpl()); }

void set_error(const std::string &message);

/// Has LibTorch take the memory of its tensors from memory.cpp.
void use_tensor_memory();

/// Runs `body`; an exception becomes the thread's error message and `failure`.
template <typename Result, typename Body>
Result guarded(Result failure, Body &&body) {
    try {
        return body();
    } catch (const c10::Error &error) {
        set_error(error.what_without_backtrace());
    } catch (const std::exception &error) {
        set_error(error.what());
    } catch (...) {
        set_error("unknown C++ exception");
    }
    return failure;
}

}  // namespace wallfacer
