import Foundation

/// The beginning of a file on disk, to which pieces are appended.
struct PartialFile {
    private let file: URL
    private let handle: FileHandle

    /// Opens the file and cuts it to its first `count` bytes.
    init(_ file: URL, keeping count: Int) throws {
        self.file = file
        if !FileManager.default.fileExists(atPath: file.path),
            !FileManager.default.createFile(atPath: file.path, contents: nil)
        {
            throw DownloadError.unwritable(file: file.path, reason: "the file cannot be created")
        }
        do {
            handle = try FileHandle(forWritingTo: file)
            try handle.truncate(atOffset: UInt64(count))
            try handle.seekToEnd()
        } catch {
            throw DownloadError.unwritable(file: file.path, reason: SystemReason.text(error))
        }
    }

    func append(_ data: Data) throws {
        do {
            try handle.write(contentsOf: data)
        } catch {
            throw DownloadError.unwritable(file: file.path, reason: SystemReason.text(error))
        }
    }

    func synchronize() throws {
        do {
            try handle.synchronize()
        } catch {
            throw DownloadError.unwritable(file: file.path, reason: SystemReason.text(error))
        }
    }

    func close() { try? handle.close() }
}
