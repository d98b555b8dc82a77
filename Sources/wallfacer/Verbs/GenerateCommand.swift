import ArgumentParser
import Foundation
import LanguageModel

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "One answer, or one continuation of a text.",
        discussion: """
              wallfacer generate --prompt "Three uses of a brick?"
              wallfacer generate --raw --prompt "Once upon a time" --max-tokens 40
              wallfacer generate --temperature 0.7 --seed 1 < question.txt

            The prompt is put into the model's chat format as the user's turn; --raw continues it as it stands and \
            prints nothing but the continuation. Without a temperature the likeliest token is taken each time.
            """)

    @Option(help: ArgumentHelp("The question or the beginning; standard input if not said.", valueName: "text"))
    var prompt: String?

    @Option(help: ArgumentHelp("A system turn in front.", valueName: "text"))
    var system: String?

    @Flag(help: "No chat format: continue the prompt as it stands.")
    var raw = false

    @OptionGroup var speaker: SpeakerOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if prompt?.isEmpty == true { throw ValidationError("--prompt is empty; a text is needed") }
        if raw, system != nil { throw ValidationError("--raw has no turns, so --system has no place") }
    }

    func run() async throws {
        try output.check()
        let prompt = try prompt ?? InputText.read(file: nil)
        guard !prompt.isEmpty else { throw Failure("standard input: is empty; a prompt is needed") }
        let speaker = try await speaker.open()
        let options = sampling.options(temperature: 0, topP: 1)
        let messages = (system.map { [Message(.system, $0)] } ?? []) + [Message(.user, prompt)]
        let events =
            raw ? speaker.continuation(of: prompt, options) : speaker.chat.reply(to: messages, options: options)
        if output.json || output.output != nil {
            let reply = try await ChatReply(collecting: events)
            return try output.write(GeneratedAnswer(reply), text: { reply.message.content + "\n" })
        }
        var last: Character?
        for try await event in events {
            guard case .text(let piece) = event else { continue }
            try StandardOutput.write(piece)
            last = piece.last ?? last
        }
        // What follows a raw text may be compared byte by byte.
        if !raw, last != "\n" { try StandardOutput.write("\n") }
    }
}

/// What `generate --json` prints.
private struct GeneratedAnswer: Encodable {
    let text: String
    let reasoning: String?
    let finishReason: String
    let promptTokens: Int?
    let completionTokens: Int?

    init(_ reply: ChatReply) {
        text = reply.message.content
        reasoning = reply.message.reasoning
        finishReason = reply.finishReason.description
        promptTokens = reply.usage?.promptTokens
        completionTokens = reply.usage?.completionTokens
    }
}
