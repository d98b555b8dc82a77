/// The methods that `train` and `evaluate` know.
enum MethodNames {
    static let all: Set<String> = []
}
