/// Shapes, views, slices and conversions.
extension Tensor {
    private enum Handles {
        static let reshape = Operator("reshape")
        static let permute = Operator("permute")
        static let transpose = Operator("transpose", "int")
        static let unsqueeze = Operator("unsqueeze")
        static let squeeze = Operator("squeeze", "dim")
        static let expand = Operator("expand")
        static let flatten = Operator("flatten", "using_ints")
        static let slice = Operator("slice", "Tensor")
        static let select = Operator("select", "int")
        static let narrow = Operator("narrow")
        static let split = Operator("split_with_sizes")
        static let chunk = Operator("chunk")
        static let cat = Operator("cat")
        static let stack = Operator("stack")
        static let `repeat` = Operator("repeat")
        static let repeatInterleave = Operator("repeat_interleave", "self_int")
        static let flip = Operator("flip")
        static let roll = Operator("roll")
        static let contiguous = Operator("contiguous")
        static let clone = Operator("clone")
        static let toType = Operator("_to_copy")
        static let pad = Operator("constant_pad_nd")
        static let tril = Operator("tril")
        static let triu = Operator("triu")
        static let diagonal = Operator("diagonal")
        static let unfold = Operator("unfold")
    }

    /// The same elements in another shape; one size may be -1.
    public func reshaped(_ shape: [Int]) -> Tensor { Handles.reshape(self, shape) }
    public func reshaped(_ shape: Int...) -> Tensor { Handles.reshape(self, shape) }
    public func permuted(_ axes: Int...) -> Tensor { Handles.permute(self, axes) }
    public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor { Handles.transpose(self, first, second) }
    public func expanded(axis: Int) -> Tensor { Handles.unsqueeze(self, axis) }
    public func squeezed(axis: Int) -> Tensor { Handles.squeeze(self, axis) }
    /// Repeats axes of size 1 without copying; -1 keeps a size.
    public func broadcast(to shape: [Int]) -> Tensor { Handles.expand(self, shape) }
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor { Handles.flatten(self, first, last) }
    /// A view of `range` of one axis.
    public func slice(_ range: Range<Int>, along axis: Int) -> Tensor {
        Handles.narrow(self, axis, range.lowerBound, range.count)
    }
    /// A view of every `step`-th element of one axis from `start`.
    public func strided(along axis: Int, from start: Int = 0, by step: Int) -> Tensor {
        Handles.slice(self, axis, Optional(start), Int?.none, step)
    }
    /// A view of one position of an axis, which vanishes. Negative positions count from the end.
    public func select(_ index: Int, along axis: Int) -> Tensor { Handles.select(self, axis, index) }
    public func split(sizes: [Int], along axis: Int) -> [Tensor] {
        do { return try Handles.split.results(self, sizes, axis, capacity: max(sizes.count, 1)) } catch {
            fatalError("\(error)")
        }
    }
    public func chunks(_ count: Int, along axis: Int) -> [Tensor] {
        do { return try Handles.chunk.results(self, count, axis, capacity: max(count, 1)) } catch {
            fatalError("\(error)")
        }
    }
    public static func concatenated(_ tensors: [Tensor], along axis: Int = 0) -> Tensor { Handles.cat(tensors, axis) }
    public static func stacked(_ tensors: [Tensor], along axis: Int = 0) -> Tensor { Handles.stack(tensors, axis) }
    public func tiled(_ repeats: [Int]) -> Tensor { Handles.repeat(self, repeats) }
    /// Each position of the axis `count` times in a row.
    public func repeatedEach(_ count: Int, along axis: Int) -> Tensor {
        Handles.repeatInterleave(self, count, Optional(axis))
    }
    public func flipped(along axis: Int) -> Tensor { Handles.flip(self, [axis]) }
    public func rolled(by shift: Int, along axis: Int) -> Tensor { Handles.roll(self, [shift], [axis]) }
    /// The lower triangle of the last two axes; `offset` moves the diagonal up.
    public func lowerTriangle(offset: Int = 0) -> Tensor { Handles.tril(self, offset) }
    public func upperTriangle(offset: Int = 0) -> Tensor { Handles.triu(self, offset) }
    public func diagonal() -> Tensor { Handles.diagonal(self) }
    /// Sliding windows `[..., windows, ..., size]` over one axis.
    public func windows(along axis: Int, size: Int, step: Int) -> Tensor { Handles.unfold(self, axis, size, step) }
    /// Adds `before` and `after` elements of `value` to one axis.
    public func padded(along axis: Int, before: Int = 0, after: Int = 0, with value: Double = 0) -> Tensor {
        let fromEnd = axis < 0 ? -1 - axis : rank - 1 - axis
        return Handles.pad(self, [Int](repeating: 0, count: 2 * fromEnd) + [before, after], value)
    }

    /// The tensor itself where its memory is in row-major order, else a copy.
    public func contiguous() -> Tensor { isContiguous ? self : Handles.contiguous(self) }
    /// A copy with memory of its own; gradients pass through.
    public func copy() -> Tensor { Handles.clone(self) }
    public func cast(to dtype: DType) -> Tensor {
        self.dtype == dtype ? self : Handles.toType(self, Optional(dtype))
    }
    public func moved(to device: Device) -> Tensor {
        self.device == device ? self : Handles.toType(self, DType?.none, SchemaDefault(), Optional(device))
    }
}

/// New tensors.
extension Tensor {
    private enum Creation {
        static let zeros = Operator("zeros")
        static let ones = Operator("ones")
        static let full = Operator("full")
        static let empty = Operator("empty", "memory_format")
        static let arange = Operator("arange", "start_step")
        static let eye = Operator("eye")
        static let zerosLike = Operator("zeros_like")
        static let onesLike = Operator("ones_like")
        static let emptyLike = Operator("empty_like")
        static let randn = Operator("randn", "generator")
        static let rand = Operator("rand", "generator")
        static let randint = Operator("randint", "low_generator")
        static let randperm = Operator("randperm", "generator")
        static let oneHot = Operator("one_hot")
    }

    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        Creation.zeros(shape, Optional(dtype), SchemaDefault(), Optional(device))
    }
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        Creation.ones(shape, Optional(dtype), SchemaDefault(), Optional(device))
    }
    public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        Creation.full(shape, value, Optional(dtype), SchemaDefault(), Optional(device))
    }
    /// Memory that nobody has written yet: for buffers that are filled at once.
    package static func uninitialized(_ shape: [Int], dtype: DType = .float32) -> Tensor {
        Creation.empty(shape, Optional(dtype))
    }
    /// `start, start + step, …` below `end`, as `int64`.
    public static func range(_ range: Range<Int>, step: Int = 1) -> Tensor {
        Creation.arange(range.lowerBound, range.upperBound, step, Optional(DType.int64))
    }
    public static func identity(_ size: Int) -> Tensor { Creation.eye(size, Optional(DType.float32)) }
    public static func zeros(like other: Tensor) -> Tensor { Creation.zerosLike(other) }
    public static func ones(like other: Tensor) -> Tensor { Creation.onesLike(other) }
    package static func uninitialized(like other: Tensor) -> Tensor { Creation.emptyLike(other) }

    /// Standard normal values.
    public static func normal(_ shape: [Int], from source: RandomSource) -> Tensor {
        Creation.randn(shape, Optional(source), Optional(DType.float32))
    }
    /// Normal values with a mean of 0.
    public static func normal(_ shape: [Int], standardDeviation: Double, from source: RandomSource) -> Tensor {
        normal(shape, from: source) * standardDeviation
    }
    /// Uniform values of `[0, 1)`.
    public static func uniform(_ shape: [Int], from source: RandomSource) -> Tensor {
        Creation.rand(shape, Optional(source), Optional(DType.float32))
    }
    /// Uniform values of `range`.
    public static func uniform(_ shape: [Int], in range: Range<Double>, from source: RandomSource) -> Tensor {
        uniform(shape, from: source) * (range.upperBound - range.lowerBound) + range.lowerBound
    }
    public static func integers(_ shape: [Int], in range: Range<Int>, from source: RandomSource) -> Tensor {
        Creation.randint(range.lowerBound, range.upperBound, shape, Optional(source), Optional(DType.int64))
    }
    /// A random order of `0 ..< count`.
    public static func permutation(_ count: Int, from source: RandomSource) -> Tensor {
        Creation.randperm(count, Optional(source), Optional(DType.int64))
    }
    /// `[..., classes]` of 0 and 1 from indices `[...]`.
    public func oneHot(_ classes: Int) -> Tensor { Creation.oneHot(self, classes) }
}
