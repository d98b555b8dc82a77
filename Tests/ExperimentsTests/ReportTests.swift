import Experiments
import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite("Reports")
struct ReportTests {
    private static let hostile = "</title></style><script>alert('x')</script>\" onload=\"x & <b>\u{0}\u{1B}"

    /// Every kind of block with the same hostile text in every place that takes text.
    private func report(_ text: String) throws -> Report {
        let claim = Claim(
            id: text, statement: text, metric: text, direction: .higher, method: text, baseline: text,
            control: .init(text, kind: .null))
        let result = try ClaimResult(
            claim: claim, world: .synthetic, values: .init(method: [2, 3, 2, 3, 2], baseline: [1, 1, 1, 1, 1]),
            controlValues: .init(method: [1, 1, 1, 1, 1], baseline: [1, 1, 1, 1, 1]))
        let line = LineChart(
            text, xLabel: text, yLabel: text,
            series: [.init(text, points: [(0, 1), (1, .nan), (2, 3)], smoothing: 0.9), .init(text, points: [(1, 2)])])
        let bars = BarChart(text, yLabel: text, series: [text], groups: [(text, [.init(1, interval: (0.5, 1.5))])])
        return Report(
            text, subtitle: text,
            sections: [
                .init(
                    text,
                    [
                        .text(text), .figures([.init(text, value: text, note: text)]), .keyValues([(text, text)]),
                        .table(Table(text, columns: [text], rows: [[.text(text)]], note: text)), .chart(line),
                        .chart(bars), .chart(Histogram(text, xLabel: text, values: [1, 2, 2, 3])),
                        .conversation([.init(.left, speaker: text, text: text, mark: text)]), .claims([result]),
                        .columns([(text, [.code(text)])]), .details(text, [.text(text)]),
                    ])
            ], footer: text)
    }

    @Test("Text of any kind stays text: no element, attribute or script comes from data")
    func hostileText() throws {
        let harmless = try elements(try report("harmless").html())
        let hostile = try elements(try report(Self.hostile).html())
        #expect(hostile.names == harmless.names)
        #expect(hostile.attributes == harmless.attributes)
        #expect(hostile.names.contains("svg"))
        #expect(hostile.names.allSatisfy { $0 != "script" })
        #expect(hostile.text.contains("<script>alert('x')</script>\" onload=\"x & <b>"))
    }

    @Test("A page stands alone: nothing in it is fetched")
    func selfContained() throws {
        let page = try report("words").html()
        for word in ["http", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
            #expect(!page.contains(word), "the page contains \(word)")
        }
        #expect(page.contains("prefers-color-scheme: dark"))
    }

    @Test("The same report is the same text")
    func deterministic() throws {
        #expect(try report("words").html() == (try report("words").html()))
    }

    @Test("Charts of nothing, of one value, of equal values and of huge values are drawn without a number that is none")
    func degenerateCharts() {
        let lists: [[Double]] = [
            [], [5], [3, 3, 3], [.nan, .infinity, 1], [1e300, -1e300], [1e-300, 2e-300], [1e15, 1e15 + 1], [0, 0],
        ]
        for values in lists {
            let points = values.enumerated().map { (x: Double($0.offset), y: $0.element) }
            let charts: [any Chart] = [
                LineChart("c", xLabel: "x", yLabel: "y", series: [.init("s", points: points, smoothing: 0.5)]),
                Histogram("c", xLabel: "x", values: values),
                BarChart("c", yLabel: "y", series: ["s"], groups: values.map { ("g", [.init($0)]) }),
                IntervalChart(
                    "c", xLabel: "x", rows: values.map { .init("r", estimate: $0, low: -.infinity, high: .infinity) }),
            ]
            for chart in charts {
                let drawing = chart.svg()
                #expect(drawing.hasSuffix("</svg>"))
                #expect(!drawing.contains("nan"))
                #expect(!drawing.contains("inf"))
            }
        }
    }

    @Test("A long curve is thinned, and still reaches its highest and lowest points")
    func thinned() throws {
        var points = (0..<100_000).map { (x: Double($0), y: sin(Double($0) / 9000)) }
        points[54_321].y = 1.5
        let drawing = LineChart("c", xLabel: "x", yLabel: "y", series: [.init("s", points: points)]).svg()
        #expect(drawing.utf8.count < 30_000)
        let path = try #require(drawing.firstMatch(of: /<path[^>]* d="([^"]*)"/)).1
        let heights = path.split(whereSeparator: { $0 == "M" || $0 == "L" }).compactMap {
            Double($0.split(separator: " ")[1])
        }
        // The spike is alone above all others.
        let sorted = heights.sorted()
        #expect(sorted[0] < sorted[1] - 5)
    }

    @Test("The mark at the very end of an axis is drawn inside the picture")
    func lastMark() throws {
        let points = [(x: 0.0, y: 0.0), (x: 150_000, y: 1)]
        let drawing = LineChart("c", xLabel: "x", yLabel: "y", series: [.init("s", points: points)]).svg()
        let mark = try #require(drawing.firstMatch(of: /x="([0-9.]+)" y="[0-9.]+" text-anchor="middle">150,000</)).1
        // Seven characters of about seven pixels, half of them to the right of the middle, in 720 pixels.
        #expect(try #require(Double(mark)) + 3.5 * 7 <= 720)
    }

    @Test("A histogram counts every value once")
    func histogram() throws {
        let values = (0..<1000).map { Double($0 % 100) }
        let drawing = Histogram("c", xLabel: "x", values: values).svg()
        let counts = drawing.matches(of: /: ([0-9,]+)<\/title>/).compactMap { Int($0.1.replacing(",", with: "")) }
        #expect(counts.reduce(0, +) == 1000)
        #expect((5...60).contains(counts.count))
    }

    @Test("A study's page shows its verdicts, values and protocol")
    func studyPage() async throws {
        let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")
        let result = try await StudyRunner(environment: environment, commit: "abc").run(CountingStudy(), scale: .quick)
        let page = Report(study: result, summary: "Counts.").html()
        #expect(page.contains("<span class=\"badge holds\">holds</span> The method beats the baseline."))
        #expect(page.contains("Measured values"))
        #expect(page.contains("<dt>precision</dt><dd>f32</dd>"))
        #expect(page.contains("quick scale · commit abc"))
    }

    @Test("A page is written whole into a folder that is made for it")
    func written() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "deep/report.html")
        try Report("Title").write(to: file)
        #expect(try String(contentsOf: file, encoding: .utf8).hasSuffix("</html>\n"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "deep").path) == ["report.html"])
    }

    /// What a parser sees in the body of a page.
    private func elements(_ page: String) throws -> Elements {
        let start = try #require(page.range(of: "<body>")?.lowerBound)
        let end = try #require(page.range(of: "</html>")?.lowerBound)
        let parser = XMLParser(data: Data(page[start..<end].utf8))
        let found = Elements()
        parser.delegate = found
        #expect(parser.parse(), "not well formed: \(String(describing: parser.parserError))")
        return found
    }
}

final class Elements: NSObject, XMLParserDelegate {
    var names: [String] = []
    var attributes: [[String]] = []
    var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes values: [String: String]
    ) {
        names.append(name)
        attributes.append(values.keys.sorted())
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
}
