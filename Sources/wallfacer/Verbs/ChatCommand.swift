import ArgumentParser
import Foundation
import LanguageModel
import Training

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk to a model.",
        discussion: """
              wallfacer chat
              wallfacer chat --model Qwen3-0.6B --system "Answer in one sentence."
              wallfacer chat --remote http://localhost:8080/v1

            Each line is one turn; the answer appears as it is written. Lines that begin with a slash are commands:
              /reset          forget the conversation
              /system TEXT    begin anew with this system turn; without a text, with the model's own
              /quit           leave; so does the end of the input
            """)

    @Option(help: ArgumentHelp("A system turn in front.", valueName: "text"))
    var system: String?

    @OptionGroup var speaker: SpeakerOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    /// A little variety suits a conversation.
    private static let temperature = 0.2
    private static let topP = 0.9

    func run() async throws {
        let speaker = try await speaker.open()
        let options = sampling.options(temperature: Self.temperature, topP: Self.topP)
        let isInteractive = isatty(STDIN_FILENO) == 1
        if isInteractive { StandardError.write("/reset, /system TEXT, /quit") }
        var conversation = Conversation(system: system)
        var input = InputLines()
        while let line = nextLine(&input, isInteractive) {
            guard case .text(let text) = line else {
                if case .broken(let number) = line {
                    StandardError.write("wallfacer: standard input: line \(number): no UTF-8 text; it is passed over")
                }
                continue
            }
            switch ChatLine(text) {
            case .nothing: continue
            case .quit: return
            case .reset: conversation = Conversation(system: conversation.system)
            case .system(let text): conversation = Conversation(system: text)
            case .unknown(let command):
                StandardError.write("\(command): no such command; there are /reset, /system TEXT and /quit")
            case .words(let words):
                do {
                    conversation.messages.append(try await answer(words, in: conversation, speaker.chat, options))
                } catch  where isInteractive && !(error is CancellationError) {
                    // The conversation goes on without this turn.
                    StandardError.write(Failure.line(for: error))
                    continue
                }
            }
        }
    }

    private func nextLine(_ input: inout InputLines, _ isInteractive: Bool) -> InputLines.Line? {
        if isInteractive { StandardError.raw("\n> ") }
        return input.next()
    }

    /// Shows the answer as it is written.
    /// - Returns: the two new turns.
    private func answer(
        _ words: String, in conversation: Conversation, _ model: any ChatModel, _ options: GenerationOptions
    ) async throws -> Conversation.Exchange {
        let question = Message(.user, words)
        let (dim, plain) = Terminal.showsOutput ? ("\u{1B}[2m", "\u{1B}[0m") : ("", "")
        var text = ""
        var reasoning = ""
        for try await event in model.reply(to: conversation.all + [question], options: options) {
            switch event {
            case .text(let piece):
                if text.isEmpty, !reasoning.isEmpty, Terminal.showsOutput { try StandardOutput.line("\n") }
                text += piece
                try StandardOutput.write(piece)
            case .reasoning(let piece):
                reasoning += piece
                // Thoughts are for people who watch; a pipe gets answers.
                if Terminal.showsOutput { try StandardOutput.write(dim + piece + plain) }
            default: break
            }
        }
        try StandardOutput.line("")
        return Conversation.Exchange(
            question: question, answer: Message(.assistant, text, reasoning: reasoning.isEmpty ? nil : reasoning))
    }
}

/// The turns so far.
private struct Conversation {
    struct Exchange {
        let question: Message
        let answer: Message
    }

    let system: String?
    var messages: [Exchange] = []

    init(system: String?) { self.system = system }

    var all: [Message] {
        (system.map { [Message(.system, $0)] } ?? []) + messages.flatMap { [$0.question, $0.answer] }
    }
}

/// What a line of the user asks for.
package enum ChatLine: Equatable {
    case nothing
    case words(String)
    case reset
    case quit
    /// nil takes the system turn away.
    case system(String?)
    case unknown(String)

    package init(_ line: String) {
        let line = line.trimmingCharacters(in: .whitespaces)
        guard line.hasPrefix("/") else {
            self = line.isEmpty ? .nothing : .words(line)
            return
        }
        let command = String(line.prefix { !$0.isWhitespace })
        let rest = line.dropFirst(command.count).trimmingCharacters(in: .whitespaces)
        switch command {
        case "/reset": self = .reset
        case "/quit", "/exit": self = .quit
        case "/system": self = .system(rest.isEmpty ? nil : rest)
        // A switch of the model's, not a command of ours.
        case "/think", "/no_think": self = .words(line)
        default: self = .unknown(command)
        }
    }
}
