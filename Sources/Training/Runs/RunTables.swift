import Experiments
import Foundation

extension RunStore {
    /// The runs as `wallfacer runs list` shows them, newest first.
    public func listTable(method: String? = nil) throws -> Table {
        var table = Table("", columns: ["run", "name", "status", "started", "took", "loss"])
        for run in try runs(method: method) {
            table.append([
                .text(run.id), run.name.map { .text($0) } ?? .empty, .text(run.status.rawValue),
                .text(Self.moment(run.created)),
                run.seconds.map { .text(Numbers.duration(seconds: $0)) } ?? .empty,
                try lastMetrics(run.id)["loss"].map { .number($0) } ?? .empty,
            ])
        }
        return table
    }

    /// The settings in which the runs differ, and the last value of each metric, one column for each run.
    public func compareTables(_ ids: [String]) throws -> [Table] {
        let runs = try ids.map(run)
        let settings = try runs.map { run in
            try RecipeNode.parse(run.recipe, source: run.id).leaves() + [
                ("commit", run.commit), ("machine", run.environment.text),
            ]
        }
        var differing = Table("Settings that differ", columns: ["setting"] + ids)
        for name in Self.inOrder(settings.flatMap { $0.map(\.0) }) {
            let values = settings.map { $0.first { $0.0 == name }?.1 }
            guard Set(values).count > 1 else { continue }
            differing.append([.text(name)] + values.map { $0.map { .text($0) } ?? .empty })
        }
        let metrics = try ids.map(lastMetrics)
        var last = Table("Last values", columns: ["metric"] + ids)
        for name in Set(metrics.flatMap(\.keys)).sorted() {
            last.append([.text(name)] + metrics.map { $0[name].map { .number($0) } ?? .empty })
        }
        return [differing, last]
    }

    /// The page of one run: its curves, last values, events and settings.
    public func report(_ id: String) throws -> Report {
        let run = try run(id)
        let points = Dictionary(grouping: try metrics(id), by: \.name)
        let curves = points.sorted { Self.rank($0.key) < Self.rank($1.key) }.filter { $0.value.count > 1 }
        let charts = curves.map { name, points in
            // A curve with many points is noisy enough to be smoothed.
            let smoothing = name.lowercased().hasSuffix("loss") && points.count >= 50 ? 0.9 : 0
            return Report.Block.chart(
                LineChart(
                    Self.words(name), xLabel: "step", yLabel: Self.words(name),
                    series: [.init(name, points: points.map { (Double($0.step), $0.value) }, smoothing: smoothing)]))
        }
        var last = Table("Last values", columns: ["metric", "step", "value"])
        for (name, points) in points.sorted(by: { $0.key < $1.key }) {
            guard let point = points.last else { continue }
            last.append([.text(Self.words(name)), .integer(point.step), .number(point.value)])
        }
        var happened = Table("What happened", columns: ["time", "step", "kind", "what"])
        for event in try events(id) {
            happened.append([
                .text(Self.moment(event.time)), .integer(event.step), .text(event.kind), .text(event.text),
            ])
        }
        let facts: [(key: String, value: String?)] = [
            ("status", run.status.rawValue), ("message", run.message), ("started", Self.moment(run.created)),
            ("took", run.seconds.map { Numbers.duration(seconds: $0) }), ("machine", run.environment.text),
            ("commit", run.commit), ("base", run.baseFingerprint), ("artefact", run.artefact),
        ]
        return Report(
            run.name ?? run.id, subtitle: "\(run.method), run \(run.id)",
            sections: [
                .init("Run", [.keyValues(facts.compactMap { fact in fact.value.map { (fact.key, $0) } })]),
                .init("Curves", charts.isEmpty ? [.text("Nothing was recorded at two steps.")] : charts),
                .init("Values", [.table(last)] + (happened.rows.isEmpty ? [] : [.table(happened)])),
                .init("Configuration", [.details("Recipe", [.code(run.recipe)])]),
            ], footer: "commit \(run.commit) · \(run.environment.text)")
    }

    /// The loss first, then the rest by name.
    private static func rank(_ name: String) -> String { name == "loss" ? "" : name }

    /// `learningRate` as `learning rate`.
    private static func words(_ name: String) -> String {
        name.reduce(into: "") { words, letter in
            let begins = letter.isUppercase && words.last?.isLowercase == true
            words += begins ? " " + letter.lowercased() : String(letter)
        }
    }

    private static func moment(_ date: Date) -> String {
        date.formatted(
            .iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: false)
                .timeSeparator(.colon).dateTimeSeparator(.space))
    }

    private static func inOrder(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}

extension Run {
    /// From start to end, for a run that has ended.
    public var seconds: Double? { ended.map { $0.timeIntervalSince(created) } }
}

extension RecipeNode {
    /// Every scalar with its path.
    func leaves(path: [String] = []) -> [(String, String)] {
        switch content {
        case .scalar(let text, _): [(path.joined(separator: "."), text)]
        case .sequence(let elements):
            elements.enumerated().flatMap { $0.element.leaves(path: path + ["\($0.offset)"]) }
        case .mapping(let entries): entries.flatMap { $0.value.leaves(path: path + [$0.key]) }
        }
    }
}
