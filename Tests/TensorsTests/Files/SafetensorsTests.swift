import Foundation
import Tensors
import Testing

@Suite("safetensors files")
struct SafetensorsTests {
    /// A file with this header and `data` zero bytes after it.
    static func bytes(_ header: String, data: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    static let valid = bytes(
        """
        {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
        "b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"c":{"dtype":"I64","shape":[0,7],"data_offsets":[26,26]}}
        """, data: 26)

    static func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
        try bytes.withUnsafeBytes { try SafetensorsHeader(parsing: $0, path: "m.safetensors") }
    }

    @Test("A valid header gives names, types, shapes, byte ranges and metadata")
    func validHeader() throws {
        let header = try Self.parse(Self.valid)
        let start = Self.valid.count - 26
        #expect(header.metadata == ["format": "pt"])
        #expect(header.entries.map(\.name) == ["a", "b", "c"])
        #expect(header.entries.map(\.dtype) == [.float32, .bfloat16, .int64])
        #expect(header.entries.map(\.shape) == [[2, 3], [], [0, 7]])
        #expect(
            header.entries.map(\.byteRange) == [start..<start + 24, start + 24..<start + 26, start + 26..<start + 26])
        #expect(header.entries.map(\.elementCount) == [6, 1, 0])
    }

    @Test(
        "Each broken header gives one error that says what is wrong",
        arguments: [
            (
                "overlap",
                #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
                6, "no overlap"
            ),
            (
                "gap",
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#,
                6, "no gap"
            ),
            ("late start", #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, 4, "no gap"),
            ("data too short", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 3, "3 bytes long"),
            ("data too long", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 5, "5 bytes long"),
            ("unknown type", #"{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,4]}}"#, 4, "dtype of a is \"F4\""),
            ("type no string", #"{"a":{"dtype":7,"shape":[4],"data_offsets":[0,4]}}"#, 4, "dtype of a is 7"),
            ("no type", #"{"a":{"shape":[4],"data_offsets":[0,4]}}"#, 4, "dtype of a is absent"),
            ("size against shape", #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}"#, 4, "must be 16 bytes"),
            ("negative size", #"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#, 4, "shape of a"),
            ("fractional size", #"{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}"#, 4, "shape of a"),
            (
                "overflowing shape", #"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,0]}}"#, 0,
                "fits in 64 bits"
            ),
            (
                "overflowing size", #"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0]}}"#, 0,
                "shape of a"
            ),
            (
                "offsets overflow",
                #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}}"#, 0,
                "within the file"
            ),
            ("reversed offsets", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, 4, "begin ≤ end"),
            ("three offsets", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}"#, 4, "begin ≤ end"),
            (
                "duplicate name",
                #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
                0, "duplicate key \"a\""
            ),
            ("a list", "[]", 0, "header is a list"), ("not JSON", "{", 0, "no valid JSON"),
            ("empty", "", 0, "no valid JSON"),
            ("metadata no strings", #"{"__metadata__":{"a":1}}"#, 0, "__metadata__ a is 1"),
        ])
    func brokenHeader(name: String, header: String, data: Int, says: String) throws {
        let error = #expect(throws: WeightFileError.self) { try Self.parse(Self.bytes(header, data: data)) }
        #expect(error?.description.contains(says) == true, "\(name): \(error?.description ?? "no error")")
        #expect(error?.description.hasPrefix("m.safetensors: ") == true)
    }

    @Test("Header lengths beyond the file or beyond the format's limit are refused")
    func headerLengths() {
        func says(_ bytes: [UInt8]) -> String {
            do { _ = try Self.parse(bytes) } catch { return "\(error)" }
            return "no error"
        }
        #expect(says([1, 2, 3]).contains("3 bytes long"))
        #expect(says([255, 0, 0, 0, 0, 0, 0, 0, 123, 125]).contains("at most the 2 bytes"))
        #expect(says([UInt8](repeating: 255, count: 64)).contains("at most 100000000 bytes"))
    }

    @Test("Nesting deeper than any header needs is refused before it exhausts the stack")
    func deepHeader() {
        let error = #expect(throws: WeightFileError.self) {
            try Self.parse(Self.bytes(String(repeating: "[", count: 100_000), data: 0))
        }
        #expect(error?.description.contains("64 levels") == true)
    }

    @Test("Every truncation of a valid file is refused")
    func truncations() {
        for length in 0..<Self.valid.count {
            #expect(throws: WeightFileError.self) { try Self.parse(Array(Self.valid[..<length])) }
        }
    }

    @Test("Mutated files never trap; what is accepted lies within the file, in order and disjoint")
    func fuzz() throws {
        #if DEBUG
            let rounds = 5_000
        #else
            let rounds = 100_000
        #endif
        var generator = SplitMix64(state: 1)
        let words = ["9223372036854775807", "-1", "1e999", "\"F32\"", "[", "{", "}", "\\ud800", "\"a\":", ",", "0"]
        var accepted = 0
        for _ in 0..<rounds {
            let bytes = generator.mutated(Self.valid, interesting: words.map { Array($0.utf8) } + [[0xFF, 0xFE], [0]])
            do {
                let header = try Self.parse(bytes)
                accepted += 1
                var end = header.entries.first?.byteRange.lowerBound ?? bytes.count
                for entry in header.entries {
                    #expect(entry.byteRange.lowerBound == end)
                    end = entry.byteRange.upperBound
                }
                #expect(end == bytes.count)
            } catch is WeightFileError {}
        }
        #expect(accepted > 0 && accepted < rounds)
    }

    @Test("What the writer writes is read back bit for bit, aligned to eight bytes")
    func roundTrip() throws {
        let folder = try ScratchFolder()
        let path = "\(folder.path)/out.safetensors"
        let name = "naïve \"name\"\n"
        let values: [Float] = [1, -2.5, .infinity, .leastNonzeroMagnitude, 0, -0.0]
        let writer = try SafetensorsWriter(
            path: path,
            tensors: [
                .init(name: name, dtype: .float32, shape: [2, 3]), .init(name: "none", dtype: .int64, shape: [0]),
                .init(name: "flag", dtype: .bool, shape: []),
            ], metadata: ["format": "pt", "note": "ü"])
        try values.withUnsafeBytes { try writer.append(name, bytes: $0) }
        try writer.append("none", bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        try [UInt8(1)].withUnsafeBytes { try writer.append("flag", bytes: $0) }
        #expect(try !folder.contents.contains("out.safetensors"), "the name appears when the file is complete")
        try writer.finish()
        #expect(try folder.contents == ["out.safetensors"])

        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "pt", "note": "ü"])
        #expect(Set(file.entries.map(\.name)) == [name, "none", "flag"])
        let entry = try #require(file[name])
        #expect(entry.byteRange.lowerBound % 8 == 0)
        let read = try file.withUnsafeBytes(of: entry) { Array($0.bindMemory(to: Float.self)).map(\.bitPattern) }
        #expect(read == values.map(\.bitPattern))
        #expect(try file.withUnsafeBytes(of: #require(file["flag"])) { Array($0) } == [1])
    }

    @Test("A writer that is misused or dropped leaves nothing behind, and keeps an older file")
    func nothingLeft() throws {
        let folder = try ScratchFolder()
        let old = try folder.file("m.safetensors", [1, 2, 3])
        let tensors = [SafetensorsWriter.Description(name: "a", dtype: .uint8, shape: [2])]
        func tooShort() throws {
            try [UInt8(1)].withUnsafeBytes { try SafetensorsWriter(path: old, tensors: tensors).append("a", bytes: $0) }
        }
        #expect(throws: WeightFileError.self) { try tooShort() }
        #expect(throws: WeightFileError.self) { try SafetensorsWriter(path: old, tensors: tensors).finish() }
        #expect(throws: WeightFileError.self) { try SafetensorsWriter(path: old, tensors: tensors + tensors) }
        _ = try SafetensorsWriter(path: old, tensors: tensors)
        #expect(try folder.contents == ["m.safetensors"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == Data([1, 2, 3]))
    }

    #if os(Linux)
        @Test("A full disk is an error that says so, and leaves nothing behind")
        func fullDisk() throws {
            let folder = try ScratchFolder()
            let temporary = try folder.file("m.partial", [])
            let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
            let file = AtomicFile(
                path: "\(folder.path)/m.safetensors", temporaryPath: temporary, descriptor: dup(full.fileDescriptor))
            let error = #expect(throws: WeightFileError.self) {
                try SafetensorsWriter(
                    file: file, tensors: [.init(name: "a", dtype: .uint8, shape: [2])], metadata: [:])
            }
            #expect(error?.description.hasSuffix("m.safetensors: cannot be written: no space left on device.") == true)
            #expect(try folder.contents == [])
        }
    #endif

    @Test("Absent files, folders and devices are refused by name")
    func unreadable() throws {
        let folder = try ScratchFolder()
        for path in ["\(folder.path)/absent", folder.path, "/dev/null"] {
            let error = #expect(throws: WeightFileError.self) { try MappedFile(path: path) }
            #expect(error?.description.hasPrefix("\(path): cannot be read: ") == true)
        }
        #expect(throws: WeightFileError.self) {
            try AtomicFile(path: "\(folder.path)/absent/file")
        }
    }

    @Test("Slices of a mapped file are checked against its size")
    func mappedSlices() throws {
        let folder = try ScratchFolder()
        let file = try MappedFile(path: folder.file("f", [10, 11, 12, 13]))
        #expect(try file.withUnsafeBytes(in: 1..<3) { Array($0) } == [11, 12])
        #expect(try file.withUnsafeBytes(in: 4..<4) { $0.count } == 0)
        #expect(throws: WeightFileError.self) { try file.withUnsafeBytes(in: 3..<5) { $0.count } }
        #expect(throws: WeightFileError.self) { try file.withUnsafeBytes(in: -1..<2) { $0.count } }
        #expect(try MappedFile(path: folder.file("empty", [])).count == 0)
    }

    @Test("An error reads as the sentence a user needs")
    func sentence() {
        let error = WeightFileError.shapeMismatch(
            file: "model.safetensors", tensor: "model.layers.3.mlp.up_proj.weight", found: [1536, 512],
            expected: [1536, 576], from: "config.json hidden_size = 576")
        #expect(
            error.description
                == "model.safetensors: tensor model.layers.3.mlp.up_proj.weight has shape 1536 × 512, "
                + "but config.json (hidden_size = 576) needs 1536 × 576.")
    }
}
