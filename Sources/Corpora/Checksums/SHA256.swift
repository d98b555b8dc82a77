import Foundation

/// The SHA-256 checksum of bytes that arrive in pieces (FIPS 180-4, §6.2).
///
/// ```swift
/// let digest = SHA256.hexadecimal(of: Data("abc".utf8))      // ba7816bf…
/// let file = try SHA256.hexadecimal(ofFile: url)             // read in pieces, whatever the size
/// ```
public struct SHA256: Sendable {
    private var state: [UInt32] = Self.initialState
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    private static let blockBytes = 64

    /// The checksum of nothing yet.
    public init() {
        pending.reserveCapacity(Self.blockBytes)
    }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount += UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let taken = rest.prefix(Self.blockBytes - pending.count)
            pending.append(contentsOf: taken)
            rest = rest.dropFirst(taken.count)
            guard pending.count == Self.blockBytes else { return }
            pending.withUnsafeBytes { Self.compress($0, into: &state) }
            pending.removeAll(keepingCapacity: true)
        }
        let wholeBytes = rest.count / Self.blockBytes * Self.blockBytes
        Self.compress(UnsafeRawBufferPointer(rebasing: rest.prefix(wholeBytes)), into: &state)
        pending.append(contentsOf: rest.dropFirst(wholeBytes))
    }

    /// Adds bytes.
    public mutating func update(_ data: Data) {
        data.withUnsafeBytes { update($0) }
    }

    /// The checksum of everything added so far, as 64 hexadecimal digits. More may be added afterwards.
    public var hexadecimal: String {
        var padded = pending
        padded.append(0x80)
        let length = (padded.count + 8 + Self.blockBytes - 1) / Self.blockBytes * Self.blockBytes
        padded.append(contentsOf: repeatElement(0, count: length - 8 - padded.count))
        withUnsafeBytes(of: (byteCount &* 8).bigEndian) { padded.append(contentsOf: $0) }
        var final = state
        padded.withUnsafeBytes { Self.compress($0, into: &final) }
        return final.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// The checksum of `data`, as 64 hexadecimal digits.
    public static func hexadecimal(of data: Data) -> String {
        var checksum = SHA256()
        checksum.update(data)
        return checksum.hexadecimal
    }

    /// The checksum of a file, read in pieces.
    ///
    /// - Throws: the file system's error if the file cannot be read.
    public static func hexadecimal(ofFile file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var checksum = SHA256()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { checksum.update(piece) }
        return checksum.hexadecimal
    }

    /// Mixes whole blocks of 64 bytes into the state.
    private static func compress(_ blocks: UnsafeRawBufferPointer, into state: inout [UInt32]) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
            roundConstants.withUnsafeBufferPointer { constants in
                state.withUnsafeMutableBufferPointer { state in
                    for start in stride(from: 0, to: blocks.count, by: blockBytes) {
                        for index in 0..<16 {
                            let word = blocks.loadUnaligned(fromByteOffset: start + 4 * index, as: UInt32.self)
                            schedule[index] = UInt32(bigEndian: word)
                        }
                        mix(schedule, constants, state)
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word &>> count) | (word &<< (32 - count))
    }

    /// One block: extends its 16 words to the schedule of 64 and runs the rounds (FIPS 180-4, §6.2.2).
    @inline(__always)
    private static func mix(
        _ schedule: UnsafeMutableBufferPointer<UInt32>, _ constants: UnsafeBufferPointer<UInt32>,
        _ state: UnsafeMutableBufferPointer<UInt32>
    ) {
        for index in 16..<64 {
            let early = schedule[index - 15]
            let late = schedule[index - 2]
            let sigma0 = rotated(early, 7) ^ rotated(early, 18) ^ (early &>> 3)
            let sigma1 = rotated(late, 17) ^ rotated(late, 19) ^ (late &>> 10)
            schedule[index] = schedule[index - 16] &+ sigma0 &+ schedule[index - 7] &+ sigma1
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for index in 0..<64 {
            let choice = (e & f) ^ (~e & g)
            let majority = (a & b) ^ (a & c) ^ (b & c)
            let sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
            let sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
            let first = h &+ sum1 &+ choice &+ constants[index] &+ schedule[index]
            (h, g, f, e) = (g, f, e, d &+ first)
            (d, c, b, a) = (c, b, a, first &+ sum0 &+ majority)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
        state[5] &+= f
        state[6] &+= g
        state[7] &+= h
    }

    /// The first 64 primes, from which both tables of the standard derive.
    private static let primes: [Int] = {
        var found: [Int] = []
        var candidate = 2
        while found.count < 64 {
            if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
            candidate += 1
        }
        return found
    }()

    /// The first 32 bits of the fraction of a root, which a double holds with bits to spare.
    private static func fractionBits(_ root: Double) -> UInt32 {
        UInt32((root - root.rounded(.down)) * 4_294_967_296)
    }

    private static let initialState = primes.prefix(8).map { fractionBits(Double($0).squareRoot()) }
    private static let roundConstants = primes.map { fractionBits(cbrt(Double($0))) }
}
