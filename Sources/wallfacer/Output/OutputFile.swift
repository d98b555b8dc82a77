import Corpora
import Foundation

/// Files that the user names for results.
enum OutputFile {
    /// Whether a result can be written there later. Nothing is touched.
    /// - Throws: `Failure` with the path and the reason.
    static func check(_ path: String) throws {
        let place = try Place(path)
        if let writable = place.isThrough ? place.path : place.existing {
            guard access(writable, W_OK) == 0 else { throw failure(path, SystemReason.text(code: errno)) }
            return
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: place.folder, isDirectory: &isFolder) else {
            throw failure(path, "there is no folder \(place.folder)")
        }
        guard isFolder.boolValue else { throw failure(path, "\(place.folder) is no folder") }
        guard access(place.folder, W_OK | X_OK) == 0 else { throw failure(path, SystemReason.text(code: errno)) }
    }

    /// A regular file is written beside its final name and then renamed, so that a reader sees the old one or the new one;
    /// links are followed. Devices, pipes and the like are written to as they stand.
    static func write(_ data: Data, to path: String) throws {
        try check(path)
        let place = try Place(path)
        if place.isThrough { return try write(data, path, at: place.path, flags: O_WRONLY | O_APPEND) }
        // Without the right to make files beside it, a file can still be written in place.
        guard access(place.folder, W_OK | X_OK) == 0 else {
            return try write(data, path, at: place.path, flags: O_WRONLY | O_TRUNC)
        }
        let staging = stagingName(place)
        do {
            try write(data, path, at: staging, flags: O_WRONLY | O_CREAT | O_EXCL)
            if let mode = place.mode { chmod(staging, mode) }
            guard rename(staging, place.path) == 0 else { throw failure(path, SystemReason.text(code: errno)) }
        } catch {
            unlink(staging)
            throw error
        }
    }

    private static func write(_ data: Data, _ name: String, at path: String, flags: Int32) throws {
        let descriptor = open(path, flags | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(name, SystemReason.text(code: errno)) }
        let written = SystemWrite.all(data, to: descriptor)
        // A full disk may show only here.
        let closed: Int32? = close(descriptor) == 0 ? nil : errno
        if let code = written ?? closed { throw failure(name, SystemReason.text(code: code)) }
    }

    static func failure(_ path: String, _ reason: String) -> Failure {
        Failure("\(path): cannot be written: \(reason)")
    }

    /// A new name beside a file, for what is to become it.
    static func stagingName(_ place: Place) -> String {
        let name = (place.path as NSString).lastPathComponent
        return "\(place.folder)/.\(name).partial-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    }

    /// Where a path leads.
    struct Place {
        /// After all links, unless it is written through.
        let path: String
        /// Something other than a regular file is there.
        let isThrough: Bool
        /// The regular file that is there.
        let existing: String?
        let mode: mode_t?

        var folder: String {
            let folder = (path as NSString).deletingLastPathComponent
            return folder.isEmpty ? "." : folder
        }

        init(_ name: String) throws {
            guard !name.isEmpty else { throw Failure.badUsage("--output is empty; a file is needed") }
            let given = (name as NSString).expandingTildeInPath
            var status = stat()
            if stat(given, &status) == 0 {
                let kind = status.st_mode & S_IFMT
                guard kind != S_IFDIR else { throw OutputFile.failure(name, "it is a folder; a file is needed") }
                // The process's own streams, even where they lead to a file: others write there too.
                isThrough = kind != S_IFREG || Self.streams.contains { given.hasPrefix($0) }
                path = isThrough ? given : Self.resolved(given)
                existing = isThrough ? nil : path
                mode = status.st_mode & 0o7777
            } else {
                guard errno == ENOENT else { throw OutputFile.failure(name, SystemReason.text(code: errno)) }
                path = Self.resolved(given)
                isThrough = false
                existing = nil
                mode = nil
            }
        }

        private static let streams = ["/dev/std", "/dev/fd/", "/proc/"]
        private static let mostLinks = 40

        /// Follows links, also to what is not there yet.
        private static func resolved(_ path: String) -> String {
            var path = path
            for _ in 0..<mostLinks {
                guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { break }
                let folder = (path as NSString).deletingLastPathComponent
                path = target.hasPrefix("/") || folder.isEmpty ? target : "\(folder)/\(target)"
            }
            return path
        }
    }
}

/// Writing to a descriptor.
enum SystemWrite {
    /// Writes every byte.
    /// - Returns: the code of what went wrong, if something did.
    static func all(_ data: Data, to descriptor: Int32) -> Int32? {
        var rest = [UInt8](data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : EIO }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}
