public import Corpora
import Evaluation
public import Experiments
import Foundation
import LanguageModel
import Training

/// Does a decoder trained at length 128 read texts of up to 1024 tokens, and which part of the Qwen report's context
/// extension helps (§2.4, table 3)?
///
/// One decoder is trained for each seed; every variant reads the same held-out tokens with the same parameters.
public struct ContextExtensionStudy: Study {
    public let id = "qwen-context"
    public let paper = "Qwen Technical Report"
    public let summary =
        "A small decoder trained at length 128 reads held-out text at 1, 2, 4 and 8 times that length: plain, with dynamic "
        + "NTK, with LogN scaling, with layer-wise windows."
    public let world = World.public
    public let claims = ContextExtensionStudy.allClaims

    private let data: DataDirectory
    private let configuration: ContextExtensionConfiguration

    public init(
        data: DataDirectory = DataDirectory(),
        configuration: ContextExtensionConfiguration = ContextExtensionConfiguration()
    ) {
        self.data = data
        self.configuration = configuration
    }

    public func budget(_ scale: Scale) -> Budget {
        let own = ContextExtensionScale(scale)
        return Budget(seeds: own.seeds, tokens: own.trainingTokens)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = ContextExtensionScale(context.scale)
        let text = try ContextExtensionText(configuration, scale: scale, data: data)
        var configuration = configuration
        configuration.vocabularySize = text.vocabularyCount
        let measured = try await context.measure { seed in
            context.note("training", seed: seed)
            let decoder = try configuration.trainedDecoder(
                on: text.rows, tokens: scale.trainingTokens, seed: seed,
                isInterrupted: { (try? context.checkInterruption()) == nil })
            return try values(of: decoder, on: text, configuration, context, seed: seed)
        }
        return try context.result(
            measured, world: text.world, protocol: Self.protocolFields(text, scale, configuration),
            tables: [
                try Self.perplexityTable(measured, configuration), try Self.roundingTable(measured, configuration),
            ])
    }

    /// - Throws: ``ContextExtensionError/changedWithinTrainingLength(variant:seed:found:expected:)``: extension must not
    ///   touch texts of the training length.
    private func values(
        of decoder: TransformerDecoder, on text: ContextExtensionText, _ configuration: ContextExtensionConfiguration,
        _ context: StudyContext, seed: Int
    ) throws -> SeedValues {
        let measurement = LengthMeasurement(text.heldOut)
        let generator = SeededGenerator(seed: UInt64(seed)).split(id)
        var values = SeedValues()
        var plain: Double?
        for variant in ContextExtension.allCases where context.needs(variant.rawValue) {
            context.note("reading, \(variant.rawValue)", seed: seed)
            for ratio in configuration.lengthRatios {
                try context.checkInterruption()
                let loss = measurement.meanLoss(
                    of: decoder, variant, length: ratio * configuration.trainingLength, using: generator)
                values[variant.rawValue, Self.metric(ratio)] = loss
                guard ratio == 1, variant.keepsTrainingLength else { continue }
                let expected = plain ?? loss
                guard loss == expected else {
                    throw ContextExtensionError.changedWithinTrainingLength(
                        variant: variant.rawValue, seed: seed, found: loss, expected: expected)
                }
                plain = expected
            }
        }
        return values
    }

    /// The logarithm of perplexity at a multiple of the training length: differences of it are ratios of perplexities.
    static func metric(_ ratio: Int) -> String { "log-perplexity-\(ratio)x" }
}

extension ContextExtensionStudy {
    private static let allClaims = [
        claim(
            "ntk-beats-plain-4x",
            "At 4 times the training length, dynamic NTK has a lower perplexity than no extension.",
            ratio: 4, .dynamicNTK, over: .plain, control: .shuffledGrowth),
        claim(
            "logn-beats-ntk-8x", "At 8 times the training length, LogN scaling lowers the perplexity of dynamic NTK.",
            ratio: 8, .logN, over: .dynamicNTK, control: .shuffledLogN),
        claim(
            "windows-beat-logn-8x",
            "At 8 times the training length, windows that grow with the layer lower the perplexity further.", ratio: 8,
            .windows, over: .logN, control: .reversedWindows),
        claim(
            "fp32-frequencies-beat-bf16",
            "At 8 times the training length, rotary frequencies in f32 have a lower perplexity than rounded to bf16.",
            ratio: 8, .dynamicNTK, over: .roundedFrequencies, control: .shuffledRounding),
    ]

    private static func claim(
        _ id: String, _ statement: String, ratio: Int, _ method: ContextExtension, over baseline: ContextExtension,
        control: ContextExtension
    ) -> Claim {
        Claim(
            id: id, statement: statement, metric: metric(ratio), direction: .lower, method: method.rawValue,
            baseline: baseline.rawValue, control: Claim.Control(control.rawValue, kind: .shuffled))
    }

    private static func protocolFields(
        _ text: ContextExtensionText, _ scale: ContextExtensionScale, _ configuration: ContextExtensionConfiguration
    ) -> [String: JSONValue] {
        [
            "data": .text(text.origin), "split": .text("by document, 5 % test"),
            "parameters": .integer(configuration.decoder.parameterCount),
            "vocabulary": .text("\(text.vocabularyCount) tokens: words of the training text, bytes for the rest"),
            "byteTokens": .number(text.byteShare), "trainingLength": .integer(configuration.trainingLength),
            "trainingText": .integer(text.trainingTokens),
            "heldOutTokens": .integer(scale.heldOutTexts * configuration.longestLength),
            "reading": .text("neighbouring windows of each length over the same held-out tokens, mean over all tokens"),
        ]
    }

    private static func perplexityTable(
        _ measured: [SeedValues], _ configuration: ContextExtensionConfiguration
    ) throws -> Table {
        var table = Table(
            "Perplexity of held-out text",
            columns: ["variant"] + configuration.lengthRatios.map { "\($0)×" },
            note: "exp of the mean token loss; mean over \(measured.count) seeds and standard deviation")
        for variant in ContextExtension.allCases {
            let cells = configuration.lengthRatios.map { ratio -> Table.Cell in
                let losses = measured.compactMap { $0[variant.rawValue, metric(ratio)] }
                guard !losses.isEmpty else { return .empty }
                return .text(spread(losses.map { exp($0) }))
            }
            table.append([.text(variant.rawValue)] + cells)
        }
        return table
    }

    private static func roundingTable(
        _ measured: [SeedValues], _ configuration: ContextExtensionConfiguration
    ) throws -> Table {
        var table = Table(
            "Loss from rounding the rotary frequencies to bf16", columns: ["length", "mean loss, nats"],
            note: "log perplexity with rounded frequencies minus that with f32, both with dynamic NTK")
        for ratio in configuration.lengthRatios {
            let gaps = measured.compactMap { values -> Double? in
                guard let rounded = values[ContextExtension.roundedFrequencies.rawValue, metric(ratio)],
                    let exact = values[ContextExtension.dynamicNTK.rawValue, metric(ratio)]
                else { return nil }
                return rounded - exact
            }
            table.append([.text("\(ratio)×"), gaps.isEmpty ? .empty : .interval(try .mean(gaps))])
        }
        return table
    }

    private static func spread(_ values: [Double]) -> String {
        let summary = Summary(values)
        guard values.count > 1 else { return Numbers.short(summary.mean) }
        return "\(Numbers.short(summary.mean)) ± \(Numbers.short(summary.standardDeviation))"
    }
}
