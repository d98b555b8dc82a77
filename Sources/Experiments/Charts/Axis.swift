import Foundation

/// A range of numbers laid over a length of pixels, with round marks.
struct Axis: Sendable {
    let low: Double
    let high: Double
    let ticks: [Double]
    /// Digits after the point that tell the ticks apart.
    let decimals: Int

    /// An axis over the finite values, from the round number below to the round number above them.
    ///
    /// - Parameters:
    ///   - tickCount: about how many marks there should be.
    ///   - includesZero: as bars need.
    init(_ values: [Double], tickCount: Int = 5, includesZero: Bool = false, isTight: Bool = false) {
        var low = values.filter(\.isFinite).min() ?? 0
        var high = values.filter(\.isFinite).max() ?? 1
        if includesZero {
            low = min(low, 0)
            high = max(high, 0)
        }
        if high - low <= abs(high) * 1e-12 {
            let room = high == 0 ? 1 : abs(high) * 0.1
            (low, high) = (includesZero && low == 0 ? 0 : low - room, high + room)
        }
        let step = Self.roundStep((high - low) / Double(tickCount))
        let first = isTight ? (low / step).rounded(.up) : (low / step).rounded(.down)
        let last = isTight ? (high / step).rounded(.down) : (high / step).rounded(.up)
        // A step below the precision of the numbers themselves cannot be marked.
        let count = last - first
        ticks = count.isFinite && count >= 0 && count < 100 ? (0...Int(count)).map { (first + Double($0)) * step } : []
        self.low = isTight ? low : first * step
        self.high = isTight ? high : last * step
        decimals = max(0, min(12, -Int(log10(step).rounded(.down))))
    }

    /// Where a value stands on a length of pixels.
    func position(_ value: Double, length: Double) -> Double {
        (value - low) / (high - low) * length
    }

    /// A mark in words.
    func text(_ tick: Double) -> String {
        if tick == 0 { return "0" }
        if abs(tick) >= 1_000_000 || decimals > 6 { return Numbers.short(tick) }
        return decimals == 0 ? Numbers.grouped(Int(tick.rounded())) : Numbers.decimal(tick, decimals)
    }

    /// 1, 2 or 5 times a power of ten, at least as large as `step`.
    static func roundStep(_ step: Double) -> Double {
        guard step.isFinite, step > 0 else { return 1 }
        let power = pow(10, log10(step).rounded(.down))
        for factor in [1.0, 2, 5] where factor * power >= step * 0.999 { return factor * power }
        return 10 * power
    }
}

/// The rectangle inside a drawing in which data are drawn, with the axes around it.
struct Plot {
    static let width = 720.0
    static let height = 300.0

    let left: Double
    let top = 14.0
    let right: Double
    let bottom: Double
    let x: Axis
    let y: Axis

    var innerWidth: Double { right - left }
    var innerHeight: Double { bottom - top }

    init(x: Axis, y: Axis, hasXLabel: Bool = true) {
        let widest = y.ticks.map { TerminalText.width(of: y.text($0)) }.max() ?? 1
        left = 34 + 7 * Double(widest)
        // A mark at the very end is half as wide again beyond it.
        let last = x.ticks.last.map { TerminalText.width(of: x.text($0)) } ?? 0
        right = Self.width - max(14, 6 + 3.5 * Double(last))
        bottom = Self.height - (hasXLabel ? 46 : 28)
        self.x = x
        self.y = y
    }

    func x(_ value: Double) -> Double { left + x.position(value, length: innerWidth) }
    func y(_ value: Double) -> Double { bottom - y.position(value, length: innerHeight) }

    func drawHorizontalLines(_ drawing: inout Drawing, label: String) {
        for tick in y.ticks {
            drawing.line(left, y(tick), right, y(tick), class: tick == y.low ? "axis" : "grid")
            drawing.text(y.text(tick), x: left - 8, y: y(tick) + 4, anchor: .end)
        }
        drawing.text(label, x: 14, y: (top + bottom) / 2, anchor: .middle, class: "label", turned: true)
    }

    func drawXTicks(_ drawing: inout Drawing, label: String) {
        for tick in x.ticks {
            drawing.line(x(tick), bottom, x(tick), bottom + 4, class: "axis")
            drawing.text(x.text(tick), x: x(tick), y: bottom + 18, anchor: .middle)
        }
        drawing.text(label, x: (left + right) / 2, y: Self.height - 6, anchor: .middle, class: "label")
    }
}

/// A figure of a report.
public protocol Chart: Sendable {
    var title: String { get }
    /// Names with the number of their colour, where there is more than one.
    var legend: [String] { get }
    /// The drawing as SVG, with the classes of the report's page.
    func svg() -> String
}

extension Chart {
    public var legend: [String] { [] }

    /// There are so many colours; afterwards they begin again.
    static func colour(_ index: Int) -> Int { index % 6 }
}
