import Corpora
import Foundation
import LanguageModel
import PostTraining

/// Conversations that the user hands over: chat JSON lines, or ESConv in either layout.
enum ConversationInput {
    /// - Parameter file: ESConv where it is found, else a conversation of ours, where nothing is said.
    static func read(file: String?) throws -> [ChatExample] {
        func example(_ conversation: SupportConversation) -> ChatExample {
            ChatExample(messages: SupportDialogueFormat.messages(conversation))
        }
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

    private static let sample = ChatExample(messages: [
        Message(.system, "You listen, and you answer in one or two sentences."),
        Message(.user, "I have an exam tomorrow and I cannot sleep."),
        Message(.assistant, "That sounds exhausting. What part of the exam worries you most?"),
        Message(.user, "The oral part. My voice shakes."),
        Message(.assistant, "Many voices do. Shall we go through your first two sentences together?"),
    ])
}
