public import Evaluation
public import LanguageModel
import Tensors

/// How a decoder of the Qwen kind reads texts longer than those it was trained on, without further training
/// (Qwen Technical Report, §2.4): each stage adds to the one before. The last four are variants for comparison.
///
/// With L0 the training length, L the length of the text and d the width of a head:
/// - dynamic NTK: `base' = base · α^(d / (d - 2))`, `α = max(2^ceil(log2(L / L0) + 1) - 1, 1)`;
/// - LogN: the query at one-based position i is multiplied by `max(1, ln i / ln L0)`;
/// - windows: layer l sees its last `w(l)` keys, few in the lower layers and more in the upper ones.
///
/// None of them changes a text of at most L0 tokens by a single bit; only rounding the frequencies does.
public enum ContextExtension: String, Sendable, CaseIterable {
    case plain
    case dynamicNTK = "dynamic-ntk"
    case logN = "dynamic-ntk+logn"
    case windows = "dynamic-ntk+logn+windows"
    /// Dynamic NTK whose rotary frequencies are rounded to bf16.
    case roundedFrequencies = "bf16-frequencies"
    /// What dynamic NTK divides each frequency by, dealt to the frequencies in random order.
    case shuffledGrowth = "shuffled-growth"
    /// The LogN factors of a text, dealt to its positions in random order.
    case shuffledLogN = "shuffled-logn"
    /// The windows upside down: long ones in the lower layers.
    case reversedWindows = "reversed-windows"
    /// Dynamic NTK whose frequencies are off by bf16's relative errors, dealt in random order and held in f32.
    case shuffledRounding = "shuffled-rounding"

    /// Whether texts up to the training length give the same bits as without extension.
    public var keepsTrainingLength: Bool { self != .roundedFrequencies && self != .shuffledRounding }

    /// Sets a decoder to read texts of `length` tokens this way, and returns the pass that goes with it.
    ///
    /// - Parameters:
    ///   - decoder: its configuration must name the training length.
    ///   - generator: deals what is shuffled.
    /// - Precondition: the decoder has a training length.
    public func configure(
        _ decoder: TransformerDecoder, length: Int, using generator: SeededGenerator
    ) -> DecoderPass {
        guard let trainingLength = decoder.configuration.trainingLength else {
            preconditionFailure("context extension needs the length of training")
        }
        var generator = generator
        var pass = DecoderPass()
        var configuration = decoder.configuration
        let windows = Self.layerWindows(layers: configuration.layers, trainingLength: trainingLength)
        configuration.rotaryScaling = .none
        configuration.usesDynamicNTK = self != .plain && self != .shuffledGrowth
        configuration.usesLogN = [.logN, .windows, .reversedWindows].contains(self)
        configuration.layerWindows = windows.map { _ in nil }
        switch self {
        case .plain, .dynamicNTK, .logN: break
        case .windows: configuration.layerWindows = windows
        case .reversedWindows: configuration.layerWindows = windows.reversed()
        case .roundedFrequencies: pass.rotaryFrequencyType = .bfloat16
        case .shuffledGrowth:
            let divisors = Self.growthDivisors(configuration, length: length, trainingLength: trainingLength)
            if length > trainingLength { configuration.rotaryScaling = .divisors(generator.shuffled(divisors)) }
        case .shuffledLogN:
            if length > trainingLength {
                let factors = Self.logNFactors(configuration, length: length)
                pass.queryFactors = Tensor(generator.shuffled(factors).map(Float.init), shape: [1, 1, length, 1])
            }
        case .shuffledRounding:
            let frequencies = configuration.rotaryFrequencies(windowed: false, length: length, extendsContext: true)
            let ratios = Self.roundingRatios(frequencies.perStep)
            configuration.rotaryScaling = .divisors(generator.shuffled(ratios))
        }
        decoder.configuration = configuration
        return pass
    }

    /// Windows that grow linearly from the training length in the lowest layer to ``topWindowRatio`` times as much in the
    /// highest. The report gives no sizes and the released code has no windows: these are ours.
    public static func layerWindows(layers: Int, trainingLength: Int) -> [Int?] {
        (0..<layers).map { layer in
            let height = layers > 1 ? Double(layer) / Double(layers - 1) : 1
            return Int((Double(trainingLength) * (1 + (topWindowRatio - 1) * height)).rounded())
        }
    }

    /// The window of the highest layer in training lengths.
    public static let topWindowRatio = 4.0

    /// What dynamic NTK divides the frequency of each pair i by: `α^(2 i / (d - 2))`.
    package static func growthDivisors(_ configuration: DecoderConfiguration, length: Int, trainingLength: Int)
        -> [Double]
    {
        var grown = configuration
        grown.usesDynamicNTK = true
        let plain = configuration.rotaryFrequencies(windowed: false, length: length, extendsContext: false).perStep
        let extended = grown.rotaryFrequencies(windowed: false, length: length, extendsContext: true).perStep
        return zip(plain, extended).map { $0 / $1 }
    }

    package static func logNFactors(_ configuration: DecoderConfiguration, length: Int) -> [Double] {
        var scaled = configuration
        scaled.usesLogN = true
        return (0..<length).map { scaled.logNFactor(position: $0) }
    }

    /// Each number over its rounding to bf16.
    package static func roundingRatios(_ values: [Double]) -> [Double] {
        let rounded = Tensor(values.map(Float.init), shape: [values.count]).cast(to: .bfloat16).floats
        return zip(values, rounded).map { $0 / Double($1) }
    }
}
