/// Sums, means, extremes and orders. Axes may be negative; reduced axes vanish unless `keepingAxes`.
extension Tensor {
    private enum Handles {
        static let sum = Operator("sum")
        static let sumAxes = Operator("sum", "dim_IntList")
        static let mean = Operator("mean")
        static let meanAxes = Operator("mean", "dim")
        static let variance = Operator("var", "correction")
        static let standardDeviation = Operator("std", "correction")
        static let maxAll = Operator("max")
        static let minAll = Operator("min")
        static let amax = Operator("amax")
        static let amin = Operator("amin")
        static let maxAxis = Operator("max", "dim")
        static let argmax = Operator("argmax")
        static let argmin = Operator("argmin")
        static let product = Operator("prod")
        static let logSumExp = Operator("logsumexp")
        static let norm = Operator("linalg_vector_norm")
        static let cumsum = Operator("cumsum")
        static let cumprod = Operator("cumprod")
        static let topk = Operator("topk")
        static let sort = Operator("sort")
        static let argsort = Operator("argsort")
        static let unique = Operator("_unique2")
        static let bincount = Operator("bincount")
    }

    public func sum() -> Tensor { Handles.sum(self) }
    public func sum(along axes: Int..., keepingAxes: Bool = false, dtype: DType? = nil) -> Tensor {
        Handles.sumAxes(self, axes, keepingAxes, dtype)
    }
    public func mean() -> Tensor { Handles.mean(self) }
    public func mean(along axes: Int..., keepingAxes: Bool = false) -> Tensor {
        Handles.meanAxes(self, axes, keepingAxes)
    }
    /// - Parameter correction: 1 for the unbiased estimate, 0 for the population's.
    public func variance(along axes: Int..., correction: Int = 1, keepingAxes: Bool = false) -> Tensor {
        Handles.variance(self, axes, correction, keepingAxes)
    }
    public func standardDeviation(along axes: Int..., correction: Int = 1, keepingAxes: Bool = false) -> Tensor {
        Handles.standardDeviation(self, axes, correction, keepingAxes)
    }
    public func maximum() -> Tensor { Handles.maxAll(self) }
    public func minimum() -> Tensor { Handles.minAll(self) }
    /// The largest values along an axis; ties share the gradient.
    public func maximum(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.amax(self, [axis], keepingAxes)
    }
    public func minimum(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.amin(self, [axis], keepingAxes)
    }
    /// The largest values along an axis and their indices.
    public func maximumAndIndex(along axis: Int, keepingAxes: Bool = false) -> (values: Tensor, indices: Tensor) {
        let results = Handles.maxAxis.all(self, axis, keepingAxes)
        return (results[0], results[1])
    }
    public func indexOfMaximum(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.argmax(self, Optional(axis), keepingAxes)
    }
    public func indexOfMinimum(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.argmin(self, Optional(axis), keepingAxes)
    }
    public func product() -> Tensor { Handles.product(self) }
    public func logSumExp(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.logSumExp(self, [axis], keepingAxes)
    }
    /// The Euclidean norm of all elements.
    public func norm() -> Tensor { Handles.norm(self, 2.0) }
    public func norm(along axis: Int, keepingAxes: Bool = false) -> Tensor {
        Handles.norm(self, 2.0, [axis], keepingAxes)
    }
    public func cumulativeSum(along axis: Int) -> Tensor { Handles.cumsum(self, axis) }
    public func cumulativeProduct(along axis: Int) -> Tensor { Handles.cumprod(self, axis) }
    /// The `count` largest (or smallest) elements of the axis, in order.
    public func top(_ count: Int, along axis: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
        let results = Handles.topk.all(self, count, axis, largest, true)
        return (results[0], results[1])
    }
    public func sorted(along axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        let results = Handles.sort.all(self, axis, descending)
        return (results[0], results[1])
    }
    public func sortedIndices(along axis: Int = -1, descending: Bool = false) -> Tensor {
        Handles.argsort(self, axis, descending)
    }
    /// How often each value from 0 occurs in a vector of integers.
    public func counts(minimumLength: Int = 0) -> Tensor { Handles.bincount(self, Tensor?.none, minimumLength) }
    /// The different values in ascending order and, per element, the index of its value.
    public func unique() -> (values: Tensor, inverse: Tensor) {
        let results = Handles.unique.all(self, true, true)
        return (results[0], results[1])
    }
}
