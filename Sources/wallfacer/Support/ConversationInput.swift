import Corpora
import Foundation
import LanguageModel

/// Conversations that the user hands over: chat JSON lines, or ESConv in either layout.
enum ConversationInput {
    /// - Parameter file: ESConv where it is found, else a conversation of ours, where nothing is said.
    static func read(file: String?) throws -> [ChatExample] {
        guard let file else {
            if let corpus = try? DataDirectory().supportConversations() { return corpus.train.map(example) }
            return [sample]
        }
        let url = URL(fileURLWithPath: (file as NSString).expandingTildeInPath)
        if ESConv.isPresent(in: url) {
            let corpus = try ESConv.load(folder: url)
            return (corpus.train + corpus.validation + corpus.test).map(example)
        }
        return try ChatFile.parse(InputText.contents(of: file), file: file)
    }

    /// A support conversation as chat: each answer begins with its strategy in brackets.
    private static func example(_ conversation: SupportConversation) -> ChatExample {
        ChatExample(
            messages: conversation.turns.map { turn in
                guard turn.speaker == .supporter else { return Message(.user, turn.text) }
                return Message(.assistant, (turn.strategy.map { "[\($0.name)] " } ?? "") + turn.text)
            })
    }

    private static let sample = ChatExample(messages: [
        Message(.system, "You listen, and you answer in one or two sentences."),
        Message(.user, "I have an exam tomorrow and I cannot sleep."),
        Message(.assistant, "That sounds exhausting. What part of the exam worries you most?"),
        Message(.user, "The oral part. My voice shakes."),
        Message(.assistant, "Many voices do. Shall we go through your first two sentences together?"),
    ])
}
