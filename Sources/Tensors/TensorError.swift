/// What can go wrong with tensors outside of our own code's control.
public enum TensorError: Error, Equatable, CustomStringConvertible {
    /// An operator refused its arguments: its name, LibTorch's reason, and the arguments' types and shapes.
    case operatorFailed(name: String, reason: String, arguments: [String])
    case unknownOperator(String, reason: String)
    case unknownDevice(String)
    case absentDevice(String)
    /// A backward pass failed.
    case gradientFailed(String)

    public var description: String {
        switch self {
        case .operatorFailed(let name, let reason, let arguments):
            "\(name)(\(arguments.joined(separator: ", "))): \(reason)"
        case .unknownOperator(let name, let reason): "\(name): \(reason)"
        case .unknownDevice(let name): "device '\(name)' is unknown; allowed are cpu, cuda, cuda:N and mps"
        case .absentDevice(let name):
            "device '\(name)' is not there: this machine has none, or the installed LibTorch was built without it; use cpu"
        case .gradientFailed(let reason): "backward pass: \(reason)"
        }
    }
}
