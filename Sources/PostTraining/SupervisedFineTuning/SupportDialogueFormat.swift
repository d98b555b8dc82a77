public import Corpora
import Evaluation
public import LanguageModel

/// A support conversation as chat turns: the seeker is the user, the supporter the assistant, whose every turn begins
/// with its strategy in brackets: `[Question] What happened?`
public enum SupportDialogueFormat {
    /// Which tokens count.
    public enum Counted: Sendable {
        /// Strategy, words and the end of the supporter's turns: what training learns.
        case turns
        /// The supporter's words alone: what perplexity compares.
        case words
    }

    /// Plain ChatML without a system text, the same for every model that is compared.
    public static let template = ChatTemplate.chatML()

    /// The text before a turn's words, for example `[Providing Suggestions]`.
    public static func prefix(_ strategy: SupportStrategy) -> String { "[\(strategy.name)]" }

    /// The turns of a conversation. A supporter's turn without annotation has no prefix.
    /// - Parameter strategyWeight: how much a token of the strategy counts where it counts; one of the words counts 1.
    public static func messages(
        _ conversation: SupportConversation, counting counted: Counted = .turns, strategyWeight: Double = 1
    ) -> [Message] {
        conversation.turns.map { turn in
            guard turn.speaker == .supporter else { return Message(.user, turn.text) }
            let strategy = turn.strategy.map {
                ContentSpan(prefix($0), trained: counted == .turns, weight: Float(strategyWeight))
            }
            let words = ContentSpan(turn.strategy == nil ? turn.text : " " + turn.text, trained: true)
            // The mark that ends a turn counts with the message, words with their span.
            return Message(.assistant, spans: [strategy, words].compactMap(\.self), trained: counted == .turns)
        }
    }

    /// The strategy that begins an answer, and the words after it; nil and the whole answer where there is none.
    public static func parse(_ answer: String) -> (strategy: SupportStrategy?, words: String) {
        let text = answer.drop(while: \.isWhitespace)
        guard text.first == "[", let end = text.firstIndex(of: "]"),
            let strategy = SupportStrategy(name: String(text[text.index(after: text.startIndex)..<end]))
        else { return (nil, String(text)) }
        return (strategy, String(text[text.index(after: end)...].drop(while: \.isWhitespace)))
    }

    /// The same conversations with the strategies of all turns exchanged at random: nothing can be learned from the text
    /// about them any more, while their shares stay.
    public static func shufflingStrategies(
        _ conversations: [SupportConversation], seed: UInt64
    ) -> [SupportConversation] {
        var generator = SeededGenerator(seed: seed).split("shuffled strategies")
        var strategies = generator.shuffled(conversations.flatMap(\.strategies))[...]
        return conversations.map { conversation in
            SupportConversation(
                situation: conversation.situation, problem: conversation.problem, emotion: conversation.emotion,
                messages: conversation.turns.map { turn in
                    guard turn.strategy != nil else { return turn }
                    return SupportTurn(speaker: turn.speaker, strategy: strategies.removeFirst(), text: turn.text)
                })
        }
    }
}
