import Experiments
import Foundation
import Studies
import Testing

@Suite struct PapersTests {
    private struct Row: Decodable {
        let number: Int
        let system: String
        let methods: [String]
        let studies: [String]
        let status: String
    }

    @Test("The tool shows 22 systems, as a table and as JSON")
    func rows() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let rows = try tool.run("papers", "--json").json([Row].self)
        #expect(rows.map(\.number) == Array(1...22))
        let table = try tool.run("papers").output
        for row in rows { #expect(table.contains(row.system)) }
        #expect(try tool.run("papers", "straQ*").output.contains("Value-based Strategic Planner"))
    }

    @Test("A status is counted, not claimed")
    func statusIsCounted() {
        let paper = PaperList.all[6]
        #expect(paper.status(methods: [], studies: []) == .planned)
        #expect(paper.status(methods: Set(paper.methods), studies: []) == .partial)
        #expect(paper.status(methods: Set(paper.methods), studies: Set(paper.studies)) == .complete)
        #expect(paper.status(methods: ["sft"], studies: ["qwen-context"]) == .planned)
    }

    @Test("Every study and every method that is listed has a row, or is a baseline's")
    func everythingHasARow() {
        let baselineStudies: Set = ["slate-sanity"]
        let studies = Set(PaperList.all.flatMap(\.studies))
        #expect(StudyList.all.map(\.id).filter { !studies.contains($0) } == baselineStudies.sorted())
        let methods = Set(PaperList.all.flatMap(\.methods))
        #expect(MethodList.names.filter { !methods.contains($0) }.allSatisfy { $0.hasPrefix("recommend-") })
    }

    @Test("PAPERS.md says what the tool says")
    func pageAgrees() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let rows = try tool.run("papers", "--json").json([Row].self)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let page = try String(contentsOf: root.appending(path: "PAPERS.md"), encoding: .utf8)
        let lines = page.split(separator: "\n").filter { $0.wholeMatch(of: /\| \d+ \|.*/) != nil }
        #expect(lines.count == 22)
        for (row, line) in zip(rows, lines) {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            #expect(cells[0] == "\(row.number)")
            #expect(cells[1].contains(row.system))
            let paper = PaperList.all[row.number - 1]
            #expect(cells[1].contains(paper.title) && cells[1].contains(paper.reference))
            #expect(cells[2] == paper.folders.joined(separator: ", "))
            #expect(cells[7] == paper.note, "note of \(row.system)")
            #expect(row.methods.allSatisfy(line.contains), "methods of \(row.system)")
            #expect(row.studies.allSatisfy(line.contains), "studies of \(row.system)")
            #expect(cells.contains(row.status), "status of \(row.system) is \(row.status)")
        }
    }
}
