import Foundation

/// How often values fall into ranges of equal width.
public struct Histogram: Chart {
    public let title: String
    public let xLabel: String
    public let values: [Double]

    /// - Parameters:
    ///   - title: stands above the chart.
    ///   - xLabel: what is measured.
    ///   - values: those that are not finite are left out.
    public init(_ title: String, xLabel: String, values: [Double]) {
        self.title = title
        self.xLabel = xLabel
        self.values = values.filter(\.isFinite)
    }

    /// The counts, and where the first range starts and how wide each is. The width is round and near Freedman &
    /// Diaconis' (1981) `2 · IQR / n^(1/3)`; there are at most 60 ranges.
    func bins() -> (counts: [Int], start: Double, width: Double) {
        let sorted = values.sorted()
        guard let low = sorted.first, let high = sorted.last else { return ([], 0, 1) }
        guard high > low else { return ([sorted.count], low - 0.5, 1) }
        let quarter = sorted.count / 4
        let spread = sorted[sorted.count - 1 - quarter] - sorted[quarter]
        let wanted = 2 * spread / cbrt(Double(sorted.count))
        let width = Axis.roundStep(min(max(wanted, (high - low) / 50), (high - low) / 5))
        let start = (low / width).rounded(.down) * width
        var counts = Array(repeating: 0, count: Int(((high - start) / width).rounded(.down)) + 1)
        for value in sorted { counts[min(counts.count - 1, Int((value - start) / width))] += 1 }
        return (counts, start, width)
    }

    public func svg() -> String {
        let (counts, start, width) = bins()
        let edges = [start, start + width * Double(max(counts.count, 1))]
        let plot = Plot(
            x: Axis(edges, tickCount: 8, isTight: true), y: Axis(counts.map(Double.init), includesZero: true))
        var drawing = Drawing(width: Plot.width, height: Plot.height)
        plot.drawHorizontalLines(&drawing, label: "count")
        for (index, count) in counts.enumerated() {
            let from = start + width * Double(index)
            let tip = "\(Numbers.short(from)) to \(Numbers.short(from + width)): \(count)"
            drawing.rectangle(
                x: plot.x(from) + 1, y: plot.y(Double(count)), width: plot.x(from + width) - plot.x(from) - 2,
                height: plot.bottom - plot.y(Double(count)), radius: 1, class: "bar c0", tip: tip)
        }
        plot.drawXTicks(&drawing, label: xLabel)
        return drawing.svg(label: title)
    }
}
