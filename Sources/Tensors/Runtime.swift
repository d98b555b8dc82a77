import CLibTorch

/// The process around the tensors.
public enum Runtime {
    /// Threads that one operator uses. Physical cores are the best choice; every calling thread brings its own team.
    public static var threadCount: Int {
        get { Int(wf_thread_count()) }
        set { wf_set_thread_count(Int32(newValue)) }
    }

    /// True when this CPU multiplies bf16 matrices in hardware; without it bf16 is far slower than f32.
    public static var hasFastBFloat16: Bool { wf_has_fast_bfloat16() }

    /// LibTorch's version.
    public static var libTorchVersion: String { String(cString: wf_libtorch_version()) }
}
