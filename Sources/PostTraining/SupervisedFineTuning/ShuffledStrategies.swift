public import Corpora
import Evaluation

extension SupportDialogueFormat {
    /// The same conversations with the strategies of all turns exchanged at random: nothing can be learned from the text
    /// about them any more, while their shares stay.
    public static func shufflingStrategies(_ conversations: [SupportConversation], seed: UInt64)
        -> [SupportConversation]
    {
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
