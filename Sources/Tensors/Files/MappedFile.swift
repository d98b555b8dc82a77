#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file mapped read-only into memory; pages are read when they are touched.
///
/// Slices are checked against the size that the file had when it was opened. A file that another program shortens while
/// it is mapped ends the process when a lost page is touched, as with every memory-mapped reader.
public final class MappedFile: @unchecked Sendable {
    // Sendable: the mapping is read-only and its bounds never change between `init` and `deinit`.
    public let path: String
    private let contents: UnsafeRawBufferPointer

    /// - Throws: ``WeightFileError/unreadable(file:reason:)`` when the file is absent or is no regular file.
    public init(path: String) throws(WeightFileError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(file: path, reason: String(systemError: errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, reason: String(systemError: errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(file: path, reason: "not a regular file") }
        guard status.st_size > 0 else {
            contents = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let size = Int(status.st_size)
        let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else { throw .unreadable(file: path, reason: String(systemError: errno)) }
        contents = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = contents.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), contents.count)
        }
    }

    /// The size in bytes.
    public var count: Int { contents.count }

    /// Calls `body` with the bytes of `range`; the pointer is valid inside the call only.
    ///
    /// - Throws: ``WeightFileError/malformed(file:field:found:allowed:)`` for a range beyond the end, and what `body` throws.
    public func withUnsafeBytes<Result>(
        in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard range.lowerBound >= 0, range.upperBound <= contents.count else {
            throw WeightFileError.malformed(
                file: path, field: "byte range", found: "\(range.lowerBound)..<\(range.upperBound)",
                allowed: "within the file's \(contents.count) bytes")
        }
        return try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(rebasing: contents[range])) }
    }

    /// Calls `body` with the whole contents; the pointer is valid inside the call only.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(contents) }
    }
}

extension String {
    /// The system's message for an `errno` value, in lower case as it stands inside a sentence.
    package init(systemError code: Int32) {
        let message = String(cString: strerror(code))
        self = message.prefix(1).lowercased() + message.dropFirst()
    }
}
