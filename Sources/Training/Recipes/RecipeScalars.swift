/// A value that one YAML scalar holds.
protocol ScalarReadable {
    /// What the user may write, in words.
    static var allowed: String { get }

    init?(recipeScalar node: RecipeNode)
}

extension Bool: ScalarReadable {
    static var allowed: String { "true or false" }

    init?(recipeScalar node: RecipeNode) {
        guard case .scalar(let text, isQuoted: false) = node.content else { return nil }
        switch text {
        case "true", "True", "TRUE", "yes", "on": self = true
        case "false", "False", "FALSE", "no", "off": self = false
        default: return nil
        }
    }
}

extension String: ScalarReadable {
    static var allowed: String { "text" }

    init?(recipeScalar node: RecipeNode) {
        guard case .scalar(let text, _) = node.content else { return nil }
        // A shell takes the quotes of `--set time=""` away.
        if case .option = node.origin, text.isEmpty {
            self = ""
            return
        }
        guard !node.isNull else { return nil }
        self = text
    }
}

extension ScalarReadable where Self: FixedWidthInteger {
    static var allowed: String { isSigned ? "a whole number" : "a whole number from 0 up" }

    /// `60000`, `60_000`, and `6e4`, as people write budgets.
    init?(recipeScalar node: RecipeNode) {
        guard case .scalar(let text, isQuoted: false) = node.content else { return nil }
        let digits = text.filter { $0 != "_" }
        if let value = Self(digits) {
            self = value
        } else if digits.contains(where: { $0 == "e" || $0 == "E" }), let number = Double(digits),
            let value = Self(exactly: number)
        {
            self = value
        } else {
            return nil
        }
    }
}

extension Int: ScalarReadable {}
extension Int32: ScalarReadable {}
extension Int64: ScalarReadable {}
extension UInt: ScalarReadable {}
extension UInt32: ScalarReadable {}
extension UInt64: ScalarReadable {}

extension ScalarReadable where Self: BinaryFloatingPoint & LosslessStringConvertible {
    static var allowed: String { "a number" }

    init?(recipeScalar node: RecipeNode) {
        guard case .scalar(let text, isQuoted: false) = node.content, text.first?.isLetter == false,
            let value = Self(text.filter { $0 != "_" }), value.isFinite
        else { return nil }
        self = value
    }
}

extension Double: ScalarReadable {}
extension Float: ScalarReadable {}
