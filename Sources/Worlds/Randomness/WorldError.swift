/// Why a simulated world cannot be made or stepped.
public enum WorldError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalid(world: String, field: String, found: String, allowed: String)
    case actionCount(world: String, found: Int, expected: Int)
    case unknownAction(world: String, found: Int, count: Int)
    case unknownUser(world: String, found: Int, count: Int)
    case weights(file: String, name: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .invalid(let world, let field, let found, let allowed):
            "\(world) world: \(field) is \(found), allowed: \(allowed)"
        case .actionCount(let world, let found, let expected):
            "\(world) world: \(found) actions for \(expected) active users"
        case .unknownAction(let world, let found, let count):
            "\(world) world: item \(found) does not exist, items are 0 to \(count - 1)"
        case .unknownUser(let world, let found, let count):
            "\(world) world: user \(found) does not exist, users are 0 to \(count - 1)"
        case .weights(let file, let name, let found, let expected):
            "\(file): array \(name) is \(found), expected \(expected)"
        }
    }
}
