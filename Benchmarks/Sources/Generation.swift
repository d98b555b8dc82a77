import LanguageModel

/// Greedy continuation of a fixed text: seconds until the first token, and for each token after it.
func generate(model path: String, promptTokens: Int, newTokens: Int) async throws {
    let model = try LocalModel(path: path)
    let vocabulary = model.configuration.vocabularySize
    var prefill: [Double] = []
    var decode: [Double] = []
    for round in 0..<3 {
        let prompt = (0..<promptTokens).map { TokenID(100 + ($0 + round) * 7919 % (vocabulary - 200)) }
        await model.reset()
        var begin = ContinuousClock.now
        _ = try await model.generate([prompt], options: GenerationOptions(maximumTokens: 1, temperature: 0))
        let first = (ContinuousClock.now - begin) / .seconds(1)
        prefill.append(first)
        guard newTokens > 1 else { continue }
        await model.reset()
        begin = ContinuousClock.now
        let texts = try await model.generate(
            [prompt], options: GenerationOptions(maximumTokens: newTokens, temperature: 0))
        let total = (ContinuousClock.now - begin) / .seconds(1)
        let written = texts[0].tokens.count
        if written > 1 { decode.append((total - first) / Double(written - 1)) }
    }
    report([
        "prefillSeconds": prefill, "decodeSeconds": decode, "weightBytes": model.weightBytes, "peakBytes": peakBytes(),
    ])
}
