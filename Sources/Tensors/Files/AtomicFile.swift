#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same folder; `commit` syncs it and renames it. Whatever fails before, a full disk
/// included, removes the temporary file and leaves an older file of that name as it was.
public final class AtomicFile {
    public let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    /// Opens the temporary file.
    ///
    /// - Throws: ``WeightFileError/unwritable(file:reason:)``.
    public convenience init(path: String) throws(WeightFileError) {
        var attempt = 0
        while true {
            let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if descriptor >= 0 {
                self.init(path: path, temporaryPath: temporary, descriptor: descriptor)
                return
            }
            attempt += 1
            guard errno == EEXIST, attempt < 100 else {
                throw .unwritable(file: path, reason: String(systemError: errno))
            }
        }
    }

    /// Takes over a descriptor that is open for writing; tests hand in one of a device that is always full.
    package init(path: String, temporaryPath: String, descriptor: Int32) {
        self.path = path
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
    }

    deinit { discard() }

    /// Appends `bytes`.
    ///
    /// - Throws: ``WeightFileError/unwritable(file:reason:)``; the temporary file is gone then.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(WeightFileError) {
        guard descriptor >= 0 else { throw .unwritable(file: path, reason: "already closed") }
        var rest = bytes
        while !rest.isEmpty {
            #if canImport(Darwin)
                let written = Darwin.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #elseif canImport(Musl)
                let written = Musl.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #else
                let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #endif
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw failure() }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Appends the UTF-8 form of `text`.
    public func write(_ text: String) throws(WeightFileError) {
        try write(Array(text.utf8))
    }

    public func write(_ bytes: [UInt8]) throws(WeightFileError) {
        let result: Result<Void, WeightFileError> = bytes.withUnsafeBytes { bytes in
            do throws(WeightFileError) { return .success(try write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Syncs the contents, gives the file its name, and syncs the folder.
    public func commit() throws(WeightFileError) {
        guard descriptor >= 0 else { throw .unwritable(file: path, reason: "already closed") }
        guard fsync(descriptor) == 0 else { throw failure() }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0, rename(temporaryPath, path) == 0 else {
            let reason = String(systemError: errno)
            unlink(temporaryPath)
            throw .unwritable(file: path, reason: reason)
        }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "."
        let folderDescriptor = open(String(folder), O_RDONLY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }

    /// Drops what was written; harmless after `commit`.
    public func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporaryPath)
    }

    private func failure() -> WeightFileError {
        let reason = String(systemError: errno)
        discard()
        return .unwritable(file: path, reason: reason)
    }
}
