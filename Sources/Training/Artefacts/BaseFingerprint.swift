import Corpora
import Foundation

/// Tells base models apart without reading gigabytes: SHA-256 over the configuration and, for each weight file, its
/// size, its start (where safetensors and GGUF keep names, types and shapes), and samples spread over the rest.
public enum BaseFingerprint {
    /// Bytes from the start of each file.
    static let headerBytes = 1 << 20
    /// Bytes of each sample.
    static let sampleBytes = 1 << 12
    static let samples = 64

    /// - Parameters:
    ///   - configuration: the bytes of `config.json`; empty for a file that holds its own (GGUF).
    ///   - weightFiles: in any order; their names do not count, so that a copy has the same fingerprint.
    /// - Returns: 64 hexadecimal digits.
    /// - Throws: file system errors.
    public static func of(configuration: Data, weightFiles: [URL]) throws -> String {
        let parts = try weightFiles.map(summary).sorted()
        let text = ([SHA256.hexadecimal(of: configuration)] + parts).joined(separator: "\n")
        return SHA256.hexadecimal(of: Data(text.utf8))
    }

    private static func summary(_ file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        let size = try handle.seekToEnd()
        var checksum = SHA256()
        checksum.update(Data("\(size)".utf8))
        func add(from offset: UInt64, count: Int) throws {
            try handle.seek(toOffset: offset)
            checksum.update(try handle.read(upToCount: count) ?? Data())
        }
        try add(from: 0, count: headerBytes)
        let rest = size > UInt64(headerBytes) ? size - UInt64(headerBytes) : 0
        if rest <= UInt64(samples * sampleBytes) {
            try add(from: UInt64(headerBytes), count: samples * sampleBytes)
        } else {
            // The last sample ends with the file.
            let stride = Double(rest - UInt64(sampleBytes)) / Double(samples - 1)
            for index in 0..<samples {
                let offset = UInt64(headerBytes) + UInt64(Double(index) * stride)
                try add(from: min(offset, size - UInt64(sampleBytes)), count: sampleBytes)
            }
        }
        return checksum.hexadecimal
    }
}
