import CLibTorch

/// Element-wise arithmetic. Shapes are broadcast as in NumPy; types are promoted as in LibTorch.
extension Tensor {
    private enum Handles {
        static let add = Operator("add", "Tensor")
        static let addScalar = Operator("add", "Scalar")
        static let sub = Operator("sub", "Tensor")
        static let subScalar = Operator("sub", "Scalar")
        static let rsubScalar = Operator("rsub", "Scalar")
        static let mul = Operator("mul", "Tensor")
        static let mulScalar = Operator("mul", "Scalar")
        static let div = Operator("div", "Tensor")
        static let divScalar = Operator("div", "Scalar")
        static let reciprocal = Operator("reciprocal")
        static let neg = Operator("neg")
        static let pow = Operator("pow", "Tensor_Scalar")
        static let exp = Operator("exp")
        static let expm1 = Operator("expm1")
        static let log = Operator("log")
        static let log1p = Operator("log1p")
        static let sqrt = Operator("sqrt")
        static let rsqrt = Operator("rsqrt")
        static let square = Operator("square")
        static let abs = Operator("abs")
        static let sign = Operator("sign")
        static let sin = Operator("sin")
        static let cos = Operator("cos")
        static let tanh = Operator("tanh")
        static let sigmoid = Operator("sigmoid")
        static let logSigmoid = Operator("log_sigmoid")
        static let softplus = Operator("softplus")
        static let relu = Operator("relu")
        static let leakyRelu = Operator("leaky_relu")
        static let elu = Operator("elu")
        static let gelu = Operator("gelu")
        static let silu = Operator("silu")
        static let floor = Operator("floor")
        static let ceil = Operator("ceil")
        static let round = Operator("round")
        static let remainder = Operator("remainder", "Scalar")
        static let floorDivide = Operator("div", "Scalar_mode")
        static let clamp = Operator("clamp")
        static let minimum = Operator("minimum")
        static let maximum = Operator("maximum")
        static let lerp = Operator("lerp", "Scalar")
        static let erf = Operator("erf")
    }

    public static func + (left: Tensor, right: Tensor) -> Tensor { arithmetic(WF_ADD, left, right, Handles.add) }
    public static func + (left: Tensor, right: Double) -> Tensor { Handles.addScalar(left, right) }
    public static func + (left: Double, right: Tensor) -> Tensor { Handles.addScalar(right, left) }
    public static func - (left: Tensor, right: Tensor) -> Tensor { arithmetic(WF_SUBTRACT, left, right, Handles.sub) }
    public static func - (left: Tensor, right: Double) -> Tensor { Handles.subScalar(left, right) }
    public static func - (left: Double, right: Tensor) -> Tensor { Handles.rsubScalar(right, left) }
    public static func * (left: Tensor, right: Tensor) -> Tensor { arithmetic(WF_MULTIPLY, left, right, Handles.mul) }
    public static func * (left: Tensor, right: Double) -> Tensor { Handles.mulScalar(left, right) }
    public static func * (left: Double, right: Tensor) -> Tensor { Handles.mulScalar(right, left) }
    public static func / (left: Tensor, right: Tensor) -> Tensor { arithmetic(WF_DIVIDE, left, right, Handles.div) }
    public static func / (left: Tensor, right: Double) -> Tensor { Handles.divScalar(left, right) }
    public static func / (left: Double, right: Tensor) -> Tensor { Handles.reciprocal(right) * left }
    /// - Parameter operation: the same by its handle, which names shapes and types where the arguments do not fit.
    @inline(__always)
    private static func arithmetic(
        _ kind: Int, _ left: Tensor, _ right: Tensor, _ operation: @autoclosure () -> Operator
    )
        -> Tensor
    {
        guard let handle = wf_tensor_arithmetic(Int32(kind), left.handle, right.handle) else {
            return operation()(left, right)
        }
        return Tensor(owning: handle)
    }

    public static prefix func - (operand: Tensor) -> Tensor { Handles.neg(operand) }

    public func power(_ exponent: Double) -> Tensor { Handles.pow(self, exponent) }
    public func exponential() -> Tensor { Handles.exp(self) }
    /// `exp(x) - 1`, exact near 0.
    public func exponentialMinusOne() -> Tensor { Handles.expm1(self) }
    public func logarithm() -> Tensor { Handles.log(self) }
    /// `log(1 + x)`, exact near 0.
    public func logarithmOfOnePlus() -> Tensor { Handles.log1p(self) }
    public func squareRoot() -> Tensor { Handles.sqrt(self) }
    public func reciprocalSquareRoot() -> Tensor { Handles.rsqrt(self) }
    public func reciprocal() -> Tensor { Handles.reciprocal(self) }
    public func squared() -> Tensor { Handles.square(self) }
    public func absolute() -> Tensor { Handles.abs(self) }
    public func sign() -> Tensor { Handles.sign(self) }
    public func sine() -> Tensor { Handles.sin(self) }
    public func cosine() -> Tensor { Handles.cos(self) }
    public func tanh() -> Tensor { Handles.tanh(self) }
    public func sigmoid() -> Tensor { Handles.sigmoid(self) }
    public func logSigmoid() -> Tensor { Handles.logSigmoid(self) }
    public func softplus() -> Tensor { Handles.softplus(self) }
    public func relu() -> Tensor { Handles.relu(self) }
    public func leakyRelu(slope: Double = 0.01) -> Tensor { Handles.leakyRelu(self, slope) }
    public func elu() -> Tensor { Handles.elu(self) }
    public func errorFunction() -> Tensor { Handles.erf(self) }
    public func silu() -> Tensor { Handles.silu(self) }
    /// The Gaussian error linear unit, exact or by its tanh approximation (Hendrycks & Gimpel 2016).
    public func gelu(approximate: Bool = false) -> Tensor { Handles.gelu(self, approximate ? "tanh" : "none") }
    public func floored() -> Tensor { Handles.floor(self) }
    public func ceiled() -> Tensor { Handles.ceil(self) }
    public func rounded() -> Tensor { Handles.round(self) }
    /// The remainder with the sign of the divisor.
    public func remainder(dividingBy divisor: Int) -> Tensor { Handles.remainder(self, divisor) }
    /// The quotient rounded down.
    public func floorDivided(by divisor: Int) -> Tensor { Handles.floorDivide(self, divisor, "floor") }
    public func clamped(from lower: Double? = nil, to upper: Double? = nil) -> Tensor {
        Handles.clamp(self, lower, upper)
    }
    public func minimum(_ other: Tensor) -> Tensor { Handles.minimum(self, other) }
    public func maximum(_ other: Tensor) -> Tensor { Handles.maximum(self, other) }
    /// `self + weight * (other - self)`.
    public func interpolated(to other: Tensor, weight: Double) -> Tensor { Handles.lerp(self, other, weight) }
}

/// Comparisons and choices; results are `bool`.
extension Tensor {
    private enum Comparisons {
        static let eq = Operator("eq", "Tensor")
        static let eqScalar = Operator("eq", "Scalar")
        static let ne = Operator("ne", "Scalar")
        static let neTensor = Operator("ne", "Tensor")
        static let lt = Operator("lt", "Tensor")
        static let ltScalar = Operator("lt", "Scalar")
        static let le = Operator("le", "Tensor")
        static let gt = Operator("gt", "Tensor")
        static let gtScalar = Operator("gt", "Scalar")
        static let ge = Operator("ge", "Tensor")
        static let geScalar = Operator("ge", "Scalar")
        static let not = Operator("logical_not")
        static let and = Operator("logical_and")
        static let or = Operator("logical_or")
        static let isNaN = Operator("isnan")
        static let isFinite = Operator("isfinite")
        static let chosen = Operator("where", "self")
        static let maskedFill = Operator("masked_fill", "Scalar")
        static let maskedSelect = Operator("masked_select")
        static let nonzero = Operator("nonzero")
        static let all = Operator("all")
        static let allClose = Operator("allclose")
        static let equal = Operator("equal")
    }

    public func isEqual(to other: Tensor) -> Tensor { Comparisons.eq(self, other) }
    public func isEqual(to other: Double) -> Tensor { Comparisons.eqScalar(self, other) }
    public func isNotEqual(to other: Double) -> Tensor { Comparisons.ne(self, other) }
    public func isNotEqual(to other: Tensor) -> Tensor { Comparisons.neTensor(self, other) }
    public func isLess(than other: Tensor) -> Tensor { Comparisons.lt(self, other) }
    public func isLess(than other: Double) -> Tensor { Comparisons.ltScalar(self, other) }
    public func isLessOrEqual(to other: Tensor) -> Tensor { Comparisons.le(self, other) }
    public func isGreater(than other: Tensor) -> Tensor { Comparisons.gt(self, other) }
    public func isGreater(than other: Double) -> Tensor { Comparisons.gtScalar(self, other) }
    public func isGreaterOrEqual(to other: Tensor) -> Tensor { Comparisons.ge(self, other) }
    public func isGreaterOrEqual(to other: Double) -> Tensor { Comparisons.geScalar(self, other) }
    public static prefix func ! (operand: Tensor) -> Tensor { Comparisons.not(operand) }
    public static func & (left: Tensor, right: Tensor) -> Tensor { Comparisons.and(left, right) }
    public static func | (left: Tensor, right: Tensor) -> Tensor { Comparisons.or(left, right) }
    public func isNaN() -> Tensor { Comparisons.isNaN(self) }
    public func isFinite() -> Tensor { Comparisons.isFinite(self) }

    /// `self` where `mask` holds, `other` elsewhere.
    public func chosen(where mask: Tensor, otherwise other: Tensor) -> Tensor { Comparisons.chosen(mask, self, other) }
    /// `value` where `mask` holds.
    public func filled(where mask: Tensor, with value: Double) -> Tensor { Comparisons.maskedFill(self, mask, value) }
    /// The elements where `mask` holds, as a vector.
    public func selected(where mask: Tensor) -> Tensor { Comparisons.maskedSelect(self, mask) }
    /// Indices `[count, rank]` of the elements that are not zero.
    public func nonzeroIndices() -> Tensor { Comparisons.nonzero(self) }
    /// True when every element is true (or not zero).
    public var allTrue: Bool { Comparisons.all(self).item != 0 }

    /// True when shapes agree and every element differs by at most `absoluteTolerance + relativeTolerance * |other|`.
    public func isClose(to other: Tensor, relativeTolerance: Double = 0, absoluteTolerance: Double) -> Bool {
        shape == other.shape
            && Comparisons.allClose(
                cast(to: .float64), other.cast(to: .float64), relativeTolerance, absoluteTolerance
            ).item != 0
    }

    /// True when shapes, types and all elements agree exactly.
    public func isIdentical(to other: Tensor) -> Bool {
        shape == other.shape && dtype == other.dtype && Comparisons.equal(self, other).item != 0
    }
}
