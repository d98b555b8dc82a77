import ArgumentParser
import Experiments
import Foundation
import LanguageModel
import Layers

struct PerplexityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "How well a model predicts a text: exp of the mean loss of its tokens.",
        discussion: """
              wallfacer perplexity --file book.txt
              wallfacer perplexity --model Qwen3-0.6B --file book.txt --window 1024 --json

            The text is read in windows that overlap, so that each token is predicted once, from at least half a \
            window before it. A beginning-of-sequence token is put in front only where the tokenizer adds one.
            """)

    @Option(help: ArgumentHelp("The text; standard input if not said.", valueName: "file"))
    var file: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Tokens read at once; the model's context length if not said.", valueName: "n"))
    var window: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("By how many tokens the window moves on; half of it if not said.", valueName: "n"))
    var stride: Int?

    @Option(
        help: ArgumentHelp("A published name, a folder, a .gguf or .safetensors file, or a run.", valueName: "model"))
    var model: String?

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let window, window < 2 { throw ValidationError("--window is \(window); allowed: from 2 up") }
        if let stride, stride < 1 { throw ValidationError("--stride is \(stride); allowed: from 1 up") }
    }

    func run() async throws {
        try output.check()
        let text = try InputText.read(file: file)
        let model = try ModelOpening.open(model, compute)
        let tokens = model.tokenizer.encodePrompt(text)
        guard tokens.count > 1 else {
            let found = tokens.count == 1 ? "1 token" : "no tokens"
            throw Failure("\(file ?? "standard input"): \(found); at least 2 are needed")
        }
        StandardError.write(ModelOpening.description(model))
        let window = Self.atMost(model.contextLength, window ?? model.contextLength, "--window", "the model's context")
        let stride = Self.atMost(window - 1, stride ?? window / 2, "--stride", "what a window can move on")
        let loss = try await model.loss(of: tokens, window: window, stride: stride)
        let result = MeasuredPerplexity(
            perplexity: loss.perplexity, loss: loss.sum / Double(loss.tokens), tokens: loss.tokens, window: window,
            stride: stride, model: model.name, precision: model.precision.rawValue)
        try output.write(result) {
            "perplexity \(Numbers.short(loss.perplexity)) over \(Numbers.grouped(loss.tokens)) tokens "
                + "(window \(window), stride \(stride))\n"
        }
    }

    /// A value that may have been asked for, cut to what is possible; cutting is said.
    private static func atMost(_ most: Int, _ wanted: Int, _ flag: String, _ limit: String) -> Int {
        guard wanted > most else { return wanted }
        StandardError.write("\(flag) \(wanted) is more than \(limit); \(most) is taken")
        return most
    }
}

/// What `perplexity --json` prints.
private struct MeasuredPerplexity: Encodable {
    let perplexity: Double
    /// Mean negative natural log-probability of a token.
    let loss: Double
    /// Tokens that were predicted.
    let tokens: Int
    let window: Int
    let stride: Int
    let model: String
    let precision: String
}
