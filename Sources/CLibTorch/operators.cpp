// Operators by cached handle, called boxed with a checked argument list.
#include <ATen/core/Generator.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>

#include "internal.h"

using namespace wallfacer;

namespace {

struct Parameter {
    c10::TypeKind kind;      // of the value, or of the list's elements
    bool is_list;
    bool is_optional;          // the value itself may be None
    bool has_optional_elements;
    std::optional<c10::IValue> fallback;
    std::string name;
};

struct Operator {
    c10::OperatorHandle handle;
    std::vector<Parameter> parameters;
    std::string text;
    bool is_pure;  // returns fresh tensors and writes none of its arguments
};

Parameter describe(const c10::Argument &argument) {
    Parameter parameter{};
    c10::TypePtr type = argument.type();
    if (auto optional = type->cast<c10::OptionalType>()) {
        parameter.is_optional = true;
        type = optional->getElementType();
    }
    if (auto list = type->cast<c10::ListType>()) {
        parameter.is_list = true;
        type = list->getElementType();
        if (auto optional = type->cast<c10::OptionalType>()) {
            parameter.has_optional_elements = true;
            type = optional->getElementType();
        }
    }
    parameter.kind = type->kind();
    parameter.fallback = argument.default_value();
    if (!parameter.fallback && parameter.is_optional) parameter.fallback = c10::IValue();
    parameter.name = argument.name();
    return parameter;
}

[[noreturn]] void refuse(const Operator &op, const Parameter &parameter, const char *given) {
    TORCH_CHECK(false, "argument '", parameter.name, "' cannot be ", given, " in ", op.text);
}

template <typename Element>
c10::List<Element> list(const wf_value &value) {
    c10::List<Element> elements;
    const auto *source = static_cast<const int64_t *>(value.pointer);
    elements.reserve(value.count);
    for (int64_t i = 0; i < value.count; ++i) elements.push_back(static_cast<Element>(source[i]));
    return elements;
}

c10::IValue integers(const Operator &op, const Parameter &parameter, const wf_value &value) {
    if (!parameter.is_list) refuse(op, parameter, "a list of integers");
    switch (parameter.kind) {
        case c10::TypeKind::IntType:
        case c10::TypeKind::SymIntType:
            return list<int64_t>(value);
        case c10::TypeKind::BoolType:
            return list<bool>(value);
        case c10::TypeKind::FloatType: {
            c10::List<double> reals;
            const auto *source = static_cast<const int64_t *>(value.pointer);
            for (int64_t i = 0; i < value.count; ++i) reals.push_back(static_cast<double>(source[i]));
            return reals;
        }
        default:
            refuse(op, parameter, "a list of integers");
    }
}

c10::IValue tensors(const Operator &op, const Parameter &parameter, const wf_value &value) {
    if (!parameter.is_list || parameter.kind != c10::TypeKind::TensorType) refuse(op, parameter, "a list of tensors");
    const auto *source = static_cast<const wf_tensor *>(value.pointer);
    if (parameter.has_optional_elements) {
        c10::List<std::optional<at::Tensor>> elements;
        elements.reserve(value.count);
        for (int64_t i = 0; i < value.count; ++i) {
            if (source[i]) elements.push_back(borrow(source[i]));
            else elements.push_back(std::nullopt);
        }
        return elements;
    }
    c10::List<at::Tensor> elements;
    elements.reserve(value.count);
    for (int64_t i = 0; i < value.count; ++i) {
        if (!source[i]) refuse(op, parameter, "a list with a missing tensor");
        elements.push_back(borrow(source[i]));
    }
    return elements;
}

c10::IValue convert(const Operator &op, const Parameter &parameter, const wf_value &value) {
    using Kind = c10::TypeKind;
    switch (value.kind) {
        case WF_OMITTED:
            if (!parameter.fallback) refuse(op, parameter, "left out");
            return *parameter.fallback;
        case WF_ABSENT:
            if (!parameter.is_optional) refuse(op, parameter, "None");
            return {};
        case WF_TENSOR:
            if (parameter.is_list || parameter.kind != Kind::TensorType) refuse(op, parameter, "a tensor");
            return borrow(static_cast<wf_tensor>(const_cast<void *>(value.pointer)));
        case WF_INTEGER:
            if (parameter.is_list) {
                // `int[1]` and `int[2]` accept one integer.
                if (parameter.kind == Kind::IntType || parameter.kind == Kind::SymIntType)
                    return c10::List<int64_t>({value.integer});
                refuse(op, parameter, "an integer");
            }
            switch (parameter.kind) {
                case Kind::IntType: case Kind::SymIntType: case Kind::NumberType:
                case Kind::ScalarTypeType: case Kind::LayoutType: case Kind::MemoryFormatType:
                    return value.integer;
                case Kind::FloatType: return static_cast<double>(value.integer);
                default: refuse(op, parameter, "an integer");
            }
        case WF_REAL:
            if (parameter.is_list || (parameter.kind != Kind::FloatType && parameter.kind != Kind::NumberType))
                refuse(op, parameter, "a real number");
            return value.real;
        case WF_BOOLEAN:
            if (parameter.is_list || (parameter.kind != Kind::BoolType && parameter.kind != Kind::NumberType))
                refuse(op, parameter, "a boolean");
            return value.integer != 0;
        case WF_INTEGERS: case WF_BOOLEANS:
            return integers(op, parameter, value);
        case WF_REALS: {
            const auto *source = static_cast<const double *>(value.pointer);
            if (parameter.is_list && parameter.kind == Kind::NumberType && parameter.has_optional_elements) {
                c10::List<std::optional<c10::Scalar>> numbers;
                for (int64_t i = 0; i < value.count; ++i) numbers.push_back(c10::Scalar(source[i]));
                return numbers;
            }
            if (!parameter.is_list || parameter.kind != Kind::FloatType) refuse(op, parameter, "a list of reals");
            c10::List<double> reals;
            for (int64_t i = 0; i < value.count; ++i) reals.push_back(source[i]);
            return reals;
        }
        case WF_TENSORS:
            return tensors(op, parameter, value);
        case WF_STRING:
            if (parameter.kind != Kind::StringType) refuse(op, parameter, "a string");
            return std::string(static_cast<const char *>(value.pointer), value.count);
        case WF_DEVICE:
            if (parameter.kind != Kind::DeviceObjType) refuse(op, parameter, "a device");
            return c10::Device(static_cast<c10::DeviceType>(value.integer), static_cast<c10::DeviceIndex>(value.count));
        case WF_GENERATOR:
            if (parameter.kind != Kind::GeneratorType) refuse(op, parameter, "a generator");
            return *static_cast<at::Generator *>(const_cast<void *>(value.pointer));
        default:
            TORCH_CHECK(false, "unknown kind of value ", value.kind);
    }
}

/// Whether a call with these arguments would be recorded for gradients.
bool records(const wf_value *arguments, int64_t count) {
    if (!at::GradMode::is_enabled()) return false;
    auto needs = [](const void *tensor) {
        return tensor && implementation(static_cast<wf_tensor>(const_cast<void *>(tensor)))->requires_grad();
    };
    for (int64_t i = 0; i < count; ++i) {
        if (arguments[i].kind == WF_TENSOR && needs(arguments[i].pointer)) return true;
        if (arguments[i].kind != WF_TENSORS) continue;
        const auto *list = static_cast<const wf_tensor *>(arguments[i].pointer);
        for (int64_t j = 0; j < arguments[i].count; ++j)
            if (needs(list[j])) return true;
    }
    return false;
}

/// The arguments of one call. Their memory is kept for the thread's next call; calls inside of calls take their own.
struct ArgumentStack {
    torch::jit::Stack values;
    ArgumentStack() : values(std::move(kept)) { values.clear(); }
    ~ArgumentStack() {
        values.clear();
        kept = std::move(values);
    }

  private:
    static thread_local torch::jit::Stack kept;
};
thread_local torch::jit::Stack ArgumentStack::kept;

thread_local std::string last_error;

}  // namespace

void wallfacer::set_error(const std::string &message) { last_error = message; }

extern "C" {

const char *wf_error_message(void) { return last_error.c_str(); }

wf_operator wf_operator_find(const char *name, const char *overload) {
    return guarded<wf_operator>(nullptr, [&]() -> wf_operator {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(handle.has_value(), "no operator ", name, overload[0] ? "." : "", overload);
        auto *op = new Operator{*handle, {}, {}, true};
        const auto &schema = handle->schema();
        op->text = c10::toString(schema);
        for (const auto &argument : schema.arguments()) {
            op->parameters.push_back(describe(argument));
            if (argument.alias_info()) op->is_pure = false;
        }
        for (const auto &result : schema.returns())
            if (result.alias_info()) op->is_pure = false;
        return reinterpret_cast<wf_operator>(op);
    });
}

const char *wf_operator_schema(wf_operator handle) { return reinterpret_cast<Operator *>(handle)->text.c_str(); }

bool wf_operator_call(wf_operator handle, const wf_value *arguments, int64_t argument_count, wf_tensor *results,
                      int64_t capacity, int64_t *count) {
    return guarded(false, [&] {
        const auto &op = *reinterpret_cast<Operator *>(handle);
        const int64_t expected = static_cast<int64_t>(op.parameters.size());
        TORCH_CHECK(argument_count <= expected, argument_count, " arguments for ", expected, " of ", op.text);
        ArgumentStack arguments_of_call;
        auto &stack = arguments_of_call.values;
        stack.reserve(expected);
        for (int64_t i = 0; i < expected; ++i) {
            const auto &parameter = op.parameters[i];
            if (i < argument_count) {
                stack.push_back(convert(op, parameter, arguments[i]));
            } else {
                if (!parameter.fallback) refuse(op, parameter, "left out");
                stack.push_back(*parameter.fallback);
            }
        }
        if (op.is_pure && !records(arguments, argument_count)) {
            // Nothing to record: what autograd does on the way is left out.
            at::AutoDispatchBelowADInplaceOrView below;
            op.handle.callBoxed(stack);
        } else {
            op.handle.callBoxed(stack);
        }
        int64_t found = 0;
        auto put = [&](at::Tensor &&tensor) {
            TORCH_CHECK(found < capacity, "more than ", capacity, " results of ", op.text);
            results[found++] = tensor.defined() ? give(std::move(tensor)) : nullptr;
        };
        for (auto &value : stack) {
            if (value.isTensor()) put(std::move(value).toTensor());
            else if (value.isTensorList()) for (const at::Tensor &tensor : value.toTensorVector()) put(at::Tensor(tensor));
            else if (value.isInt()) put(at::scalar_tensor(value.toInt(), at::kLong));
            else if (value.isBool()) put(at::scalar_tensor(value.toBool(), at::kBool));
            else if (value.isDouble()) put(at::scalar_tensor(value.toDouble(), at::kDouble));
            else TORCH_CHECK(value.isNone(), "a result that is no tensor from ", op.text);
        }
        *count = found;
        return true;
    });
}

}  // extern "C"
