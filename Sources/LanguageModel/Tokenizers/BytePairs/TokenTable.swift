/// The bytes of every token by id, and the id of every ordinary token by its bytes, in flat memory.
///
/// Added tokens (control and user-defined) have bytes but cannot be found by them: ordinary text must not become one.
final class TokenTable: @unchecked Sendable {
    // Written during initialisation only, which makes sharing safe.
    private let storage: UnsafeMutablePointer<UInt8>
    private let starts: UnsafeMutablePointer<UInt32>
    private let lengths: UnsafeMutablePointer<UInt32>
    private let slots: UnsafeMutablePointer<UInt64>
    private let mask: Int
    /// One more than the highest id.
    let count: Int

    /// Tokens in the order they were read; several may share an id only for the builder to find out.
    struct Builder {
        struct Entry {
            var id: Int
            var start: Int
            var length: Int
            /// Whether ordinary text may become this token.
            var isOrdinary: Bool
        }
        var bytes: [UInt8] = []
        var entries: [Entry] = []

        /// Closes an entry over the bytes appended since `start`.
        mutating func close(id: Int, start: Int, isOrdinary: Bool) {
            entries.append(Entry(id: id, start: start, length: bytes.count - start, isOrdinary: isOrdinary))
        }

        mutating func add<Bytes: Collection>(id: Int, _ content: Bytes, isOrdinary: Bool)
        where Bytes.Element == UInt8 {
            let start = bytes.count
            bytes.append(contentsOf: content)
            close(id: id, start: start, isOrdinary: isOrdinary)
        }

        func text(_ entry: Entry) -> String {
            String(decoding: bytes[entry.start..<entry.start + entry.length], as: UTF8.self)
        }

        /// Ids may leave holes (padding of published vocabularies), but a file of few tokens cannot ask for much memory.
        var identifierLimit: Int { entries.count * 4 + 1024 }
    }

    /// - Parameter allowingDuplicates: when one token's bytes appear twice, the later id is found; else this throws.
    /// - Throws: `TokenizerError` for an id out of range, an id given twice, or a token given twice.
    init(_ builder: Builder, file: String, allowingDuplicates: Bool = false) throws {
        var highest = -1
        let limit = builder.identifierLimit
        for entry in builder.entries {
            guard entry.id >= 0, entry.id < limit else {
                throw TokenizerError.identifierOutOfRange(
                    file: file, token: builder.text(entry), found: entry.id, allowed: limit)
            }
            highest = max(highest, entry.id)
        }
        guard builder.bytes.count < UInt32.max else {
            throw TokenizerError.malformed(file: file, offset: 0, reason: "more than 4 GiB of tokens")
        }
        count = highest + 1
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: builder.bytes.count + 1)
        builder.bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { copy.initialize(from: base, count: source.count) }
        }
        storage = copy
        starts = .allocate(capacity: count + 1)
        starts.initialize(repeating: Self.absent, count: count + 1)
        lengths = .allocate(capacity: count + 1)
        lengths.initialize(repeating: 0, count: count + 1)
        let capacity = tableCapacity(for: builder.entries.count)
        mask = capacity - 1
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)

        for entry in builder.entries {
            if starts[entry.id] != Self.absent {
                throw TokenizerError.duplicateIdentifier(
                    file: file, id: entry.id, first: text(of: entry.id), second: builder.text(entry))
            }
            starts[entry.id] = UInt32(entry.start)
            lengths[entry.id] = UInt32(entry.length)
            guard entry.isOrdinary, entry.length > 0 else { continue }
            let hash = byteHash(storage + entry.start, entry.length)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0, !matches(slots[slot], hash, storage + entry.start, entry.length) {
                slot = (slot + 1) & mask
            }
            if slots[slot] != 0, !allowingDuplicates {
                throw TokenizerError.duplicateToken(
                    file: file, token: builder.text(entry), first: Self.id(slots[slot]), second: entry.id)
            }
            slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(entry.id + 1)
        }
    }

    deinit {
        storage.deallocate()
        starts.deallocate()
        lengths.deallocate()
        slots.deallocate()
    }

    private static let absent = UInt32.max

    @inline(__always)
    private static func id(_ slot: UInt64) -> Int { Int(slot & 0xFFFF_FFFF) - 1 }

    @inline(__always)
    private func matches(_ slot: UInt64, _ hash: UInt64, _ bytes: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        guard slot >> 32 == hash >> 32 else { return false }
        let id = Self.id(slot)
        return Int(lengths[id]) == length && equalBytes(storage + Int(starts[id]), bytes, length)
    }

    /// The ordinary token with these bytes, or -1.
    @inline(__always)
    func find(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> TokenID {
        let hash = byteHash(bytes, length)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            if matches(slots[slot], hash, bytes, length) { return TokenID(Self.id(slots[slot])) }
            slot = (slot + 1) & mask
        }
        return -1
    }

    func find<Bytes: Collection>(_ bytes: Bytes) -> TokenID where Bytes.Element == UInt8 {
        let found = bytes.withContiguousStorageIfAvailable { buffer -> TokenID in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { return -1 }
            return find(base, buffer.count)
        }
        return found ?? Array(bytes).withUnsafeBufferPointer { $0.baseAddress.map { find($0, bytes.count) } ?? -1 }
    }

    /// Whether some token has this id.
    func contains(_ id: Int) -> Bool { id >= 0 && id < count && starts[id] != Self.absent }

    /// The bytes of a token; empty for an id that no token has. Valid as long as the table.
    func bytes(of id: Int) -> UnsafeBufferPointer<UInt8> {
        guard contains(id) else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: storage + Int(starts[id]), count: Int(lengths[id]))
    }

    func text(of id: Int) -> String { String(decoding: bytes(of: id), as: UTF8.self) }
}
