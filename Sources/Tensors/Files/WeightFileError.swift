/// What can be wrong with a file of weights or with the configuration beside it.
///
/// Every case names the file and the field; `description` is one sentence for the person who gave the file.
public enum WeightFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is absent, is no regular file, or the system refuses to read it.
    case unreadable(file: String, reason: String)
    /// A field of the file holds something that the format forbids.
    case malformed(file: String, field: String, found: String, allowed: String)
    /// Tensors that the configuration asks for are not in the file.
    case missingTensors(file: String, tensors: [String], from: String)
    /// The file has tensors that the configuration has no place for.
    case unexpectedTensors(file: String, tensors: [String], from: String)
    /// A tensor's shape contradicts the configuration. `from` is the origin and its field, such as
    /// `config.json hidden_size = 576`.
    case shapeMismatch(file: String, tensor: String, found: [Int], expected: [Int], from: String)
    /// A file could not be written; nothing is left under its final name.
    case unwritable(file: String, reason: String)

    /// What is wrong, without the file where it could not be read at all.
    package var reason: String {
        if case .unreadable(_, let reason) = self { reason } else { description }
    }

    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason)."
        case .malformed(let file, let field, let found, let allowed):
            "\(file): \(field) is \(found), but must be \(allowed)."
        case .missingTensors(let file, let tensors, let from):
            "\(file): \(Self.list(tensors)) missing, but \(from) needs \(tensors.count == 1 ? "it" : "them")."
        case .unexpectedTensors(let file, let tensors, let from):
            "\(file): \(Self.list(tensors)) unexpected: \(from) has no place for \(tensors.count == 1 ? "it" : "them")."
        case .shapeMismatch(let file, let tensor, let found, let expected, let from):
            "\(file): tensor \(tensor) has shape \(Self.shape(found)), but \(Self.origin(from)) "
                + "needs \(Self.shape(expected))."
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason)."
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        let rest = names.count > 3 ? " and \(names.count - 3) more" : ""
        return names.count == 1 ? "tensor \(shown) is" : "tensors \(shown)\(rest) are"
    }

    private static func shape(_ shape: [Int]) -> String {
        shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: " × ")
    }

    /// `config.json hidden_size = 576` reads better as `config.json (hidden_size = 576)`.
    private static func origin(_ from: String) -> String {
        guard let space = from.firstIndex(of: " ") else { return from }
        return "\(from[..<space]) (\(from[from.index(after: space)...]))"
    }
}
