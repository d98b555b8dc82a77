import Experiments

/// How far a training run is, and the line that says so.
public struct ProgressLine: Sendable, Equatable {
    /// What is done, for example `sft`.
    public var title: String
    public var step: Int
    /// The steps of the whole run.
    public var steps: Int
    public var loss: Double?
    public var learningRate: Double?
    public var tokensPerSecond: Double?
    /// Until the end, estimated.
    public var secondsLeft: Double?
    /// Shown last, for example the seed of a study.
    public var note: String?

    public init(
        title: String, step: Int, steps: Int, loss: Double? = nil, learningRate: Double? = nil,
        tokensPerSecond: Double? = nil, secondsLeft: Double? = nil, note: String? = nil
    ) {
        self.title = title
        self.step = step
        self.steps = steps
        self.loss = loss
        self.learningRate = learningRate
        self.tokensPerSecond = tokensPerSecond
        self.secondsLeft = secondsLeft
        self.note = note
    }

    /// The share that is done, between 0 and 1.
    public var fraction: Double {
        steps > 0 ? min(1, max(0, Double(step) / Double(steps))) : 0
    }

    /// The line for a log, without a bar.
    public var plainText: String { ([start] + figures).joined(separator: Self.separator) }

    /// One line of at most `width` columns with a bar. Where it is narrow, the bar gives way first, then the end of the
    /// line.
    public func text(width: Int) -> String {
        let room = width - TerminalText.width(of: plainText)
        guard room >= Self.narrowestBar else { return TerminalText.truncated(plainText, to: width) }
        // The bar takes the place of the first separator.
        let bar = Self.bar(fraction, width: min(room + Self.separator.count - 2, Self.widestBar))
        return "\(start) \(bar) " + figures.joined(separator: Self.separator)
    }

    private static let separator = " · "
    private static let narrowestBar = 6
    private static let widestBar = 30

    private var start: String { "\(title) \(Numbers.grouped(step))/\(Numbers.grouped(steps))" }

    private var figures: [String] {
        var figures = [Numbers.percent(fraction, decimals: 0)]
        if let loss { figures.append("loss \(Numbers.decimal(loss, 3))") }
        if let learningRate { figures.append("rate \(Numbers.short(learningRate))") }
        if let tokensPerSecond { figures.append("\(Numbers.short(tokensPerSecond.rounded())) tokens/s") }
        if let secondsLeft { figures.append("\(Numbers.duration(seconds: secondsLeft)) left") }
        if let note { figures.append(note) }
        return figures
    }

    /// A bar that grows by eighths of a column.
    static func bar(_ fraction: Double, width: Int) -> String {
        let eighths = Int((fraction * Double(width * 8)).rounded(.down))
        let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        let filled = String(repeating: "█", count: eighths / 8) + partial
        return filled + String(repeating: "░", count: width - filled.count)
    }
}
