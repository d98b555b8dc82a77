import LanguageModel
import Testing

@Suite("Rotary scaling")
struct RotaryScalingTests {
    /// Values of transformers 5.23 (f32, seven digits) for 16 rotated dimensions.
    @Test(
        "Frequencies equal the reference's",
        arguments: [
            (
                RotaryScaling.linear(factor: 4), 1e4, 0,
                [0.25, 0.07905694, 0.025, 0.007905695, 0.0025, 0.0007905695, 0.00025, 7.905695e-05], 1.0
            ),
            (
                .dynamic(factor: 2, maximumPositions: 64), 1e4, 100,
                [1.0, 0.2839451, 0.08062484, 0.02289303, 0.006500365, 0.001845747, 0.0005240909, 0.0001488131], 1.0
            ),
            (
                .dynamic(factor: 2, maximumPositions: 64), 1e4, 10,
                [1.0, 0.3162278, 0.1, 0.03162278, 0.01, 0.003162278, 0.001, 0.0003162278], 1.0
            ),
            (
                .llama3(factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 48), 256, 0,
                [1.0, 0.4774648, 0.1193662, 0.03125, 0.015625, 0.0078125, 0.00390625, 0.001953125], 1.0
            ),
            (
                .yarn(factor: 4, originalMaximumPositions: 64, attentionFactor: 1.138629436111989), 1e4, 0,
                [1.0, 0.2371708, 0.05, 0.007905695, 0.0025, 0.0007905695, 0.00025, 7.905695e-05], 1.138629436111989
            ),
            (
                .yarn(
                    factor: 8, originalMaximumPositions: 32, betaFast: 16, betaSlow: 2,
                    attentionFactor: 1.0575928109100559),
                1e4, 0, [1.0, 0.03952847, 0.0125, 0.003952847, 0.00125, 0.0003952847, 0.000125, 3.952847e-05],
                1.0575928109100559
            ),
        ])
    func frequencies(scaling: RotaryScaling, base: Double, length: Int, expected: [Double], magnitude: Double) {
        let found = scaling.frequencies(base: base, dimensions: 16, length: length)
        #expect(found.magnitude == magnitude)
        #expect(found.perStep.count == 8)
        for (value, wanted) in zip(found.perStep, expected) { #expect(abs(value - wanted) < 1e-6 * wanted) }
    }

    @Test("YaRN's two further weights give the reference's factor")
    func yarnWeights() throws {
        let configuration = try ConfigurationTests.parse(
            """
            {"model_type":"llama","hidden_size":64,"intermediate_size":48,"num_hidden_layers":1,"num_attention_heads":4,
            "vocab_size":9,"max_position_embeddings":256,"rope_parameters":{"rope_type":"yarn","rope_theta":10000.0,
            "factor":8.0,"original_max_position_embeddings":32,"beta_fast":16,"beta_slow":2,"mscale":0.7,
            "mscale_all_dim":0.4}}
            """)
        let found = configuration.rotaryScaling.frequencies(base: 1e4, dimensions: 16).magnitude
        #expect(abs(found - 1.0575928109100559) < 1e-12)
    }

    @Test("The growth of the first Qwen's base is the published step function")
    func growth() {
        let lengths = [1, 1024, 2048, 2049, 4096, 4097, 8192, 16_384]
        let found = lengths.map { RotaryScaling.qwenGrowth(length: $0, trainingLength: 2048) }
        #expect(found == [1, 1, 1, 3, 3, 7, 7, 15])
    }
}
