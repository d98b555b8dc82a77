import CZlib
import Foundation

/// Reads a zip archive through its central directory: stored and deflated entries, checked by size and CRC-32.
///
/// Every length and offset in the file is checked before it is used; an entry never unpacks to more than it declares,
/// nor to a place outside the target folder. Encrypted entries and ZIP64 are refused with an error.
public struct ZipArchive: Sendable {
    /// One file or folder of the archive.
    public struct Entry: Sendable, Equatable {
        /// The path inside the archive, with `/` between its parts; a folder ends with `/`.
        public let name: String
        /// Size when unpacked, in bytes.
        public let byteCount: Int
        public var isFolder: Bool { name.hasSuffix("/") }

        let compressedCount: Int
        let method: UInt16
        let flags: UInt16
        let checksum: UInt32
        let headerOffset: Int
    }

    /// All entries, in the order of the central directory.
    public let entries: [Entry]
    private let data: Data
    private let file: String

    private static let endSignature: UInt32 = 0x0605_4B50
    private static let directorySignature: UInt32 = 0x0201_4B50
    private static let localSignature: UInt32 = 0x0403_4B50
    private static let stored: UInt16 = 0
    private static let deflated: UInt16 = 8
    private static let encryptedFlag: UInt16 = 1
    /// The name of an entry is UTF-8 (otherwise it is read as Latin 1).
    private static let unicodeFlag: UInt16 = 1 << 11

    /// Opens an archive; the file is mapped into memory, not read.
    /// - Throws: ``CorpusError``.
    public init(file: URL) throws {
        try self.init(data: FileContents.mapped(file), file: file.lastPathComponent)
    }

    /// - Parameter file: the name that errors give.
    /// - Throws: ``CorpusError``.
    public init(data: Data, file: String) throws {
        self.data = data.startIndex == 0 ? data : Data(data)
        self.file = file
        entries = try Self.readDirectory(self.data, file: file)
    }

    /// The entry of exactly this name.
    public func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

    /// The unpacked content of an entry.
    /// - Parameter limit: most bytes that may come out.
    /// - Throws: ``CorpusError``.
    public func contents(of entry: Entry, limit: Int = FileContents.defaultLimit) throws -> Data {
        guard entry.byteCount <= limit else { throw CorpusError.tooLarge(file: label(entry), limitBytes: limit) }
        var result = Data()
        try unpack(entry) { result.append(contentsOf: $0) }
        return result
    }

    /// Unpacks an entry to a file in pieces, beside its final name first, so that a broken entry leaves nothing.
    /// - Throws: ``CorpusError``, or the file system's error.
    public func extract(_ entry: Entry, to target: URL, limit: Int = FileContents.defaultLimit) throws {
        guard entry.byteCount <= limit else { throw CorpusError.tooLarge(file: label(entry), limitBytes: limit) }
        let manager = FileManager.default
        try manager.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        let partial = target.appendingPathExtension("partial")
        guard manager.createFile(atPath: partial.path, contents: nil) else {
            throw CorpusError.unreadable(file: partial.path, reason: "the file cannot be created")
        }
        do {
            let handle = try FileHandle(forWritingTo: partial)
            defer { try? handle.close() }
            try unpack(entry) { try handle.write(contentsOf: Data($0)) }
            try handle.synchronize()
        } catch {
            try? manager.removeItem(at: partial)
            throw error
        }
        if manager.fileExists(atPath: target.path) { try manager.removeItem(at: target) }
        try manager.moveItem(at: partial, to: target)
    }

    /// Unpacks all entries into a folder.
    /// - Parameter limit: most bytes that may come out in all.
    /// - Throws: ``CorpusError/unsafeEntry(file:entry:)`` before anything is written if a path leaves the folder.
    public func extractAll(to folder: URL, limit: Int = FileContents.defaultLimit) throws {
        var total = 0
        for entry in entries {
            try requireSafe(entry)
            total = total.addingReportingOverflow(entry.byteCount).partialValue
            guard total >= 0, total <= limit else { throw CorpusError.tooLarge(file: file, limitBytes: limit) }
        }
        for entry in entries where !entry.isFolder {
            try extract(entry, to: folder.appending(path: entry.name), limit: limit)
        }
    }

    // MARK: - One entry

    private func label(_ entry: Entry) -> String { "\(file)/\(entry.name)" }

    private func requireSafe(_ entry: Entry) throws {
        let parts = entry.name.split(separator: "/", omittingEmptySubsequences: false)
        let leavesFolder =
            entry.name.hasPrefix("/") || parts.contains("..") || entry.name.contains("\\") || entry.name.contains("\0")
            || (parts.first?.hasSuffix(":") ?? true) || entry.name.isEmpty
        if leavesFolder { throw CorpusError.unsafeEntry(file: file, entry: entry.name) }
    }

    private func unpack(_ entry: Entry, receive: (UnsafeRawBufferPointer) throws -> Void) throws {
        let name = label(entry)
        guard entry.flags & Self.encryptedFlag == 0 else {
            throw CorpusError.unsupported(
                file: name, found: "an encrypted entry", allowed: "entries without a password")
        }
        let packed = try packedBytes(of: entry)
        var checksum = crc32(0, nil, 0)
        var produced = 0
        func check(_ piece: UnsafeRawBufferPointer) throws {
            produced += piece.count
            var rest = piece[...]
            while !rest.isEmpty {  // zlib counts in 32 bits
                let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
                checksum = crc32(checksum, part.baseAddress?.assumingMemoryBound(to: Bytef.self), uInt(part.count))
                rest = rest.dropFirst(part.count)
            }
            try receive(piece)
        }
        switch entry.method {
        case Self.stored: try packed.withUnsafeBytes { try check($0) }
        case Self.deflated:
            try Inflater(file: name, format: "zip", wrapping: .raw, limit: entry.byteCount).run(packed, receive: check)
        default:
            throw CorpusError.unsupported(
                file: name, found: "compression method \(entry.method)", allowed: "0 (stored) and 8 (deflated)")
        }
        guard produced == entry.byteCount else {
            throw damaged("\(entry.name) holds \(produced) bytes but declares \(entry.byteCount)")
        }
        guard UInt32(truncatingIfNeeded: checksum) == entry.checksum else {
            throw damaged("the checksum of \(entry.name) does not match")
        }
    }

    private func packedBytes(of entry: Entry) throws -> Data {
        let reader = LittleEndianReader(data)
        let header = entry.headerOffset
        guard reader.unsigned32(header) == Self.localSignature, let nameCount = reader.unsigned16(header + 26),
            let extraCount = reader.unsigned16(header + 28)
        else { throw damaged("the header of \(entry.name) is not where the directory says") }
        let start = header + 30 + Int(nameCount) + Int(extraCount)
        guard start <= data.count, entry.compressedCount <= data.count - start else {
            throw damaged("\(entry.name) reaches past the end of the file")
        }
        return data[start..<(start + entry.compressedCount)]
    }

    private func damaged(_ detail: String) -> CorpusError { .damaged(file: file, format: "zip", detail: detail) }

    // MARK: - The central directory

    private static func readDirectory(_ data: Data, file: String) throws -> [Entry] {
        func damaged(_ detail: String) -> CorpusError { .damaged(file: file, format: "zip", detail: detail) }
        guard !data.isEmpty else { throw CorpusError.empty(file: file, wanted: "a zip archive") }
        let reader = LittleEndianReader(data)
        guard let end = endRecord(reader) else { throw damaged("no end-of-directory record (truncated, or not a zip)") }
        guard let count = reader.unsigned16(end + 10), let size = reader.unsigned32(end + 12),
            let start = reader.unsigned32(end + 16)
        else { throw damaged("the end-of-directory record is cut off") }
        guard count != .max, size != .max, start != .max else {
            throw CorpusError.unsupported(file: file, found: "a ZIP64 archive", allowed: "zip archives below 4 GiB")
        }
        guard Int(start) + Int(size) <= end else { throw damaged("the directory reaches past its own end record") }
        var entries: [Entry] = []
        entries.reserveCapacity(Int(count))
        var offset = Int(start)
        for index in 0..<Int(count) {
            guard offset + 46 <= end, reader.unsigned32(offset) == directorySignature,
                let flags = reader.unsigned16(offset + 8), let method = reader.unsigned16(offset + 10),
                let checksum = reader.unsigned32(offset + 16), let packed = reader.unsigned32(offset + 20),
                let unpacked = reader.unsigned32(offset + 24), let nameCount = reader.unsigned16(offset + 28),
                let extraCount = reader.unsigned16(offset + 30), let commentCount = reader.unsigned16(offset + 32),
                let header = reader.unsigned32(offset + 42)
            else { throw damaged("directory entry \(index) of \(count) is cut off") }
            let nameStart = offset + 46
            offset = nameStart + Int(nameCount) + Int(extraCount) + Int(commentCount)
            guard offset <= end else { throw damaged("directory entry \(index) reaches past the directory") }
            guard packed != .max, unpacked != .max, header != .max else {
                throw CorpusError.unsupported(file: file, found: "a ZIP64 entry", allowed: "entries below 4 GiB")
            }
            let bytes = data[nameStart..<(nameStart + Int(nameCount))]
            let name =
                flags & unicodeFlag != 0 || bytes.allSatisfy { $0 < 0x80 }
                ? String(decoding: bytes, as: UTF8.self)
                : String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
            entries.append(
                Entry(
                    name: name, byteCount: Int(unpacked), compressedCount: Int(packed), method: method, flags: flags,
                    checksum: checksum, headerOffset: Int(header)))
        }
        return entries
    }

    /// The end record is the last thing in the file but for a comment of at most 65,535 bytes.
    private static func endRecord(_ reader: LittleEndianReader) -> Int? {
        let last = reader.count - 22
        guard last >= 0 else { return nil }
        for offset in stride(from: last, through: max(0, last - 65_535), by: -1)
        where reader.unsigned32(offset) == endSignature {
            if let comment = reader.unsigned16(offset + 20), offset + 22 + Int(comment) <= reader.count {
                return offset
            }
        }
        return nil
    }
}
