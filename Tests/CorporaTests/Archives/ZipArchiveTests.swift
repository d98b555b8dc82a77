import Corpora
import Foundation
import Testing

@Suite("Zip archives")
struct ZipArchiveTests {
    private let text = Data(String(repeating: "a line of text\n", count: 3_000).utf8)

    @Test("Stored and deflated entries are read, behind a comment too")
    func readsEntries() throws {
        var builder = ZipBuilder()
        builder.add("folder/", Data(), deflated: false)
        builder.add("folder/deflated.txt", text)
        builder.add("stored.bin", Data([1, 2, 3]), deflated: false)
        builder.add("empty.txt", Data())
        let archive = try ZipArchive(data: builder.finished(comment: "ours"), file: "a.zip")
        #expect(archive.entries.map(\.name) == ["folder/", "folder/deflated.txt", "stored.bin", "empty.txt"])
        #expect(archive.entries[0].isFolder)
        #expect(try archive.contents(of: archive.entries[1]) == text)
        #expect(try archive.contents(of: archive.entries[2]) == Data([1, 2, 3]))
        #expect(try archive.contents(of: archive.entries[3]).isEmpty)
        try TestData.withTemporaryFolder { folder in
            try archive.extractAll(to: folder)
            #expect(try Data(contentsOf: folder.appending(path: "folder/deflated.txt")) == text)
            let names = try TestData.names(in: folder)
            #expect(names == ["empty.txt", "folder", "stored.bin"])
        }
    }

    @Test(
        "An entry that leads out of the folder stops the unpacking before anything is written",
        arguments: ["../escape", "a/../../escape", "/absolute", "C:/drive", "back\\..\\slash", ""])
    func slip(name: String) throws {
        var builder = ZipBuilder()
        builder.add("fine.txt", text)
        builder.add(name, text)
        let archive = try ZipArchive(data: builder.finished(), file: "slip.zip")
        try TestData.withTemporaryFolder { folder in
            let target = folder.appending(path: "target")
            #expect(throws: CorpusError.unsafeEntry(file: "slip.zip", entry: name)) {
                try archive.extractAll(to: target)
            }
            let left = try TestData.names(in: folder)
            #expect(left.isEmpty)
        }
    }

    @Test("An entry that holds more or less than it declares, or another checksum, is an error and leaves no file")
    func dishonestSizes() throws {
        for declared in [10, 100_000_000] {
            var builder = ZipBuilder()
            builder.add("x.txt", text, declared: declared)
            let archive = try ZipArchive(data: builder.finished(), file: "a.zip")
            try TestData.withTemporaryFolder { folder in
                #expect(throws: CorpusError.self) { try archive.extractAll(to: folder) }
                let left = try TestData.names(in: folder)
                #expect(left.isEmpty)
            }
        }
        var builder = ZipBuilder()
        builder.add("x.txt", text, checksum: 7)
        let archive = try ZipArchive(data: builder.finished(), file: "a.zip")
        #expect(
            throws: CorpusError.damaged(file: "a.zip", format: "zip", detail: "the checksum of x.txt does not match")
        ) { try archive.contents(of: archive.entries[0]) }
    }

    @Test("The sum of many small entries is bounded as well")
    func manySmallBombs() throws {
        var builder = ZipBuilder()
        for index in 0..<20 { builder.add("\(index)", Data(count: 1 << 20)) }
        let archive = try ZipArchive(data: builder.finished(), file: "bomb.zip")
        try TestData.withTemporaryFolder { folder in
            #expect(throws: CorpusError.tooLarge(file: "bomb.zip", limitBytes: 10 << 20)) {
                try archive.extractAll(to: folder, limit: 10 << 20)
            }
            let left = try TestData.names(in: folder)
            #expect(left.isEmpty)
        }
        #expect(throws: CorpusError.self) { try archive.contents(of: archive.entries[0], limit: 1_000) }
    }

    @Test("Every cut and every flipped byte gives an error or the right content, never a trap")
    func mutations() throws {
        var builder = ZipBuilder()
        builder.add("a.txt", Data("some words in a small file".utf8))
        builder.add("b/c.txt", Data("and more of them".utf8), deflated: false)
        let sound = builder.finished()
        func contents(_ data: Data) throws -> [Data] {
            let archive = try ZipArchive(data: data, file: "a.zip")
            return try archive.entries.map { try archive.contents(of: $0, limit: 1 << 20) }
        }
        let wanted = try contents(sound)
        for count in 0..<sound.count {
            #expect(throws: CorpusError.self) { try contents(sound.prefix(count)) }
        }
        for position in sound.indices {
            for mask: UInt8 in [0x01, 0x80, 0xFF] {
                var mutated = sound
                mutated[position] ^= mask
                guard let found = try? contents(mutated) else { continue }
                #expect(found.isEmpty || found == wanted || found.count < wanted.count, "byte \(position) ^ \(mask)")
            }
        }
    }

    @Test("Encrypted entries, and files that are no archives, say what they are")
    func unsupported() throws {
        var builder = ZipBuilder()
        builder.add("secret", text, flags: 1)
        let archive = try ZipArchive(data: builder.finished(), file: "a.zip")
        #expect(throws: CorpusError.self) { try archive.contents(of: archive.entries[0]) }
        #expect(throws: CorpusError.empty(file: "a.zip", wanted: "a zip archive")) {
            try ZipArchive(data: Data(), file: "a.zip")
        }
        #expect(throws: CorpusError.self) { try ZipArchive(data: Data(repeating: 7, count: 4_000), file: "a.zip") }
    }
}
