import Foundation
import Layers

// One measurement in a process of its own, printed as one JSON object. `Benchmarks/run` starts it in alternation with
// the peers.
let arguments = Array(CommandLine.arguments.dropFirst())

switch (arguments.first, arguments.count) {
case ("training-step", 2): trainingStep(precision: .auto, steps: Int(arguments[1]) ?? 6)
case ("generate", 4):
    try await generate(model: arguments[1], promptTokens: Int(arguments[2]) ?? 512, newTokens: Int(arguments[3]) ?? 64)
case ("small-operator", 2): smallOperator(calls: Int(arguments[1]) ?? 100_000)
case ("tokenizing", 4): try tokenizing(ranks: arguments[1], lines: arguments[2], folder: arguments[3])
case ("streaming-read", 1): streamingRead()
case ("recommender-training", 3): try recommenderTraining(arguments[1], steps: Int(arguments[2]) ?? 6)
case ("recommender-ranking", 2): try recommenderRanking(passes: Int(arguments[1]) ?? 3)
case ("recommender-scale", 1): try recommenderScale()
case ("recommender-latency", 2...):
    try await recommenderLatency(requests: Int(arguments[1]) ?? 200, only: Array(arguments.dropFirst(2)))
default:
    let usage = """
        usage: Benchmarks training-step STEPS | generate MODEL PROMPT-TOKENS NEW-TOKENS | small-operator CALLS
               | streaming-read | tokenizing RANKS LINES FOLDER
               | recommender-training sasrec|deepfm STEPS | recommender-ranking PASSES | recommender-scale
               | recommender-latency REQUESTS [METHOD ...]

        """
    FileHandle.standardError.write(Data(usage.utf8))
    exit(2)
}

/// Prints what was measured.
func report(_ fields: [String: any Encodable]) {
    let parts = fields.sorted { $0.key < $1.key }.map { key, value in
        let text = (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        return "\"\(key)\":\(text)"
    }
    print("{\(parts.joined(separator: ","))}")
}

/// Runs `body` and returns the seconds it took.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let begin = ContinuousClock.now
    try body()
    return (ContinuousClock.now - begin) / .seconds(1)
}

/// Seconds that all threads of this process have computed: on a machine with busy neighbours steadier than the clock.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The largest resident size of this process so far.
func peakBytes() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes * 1024
}
