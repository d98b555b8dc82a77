/// Groups of bars with intervals: the same models under several metrics.
public struct BarChart: Chart {
    /// One bar.
    public struct Bar: Sendable {
        public let value: Double
        /// The interval of the value, if it is known.
        public let interval: (low: Double, high: Double)?

        public init(_ value: Double, interval: (low: Double, high: Double)? = nil) {
            self.value = value
            self.interval = interval
        }
    }

    public let title: String
    public let yLabel: String
    /// What the colours mean, one for each bar of a group.
    public let series: [String]
    public let groups: [(name: String, bars: [Bar])]

    /// - Precondition: every group has one bar for each series.
    public init(_ title: String, yLabel: String, series: [String], groups: [(name: String, bars: [Bar])]) {
        precondition(groups.allSatisfy { $0.bars.count == series.count }, "chart \(title): one bar for each series")
        self.title = title
        self.yLabel = yLabel
        self.series = series
        self.groups = groups
    }

    public var legend: [String] { series }

    public func svg() -> String {
        let bars = groups.flatMap(\.bars)
        let reach = bars.flatMap { [$0.value, $0.interval?.low ?? $0.value, $0.interval?.high ?? $0.value] }
        let plot = Plot(x: Axis([0, 1]), y: Axis(reach, includesZero: true), hasXLabel: false)
        var drawing = Drawing(width: Plot.width, height: Plot.height)
        plot.drawHorizontalLines(&drawing, label: yLabel)
        let groupWidth = plot.innerWidth / Double(max(groups.count, 1))
        let barWidth = min(64, groupWidth * 0.76 / Double(max(series.count, 1)))
        for (place, group) in groups.enumerated() {
            let middle = plot.left + groupWidth * (Double(place) + 0.5)
            drawing.text(group.name, x: middle, y: plot.bottom + 20, anchor: .middle, class: "label")
            for (index, bar) in group.bars.enumerated() where bar.value.isFinite {
                let left = middle + barWidth * (Double(index) - Double(series.count) / 2)
                draw(bar, index: index, group: group.name, left: left, width: barWidth, plot, &drawing)
            }
        }
        return drawing.svg(label: title)
    }

    private func draw(
        _ bar: Bar, index: Int, group: String, left: Double, width: Double, _ plot: Plot, _ drawing: inout Drawing
    ) {
        let top = plot.y(max(bar.value, 0))
        let tip = "\(series[index]), \(group): \(Numbers.short(bar.value))"
        drawing.rectangle(
            x: left + 3, y: top, width: width - 6, height: plot.y(min(bar.value, 0)) - top, radius: 2,
            class: "bar c\(Self.colour(index))", tip: tip)
        let middle = left + width / 2
        var labelHeight = top
        if let interval = bar.interval, interval.low.isFinite, interval.high.isFinite {
            let (low, high) = (plot.y(interval.low), plot.y(interval.high))
            drawing.line(middle, low, middle, high, class: "whisker")
            for end in [low, high] { drawing.line(middle - 5, end, middle + 5, end, class: "whisker") }
            labelHeight = min(top, high)
        }
        drawing.text(Numbers.short(bar.value), x: middle, y: labelHeight - 6, anchor: .middle, class: "value")
    }
}
