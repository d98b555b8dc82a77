import Corpora
import Evaluation
import Foundation
import Testing

@Suite("Compressed files")
struct CompressionTests {
    static let peace =
        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ANvACJdACgZSCZMvgRn3+FaBpphBia4hzfXrgvKHHi6yvhPXYrCBwAAAA"
        + "CxsZiM4c4MOAABPvAGAAAAgb16kLHEZ/sCAAAAAARZWg=="
    static let warAndPeace =
        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQADd2FyCgCUvkcOpSUP7gABHARvLJzBH7bzfQEAAAAABFla/Td6WFoAAA"
        + "Tm1rRGAgAhARYAAAB0L+WjAQAFcGVhY2UKAAAA9nWDZfbXIXEAAR4GwS+kHR+2830BAAAAAARZWg=="

    @Test("Gzip gives back what was packed, also from several members and before padding")
    func gzipRoundTrip() throws {
        var generator = SeededGenerator(seed: 1)
        let noise = Data((0..<700_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
        let packed = Gzip.compressed(noise)
        #expect(try Gzip.decompressed(packed, file: "x.gz") == noise)
        let two = Gzip.compressed(Data("war ".utf8)) + Gzip.compressed(Data("peace".utf8)) + Data(count: 16)
        #expect(try Gzip.decompressed(two, file: "x.gz") == Data("war peace".utf8))
        #expect(try Gzip.decompressed(Gzip.compressed(Data()), file: "x.gz").isEmpty)
    }

    @Test("A truncated gzip file is an error at every cut, and never half a result")
    func truncatedGzip() {
        let packed = Gzip.compressed(Data(String(repeating: "I feel low today. ", count: 50).utf8))
        for count in 0..<packed.count {
            #expect(throws: CorpusError.self, "cut to \(count) bytes") {
                try Gzip.decompressed(packed.prefix(count), file: "cut.gz")
            }
        }
    }

    @Test("A flipped byte is found by the stream or its checksum")
    func corruptGzip() {
        var packed = Gzip.compressed(Data(String(repeating: "steady and even ", count: 40).utf8))
        packed[packed.count - 6] ^= 0x40
        #expect(throws: CorpusError.self) { try Gzip.decompressed(packed, file: "x.gz") }
    }

    @Test("A file that would unpack to more than the limit is refused")
    func bomb() {
        let packed = Gzip.compressed(Data(count: 8 << 20))
        #expect(packed.count < 16_384)
        #expect(throws: CorpusError.tooLarge(file: "bomb.gz", limitBytes: 1 << 20)) {
            try Gzip.decompressed(packed, file: "bomb.gz", limit: 1 << 20)
        }
    }

    @Test("XZ files of one and of two streams are read; cuts, bombs and other bytes are errors")
    func xz() throws {
        let packed = try #require(Data(base64Encoded: Self.peace))
        let text = Data(String(repeating: "Peace is a long book.\n", count: 40).utf8)
        #expect(try XZ.decompressed(packed, file: "x.xz") == text)
        let two = try #require(Data(base64Encoded: Self.warAndPeace))
        #expect(try XZ.decompressed(two, file: "x.xz") == Data("war\npeace\n".utf8))
        for count in 0..<packed.count {
            #expect(throws: CorpusError.self) { try XZ.decompressed(packed.prefix(count), file: "cut.xz") }
        }
        #expect(throws: CorpusError.tooLarge(file: "x.xz", limitBytes: 100)) {
            try XZ.decompressed(packed, file: "x.xz", limit: 100)
        }
        #expect(throws: CorpusError.self) { try XZ.decompressed(Data("plain".utf8), file: "x.xz") }
    }

    @Test("Content decides how a file is unpacked, not its name")
    func sniffing() throws {
        try TestData.withTemporaryFolder { folder in
            let file = folder.appending(path: "notes.txt")
            try Gzip.compressed(Data("zipped".utf8)).write(to: file)
            #expect(try FileContents.text(file) == "zipped")
            try Data([0xEF, 0xBB, 0xBF] + Array("marked".utf8)).write(to: file)
            #expect(try FileContents.text(file) == "marked")
            try Data([0x61, 0x0A, 0x62, 0xFF]).write(to: file)
            #expect(throws: CorpusError.badLine(file: "notes.txt", line: 2, detail: "is not UTF-8 text")) {
                try FileContents.text(file)
            }
            #expect(FileContents.lenientText(from: Data([0x63, 0x61, 0x66, 0xE9])) == "café")
            #expect(throws: CorpusError.unreadable(file: folder.path, reason: "it is a folder")) {
                try FileContents.text(folder)
            }
            let absent = folder.appending(path: "absent")
            #expect(throws: CorpusError.unreadable(file: absent.path, reason: "no such file")) {
                try FileContents.text(absent)
            }
        }
    }
}
