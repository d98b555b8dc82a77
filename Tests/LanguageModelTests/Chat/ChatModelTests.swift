import Foundation
import LanguageModel
import Testing

/// A model that says what a test gives it.
private struct ScriptedModel: ChatModel {
    struct Failure: Error {}

    var events: [ChatEvent]
    var fails = false

    func reply(
        to messages: [Message], tools: [ToolDefinition], options: GenerationOptions
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream { continuation in
            for event in events { continuation.yield(event) }
            continuation.finish(throwing: fails ? Failure() : nil)
        }
    }
}

@Suite("Models one can talk to")
struct ChatModelTests {
    @Test("A whole reply holds every piece in its order")
    func collects() async throws {
        let call = ToolCall(id: "1", name: "time", arguments: [:])
        let token = TokenLogProbability(token: "a", logProbability: -1)
        let model = ScriptedModel(events: [
            .reasoning("Hm"), .text("a"), .logProbabilities([token]), .reasoning("."), .text("b"), .toolCall(call),
            .logProbabilities([token, token]),
            .finished(.toolCalls, usage: .init(promptTokens: 3, completionTokens: 2)),
        ])
        let reply = try await model.complete([Message(.user, "Hi")])
        #expect(reply.message == Message(.assistant, "ab", reasoning: "Hm.", toolCalls: [call]))
        #expect(reply.finishReason == .toolCalls)
        #expect(reply.usage == TokenUsage(promptTokens: 3, completionTokens: 2))
        #expect(reply.logProbabilities == [token, token, token])
    }

    @Test("A reply that fails, or has no end, is never taken for a whole one")
    func failures() async throws {
        await #expect(throws: ScriptedModel.Failure.self) {
            try await ScriptedModel(events: [.text("a")], fails: true).complete([Message(.user, "Hi")])
        }
        await #expect(throws: CancellationError.self) {
            try await ScriptedModel(events: [.text("a")]).complete([Message(.user, "Hi")])
        }
    }

    @Test("The default options take the likeliest token and are allowed")
    func defaults() throws {
        #expect(GenerationOptions().isGreedy)
        #expect(!GenerationOptions(temperature: 0.1).isGreedy)
        try GenerationOptions().validate()
        try GenerationOptions(
            maximumTokens: 1, repetitionPenalty: 0.5, temperature: 2, topK: 1, topP: 0.01, minP: 1, stop: ["."],
            seed: 0, logProbabilities: 0
        ).validate()
    }

    @Test(
        "An option that is not allowed is named with what was found",
        arguments: [
            (GenerationOptions(maximumTokens: 0), "maximumTokens is 0; allowed: at least 1."),
            (GenerationOptions(repetitionPenalty: 0), "repetitionPenalty is 0.0; allowed: a positive number."),
            (GenerationOptions(temperature: -1), "temperature is -1.0; allowed: 0 or a positive number."),
            (GenerationOptions(temperature: .nan), "temperature is nan; allowed: 0 or a positive number."),
            (GenerationOptions(temperature: .infinity), "temperature is inf; allowed: 0 or a positive number."),
            (GenerationOptions(topK: 0), "topK is 0; allowed: at least 1."),
            (GenerationOptions(topP: 0), "topP is 0.0; allowed: above 0 and at most 1."),
            (GenerationOptions(topP: .nan), "topP is nan; allowed: above 0 and at most 1."),
            (GenerationOptions(minP: 1.5), "minP is 1.5; allowed: from 0 to 1."),
            (GenerationOptions(stop: ["a", ""]), "stop is an empty text; allowed: texts of at least one character."),
            (GenerationOptions(logProbabilities: -1), "logProbabilities is -1; allowed: from 0 to 1000."),
        ])
    func refused(options: GenerationOptions, message: String) {
        let error = #expect(throws: GenerationOptionsError.self) { try options.validate() }
        #expect(error?.description == message)
    }

    @Test("Options survive a file")
    func codable() throws {
        let options = GenerationOptions(temperature: 0.5, topK: 5, stop: ["\n"], seed: .max, logProbabilities: 3)
        let data = try JSONEncoder().encode(options)
        #expect(try JSONDecoder().decode(GenerationOptions.self, from: data) == options)
    }
}
