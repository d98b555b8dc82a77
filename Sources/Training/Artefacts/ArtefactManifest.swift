import Corpora
import Experiments
import Foundation

/// The file `manifest.json` of an artefact: what it is, what it was made from and with, and the checksum of every other
/// file.
///
/// `evaluate`, `chat`, `serve` and `study` read it first and dispatch on ``kind``.
public struct ArtefactManifest: Sendable, Equatable, Codable {
    /// One file of the artefact.
    public struct File: Sendable, Equatable, Codable {
        /// Below the artefact, with slashes.
        public let path: String
        public let bytes: Int
        public let sha256: String

        public init(path: String, bytes: Int, sha256: String) {
            self.path = path
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// The model that the artefact was made from.
    public struct Base: Sendable, Equatable, Codable {
        /// As the user named it.
        public let name: String
        /// From ``BaseFingerprint``.
        public let fingerprint: String

        public init(name: String, fingerprint: String) {
            self.name = name
            self.fingerprint = fingerprint
        }
    }

    /// The layout this code writes; it reads no later one.
    public static let currentVersion = 1
    public static let fileName = "manifest.json"

    public let formatVersion: Int
    /// The name of the method that made it: `sft`, `reward`, …
    public let kind: String
    public let created: Date
    public let commit: String
    /// Absent where the model was trained from scratch.
    public let base: Base?
    /// The complete recipe as YAML.
    public let recipe: String
    /// What was measured at the end of training.
    public let metrics: [String: Double]
    public let files: [File]

    /// Lists and checksums the files below `folder`, for an artefact about to be written there.
    ///
    /// - Parameter metrics: those that are not finite are left out, since JSON cannot hold them and a trained model is
    ///   worth more.
    /// - Throws: ``ArtefactError/notAFile(path:)``, file system errors.
    public init(
        kind: String, base: Base?, recipe: String, metrics: [String: Double], commit: String, created: Date = .now,
        filesOf folder: URL
    ) throws {
        formatVersion = Self.currentVersion
        self.kind = kind
        // Whole seconds, as the file holds them.
        self.created = Date(timeIntervalSince1970: created.timeIntervalSince1970.rounded(.down))
        self.commit = commit
        self.base = base
        self.recipe = recipe
        self.metrics = metrics.filter(\.value.isFinite)
        files = try Self.files(below: folder)
    }

    /// Writes `manifest.json` into `folder`, as the last file of the artefact.
    public func write(to folder: URL) throws {
        try StableJSON.write(self, to: folder.appending(path: Self.fileName))
    }

    /// Reads and checks the manifest of an artefact; the files themselves are checked by `verify(in:)`.
    ///
    /// - Throws: ``ArtefactError`` where there is none, it is of a later version, or it names files outside the
    ///   artefact.
    public static func read(from folder: URL) throws -> ArtefactManifest {
        AtomicDirectory.removeLeftovers(of: folder)
        let file = folder.appending(path: fileName)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ArtefactError.missing(folder: folder.path)
        }
        let data = try Data(contentsOf: file)
        struct Version: Decodable { let formatVersion: Int }
        do {
            let version = try StableJSON.value(Version.self, from: data).formatVersion
            guard (1...currentVersion).contains(version) else {
                throw ArtefactError.version(file: file.path, found: version, allowed: currentVersion)
            }
            let manifest = try StableJSON.value(ArtefactManifest.self, from: data)
            for entry in manifest.files where !isInside(entry.path) {
                throw ArtefactError.outside(file: file.path, path: entry.path)
            }
            return manifest
        } catch let error as DecodingError {
            throw ArtefactError.damaged(file: file.path, reason: Self.reason(error))
        }
    }

    /// Files up to this size have their checksum compared whenever an artefact is opened: 128 MiB, an adapter's size.
    public static let checkedBytes = 128 << 20

    /// Checks what is opened, if it is an artefact of ours: every file is there with its size, and small ones are what
    /// they were. A folder without a manifest of this layout is another program's model.
    ///
    /// - Throws: ``ArtefactError``.
    public static func verifyOpening(_ folder: URL) throws {
        let file = folder.appending(path: fileName)
        guard let data = try? Data(contentsOf: file) else { return }
        if let other = try? JSONSerialization.jsonObject(with: data) {
            guard let object = other as? [String: Any], object["formatVersion"] != nil else { return }
        }
        try read(from: folder).verify(in: folder, checkingUpTo: checkedBytes)
    }

    /// Checks that every file is there with its size and checksum.
    ///
    /// - Parameter most: larger files are checked by their size only.
    /// - Throws: ``ArtefactError/changed(file:found:expected:)``.
    public func verify(in folder: URL, checkingUpTo most: Int = .max) throws {
        for entry in files {
            let file = folder.appending(path: entry.path)
            guard let size = try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize else {
                throw ArtefactError.changed(file: file.path, found: "no such file", expected: "\(entry.bytes) bytes")
            }
            guard size == entry.bytes else {
                throw ArtefactError.changed(
                    file: file.path, found: "\(size) bytes", expected: "\(entry.bytes) bytes")
            }
            guard size <= most else { continue }
            let checksum = try SHA256.hexadecimal(ofFile: file)
            guard checksum == entry.sha256 else {
                throw ArtefactError.changed(
                    file: file.path, found: "SHA-256 \(checksum)", expected: "SHA-256 \(entry.sha256)")
            }
        }
    }

    /// Checks that the artefact was made from this base model.
    ///
    /// - Throws: ``ArtefactError/otherBase(artefact:found:expected:name:)``.
    public func requireBase(fingerprint: String, artefact: URL) throws {
        guard let base, base.fingerprint != fingerprint else { return }
        throw ArtefactError.otherBase(
            artefact: artefact.path, found: fingerprint, expected: base.fingerprint, name: base.name)
    }

    private static func files(below folder: URL) throws -> [File] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        return try paths.compactMap { path in
            let file = folder.appending(path: path)
            let values = try file.resourceValues(forKeys: [.isRegularFileKey, .isDirectoryKey, .fileSizeKey])
            if values.isDirectory == true || path == fileName { return nil }
            guard values.isRegularFile == true else { throw ArtefactError.notAFile(path: file.path) }
            return File(path: path, bytes: values.fileSize ?? 0, sha256: try SHA256.hexadecimal(ofFile: file))
        }
    }

    /// A manifest may come from elsewhere: its paths must not leave the artefact.
    private static func isInside(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            (context.codingPath.map(\.stringValue).joined(separator: ".") + ": " + context.debugDescription)
                .trimmingCharacters(in: [":", " "])
        @unknown default: "\(error)"
        }
    }
}

/// What is wrong with a trained model's folder.
public enum ArtefactError: Error, Equatable, CustomStringConvertible {
    case missing(folder: String)
    case damaged(file: String, reason: String)
    case version(file: String, found: Int, allowed: Int)
    case outside(file: String, path: String)
    case notAFile(path: String)
    case changed(file: String, found: String, expected: String)
    case otherBase(artefact: String, found: String, expected: String, name: String)

    public var description: String {
        switch self {
        case .missing(let folder):
            "\(folder): no trained model here (\(ArtefactManifest.fileName) is missing)"
        case .damaged(let file, let reason):
            "\(file): damaged: \(reason)"
        case .version(let file, let found, let allowed):
            "\(file): format version \(found), but this program reads versions 1 to \(allowed)"
        case .outside(let file, let path):
            "\(file): names the file \(path), which is outside the artefact"
        case .notAFile(let path):
            "\(path): neither a file nor a folder; an artefact holds nothing else"
        case .changed(let file, let found, let expected):
            "\(file): \(found), but its manifest says \(expected)"
        case .otherBase(let artefact, let found, let expected, let name):
            "\(artefact): made from \(name) with fingerprint \(expected.prefix(12)), "
                + "but the model given has \(found.prefix(12))"
        }
    }
}
