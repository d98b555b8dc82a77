import CLibTorch

/// An array of numbers on a device, with gradients.
///
/// No operator changes a tensor; what an operator returns is a new one (which may share memory, as a view does). Only
/// optimisers and caches write in place, through members that say so. A tensor belongs to the thread that computes
/// with it and is therefore not `Sendable`.
public final class Tensor {
    package let handle: wf_tensor

    /// Takes over one reference.
    package init(owning handle: wf_tensor) { self.handle = handle }

    /// How to make this tensor again from others that the graph keeps anyway.
    package var recomputation: Recomputation?

    deinit { wf_tensor_release(handle) }

    // MARK: From values

    /// A tensor of `values` in row-major order.
    /// - Precondition: the product of `shape` is the number of values.
    public convenience init<Scalar: TensorScalar>(_ values: [Scalar], shape: [Int]) {
        precondition(
            values.count == shape.reduce(1, *), "\(values.count) values do not fill a tensor of shape \(shape)")
        let handle = values.withUnsafeBytes { Tensor.copy($0, shape: shape, dtype: Scalar.dtype) }
        self.init(owning: handle)
    }

    /// A vector `[values.count]`.
    public convenience init<Scalar: TensorScalar>(_ values: [Scalar]) { self.init(values, shape: [values.count]) }

    /// A tensor of shape `[]` with one value.
    public convenience init<Scalar: TensorScalar>(_ value: Scalar) { self.init([value], shape: []) }

    /// A tensor holding a copy of raw elements in row-major order.
    /// - Precondition: `bytes` has exactly as many bytes as the shape and type need.
    public convenience init(copying bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) {
        precondition(
            bytes.count == shape.reduce(1, *) * dtype.byteCount,
            "\(bytes.count) bytes do not fill a tensor of shape \(shape) and type \(dtype)")
        self.init(owning: Tensor.copy(bytes, shape: shape, dtype: dtype))
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) -> wf_tensor {
        let sizes = shape.map(Int64.init)
        guard let handle = wf_tensor_copying(bytes.baseAddress, sizes, Int64(sizes.count), dtype.rawValue) else {
            fatalError("tensor of shape \(shape) and type \(dtype): \(String(cString: wf_error_message()))")
        }
        return handle
    }

    // MARK: What it is

    public var rank: Int { Int(wf_tensor_rank(handle)) }
    public var shape: [Int] { (0..<rank).map { Int(wf_tensor_size(handle, Int64($0))) } }
    /// The number of elements.
    public var count: Int { Int(wf_tensor_count(handle)) }
    /// Counts in-place writes: equal versions of one tensor hold equal values.
    package var version: Int { Int(wf_tensor_version(handle)) }
    public var isContiguous: Bool { wf_tensor_is_contiguous(handle) }
    public var device: Device { Device(type: wf_tensor_device_type(handle), index: wf_tensor_device_index(handle)) }

    public var dtype: DType {
        guard let dtype = DType(rawValue: wf_tensor_dtype(handle)) else {
            fatalError("LibTorch scalar type \(wf_tensor_dtype(handle)) is not supported")
        }
        return dtype
    }

    /// The size of one axis; negative axes count from the end.
    public func size(_ axis: Int) -> Int {
        let resolved = axis < 0 ? axis + rank : axis
        precondition(resolved >= 0 && resolved < rank, "axis \(axis) of a tensor of shape \(shape)")
        return Int(wf_tensor_size(handle, Int64(resolved)))
    }

    // MARK: To values

    /// The elements in row-major order, converted to `Scalar` where the type differs.
    public func values<Scalar: TensorScalar>(_ type: Scalar.Type = Scalar.self) -> [Scalar] {
        let plain = detached().moved(to: .cpu).cast(to: Scalar.dtype).contiguous()
        return plain.withUnsafeBytes { Array($0.assumingMemoryBound(to: Scalar.self)) }
    }

    /// The elements as `Float`.
    public var floats: [Float] { values(Float.self) }
    /// The elements as `Int`.
    public var integers: [Int] { values(Int.self) }

    /// The value of a tensor with one element.
    public var item: Double {
        var value = 0.0
        guard wf_tensor_item(handle, &value) else { fatalError("item of a tensor of shape \(shape)") }
        return value
    }

    /// Reads the elements of a contiguous tensor on the CPU.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        precondition(isContiguous && device == .cpu, "bytes of a tensor need contiguous memory on the CPU")
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: wf_tensor_data(handle), count: count * dtype.byteCount))
    }

    /// Writes the elements of a contiguous tensor on the CPU: for caches and optimisers.
    package func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(isContiguous && device == .cpu, "bytes of a tensor need contiguous memory on the CPU")
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeMutableRawBufferPointer(start: wf_tensor_data(handle), count: count * dtype.byteCount))
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String {
        let shown = count <= 64 ? " \(values(Double.self))" : ""
        return "Tensor(\(shape), \(dtype))\(shown)"
    }
}
