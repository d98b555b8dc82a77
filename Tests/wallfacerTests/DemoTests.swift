import Foundation
import Testing

/// The main job from end to end with a tiny model, as `make demo` runs it with a real one.
@Suite struct DemoTests {
    private struct Written: Decodable {
        struct WithFloor: Decodable {
            let base: Double
            let tuned: Double
            let floor: Double
        }
        struct Pair: Decodable {
            let base: Double
            let tuned: Double
        }
        struct Strategy: Decodable {
            let accuracy: WithFloor
            let macroF1: WithFloor
        }
        let data: String
        let model: String
        let perplexity: Pair
        let strategy: Strategy
        let seconds: Double
        let conversations: Int
        let trainedTokens: Int
        let shuffledStrategies: Bool
        let reusedAdapter: Bool
    }

    @Test("It trains, measures, talks and reports; again it reuses the adapter; the control says what it is")
    func demo() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = try TinyModel(in: tool.home)
        try tiny.addWeights(maximumPositions: 4096)
        let arguments = [
            "demo", "--simulated", "--model", tiny.folder.path, "--tokens", "8000", "--conversations", "2",
            "--precision", "f32",
        ]
        func run(_ more: String...) throws -> (Written, errors: String) {
            let outcome = try tool.run(arguments + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let last = try #require(outcome.output.split(separator: "\n").last)
            #expect(last.hasPrefix("report: "))
            let page = URL(fileURLWithPath: String(last.dropFirst("report: ".count)))
            #expect(try String(contentsOf: page, encoding: .utf8).contains("<svg"))
            let data = try Data(contentsOf: page.deletingLastPathComponent().appending(path: "demo.json"))
            return (try JSONDecoder().decode(Written.self, from: data), outcome.errors)
        }
        let (first, said) = try run()
        #expect(first.data == "simulated" && first.model == tiny.folder.path && first.conversations == 2)
        #expect(first.trainedTokens >= 8000 && !first.reusedAdapter && !first.shuffledStrategies)
        // A random model learns at once which bytes are common.
        #expect(first.perplexity.tuned < 0.9 * first.perplexity.base)
        #expect(first.strategy.accuracy.floor > 0 && first.strategy.macroF1.floor > 0)
        #expect(said.contains("simulat"))

        let (second, repeated) = try run()
        #expect(second.reusedAdapter && repeated.contains("reusing the adapter"))
        #expect(second.perplexity.tuned == first.perplexity.tuned)
        #expect(second.strategy.accuracy.tuned == first.strategy.accuracy.tuned)

        let (control, _) = try run("--shuffle-strategies")
        #expect(control.shuffledStrategies && !control.reusedAdapter)
        #expect(control.strategy.accuracy.floor == first.strategy.accuracy.floor)
    }

    @Test("What cannot work is said before anything is computed")
    func errors() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = try TinyModel(in: tool.home)
        try tiny.addWeights(maximumPositions: 4096)
        let file = tool.home.appending(path: "file")
        try Data().write(to: file)
        let blocked = try tool.run("demo", "--simulated", "--model", tiny.folder.path, "--output", file.path)
        #expect(blocked.status == 1 && blocked.errors.contains("\(file.path): cannot be made"))
        let unknown = try tool.run("demo", "--simulated", "--model", "nonsense")
        #expect(unknown.status == 1 && unknown.errors.contains("model nonsense"))
    }
}
