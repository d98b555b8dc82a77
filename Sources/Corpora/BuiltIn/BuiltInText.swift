import Evaluation

/// English prose of our own making for when no corpus is there: short tales from a grammar, any amount of them.
///
/// A tale has people, a town and things with invented names that come back through the whole text, so that a model gains
/// from short context (grammar, set phrases) and from long context (who owns what, where it was left).
public enum BuiltInText {
    /// Tales until they hold at least `characters` characters. The same seed and part give the same tales; a longer request
    /// begins with the tales of a shorter one.
    public static func documents(characters: Int, part: String = "train", seed: UInt64 = 0) -> [TextDocument] {
        let stream = SeededGenerator(seed: seed).split("built-in text").split(part)
        var result: [TextDocument] = []
        var count = 0
        while count < characters {
            let text = tale(stream.split(UInt64(result.count)))
            count += text.count
            result.append(TextDocument(name: "\(part)/\(result.count)", text: text))
        }
        return result
    }

    /// A corpus whose parts come from disjoint streams; validation and test hold a tenth each of what train does.
    public static func corpus(characters: Int, seed: UInt64 = 0) -> TextCorpus {
        let held = max(1, characters / 10)
        return TextCorpus(
            train: documents(characters: characters, part: "train", seed: seed),
            validation: documents(characters: held, part: "validation", seed: seed),
            test: documents(characters: held, part: "test", seed: seed), origin: "built-in tales (synthetic)")
    }

    private static let shortestTale = 3
    private static let longestTale = 9

    private static func tale(_ stream: SeededGenerator) -> String {
        var generator = stream
        var values = TaleWords.cast(&generator)
        func write(_ templates: [PhraseTemplate]) -> String {
            let template = generator.element(of: templates)
            return template.expanded(values, using: &generator)
        }
        var paragraphs = [
            [write(TaleWords.openings), write(TaleWords.people), write(TaleWords.belongings)].joined(separator: " ")
        ]
        let length = shortestTale + generator.integer(below: longestTale - shortestTale + 1)
        for _ in 0..<length {
            TaleWords.change(&values, &generator)
            var sentences = [write(TaleWords.times)]
            for _ in 0..<(2 + generator.integer(below: 3)) { sentences.append(write(TaleWords.events)) }
            if generator.bernoulli(0.5) { sentences.append(write(TaleWords.talk)) }
            if generator.bernoulli(0.6) { sentences.append(write(TaleWords.reminders)) }
            paragraphs.append(sentences.joined(separator: " "))
        }
        paragraphs.append([write(TaleWords.endings), write(TaleWords.lessons)].joined(separator: " "))
        return paragraphs.joined(separator: "\n\n")
    }
}
