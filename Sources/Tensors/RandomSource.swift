import CLibTorch

/// A generator of random tensors. There is no global seed: whoever needs randomness is given a source.
public final class RandomSource {
    let handle: wf_generator

    public init(seed: UInt64) { handle = wf_generator_create(seed) }

    deinit { wf_generator_release(handle) }

    /// The generator's state, to be kept in a checkpoint: bytes `[n]`.
    public var state: Tensor {
        get {
            guard let state = wf_generator_state(handle) else { fatalError(String(cString: wf_error_message())) }
            return Tensor(owning: state)
        }
        set {
            guard wf_generator_set_state(handle, newValue.handle) else {
                fatalError(String(cString: wf_error_message()))
            }
        }
    }
}
