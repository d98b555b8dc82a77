import ArgumentParser
import Layers
import Tensors

extension Precision: ExpressibleByArgument {}

/// Where and how precisely a model computes.
struct ComputeOptions: ParsableArguments {
    @Option(help: "auto (bf16 where the processor is fast at it), f32 (exact weights) or bf16.")
    var precision: Precision = .auto

    @Option(help: ArgumentHelp("cpu, cuda, cuda:1 or mps.", valueName: "device"))
    var device = "cpu"

    @OptionGroup var threads: ThreadOptions

    /// - Throws: `TensorError` for a device that is not here, `Failure` for one that writing text does not use yet.
    func applyToGeneration() throws {
        let device = try Device(named: device)
        guard device == .cpu else { throw Failure("--device \(device): text is generated on the cpu only") }
        threads.apply()
    }
}
