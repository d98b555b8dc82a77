/// Curves over steps: a loss, a learning rate, a reward.
public struct LineChart: Chart {
    /// One curve.
    public struct Series: Sendable {
        public let name: String
        public let points: [(x: Double, y: Double)]
        /// How much of the past a smoothed curve keeps, from 0 to below 1; the measured points then stand faintly
        /// behind it.
        public let smoothing: Double

        /// - Parameters:
        ///   - name: stands in the legend.
        ///   - points: in the order of x. Points that are not finite leave a gap.
        ///   - smoothing: how much of the past the curve keeps, from 0 to below 1.
        public init(_ name: String, points: [(x: Double, y: Double)], smoothing: Double = 0) {
            self.name = name
            self.points = points
            self.smoothing = min(max(smoothing, 0), 0.999)
        }
    }

    public let title: String
    public let xLabel: String
    public let yLabel: String
    public let series: [Series]

    public init(_ title: String, xLabel: String, yLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
    }

    public var legend: [String] { series.count > 1 ? series.map(\.name) : [] }

    public func svg() -> String {
        let lines = series.map { Self.thinned($0.points) }
        let smooth = series.map { Self.thinned(Self.smoothed($0.points, keep: $0.smoothing)) }
        let plot = Plot(
            x: Axis(lines.flatMap { $0.map(\.x) }, tickCount: 6, isTight: true),
            y: Axis(zip(lines, smooth).flatMap { Self.central($0.map(\.y)) + $1.map(\.y) }))
        var drawing = Drawing(width: Plot.width, height: Plot.height)
        plot.drawHorizontalLines(&drawing, label: yLabel)
        plot.drawXTicks(&drawing, label: xLabel)
        drawing.clipped(x: plot.left, y: plot.top - 2, width: plot.innerWidth, height: plot.innerHeight + 4) { inner in
            func placed(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
                points.map { (plot.x($0.x) - plot.left, plot.y($0.y) - plot.top + 2) }
            }
            for (index, one) in series.enumerated() {
                let colour = Self.colour(index)
                if one.smoothing > 0 { inner.path(placed(lines[index]), class: "faint c\(colour)") }
                inner.path(placed(smooth[index]), class: "curve c\(colour)")
                if one.points.count == 1, let only = placed(lines[index]).first {
                    inner.circle(only.x, only.y, radius: 3.5, class: "dot c\(colour)")
                }
            }
        }
        return drawing.svg(label: "\(title): \(yLabel) over \(xLabel)")
    }

    /// An exponential mean that does not lean towards its start (Kingma & Ba 2015, §3).
    static func smoothed(_ points: [(x: Double, y: Double)], keep: Double) -> [(x: Double, y: Double)] {
        guard keep > 0 else { return points }
        var mean = 0.0
        var weight = 0.0
        return points.map { point in
            guard point.y.isFinite else { return point }
            mean = keep * mean + (1 - keep) * point.y
            weight = keep * weight + (1 - keep)
            return (point.x, mean / weight)
        }
    }

    private static let mostPoints = 1200

    /// Few enough points to draw, which still reach every peak: the lowest and highest of each stretch.
    static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > mostPoints else { return points }
        let stretch = (points.count * 2 + mostPoints - 1) / mostPoints
        return stride(from: 0, to: points.count, by: stretch).flatMap { start -> [(x: Double, y: Double)] in
            let part = start..<min(start + stretch, points.count)
            let finite = part.filter { points[$0].y.isFinite }
            guard let low = finite.min(by: { points[$0].y < points[$1].y }),
                let high = finite.max(by: { points[$0].y < points[$1].y })
            else { return [points[start]] }
            return Set([low, high]).sorted().map { points[$0] }
        }
    }

    /// The values without the outermost hundredth at both ends, so that one spike does not flatten a curve.
    private static func central(_ values: [Double]) -> [Double] {
        let sorted = values.filter(\.isFinite).sorted()
        let cut = sorted.count / 100
        return Array(sorted.dropFirst(cut).dropLast(cut))
    }
}
