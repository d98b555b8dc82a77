import CLibTorch

/// A generator of random tensors. There is no global seed: whoever needs randomness is given a source.
public final class RandomSource {
    let handle: wf_generator

    public init(seed: UInt64) { handle = wf_generator_create(seed) }

    deinit { wf_generator_release(handle) }

    /// The next 64 bits, for a kernel that makes a stream of its own from them; the state moves on.
    func nextBits() -> UInt64 { wf_generator_next(handle) }

    /// The generator's state, to be kept in a checkpoint: bytes `[n]`.
    public var state: Tensor {
        get {
            guard let state = wf_generator_state(handle) else { fatalError(String(cString: wf_error_message())) }
            return Tensor(owning: state)
        }
        set {
            do { try restore(newValue) } catch { fatalError("\(error)") }
        }
    }

    /// Takes up a state that may be damaged.
    /// - Throws: ``TensorError`` where it is none of a generator's; the generator is as before.
    public func restore(_ state: Tensor) throws {
        guard wf_generator_set_state(handle, state.handle) else {
            throw TensorError.operatorFailed(
                name: "set_state", reason: String(cString: wf_error_message()),
                arguments: ["\(state.dtype) \(state.shape)"])
        }
    }
}
