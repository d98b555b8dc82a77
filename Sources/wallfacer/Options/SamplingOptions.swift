import ArgumentParser
import LanguageModel

/// How a continuation is chosen.
struct SamplingOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: ArgumentHelp("The most tokens of an answer.", valueName: "n"))
    var maxTokens = 512

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("0 takes the likeliest token each time; higher is more varied.", valueName: "t"))
    var temperature: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Choose among this many of the likeliest tokens.", valueName: "k"))
    var topK: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Choose among the likeliest tokens that have this probability together.", valueName: "p"))
    var topP: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Choose among tokens at least this many times as likely as the first.", valueName: "p"))
    var minP = 0.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Makes tokens less likely that the text holds already; 1 changes nothing.", valueName: "x"))
    var repetitionPenalty = 1.0

    @Option(help: ArgumentHelp("Ends the answer where this text appears; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("Makes random choices repeatable.", valueName: "n"))
    var seed: UInt64?

    func validate() throws {
        do {
            try options(temperature: 0, topP: 1).validate()
        } catch let error as GenerationOptionsError {
            let flag = Self.flags[error.field] ?? error.field
            throw ValidationError("\(flag) is \(error.found); allowed: \(error.allowed)")
        }
    }

    /// The options by the fields of `GenerationOptions` that they set.
    private static let flags = [
        "maximumTokens": "--max-tokens", "repetitionPenalty": "--repetition-penalty", "temperature": "--temperature",
        "topK": "--top-k", "topP": "--top-p", "minP": "--min-p", "stop": "--stop",
    ]

    /// - Parameters: what holds where the user says nothing.
    func options(temperature: Double, topP: Double) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: maxTokens, repetitionPenalty: repetitionPenalty,
            temperature: self.temperature ?? temperature, topK: topK, topP: self.topP ?? topP, minP: minP, stop: stop,
            seed: seed)
    }
}
