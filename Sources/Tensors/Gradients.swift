import CLibTorch

/// Runs `body` without recording operators for gradients. The mode belongs to the thread, so the closure is synchronous.
@inlinable
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradientMode(false, body)
}

/// Runs `body` recording operators, also inside ``withoutGradients(_:)``.
@inlinable
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradientMode(true, body)
}

@usableFromInline
func withGradientMode<Result>(_ enabled: Bool, _ body: () throws -> Result) rethrows -> Result {
    let before = wf_gradient_mode()
    wf_set_gradient_mode(enabled)
    defer { wf_set_gradient_mode(before) }
    return try body()
}

extension Tensor {
    /// True where this thread records operators for gradients.
    public static var recordsGradients: Bool { wf_gradient_mode() }

    /// True where operators on this tensor are recorded.
    public var requiresGradient: Bool { wf_tensor_requires_gradient(handle) }

    /// Marks a leaf as a variable (or not) and returns it.
    @discardableResult
    public func requiringGradient(_ value: Bool = true) -> Tensor {
        guard wf_tensor_set_requires_gradient(handle, value) else {
            fatalError("\(summary): \(String(cString: wf_error_message()))")
        }
        return self
    }

    /// The same values outside of any graph; memory is shared.
    public func detached() -> Tensor { Tensor(owning: wf_tensor_detached(handle)) }

    /// The gradient that backward passes have added up in this leaf.
    public var gradient: Tensor? {
        get { wf_tensor_gradient(handle).map(Tensor.init(owning:)) }
        set { _ = wf_tensor_set_gradient(handle, newValue?.handle) }
    }

    /// Adds the gradients of this tensor to the leaves it depends on.
    /// - Parameters:
    ///   - upstream: the gradient of this tensor; may be left out for one element.
    ///   - keepGraph: keeps what a second backward pass needs.
    /// - Throws: ``TensorError/gradientFailed(_:)``.
    public func backward(_ upstream: Tensor? = nil, keepGraph: Bool = false) throws(TensorError) {
        guard wf_backward(handle, upstream?.handle, keepGraph) else {
            throw .gradientFailed(String(cString: wf_error_message()))
        }
    }

    /// Gradients of this tensor with respect to `inputs`; nil where an input does not take part. Leaves keep theirs.
    /// - Throws: ``TensorError/gradientFailed(_:)``.
    public func gradients(
        withRespectTo inputs: [Tensor], upstream: Tensor? = nil, keepGraph: Bool = false, createGraph: Bool = false
    ) throws(TensorError) -> [Tensor?] {
        var results = [wf_tensor?](repeating: nil, count: inputs.count)
        let handles: [wf_tensor?] = inputs.map(\.handle)
        guard
            wf_gradients(
                handle, upstream?.handle, handles, Int64(inputs.count), keepGraph || createGraph, createGraph, &results)
        else { throw .gradientFailed(String(cString: wf_error_message())) }
        withExtendedLifetime(inputs) {}
        return results.map { $0.map(Tensor.init(owning:)) }
    }

    /// A tensor with its own derivative: `forward` runs without gradients; `backward` receives the gradient of the
    /// result and returns one gradient (or nil) per input.
    ///
    /// `backward` must not capture the returned tensor itself (the graph would own itself); what it saves is freed
    /// after the backward pass. There is no second derivative: a backward pass that records its own graph refuses it.
    public static func custom(
        inputs: [Tensor], forward: () -> Tensor, backward: @escaping (_ upstream: Tensor) -> [Tensor?]
    ) -> Tensor {
        let output = withoutGradients(forward)
        guard wf_gradient_mode(), inputs.contains(where: \.requiresGradient) else { return output }
        let context = Unmanaged.passRetained(Derivative(backward)).toOpaque()
        let handles: [wf_tensor?] = inputs.map(\.handle)
        let done = wf_custom_gradient(
            output.handle, handles, Int64(handles.count),
            { context, upstream, gradients, count in
                let derivative = Unmanaged<Derivative>.fromOpaque(context!).takeUnretainedValue()
                let results = withoutGradients { derivative.function(Tensor(owning: wf_tensor_retain(upstream!))) }
                precondition(
                    results.count == Int(count), "a derivative returned \(results.count) of \(count) gradients")
                for (index, result) in results.enumerated() {
                    gradients?[index] = result.map { wf_tensor_retain($0.handle) }
                }
                return true
            },
            { Unmanaged<Derivative>.fromOpaque($0!).release() }, context)
        guard done else { fatalError("custom gradient: \(String(cString: wf_error_message()))") }
        withExtendedLifetime(inputs) {}
        return output
    }
}

private final class Derivative {
    let function: (Tensor) -> [Tensor?]
    init(_ function: @escaping (Tensor) -> [Tensor?]) { self.function = function }
}
