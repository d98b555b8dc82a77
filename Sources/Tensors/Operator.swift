import CLibTorch

/// A LibTorch operator, looked up once.
///
/// Calls go through a small buffer of tagged values on the stack: no array and no enum is made on the way.
public struct Operator: @unchecked Sendable {
    // The handle is immutable and LibTorch's dispatcher is thread-safe.
    private let handle: wf_operator
    public let name: String

    /// - Parameters:
    ///   - name: without the namespace for ATen's operators (`add`), with it for others (`mkldnn::_linear_pointwise`).
    ///   - overload: the part behind the dot of the schema (`Tensor`).
    /// - Throws: ``TensorError/unknownOperator(_:reason:)``.
    public init(finding name: String, _ overload: String = "") throws(TensorError) {
        let qualified = name.contains("::") ? name : "aten::\(name)"
        guard let handle = wf_operator_find(qualified, overload) else {
            throw .unknownOperator(qualified, reason: String(cString: wf_error_message()))
        }
        self.handle = handle
        self.name = overload.isEmpty ? name : "\(name).\(overload)"
    }

    /// For operators that the pinned LibTorch has.
    package init(_ name: String, _ overload: String = "") {
        do { try self.init(finding: name, overload) } catch { fatalError("\(error)") }
    }

    /// The operator's schema as LibTorch prints it.
    public var schema: String { String(cString: wf_operator_schema(handle)) }

    /// Calls the operator and returns its tensors (numbers come back as tensors with one element).
    /// - Throws: ``TensorError/operatorFailed(name:reason:arguments:)`` with the shapes and types of the arguments.
    @inline(__always)
    public func results<each Argument: OperatorArgument>(
        _ arguments: repeat each Argument, capacity: Int = 8
    ) throws(TensorError) -> [Tensor] {
        var found: [Tensor] = []
        let done = withUnsafeTemporaryAllocation(of: wf_tensor?.self, capacity: capacity) { results in
            var count: Int64 = 0
            let done = invoke(repeat each arguments, results: results.baseAddress!, capacity: capacity, count: &count)
            if done {
                for index in 0..<Int(count) { if let handle = results[index] { found.append(Tensor(owning: handle)) } }
            }
            return done
        }
        guard done else { throw failure(describe(repeat each arguments)) }
        return found
    }

    /// Calls an operator with one result.
    /// - Precondition: LibTorch accepts the arguments; the message of the trap names shapes and types.
    @inline(__always)
    public func callAsFunction<each Argument: OperatorArgument>(_ arguments: repeat each Argument) -> Tensor {
        var result: wf_tensor?
        var count: Int64 = 0
        let done = withUnsafeMutablePointer(to: &result) {
            invoke(repeat each arguments, results: $0, capacity: 1, count: &count)
        }
        guard done, count == 1, let result else { fatalError("\(failure(describe(repeat each arguments)))") }
        return Tensor(owning: result)
    }

    /// Calls an operator with several results.
    @inline(__always)
    package func all<each Argument: OperatorArgument>(_ arguments: repeat each Argument) -> [Tensor] {
        do { return try results(repeat each arguments, capacity: 16) } catch { fatalError("\(error)") }
    }

    /// Calls an operator for its effect on its arguments.
    @inline(__always)
    package func run<each Argument: OperatorArgument>(_ arguments: repeat each Argument, capacity: Int = 4) {
        do { _ = try results(repeat each arguments, capacity: capacity) } catch { fatalError("\(error)") }
    }

    @inline(__always)
    private func invoke<each Argument: OperatorArgument>(
        _ arguments: repeat each Argument, results: UnsafeMutablePointer<wf_tensor?>, capacity: Int,
        count: inout Int64
    ) -> Bool {
        var total = 0
        var listed = 0
        for argument in repeat each arguments {
            total += 1
            listed += argument.listCount
        }
        return withUnsafeTemporaryAllocation(of: wf_value.self, capacity: max(total, 1)) { values in
            withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(listed, 1)) { lists in
                var next = 0
                var list = lists.baseAddress!
                for argument in repeat each arguments {
                    values[next] = argument.value(list: list)
                    list += argument.listCount
                    next += 1
                }
                defer { withExtendedLifetime((repeat each arguments)) {} }
                return wf_operator_call(handle, values.baseAddress, Int64(total), results, Int64(capacity), &count)
            }
        }
    }

    private func failure(_ arguments: [String]) -> TensorError {
        .operatorFailed(name: name, reason: String(cString: wf_error_message()), arguments: arguments)
    }

    private func describe<each Argument: OperatorArgument>(_ arguments: repeat each Argument) -> [String] {
        var parts: [String] = []
        for argument in repeat each arguments { parts.append(argument.summary) }
        return parts
    }
}

/// A value that an operator takes.
public protocol OperatorArgument {
    /// How many 64-bit words the argument needs beside its value.
    var listCount: Int { get }
    /// The tagged value; words behind it are written to `list`.
    func value(list: UnsafeMutablePointer<Int64>) -> wf_value
    /// For error messages.
    var summary: String { get }
}

extension OperatorArgument {
    @inline(__always) public var listCount: Int { 0 }
}

extension wf_value {
    @inline(__always)
    init(_ kind: Int, integer: Int64 = 0, count: Int64 = 0) {
        self.init()
        self.kind = Int32(kind)
        self.count = count
        self.integer = integer
    }

    @inline(__always)
    init(_ kind: Int, pointer: UnsafeRawPointer?, count: Int64 = 0) {
        self.init()
        self.kind = Int32(kind)
        self.count = count
        self.pointer = pointer
    }
}

extension Tensor: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        wf_value(WF_TENSOR, pointer: UnsafeRawPointer(handle))
    }
    public var summary: String { "\(dtype) \(shape)" }
}

extension Int: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value { wf_value(WF_INTEGER, integer: Int64(self)) }
    public var summary: String { String(self) }
}

extension Double: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        var value = wf_value(WF_REAL)
        value.real = self
        return value
    }
    public var summary: String { String(self) }
}

extension Bool: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value { wf_value(WF_BOOLEAN, integer: self ? 1 : 0) }
    public var summary: String { String(self) }
}

extension DType: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value { wf_value(WF_INTEGER, integer: Int64(rawValue)) }
    public var summary: String { description }
}

extension Device: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        wf_value(WF_DEVICE, integer: Int64(type), count: Int64(index))
    }
    public var summary: String { description }
}

/// Stands for an argument left at its schema's default.
public struct SchemaDefault: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value { wf_value(WF_OMITTED) }
    public var summary: String { "default" }
}

extension OperatorArgument where Self == SchemaDefault {
    /// The schema's default.
    @inline(__always) public static var `default`: SchemaDefault { SchemaDefault() }
}

extension Optional: OperatorArgument where Wrapped: OperatorArgument {
    @inline(__always)
    public var listCount: Int { self?.listCount ?? 0 }
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value { self?.value(list: list) ?? wf_value(WF_ABSENT) }
    public var summary: String { self?.summary ?? "none" }
}

extension Array: OperatorArgument where Element: OperatorListElement {
    @inline(__always) public var listCount: Int { count }
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        for index in indices { list[index] = self[index].word }
        return wf_value(Element.listKind, pointer: UnsafeRawPointer(list), count: Int64(count))
    }
    public var summary: String { "[\(map(\.elementSummary).joined(separator: ", "))]" }
}

/// An element of a list argument.
public protocol OperatorListElement {
    static var listKind: Int { get }
    var word: Int64 { get }
    var elementSummary: String { get }
}

extension Int: OperatorListElement {
    @inline(__always) public static var listKind: Int { WF_INTEGERS }
    @inline(__always) public var word: Int64 { Int64(self) }
    public var elementSummary: String { String(self) }
}

extension Bool: OperatorListElement {
    @inline(__always) public static var listKind: Int { WF_BOOLEANS }
    @inline(__always) public var word: Int64 { self ? 1 : 0 }
    public var elementSummary: String { String(self) }
}

extension Double: OperatorListElement {
    @inline(__always) public static var listKind: Int { WF_REALS }
    @inline(__always) public var word: Int64 { Int64(bitPattern: bitPattern) }
    public var elementSummary: String { String(self) }
}

extension Tensor: OperatorListElement {
    @inline(__always) public static var listKind: Int { WF_TENSORS }
    @inline(__always) public var word: Int64 { Int64(Int(bitPattern: UnsafeRawPointer(handle))) }
    public var elementSummary: String { summary }
}

extension Optional: OperatorListElement where Wrapped: OperatorListElement {
    @inline(__always) public static var listKind: Int { Wrapped.listKind }
    @inline(__always) public var word: Int64 { self?.word ?? 0 }
    public var elementSummary: String { self?.elementSummary ?? "none" }
}

extension RandomSource: OperatorArgument {
    @inline(__always)
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        wf_value(WF_GENERATOR, pointer: UnsafeRawPointer(handle))
    }
    public var summary: String { "generator" }
}

extension String: OperatorArgument {
    @inline(__always) public var listCount: Int { (utf8.count + 7) / 8 }
    public func value(list: UnsafeMutablePointer<Int64>) -> wf_value {
        let bytes = Array(utf8)
        UnsafeMutableRawPointer(list).copyMemory(from: bytes, byteCount: bytes.count)
        return wf_value(WF_STRING, pointer: UnsafeRawPointer(list), count: Int64(bytes.count))
    }
    public var summary: String { "\"\(self)\"" }
}
