import ArgumentParser
import Experiments
import Studies

struct PapersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "papers",
        abstract: "The 22 published systems, and how far each is built.",
        discussion: """
            The status is counted from what this build can run: complete means that every method and every study of \
            the row is there, planned that none is.

              wallfacer papers
              wallfacer papers qwen          one system with all that is known about it
              wallfacer papers --json | jq '.[].studies'
            """)

    @Argument(help: "Only systems whose number, name or title fits.")
    var system: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        let papers = try selected()
        if papers.count == 1, system != nil {
            return try output.write(papers, text: { Self.page(papers[0]) })
        }
        var table = Table("", columns: ["#", "system", "methods", "studies", "read of the original", "status"])
        for paper in papers {
            table.append([
                .integer(paper.number), .text(paper.system), .text(paper.methods.joined(separator: ", ")),
                .text(paper.studies.joined(separator: ", ")), .text(paper.source), .text(paper.status),
            ])
        }
        try output.write(papers, tables: [table])
    }

    private func selected() throws -> [PaperStatus] {
        let all = PaperStatus.all
        guard let wanted = system?.lowercased() else { return all }
        if let exact = all.first(where: { "\($0.number)" == wanted || $0.system.lowercased() == wanted }) {
            return [exact]
        }
        let found = all.filter { ($0.system + " " + $0.title).lowercased().contains(wanted) }
        if found.isEmpty { throw Failure.badUsage("papers: no system fits \(wanted); `wallfacer papers` shows all") }
        return found
    }

    private static func page(_ paper: PaperStatus) -> String {
        """
        \(paper.system): \(paper.title)
        \(paper.reference)

        status    \(paper.status): \(paper.note)
        methods   \(paper.methods.joined(separator: ", "))
        studies   \(paper.studies.joined(separator: ", "))
        source    \(paper.folders.map { "Sources/\($0)" }.joined(separator: ", "))
        original  read as \(paper.source)

        """
    }
}

/// A row of `papers --json`.
private struct PaperStatus: Encodable {
    let number: Int
    let system: String
    let title: String
    let reference: String
    let folders: [String]
    let methods: [String]
    let studies: [String]
    let source: String
    let status: String
    let note: String

    static var all: [PaperStatus] {
        let methods = Set(MethodList.names)
        let studies = Set(StudyList.all.map(\.id))
        return PaperList.all.map { paper in
            PaperStatus(
                number: paper.number, system: paper.system, title: paper.title, reference: paper.reference,
                folders: paper.folders, methods: paper.methods, studies: paper.studies,
                source: paper.source.rawValue,
                status: paper.status(methods: methods, studies: studies).rawValue, note: paper.note)
        }
    }
}
