import Foundation

/// Whole files, unpacked by what their first bytes say.
public enum FileContents {
    /// Most bytes that a compressed file may unpack to unless said otherwise: 2 GiB.
    public static let defaultLimit = 2 << 30

    /// The bytes of a file; gzip and xz are unpacked, whatever the name.
    /// - Throws: ``CorpusError`` if it cannot be read, is broken, or unpacks to more than `limit` bytes.
    public static func data(_ file: URL, limit: Int = defaultLimit) throws -> Data {
        let data = try mapped(file)
        let name = file.lastPathComponent
        if Gzip.isGzip(data) { return try Gzip.decompressed(data, file: name, limit: limit) }
        if XZ.isXZ(data) { return try XZ.decompressed(data, file: name, limit: limit) }
        return data
    }

    /// The UTF-8 text of a file, unpacked like ``data(_:limit:)``, without a byte-order mark.
    /// - Throws: ``CorpusError``; bytes that are not UTF-8 are an error that names the line.
    public static func text(_ file: URL, limit: Int = defaultLimit) throws -> String {
        try text(from: data(file, limit: limit), file: file.lastPathComponent)
    }

    /// Old corpora mix ASCII with Windows' Western encoding: text that is not UTF-8 is read as Windows-1252.
    public static func lenientText(from data: Data) -> String {
        if let text = String(validating: withoutMark(data), as: UTF8.self) { return text }
        return String(data: data, encoding: .windowsCP1252) ?? String(decoding: data, as: UTF8.self)
    }

    static func text(from data: Data, file: String) throws -> String {
        let bytes = withoutMark(data)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            throw CorpusError.badLine(file: file, line: index + 1, detail: "is not UTF-8 text")
        }
        throw CorpusError.damaged(file: file, format: "text", detail: "it is not UTF-8")
    }

    static func withoutMark(_ data: Data) -> Data {
        data.prefix(3).elementsEqual([0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
    }

    /// The bytes of a file as they are, mapped into memory where the system can.
    static func mapped(_ file: URL) throws -> Data {
        do {
            return try Data(contentsOf: file, options: .mappedIfSafe)
        } catch {
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
            let reason = !exists ? "no such file" : isFolder.boolValue ? "it is a folder" : SystemReason.text(error)
            throw CorpusError.unreadable(file: file.path, reason: reason)
        }
    }
}
