import Foundation
import LanguageModel
import Tensors
import Testing

@Suite("GGUF files")
struct GGUFTests {
    static let folder = Bundle.module.resourcePath! + "/Fixtures/gguf"
    static func file(_ name: String) throws -> GGUFFile { try GGUFFile(path: "\(folder)/\(name).gguf") }

    static func parse(_ bytes: [UInt8]) throws -> GGUFHeader {
        try bytes.withUnsafeBytes { try GGUFHeader(parsing: $0, path: "m.gguf") }
    }

    @Test("Every format's tensors have the values that the reference gives them", arguments: BlockFormat.allCases)
    func formats(format: BlockFormat) throws {
        let file = try Self.file("formats")
        let tensor = try #require(file[format.name])
        let expected = try ModelFixtures.floats(format.name, in: "\(Self.folder)/formats.safetensors")
        #expect(tensor.format == format)
        #expect(tensor.shape == expected.shape)
        let values = try file.dequantized(tensor)
        // The reference multiplies K scales in another order: the last bit of a product may differ.
        let tolerance: Float = format.blockElements == 256 ? 1e-6 : 0
        for (value, wanted) in zip(values, expected.values) {
            #expect(abs(value - wanted) <= tolerance * max(1, abs(wanted)))
        }
        #expect(values.count == expected.values.count)
    }

    @Test("Metadata keeps types and values; integers are read at any width")
    func metadata() throws {
        let metadata = try Self.file("formats").metadata
        #expect(metadata["test.uint8"] == .uint8(200) && metadata["test.uint8"]?.integer == 200)
        #expect(metadata["test.int16"]?.integer == -3 && metadata["test.int16"]?.number == -3)
        #expect(metadata["test.float64"] == .float64(0.1) && metadata["test.bool"] == .bool(true))
        #expect(metadata["test.uint64"] == .uint64(1 << 63) && metadata["test.uint64"]?.integer == nil)
        #expect(metadata["test.strings"]?.array?.strings == ["a", "ü", ""])
        #expect(metadata["test.floats"]?.array?.numbers == [0.5, -1.5])
        #expect(
            metadata["test.nested"]?.array
                == .values([.array(.int32s([1, 2])), .array(.int32s([3]))]))
    }

    @Test("A split model is opened by its first part; another part, a missing one and a renamed one are refused")
    func split() throws {
        let file = try Self.file("split-00001-of-00002")
        #expect(file.tensors.map(\.name) == ["a", "b", "c"])
        #expect(try file.dequantized(#require(file["c"])) == Array(repeating: 99, count: 6))
        #expect(try file.dequantized(#require(file["a"])) == Array(repeating: 97, count: 6))
        let second = #expect(throws: WeightFileError.self) { try Self.file("split-00002-of-00002") }
        #expect(second?.description.contains("open the first part") == true)
        let scratch = try ScratchFolder()
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file.path)))
        let alone = try scratch.file("split-00001-of-00002.gguf", bytes)
        let missing = #expect(throws: WeightFileError.self) { try GGUFFile(path: alone) }
        #expect(missing?.description.contains("split-00002-of-00002.gguf: cannot be read") == true)
        let renamed = try scratch.file("other.gguf", bytes)
        #expect(throws: WeightFileError.self) { try GGUFFile(path: renamed) }
    }

    /// A small file by our own writer.
    static func small(_ scratch: ScratchFolder) throws -> [UInt8] {
        let path = "\(scratch.path)/small.gguf"
        let writer = try GGUFWriter(
            path: path,
            metadata: [
                ("general.architecture", .string("llama")), ("a.number", .uint16(7)),
                ("a.list", .array(.strings(["x", "yz"]))),
                ("a.nested", .array(.values([.array(.bools([true])), .array(.bools([]))]))), ("a.flag", .bool(false)),
                ("a.float", .float32(1.5)), ("a.double", .float64(-2)),
                ("a.bytes", .array(.values([.uint8(1), .uint8(255)]))),
            ],
            tensors: [
                .init(name: "first", format: .float32, shape: [2, 3]),
                .init(name: "second", format: .q4_1, shape: [1, 32]),
                .init(name: "third", format: .q8_0, shape: [64]),
            ])
        try [1, 2, 3, 4, 5, 6].withUnsafeBufferPointer { try writer.append("first", values: $0) }
        try BlockFormatTests.ramp.withUnsafeBufferPointer { try writer.append("second", values: $0) }
        try (BlockFormatTests.ramp + BlockFormatTests.ramp).withUnsafeBufferPointer {
            try writer.append("third", values: $0)
        }
        try writer.finish()
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test("What the writer writes is read back, types and alignment included")
    func roundTrip() throws {
        let scratch = try ScratchFolder()
        _ = try Self.small(scratch)
        let file = try GGUFFile(path: "\(scratch.path)/small.gguf")
        #expect(try scratch.contents == ["small.gguf"])
        #expect(file.metadata["a.number"] == .uint16(7) && file.metadata["a.flag"] == .bool(false))
        #expect(file.metadata["a.list"]?.array?.strings == ["x", "yz"] && file.metadata["a.float"] == .float32(1.5))
        #expect(file.metadata["a.bytes"]?.array?.integers == [1, 255] && file.metadata["a.double"] == .float64(-2))
        #expect(file.tensors.map(\.shape) == [[2, 3], [1, 32], [64]])
        #expect(file.tensors.allSatisfy { $0.byteRange.lowerBound % 32 == 0 })
        #expect(try file.dequantized(#require(file["first"])) == [1, 2, 3, 4, 5, 6])
        let golden = BlockFormatTests.bytes("2234e1bf80809191a2a2b3b3c4c4d5d5e6e6f7f7")
        #expect(try file.withUnsafeBlocks(of: #require(file["second"])) { Array($0) } == golden)
    }

    @Test("A writer that is misused leaves nothing behind")
    func nothingLeft() throws {
        let scratch = try ScratchFolder()
        let path = "\(scratch.path)/m.gguf"
        let tensors = [GGUFWriter.Description(name: "a", format: .q8_0, shape: [2, 32])]
        func wrongSize() throws {
            let writer = try GGUFWriter(path: path, metadata: [], tensors: tensors)
            try [Float(1)].withUnsafeBufferPointer { try writer.append("a", values: $0) }
        }
        #expect(throws: WeightFileError.self) { try wrongSize() }
        #expect(throws: WeightFileError.self) { try GGUFWriter(path: path, metadata: [], tensors: tensors).finish() }
        #expect(throws: WeightFileError.self) {
            try GGUFWriter(path: path, metadata: [], tensors: [.init(name: "a", format: .q8_0, shape: [32, 2])])
        }
        #expect(try scratch.contents == [])
    }

    /// A header built by hand: numbers little-endian, strings with their length.
    struct Bytes {
        var bytes: [UInt8] = Array("GGUF".utf8)
        init(version: UInt32 = 3, tensors: UInt64 = 0, keys: UInt64 = 0) {
            add(version)
            add(tensors)
            add(keys)
        }
        mutating func add(_ number: some FixedWidthInteger & BitwiseCopyable) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        mutating func add(_ text: String) {
            add(UInt64(text.utf8.count))
            bytes.append(contentsOf: Array(text.utf8))
        }
        mutating func tensor(_ name: String, _ sizes: [UInt64], type: UInt32 = 0, offset: UInt64 = 0) {
            add(name)
            add(UInt32(sizes.count))
            for size in sizes { add(size) }
            add(type)
            add(offset)
        }
        mutating func data(_ count: Int) {
            bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32 + count)
        }
    }

    static let broken: [(name: String, says: String, bytes: [UInt8])] = {
        var list: [(name: String, says: String, bytes: [UInt8])] = []
        func add(_ name: String, _ says: String, _ start: Bytes, _ build: (inout Bytes) -> Void = { _ in }) {
            var bytes = start
            build(&bytes)
            list.append((name, says, bytes.bytes))
        }
        list.append(("empty", "magic number", []))
        list.append(("other magic", "magic number", Array("GGML".utf8) + [3, 0, 0, 0]))
        add("version 1", "version is 1", Bytes(version: 1))
        add("big-endian", "(big-endian)", Bytes(version: UInt32(3).byteSwapped))
        add("many tensors", "tensor count is 18446744073709551615", Bytes(tensors: .max))
        add("many keys", "metadata count is 1000", Bytes(keys: 1000))
        add("long string", "length of", Bytes(keys: 1)) {
            $0.add(UInt64.max)
            $0.data(64)
        }
        add("unknown type", "type of k is 13", Bytes(keys: 1)) {
            $0.add("k")
            $0.add(UInt32(13))
            $0.data(64)
        }
        add("long array", "length of k", Bytes(keys: 1)) {
            $0.add("k")
            $0.add(UInt32(9))
            $0.add(UInt32(4))
            $0.add(UInt64(1) << 61)
            $0.data(64)
        }
        add("deep array", "nested more than", Bytes(keys: 1)) {
            $0.add("k")
            for _ in 0..<8 {
                $0.add(UInt32(9))
                if $0.bytes.count > 40 { $0.add(UInt64(1)) }
            }
            for _ in 0..<8 {
                $0.add(UInt64(1))
                $0.add(UInt32(9))
            }
            $0.data(64)
        }
        add("twice", "there twice", Bytes(keys: 2)) {
            for _ in 0..<2 {
                $0.add("k")
                $0.add(UInt32(0))
                $0.add(UInt8(1))
            }
            $0.data(64)
        }
        add("alignment", "general.alignment is 3", Bytes(keys: 1)) {
            $0.add("general.alignment")
            $0.add(UInt32(4))
            $0.add(UInt32(3))
            $0.data(64)
        }
        add("five axes", "dimensions of a is 5", Bytes(tensors: 1)) {
            $0.tensor("a", [1, 1, 1, 1, 1])
            $0.data(64)
        }
        add("overflow", "shape of a", Bytes(tensors: 1)) {
            $0.tensor("a", [1 << 40, 1 << 40])
            $0.data(64)
        }
        add("zero", "shape of a is with 0", Bytes(tensors: 1)) {
            $0.tensor("a", [0])
            $0.data(64)
        }
        add("format", "type of tensor a is 10", Bytes(tensors: 1)) {
            $0.tensor("a", [256], type: 10)
            $0.data(256)
        }
        add("row length", "row length of a is 48", Bytes(tensors: 1)) {
            $0.tensor("a", [48, 2], type: 2)
            $0.data(256)
        }
        add("offset", "offset of a is 4", Bytes(tensors: 1)) {
            $0.tensor("a", [4], offset: 4)
            $0.data(64)
        }
        add("beyond the end", "cut short", Bytes(tensors: 1)) {
            $0.tensor("a", [64])
            $0.data(255)
        }
        add("far offset", "data of tensor a", Bytes(tensors: 1)) {
            $0.tensor("a", [4], offset: UInt64(Int.max) & ~31)
            $0.data(64)
        }
        add("overlap", "overlapping that of a", Bytes(tensors: 2)) {
            $0.tensor("a", [16])
            $0.tensor("b", [8], offset: 32)
            $0.data(64)
        }
        add("same name", "tensor a is there twice", Bytes(tensors: 2)) {
            $0.tensor("a", [8])
            $0.tensor("a", [8], offset: 32)
            $0.data(64)
        }
        return list
    }()

    @Test("Each broken file gives one error that says what is wrong", arguments: 0..<broken.count)
    func brokenFile(index: Int) {
        let (name, says, bytes) = Self.broken[index]
        let error = #expect(throws: WeightFileError.self) { try Self.parse(bytes) }
        #expect(error?.description.contains(says) == true, "\(name): \(error?.description ?? "no error")")
    }

    @Test("Every truncation of a valid file is refused")
    func truncations() throws {
        let bytes = try Self.small(ScratchFolder())
        let end = try Self.parse(bytes).tensors.map(\.byteRange.upperBound).max()!
        for length in 0..<end {
            #expect(throws: WeightFileError.self) { try Self.parse(Array(bytes[..<length])) }
        }
        #expect(try Self.parse(Array(bytes[..<end])).tensors.count == 3)
    }

    @Test("Mutated files never trap; what is accepted lies within the file")
    func fuzz() throws {
        #if DEBUG
            let rounds = 5_000
        #else
            let rounds = 100_000
        #endif
        let valid = try Self.small(ScratchFolder())
        var generator = Mutations(state: 2)
        var accepted = 0
        for _ in 0..<rounds {
            let bytes = generator.mutated(valid)
            do {
                let header = try Self.parse(bytes)
                accepted += 1
                for tensor in header.tensors {
                    #expect(tensor.byteRange.upperBound <= bytes.count)
                    #expect(tensor.byteRange.count == tensor.format.byteCount(elements: tensor.elementCount))
                }
            } catch is WeightFileError {}
        }
        #expect(accepted > 0 && accepted < rounds)
    }
}

/// Seeded mutations of a binary file (SplitMix64, Steele et al. 2014).
struct Mutations: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// One to four edits: bits, bytes, extreme numbers, cuts, repeats.
    mutating func mutated(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        let extremes: [[UInt8]] = [
            [0, 0, 0, 0, 0, 0, 0, 0], [UInt8](repeating: 255, count: 8), [255, 255, 255, 255, 255, 255, 255, 127],
            [0, 0, 0, 0, 0, 0, 0, 128], [9, 0, 0, 0], [32], [255, 255, 255, 255],
        ]
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: bytes[at] = .random(in: 0 ... .max, using: &self)
            case 2:
                let word = extremes.randomElement(using: &self)!
                bytes.replaceSubrange(at..<min(at + word.count, bytes.count), with: word)
            case 3: if Bool.random(using: &self) { bytes.removeSubrange(at...) }
            default:
                let end = min(at + Int.random(in: 1...16, using: &self), bytes.count)
                bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &self))
            }
        }
        return bytes
    }
}
