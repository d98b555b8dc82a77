import Corpora
import Foundation
import Testing

@Suite("NumPy arrays")
struct NumericArrayTests {
    private func array(_ header: String, _ body: [UInt8], version: UInt8 = 1) -> Data {
        let padding = version == 1 ? 0 : 2
        var text = header
        while (10 + padding + text.utf8.count + 1) % 16 != 0 { text += " " }
        text += "\n"
        var data = Data([0x93] + Array("NUMPY".utf8) + [version, 0])
        let length = text.utf8.count
        data.append(contentsOf: [UInt8(length & 0xFF), UInt8(length >> 8)] + [UInt8](repeating: 0, count: padding))
        return data + Data(text.utf8) + Data(body)
    }

    private func read(_ type: String, shape: String, _ body: [UInt8], order: String = "False") throws -> NumericArray {
        try NumericArray(
            data: array("{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }", body), file: "a.npy")
    }

    @Test("Integers, halves, floats and doubles in both byte orders")
    func types() throws {
        #expect(try read("<i4", shape: "(2,)", [1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]).values == [1, -2])
        #expect(try read(">i2", shape: "(2,)", [1, 0, 0xFF, 0xFF]).values == [256, -1])
        #expect(try read("|u1", shape: "(3,)", [0, 7, 255]).values == [0, 7, 255])
        #expect(try read("|b1", shape: "(2,)", [0, 1]).values == [0, 1])
        #expect(
            try read("<f2", shape: "(4,)", [0, 0x3C, 0, 0xC0, 1, 0, 0, 0x7C]).values == [1, -2, 0x1p-24, .infinity])
        #expect(try read("<f4", shape: "(1,)", [0, 0, 0xC0, 0x3F]).values == [1.5])
        #expect(try read(">f8", shape: "()", [0x40, 0x09, 0x21, 0xFB, 0x54, 0x44, 0x2D, 0x18]).values == [Double.pi])
    }

    @Test("Column-major files are turned into row-major order; version 2 headers are read")
    func orders() throws {
        let rows = try read("|u1", shape: "(2, 3)", [1, 2, 3, 4, 5, 6])
        let columns = try read("|u1", shape: "(2, 3)", [1, 4, 2, 5, 3, 6], order: "True")
        #expect(rows.values == columns.values)
        #expect(columns[1, 0] == 4 && columns[0, 2] == 3)
        let second = array("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", [8, 9], version: 2)
        #expect(try NumericArray(data: second, file: "a.npy").values == [8, 9])
    }

    @Test("Pickled objects, records and text are refused by name")
    func refused() {
        let refusal = CorpusError.unsupported(
            file: "a.npy", found: "an array of Python objects (pickled)", allowed: "b1, i1 to i8, u1 to u8, f2, f4, f8")
        #expect(throws: refusal) { try read("|O", shape: "(1,)", Array("\u{80}cos\nsystem\n".utf8)) }
        #expect(throws: CorpusError.self) { try read("<U5", shape: "(1,)", [UInt8](repeating: 0, count: 20)) }
        #expect(throws: CorpusError.self) { try read("<c8", shape: "(1,)", [UInt8](repeating: 0, count: 8)) }
    }

    @Test("Headers that lie about shape or length are errors, never traps")
    func hostile() {
        for shape in ["(3,)", "(-1,)", "(9223372036854775807, 4)", "(4294967296, 4294967296)", "(1, x)", "7"] {
            #expect(throws: CorpusError.self, "\(shape)") { try read("<i4", shape: shape, [1, 0, 0, 0]) }
        }
        let sound = array("{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", [1, 0, 0, 0, 2, 0, 0, 0])
        for count in 0..<sound.count {
            #expect(throws: CorpusError.self) { try NumericArray(data: sound.prefix(count), file: "cut.npy") }
        }
        for position in 0..<sound.count {
            var mutated = sound
            mutated[position] ^= 0xFF
            _ = try? NumericArray(data: mutated, file: "mutated.npy")
        }
    }

    @Test("The real check-ins have their published shape", .enabled(if: TestData.has("foursquare-nyc")))
    func realData() throws {
        let folder = try #require(TestData.folder).appending(path: "foursquare-nyc")
        let name = try #require(TestData.names(in: folder).first { $0.hasPrefix("NYC.npy") })
        let checkIns = try NumericArray(file: folder.appending(path: name))
        #expect(checkIns.shape == [147_938, 3])
        #expect(Set((0..<147_938).map { checkIns[$0, 0] }).count == 1_083)
    }
}
