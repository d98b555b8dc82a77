import Corpora
import Foundation
import Testing

@Suite("Data sets")
struct DataSetTests {
    @Test("Every entry has a licence, files with safe names, secure origins and sound checksums")
    func table() {
        #expect(Set(DataSet.all.map(\.name)).count == DataSet.all.count)
        for dataSet in DataSet.all {
            #expect(!dataSet.licence.isEmpty && !dataSet.title.isEmpty && !dataSet.files.isEmpty)
            for file in dataSet.files {
                #expect(!file.name.contains("/") && !file.origins.isEmpty)
                #expect(file.origins.allSatisfy { $0.hasPrefix("https://") && !$0.contains("@") })
                #expect((file.byteCount ?? 0) > 0)
                if let sha256 = file.sha256 { #expect(sha256.count == 64 && sha256.allSatisfy { $0.isHexDigit }) }
            }
        }
        #expect(DataSet.named("esconv")?.isRestricted == true)
        #expect(DataSet.named("absent") == nil)
    }

    @Test("Folders are searched in order: the one given first, then the cache")
    func searchOrder() throws {
        try TestData.withTemporaryFolder { folder in
            let given = folder.appending(path: "given")
            let home = WallfacerHome(
                environment: ["WALLFACER_DATA": given.path, "WALLFACER_HOME": folder.appending(path: "home").path])
            let directory = DataDirectory(home: home)
            let cached = folder.appending(path: "home/data/set")
            try FileManager.default.createDirectory(at: cached, withIntermediateDirectories: true)
            try Data("cached".utf8).write(to: cached.appending(path: "a.txt"))
            let first = try directory.require(dataSet: "set", anyOf: ["b.txt", "a.txt"])
            #expect(try FileContents.text(first) == "cached")
            try FileManager.default.createDirectory(
                at: given.appending(path: "set"), withIntermediateDirectories: true)
            try Data("given".utf8).write(to: given.appending(path: "set/a.txt"))
            let second = try directory.require(dataSet: "set", anyOf: ["b.txt", "a.txt"])
            #expect(try FileContents.text(second) == "given")
            #expect(throws: CorpusError.self) { try directory.require(dataSet: "set", anyOf: ["c.txt"]) }
            #expect(throws: CorpusError.self) { try directory.supportConversations() }
        }
    }

    @Test("The files at hand have the recorded checksums", .enabled(if: TestData.has("english-corpora")))
    func checksums() throws {
        let folder = try #require(TestData.folder)
        var checked = 0
        for dataSet in DataSet.all {
            for file in dataSet.files {
                let place = folder.appending(path: dataSet.name)
                for ending in ["", ".xz", ".gz"] {
                    let candidate = place.appending(path: file.name + ending)
                    guard let sha256 = file.sha256, FileManager.default.fileExists(atPath: candidate.path) else {
                        continue
                    }
                    let isRaw = ending.isEmpty
                    let data = isRaw ? try Data(contentsOf: candidate) : try FileContents.data(candidate)
                    #expect(SHA256.hexadecimal(of: data) == sha256, "\(file.name)")
                    #expect(data.count == file.byteCount)
                    checked += 1
                }
            }
        }
        #expect(checked >= 10)
    }
}
