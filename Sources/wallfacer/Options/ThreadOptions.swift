import ArgumentParser
import Tensors

/// How many processor cores are used.
struct ThreadOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Threads to compute with; the physical cores if not said.", valueName: "n"))
    var threads: Int?

    private static let most = 1024

    func validate() throws {
        if let threads, !(1...Self.most).contains(threads) {
            throw ValidationError("--threads is \(threads); allowed: 1 to \(Self.most)")
        }
    }

    func apply() {
        if let threads { Runtime.threadCount = threads }
    }
}
