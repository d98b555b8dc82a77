import Corpora
import Foundation
import LanguageModel
import PostTraining

/// Conversations that the user hands over: chat JSON lines, or ESConv in either layout.
struct ConversationInput {
    let examples: [ChatExample]
    /// The file, or what stands for it in errors.
    private let source: String
    /// The line of each conversation, where they have lines.
    private let lines: [Int]?

    /// - Parameter file: standard input where nothing is said. Where a person sits there: ESConv if it is found, else a
    ///   conversation of ours.
    static func read(file: String?) throws -> ConversationInput {
        guard let file else {
            guard isatty(STDIN_FILENO) == 1 else {
                return try chats(Data(InputText.read(file: nil).utf8), source: "standard input")
            }
            if let corpus = try? DataDirectory().supportConversations() {
                return ConversationInput(corpus.train, source: corpus.origin)
            }
            return ConversationInput(examples: [sample], source: "the sample", lines: nil)
        }
        let url = URL(fileURLWithPath: (file as NSString).expandingTildeInPath)
        if ESConv.isPresent(in: url) {
            let corpus = try ESConv.load(folder: url)
            return ConversationInput(corpus.train + corpus.validation + corpus.test, source: file)
        }
        return try chats(InputText.contents(of: file), source: file)
    }

    /// Where a conversation of ``examples`` stands, for errors.
    func place(of index: Int) -> String {
        lines.map { "\(source): line \($0[index])" } ?? "\(source): conversation \(index + 1)"
    }

    private static func chats(_ data: Data, source: String) throws -> ConversationInput {
        let examples = try ChatFile.parse(data, file: source)
        // The reader passes over the same lines.
        let blanks: Set<UInt8> = [0x20, 0x0D, 0x09]
        let lines = data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
            .filter { !$0.element.allSatisfy(blanks.contains) }.map { $0.offset + 1 }
        return ConversationInput(examples: examples, source: source, lines: lines)
    }

    private init(examples: [ChatExample], source: String, lines: [Int]?) {
        self.examples = examples
        self.source = source
        self.lines = lines
    }

    private init(_ conversations: [SupportConversation], source: String) {
        let examples = conversations.map { ChatExample(messages: SupportDialogueFormat.messages($0)) }
        self.init(examples: examples, source: source, lines: nil)
    }

    private static let sample = ChatExample(messages: [
        Message(.system, "You listen, and you answer in one or two sentences."),
        Message(.user, "I have an exam tomorrow and I cannot sleep."),
        Message(.assistant, "That sounds exhausting. What part of the exam worries you most?"),
        Message(.user, "The oral part. My voice shakes."),
        Message(.assistant, "Many voices do. Shall we go through your first two sentences together?"),
    ])
}
