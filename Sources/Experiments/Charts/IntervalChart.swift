import Evaluation

/// Estimates with their intervals, one below the other, beside a line that they have to pass.
public struct IntervalChart: Chart {
    /// One estimate.
    public struct Row: Sendable {
        public let label: String
        public let estimate: Double
        public let low: Double
        public let high: Double
        /// Rows of the same number share a colour.
        public let colour: Int

        public init(_ label: String, estimate: Double, low: Double, high: Double, colour: Int = 0) {
            self.label = label
            self.estimate = estimate
            self.low = low
            self.high = high
            self.colour = colour
        }

        public init(_ label: String, _ interval: ConfidenceInterval, colour: Int = 0) {
            self.init(label, estimate: interval.estimate, low: interval.low, high: interval.high, colour: colour)
        }
    }

    public let title: String
    public let xLabel: String
    public let rows: [Row]
    /// A line across the rows, for example 0 or a claim's margin.
    public let reference: Double?

    public init(_ title: String, xLabel: String, rows: [Row], reference: Double? = 0) {
        self.title = title
        self.xLabel = xLabel
        self.rows = rows
        self.reference = reference
    }

    private static let rowHeight = 30.0
    private static let widestLabel = 34

    public func svg() -> String {
        let labels = rows.map { TerminalText.truncated($0.label, to: Self.widestLabel) }
        let left = 22 + 7.2 * Double(labels.map(TerminalText.width(of:)).max() ?? 0)
        let cells = rows.map { Numbers.interval($0.estimate, low: $0.low, high: $0.high) }
        let right = Plot.width - 24 - 7.4 * Double(cells.map(TerminalText.width(of:)).max() ?? 0)
        let bottom = 8 + Self.rowHeight * Double(rows.count)
        let axis = Axis(rows.flatMap { [$0.estimate, $0.low, $0.high] } + [reference ?? .nan])
        func x(_ value: Double) -> Double { left + axis.position(value, length: right - left) }

        var drawing = Drawing(width: Plot.width, height: bottom + 42)
        for tick in axis.ticks {
            drawing.line(x(tick), 8, x(tick), bottom, class: "grid")
            drawing.text(axis.text(tick), x: x(tick), y: bottom + 17, anchor: .middle)
        }
        drawing.line(left, bottom, right, bottom, class: "axis")
        drawing.text(xLabel, x: (left + right) / 2, y: bottom + 37, anchor: .middle, class: "label")
        if let reference { drawing.line(x(reference), 4, x(reference), bottom, class: "reference") }

        for (index, row) in rows.enumerated() {
            let middle = 8 + Self.rowHeight * (Double(index) + 0.5)
            let colour = Self.colour(row.colour)
            drawing.text(labels[index], x: left - 12, y: middle + 4, anchor: .end, class: "label")
            // One seed has an interval without ends: it reaches across.
            let low = row.low.isFinite ? x(row.low) : left
            let high = row.high.isFinite ? x(row.high) : right
            drawing.line(low, middle, high, middle, class: "interval c\(colour)")
            if row.estimate.isFinite {
                drawing.circle(
                    x(row.estimate), middle, radius: 4.5, class: "dot c\(colour)", tip: "\(row.label): \(cells[index])")
            }
            drawing.text(cells[index], x: right + 14, y: middle + 4, class: "value")
        }
        return drawing.svg(label: title)
    }
}
