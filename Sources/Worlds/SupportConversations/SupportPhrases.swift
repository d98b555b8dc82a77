import Corpora

/// Words of the rendered support conversations, all of our own writing. The hidden state decides which group a line is
/// taken from; the choices inside a template only vary the wording.
enum SupportPhrases {
    /// A kind of problem, with what the seeker tells about it as understanding grows.
    struct Problem: Sendable {
        let name: String
        /// "I am worried about {topic}".
        let topic: String
        let situations: [PhraseTemplate]
        /// By understanding: hints, the problem itself, its cause, what was tried and is needed.
        let details: [[PhraseTemplate]]
        /// Advice that fits, as a clause after "you could".
        let advice: [PhraseTemplate]
        let facts: [PhraseTemplate]
    }

    /// Names an emotion: "I feel {adjective}".
    struct Emotion: Sendable {
        let name: String
        let adjectives: [String]
        let noun: String
    }

    static let emotions: [Emotion] = [
        Emotion(name: "anxiety", adjectives: ["anxious", "on edge", "worried sick"], noun: "the anxiety"),
        Emotion(name: "sadness", adjectives: ["sad", "heavy", "close to tears"], noun: "the sadness"),
        Emotion(name: "anger", adjectives: ["angry", "furious", "bitter"], noun: "the anger"),
        Emotion(name: "fear", adjectives: ["scared", "afraid", "frightened"], noun: "the fear"),
        Emotion(name: "shame", adjectives: ["ashamed", "small", "embarrassed"], noun: "the shame"),
        Emotion(name: "depression", adjectives: ["empty", "hopeless", "worn down"], noun: "the emptiness"),
    ]

    /// By distress, 0 to 4. `{feeling}` is an adjective of the emotion.
    static let distress: [[PhraseTemplate]] = [
        [
            "I feel [calm|at peace|so much lighter] now.", "[Honestly, |]I think I am [fine|okay] again.",
            "[The worst|The storm] is over[, I can breathe|].",
        ],
        [
            "I am [a bit|slightly] {feeling}, but it is [manageable|getting easier].",
            "It is [mostly|nearly] all right, only [a little|somewhat] {feeling} at times.",
            "[Things look|It looks] better, though I still feel [a touch|a little] {feeling}.",
        ],
        [
            "I still feel {feeling} [on some days|now and then|in the evenings].",
            "Some hours are fine, in others I am {feeling}.",
            "It goes up and down, and I am [often|quite] {feeling}.",
        ],
        [
            "I feel [very|really|so] {feeling} [these days|most of the time|lately].",
            "I am {feeling} from [morning to night|the moment I wake up].",
            "It is [hard|a struggle], I feel {feeling} [every day|all week].",
        ],
        [
            "I cannot [bear|take] this any more, I am [completely|utterly] {feeling}.",
            "Everything is falling apart and I am [unbearably|terribly] {feeling}.",
            "I am [desperate|at the end of my rope], {feeling} [beyond words|without a pause].",
        ],
    ]

    /// By rapport, 0 to 2.
    static let rapport: [[PhraseTemplate]] = [
        [
            "I do not know if [talking|this] helps.", "[You would not understand|Nobody gets it], I guess.",
            "I [usually|normally] keep such things to myself.",
        ],
        [
            "It is [good|nice] that [someone listens|you listen].", "[Thanks|Thank you] for asking about it.",
            "I did not expect to be [taken seriously|heard].",
        ],
        [
            "I can [tell you everything|be open with you].", "I [really |]trust you [with this|on this].",
            "You [truly|really] see what this is like for me.",
        ],
    ]

    static let openings: [PhraseTemplate] = [
        "Hello.", "Hi there.", "Hi, do you have a moment?", "Good evening.",
        "Hello, I need [to talk|someone to talk to].",
    ]

    static let closings: [PhraseTemplate] = [
        "[Thank you|Thanks] for your time. [Bye.|Goodbye.|Take care.]",
        "I will [think about it|let it sink in]. Good night.", "I have to go now. [Thank you.|Thanks for listening.]",
    ]

    /// The supporter's lines by strategy. `{topic}`, `{feeling}`, `{detail}`, `{advice}` and `{fact}` are filled.
    static func supporter(_ strategy: SupportStrategy) -> [PhraseTemplate] {
        switch strategy {
        case .question:
            [
                "[Can|Could] you tell me more about {topic}?", "What [happened|is going on] with {topic}?",
                "When did [this|it] [start|begin]?", "How long have you [felt|been] like this?",
                "What [worries|troubles] you most about {topic}?", "Who [knows|have you told] about {topic}?",
            ]
        case .restatement:
            [
                "So, if I follow you, it is about {topic}.", "[Let me say it back|In other words]: {detail}",
                "You are [saying|telling me] that {topic} is [the heart of it|what weighs on you].",
                "If I [understand|hear] you right: {detail}",
            ]
        case .reflectionOfFeelings:
            [
                "[It sounds like|I sense that] you feel {feeling}.", "I can [hear|feel] how {feeling} you are.",
                "You [seem|must feel] {feeling}, and that is [a lot to carry|exhausting].",
                "Being {feeling} [day after day|for so long] must hurt.",
            ]
        case .selfDisclosure:
            [
                "I went through something [similar|like it] with {topic} [once|years ago].",
                "When I [was younger|had trouble] with {topic}, I felt {feeling} too.",
                "I [remember|know] it from my own life: I was {feeling} [for months|for a long time].",
            ]
        case .affirmation:
            [
                "You are [stronger|braver] than you think.", "You are doing [so well|your best], and it shows.",
                "It is [okay|all right] to feel this way, [you will get through it|it will pass].",
                "I am [proud|glad] that you [reached out|keep going].",
                "Anyone would [struggle|find this hard]. You are not to blame.",
            ]
        case .suggestions:
            [
                "[Maybe|Perhaps] you could {advice}.", "Have you [thought of trying|considered] this: {advice}?",
                "[What if you would|It may help to] {advice}.", "I would [suggest|propose] that you {advice}.",
            ]
        case .information:
            [
                "{fact}", "[Research shows|It is known] that {factClause}.",
                "[For what it is worth|By the way], {factClause}.",
            ]
        case .others:
            [
                "[Hello|Hi], I am here [for you|to listen].", "I see.", "Okay, [take your time|no hurry].",
                "You are welcome.", "[Take care|Good night]!",
            ]
        }
    }
}
