// Tensors from and to memory, gradients, generators.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sub.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <cstring>
#include <mutex>

#include "internal.h"

using namespace wallfacer;

namespace {

/// A derivative written outside of C++.
struct ForeignDerivative : torch::autograd::Node {
    wf_backward_function function;
    void (*release)(void *);
    void *context;
    int64_t inputs;

    ForeignDerivative(wf_backward_function function, void (*release)(void *), void *context, int64_t inputs)
        : function(function), release(release), context(context), inputs(inputs) {}
    ~ForeignDerivative() override { release_variables(); }

    torch::autograd::variable_list apply(torch::autograd::variable_list &&gradients) override {
        TORCH_CHECK(context, "the graph was already used: keep it with keepGraph");
        TORCH_CHECK(!at::GradMode::is_enabled(), "a derivative written outside of LibTorch has no second derivative");
        torch::autograd::variable_list results(inputs);
        if (!gradients[0].defined()) return results;
        std::vector<wf_tensor> written(inputs, nullptr);
        const bool done = function(context, reinterpret_cast<wf_tensor>(gradients[0].unsafeGetTensorImpl()),
                                   written.data(), inputs);
        for (int64_t i = 0; i < inputs; ++i) {
            if (written[i])
                results[i] = at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(
                    implementation(written[i])));
        }
        TORCH_CHECK(done, "a derivative failed");
        return results;
    }

    void release_variables() override {
        if (context) release(context);
        context = nullptr;
    }

    std::string name() const override { return "ForeignDerivative"; }
};

}  // namespace

extern "C" {

wf_tensor wf_tensor_copying(const void *bytes, const int64_t *shape, int64_t rank, int32_t dtype) {
    return guarded<wf_tensor>(nullptr, [&] {
        at::Tensor tensor =
            at::empty(at::IntArrayRef(shape, rank), at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)));
        if (tensor.nbytes()) std::memcpy(tensor.mutable_data_ptr(), bytes, tensor.nbytes());
        return give(std::move(tensor));
    });
}

wf_tensor wf_tensor_retain(wf_tensor tensor) { return give(borrow(tensor)); }

void wf_tensor_release(wf_tensor tensor) {
    c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(implementation(tensor));
}

int64_t wf_tensor_rank(wf_tensor tensor) { return implementation(tensor)->dim(); }
int64_t wf_tensor_size(wf_tensor tensor, int64_t dimension) { return implementation(tensor)->sizes()[dimension]; }
int64_t wf_tensor_count(wf_tensor tensor) { return implementation(tensor)->numel(); }
int32_t wf_tensor_dtype(wf_tensor tensor) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(implementation(tensor)->dtype()));
}
int32_t wf_tensor_device_type(wf_tensor tensor) { return static_cast<int32_t>(implementation(tensor)->device().type()); }
int32_t wf_tensor_device_index(wf_tensor tensor) {
    return implementation(tensor)->device().has_index() ? implementation(tensor)->device().index() : 0;
}
bool wf_tensor_is_contiguous(wf_tensor tensor) { return implementation(tensor)->is_contiguous(); }
void *wf_tensor_data(wf_tensor tensor) {
    return implementation(tensor)->device().is_cpu() ? implementation(tensor)->mutable_data() : nullptr;
}

int64_t wf_tensor_version(wf_tensor tensor) { return implementation(tensor)->version_counter().current_version(); }

bool wf_tensor_item(wf_tensor tensor, double *value) {
    return guarded(false, [&] {
        *value = borrow(tensor).item().toDouble();
        return true;
    });
}

bool wf_tensor_requires_gradient(wf_tensor tensor) { return borrow(tensor).requires_grad(); }

bool wf_tensor_set_requires_gradient(wf_tensor tensor, bool value) {
    return guarded(false, [&] {
        borrow(tensor).requires_grad_(value);
        return true;
    });
}

wf_tensor wf_tensor_gradient(wf_tensor tensor) {
    const at::Tensor owner = borrow(tensor);
    const at::Tensor &gradient = owner.grad();
    return gradient.defined() ? give(gradient) : nullptr;
}

bool wf_tensor_set_gradient(wf_tensor tensor, wf_tensor gradient) {
    return guarded(false, [&] {
        borrow(tensor).mutable_grad() = gradient ? borrow(gradient) : at::Tensor();
        return true;
    });
}

wf_tensor wf_tensor_arithmetic(int32_t kind, wf_tensor left, wf_tensor right) {
    return guarded<wf_tensor>(nullptr, [&] {
        const at::Tensor a = borrow(left), b = borrow(right);
        auto compute = [&] {
            switch (kind) {
                case WF_ADD: return at::add(a, b);
                case WF_SUBTRACT: return at::sub(a, b);
                case WF_MULTIPLY: return at::mul(a, b);
                default: return at::div(a, b);
            }
        };
        if (at::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad())) return give(compute());
        at::AutoDispatchBelowADInplaceOrView below;
        return give(compute());
    });
}

wf_tensor wf_tensor_detached(wf_tensor tensor) {
    return guarded<wf_tensor>(nullptr, [&] { return give(borrow(tensor).detach()); });
}

bool wf_backward(wf_tensor output, wf_tensor gradient, bool keep_graph) {
    return guarded(false, [&] {
        torch::autograd::backward({borrow(output)}, {gradient ? borrow(gradient) : at::Tensor()}, keep_graph);
        return true;
    });
}

bool wf_gradients(wf_tensor output, wf_tensor gradient, const wf_tensor *inputs, int64_t count, bool keep_graph,
                  bool create_graph, wf_tensor *results) {
    return guarded(false, [&] {
        torch::autograd::variable_list variables;
        for (int64_t i = 0; i < count; ++i) variables.push_back(borrow(inputs[i]));
        auto gradients = torch::autograd::grad({borrow(output)}, variables, {gradient ? borrow(gradient) : at::Tensor()},
                                               keep_graph, create_graph, /*allow_unused=*/true);
        for (int64_t i = 0; i < count; ++i) results[i] = gradients[i].defined() ? give(gradients[i]) : nullptr;
        return true;
    });
}

bool wf_custom_gradient(wf_tensor output, const wf_tensor *inputs, int64_t count, wf_backward_function function,
                        void (*release)(void *), void *context) {
    auto node = c10::make_intrusive<ForeignDerivative>(function, release, context, count);
    return guarded(false, [&] {
        torch::autograd::variable_list variables;
        for (int64_t i = 0; i < count; ++i) variables.push_back(borrow(inputs[i]));
        if (!torch::autograd::compute_requires_grad(variables)) return true;
        node->set_next_edges(torch::autograd::collect_next_edges(variables));
        at::Tensor variable = borrow(output);
        torch::autograd::set_history(variable, node);
        return true;
    });
}

bool wf_gradient_mode(void) { return at::GradMode::is_enabled(); }
void wf_set_gradient_mode(bool enabled) { at::GradMode::set_enabled(enabled); }

wf_generator wf_generator_create(uint64_t seed) {
    return reinterpret_cast<wf_generator>(new at::Generator(at::detail::createCPUGenerator(seed)));
}

void wf_generator_release(wf_generator generator) { delete reinterpret_cast<at::Generator *>(generator); }

uint64_t wf_generator_next(wf_generator generator) {
    at::CPUGeneratorImpl *numbers = reinterpret_cast<at::Generator *>(generator)->get<at::CPUGeneratorImpl>();
    std::lock_guard<std::mutex> lock(numbers->mutex_);
    return numbers->random64();
}

wf_tensor wf_generator_state(wf_generator generator) {
    return guarded<wf_tensor>(nullptr,
                              [&] { return give(reinterpret_cast<at::Generator *>(generator)->get_state()); });
}

bool wf_generator_set_state(wf_generator generator, wf_tensor state) {
    return guarded(false, [&] {
        reinterpret_cast<at::Generator *>(generator)->set_state(borrow(state));
        return true;
    });
}

}  // extern "C"
