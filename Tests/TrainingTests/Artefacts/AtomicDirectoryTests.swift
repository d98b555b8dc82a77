import Foundation
import Testing
import Training

@Suite("Directories are replaced whole or not at all")
struct AtomicDirectoryTests {
    @Test("A new directory appears with its contents and nothing beside it")
    func new() throws {
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "deep/model")
            let result = try AtomicDirectory.write(to: model) { staging in
                try write("weights", "layers/0.bin", in: staging)
                #expect(!FileManager.default.fileExists(atPath: model.path))
                return 7
            }
            #expect(result == 7)
            #expect(try text("layers/0.bin", in: model) == "weights")
            #expect(try names(in: folder.appending(path: "deep")) == ["model"])
        }
    }

    @Test("The old contents give way completely")
    func replaced() throws {
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            try AtomicDirectory.write(to: model) { try write("1", "old", in: $0) }
            try AtomicDirectory.write(to: model) { try write("2", "new", in: $0) }
            #expect(try names(in: model) == ["new"])
            #expect(try names(in: folder) == ["model"])
        }
    }

    @Test(
        "An error at any step leaves the whole old or the whole new version", arguments: AtomicDirectory.Step.allCases)
    func errorAtEachStep(step: AtomicDirectory.Step) throws {
        struct Stop: Error {}
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            try AtomicDirectory.write(to: model) { try write("old", "weights", in: $0) }
            #expect(throws: Stop.self) {
                try AtomicDirectory.write(
                    to: model, reached: { if $0 == step { throw Stop() } }, { try write("new", "weights", in: $0) })
            }
            let isNew = step == .exchanged || step == .finished
            #expect(try text("weights", in: model) == (isNew ? "new" : "old"))
            #expect(try names(in: folder) == ["model"])
        }
    }

    @Test("A process killed at any step leaves the whole old or new version, and the next writer cleans up")
    func killedAtEachStep() async throws {
        for step in AtomicDirectory.Step.allCases {
            let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            defer { try? FileManager.default.removeItem(at: folder) }
            let model = folder.appending(path: "model")
            try AtomicDirectory.write(to: model) { try write("old", "weights", in: $0) }

            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = model.path as String, name = step.rawValue as String] in
                try AtomicDirectory.write(
                    to: URL(fileURLWithPath: path), reached: { if $0.rawValue == name { kill(getpid(), SIGKILL) } },
                    { try Data("new".utf8).write(to: $0.appending(path: "weights")) })
            }
            let isNew = step == .exchanged || step == .finished
            #expect(try text("weights", in: model) == (isNew ? "new" : "old"))

            let leftovers = try names(in: folder).filter { $0 != "model" }
            #expect(leftovers.isEmpty == (step == .finished))
            try AtomicDirectory.write(to: model) { try write("next", "weights", in: $0) }
            #expect(try text("weights", in: model) == "next")
            #expect(try names(in: folder) == ["model"])
        }
    }

    @Test("What a living process is writing, and what is not ours, is left alone")
    func othersAreLeftAlone() throws {
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            try AtomicDirectory.write(to: model) { outer in
                try write("outer", "weights", in: outer)
                try AtomicDirectory.write(to: model) { try write("inner", "weights", in: $0) }
                #expect(FileManager.default.fileExists(atPath: outer.path))
            }
            #expect(try text("weights", in: model) == "outer")
            try write("", ".model.partial-mine", in: folder)
            AtomicDirectory.removeLeftovers(of: model)
            #expect(try names(in: folder) == [".model.partial-mine", "model"])
        }
    }

    @Test("A directory that a dead writer had moved away comes back")
    func movedAway() throws {
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            // No process can have the largest number with that start time.
            try write("old", ".model.previous-2147483647-1-5/weights", in: folder)
            AtomicDirectory.removeLeftovers(of: model)
            #expect(try text("weights", in: model) == "old")
            #expect(try names(in: folder) == ["model"])
        }
    }

    @Test("A file in the way is an error that names it, and stays")
    func fileInTheWay() throws {
        try withTemporaryFolder { folder in
            try write("precious", "model", in: folder)
            let error = #expect(throws: AtomicDirectoryError.self) {
                try AtomicDirectory.write(to: folder.appending(path: "model")) { try write("new", "weights", in: $0) }
            }
            #expect(error?.description.contains("/model: replacing a file that stands at this name failed") == true)
            #expect(try text("model", in: folder) == "precious")
            #expect(try names(in: folder) == ["model"])
        }
    }

    @Test("Errors of many kinds that mean a full disk become one")
    func fullDiskErrors() throws {
        struct Library: Error, CustomStringConvertible {
            let description = "write failed: No space left on device (28)"
        }
        let errors: [any Error] = [
            CocoaError(.fileWriteOutOfSpace), POSIXError(.ENOSPC), Library(),
            NSError(domain: "Outer", code: 1, userInfo: [NSUnderlyingErrorKey: POSIXError(.ENOSPC)]),
        ]
        for error in errors {
            try withTemporaryFolder { folder in
                let model = folder.appending(path: "model")
                #expect(throws: AtomicDirectoryError.diskFull(path: model.path)) {
                    try AtomicDirectory.write(to: model) { _ in throw error }
                }
            }
        }
    }

    @Test(
        "A full disk is one clear error and the old version stays",
        .enabled(if: TinyDisk.isAvailable, "needs root to mount"))
    func fullDisk() throws {
        try withTemporaryFolder { folder in
            let disk = try TinyDisk(at: folder)
            defer { disk.remove() }
            let model = disk.folder.appending(path: "model")
            try AtomicDirectory.write(to: model) { try write("old", "weights", in: $0) }
            let error = #expect(throws: AtomicDirectoryError.self) {
                try AtomicDirectory.write(to: model) { staging in
                    try Data(repeating: 1, count: 4 << 20).write(to: staging.appending(path: "weights"))
                }
            }
            #expect(error == .diskFull(path: model.path))
            #expect(error?.description.contains("the disk is full; nothing was changed") == true)
            #expect(try text("weights", in: model) == "old")
            #expect(try names(in: disk.folder) == ["model"])
        }
    }
}

/// A file system of one megabyte in memory.
struct TinyDisk {
    let folder: URL

    static let isAvailable: Bool = {
        (try? withTemporaryFolder { try TinyDisk(at: $0).remove() }) != nil
    }()

    struct Unavailable: Error {}

    init(at folder: URL) throws {
        self.folder = folder
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path) else { throw Unavailable() }
    }

    func remove() {
        _ = Self.run("umount", folder.path)
    }

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
