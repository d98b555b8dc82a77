import Experiments
import Foundation
import Testing
import Training

@Suite("The run store")
struct RunStoreTests {
    private func withStore<Result>(_ body: (RunStore) throws -> Result) throws -> Result {
        try withTemporaryFolder { try body(try RunStore(file: $0.appending(path: "deep/runs.sqlite"))) }
    }

    @Test("A run is kept with its recipe, environment, numbers and events")
    func recorded() throws {
        try withStore { store in
            let recorder = try store.start(
                method: "sft", name: "first", recipe: "method: sft\n", commit: "abc", environment: .example,
                baseFingerprint: "f00")
            #expect(recorder.id == "sft-1")
            #expect(try store.run("sft-1").status == .running)
            for step in 1...1000 {
                try recorder.record(step: step, tokens: step * 10, ["loss": 4 / Double(step), "learningRate": 1e-4])
            }
            try recorder.record(step: 1001, tokens: 10_010, ["loss": .nan, "gradientNorm": .infinity])
            try recorder.event("checkpoint", "saved", step: 500)
            try recorder.finish(artefact: URL(fileURLWithPath: "/models/sft-1"))

            let run = try store.run("sft-1")
            #expect(run.status == .done)
            #expect(run.name == "first")
            #expect(run.commit == "abc")
            #expect(run.environment == .example)
            #expect(run.baseFingerprint == "f00")
            #expect(run.artefact == "/models/sft-1")
            #expect(try #require(run.ended) >= run.created)

            let losses = try store.metrics("sft-1", name: "loss")
            #expect(losses.count == 1001)
            #expect(losses.prefix(2).map(\.value) == [4, 2])
            #expect(losses[999].tokens == 10_000)
            #expect(losses[1000].value.isNaN)
            let last = try store.lastMetrics("sft-1")
            #expect(last["learningRate"] == 1e-4)
            #expect(last["gradientNorm"] == .infinity)
            #expect(last["loss"]?.isNaN == true)
            #expect(try store.events("sft-1").map(\.text) == ["saved"])
        }
    }

    @Test("A run is found by its name, and so is what it trained")
    func names() throws {
        try withStore { store in
            let folder = store.file.deletingLastPathComponent()
            func run(_ name: String?, _ artefact: URL?) throws -> String {
                let id = try store.reserve(method: "sft")
                let recorder = try store.start(
                    method: "sft", id: id, name: name, recipe: "", commit: "", environment: .example)
                #expect(recorder.id == id)
                if let artefact { try recorder.finish(artefact: artefact) } else { try recorder.interrupt() }
                return id
            }
            let first = try run("tales", folder)
            #expect(first == "sft-1")
            #expect(try run("tales", nil) == "sft-2")
            #expect(try run(nil, folder.appending(path: "gone")) == "sft-3")
            #expect(try store.find("tales").id == "sft-2")
            #expect(try store.find("sft-1").id == "sft-1")
            #expect(throws: RunStoreError.unknownRun(id: "talse", nearest: "tales")) { try store.find("talse") }
            #expect(try store.artefact(of: "tales")?.path == folder.path)
            #expect(try store.artefact(of: "sft-1")?.path == folder.path)
            #expect(try store.artefact(of: "nonsense") == nil)
            #expect(throws: RunStoreError.noArtefact(id: "sft-2", status: .interrupted)) {
                try store.artefact(of: "sft-2")
            }
            #expect(throws: RunStoreError.noArtefact(id: "sft-3", status: .done)) { try store.artefact(of: "sft-3") }
        }
    }

    @Test("Identifiers count per method and are never used again")
    func identifiers() throws {
        try withStore { store in
            func start(_ method: String) throws -> String {
                let recorder = try store.start(method: method, recipe: "", commit: "", environment: .example)
                try recorder.finish()
                return recorder.id
            }
            #expect(try [start("sft"), start("dpo"), start("sft")] == ["sft-1", "dpo-1", "sft-2"])
            try store.delete("sft-2")
            #expect(try start("sft") == "sft-3")
            #expect(try store.runs().map(\.id) == ["sft-3", "dpo-1", "sft-1"])
            #expect(try store.runs(method: "sft").map(\.id) == ["sft-3", "sft-1"])
        }
    }

    @Test("A run that is not there is an error that names the nearest")
    func unknown() throws {
        try withStore { store in
            try store.start(method: "sft", recipe: "", commit: "", environment: .example).finish()
            #expect(throws: RunStoreError.unknownRun(id: "stf-1", nearest: "sft-1")) { try store.run("stf-1") }
            #expect(throws: RunStoreError.unknownRun(id: "x", nearest: nil)) { try store.metrics("x") }
            #expect(throws: RunStoreError.unknownRun(id: "x", nearest: nil)) { try store.delete("x") }
        }
    }

    @Test("Deleting a run deletes its numbers, but not while it runs")
    func delete() throws {
        try withStore { store in
            let recorder = try store.start(method: "sft", recipe: "", commit: "", environment: .example)
            #expect(throws: RunStoreError.running(id: "sft-1")) { try store.delete("sft-1") }
            try recorder.record(step: 1, tokens: 1, ["loss": 1])
            try recorder.finish()
            try store.delete("sft-1")
            #expect(try store.runs().isEmpty)
            #expect(throws: RunStoreError.self) { try store.metrics("sft-1") }
        }
    }

    @Test("A run whose process is gone is shown as interrupted, and can be taken up again")
    func crashed() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "runs.sqlite")
        let store = try RunStore(file: file)
        let alive = try store.start(method: "sft", recipe: "", commit: "", environment: .example)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = file.path as String] in
            let recorder = try RunStore(file: URL(fileURLWithPath: path))
                .start(method: "sft", recipe: "", commit: "", environment: .example)
            for step in 1...5 { try recorder.record(step: step, tokens: step, ["loss": Double(step)]) }
            try recorder.flush()
            try recorder.record(step: 6, tokens: 6, ["loss": 6])
            kill(getpid(), SIGKILL)
        }
        let crashed = try store.run("sft-2")
        #expect(crashed.status == .interrupted)
        #expect(crashed.ended != nil)
        #expect(crashed.message == "the process ended without saying why")
        #expect(try store.metrics("sft-2").count == 5)
        #expect(try store.run(alive.id).status == .running)

        #expect(throws: RunStoreError.running(id: "sft-1")) { try store.resume("sft-1") }
        let resumed = try store.resume("sft-2")
        #expect(try store.run("sft-2").status == .running)
        try resumed.rewind(toStep: 3)
        try resumed.record(step: 4, tokens: 4, ["loss": 40])
        try resumed.finish()
        #expect(try store.metrics("sft-2", name: "loss").map(\.value) == [1, 2, 3, 40])
        #expect(try store.run("sft-2").message == nil)
    }

    @Test("A process number that is used again, another boot and another machine are told apart")
    func identity() {
        let me = ProcessIdentity.current
        #expect(!me.isGone)
        func changed(process: Int32? = nil, start: UInt64? = nil, boot: String? = nil, machine: String? = nil) -> Bool {
            ProcessIdentity(
                process: process ?? me.process, startTicks: start ?? me.startTicks, boot: boot ?? me.boot,
                machine: machine ?? me.machine
            ).isGone
        }
        #expect(changed(start: me.startTicks + 1))
        #expect(changed(process: .max))
        #expect(changed(boot: "another"))
        #expect(!changed(process: .max, machine: "another"))
    }

    @Test("Many writers in two stores on one file lose nothing")
    func concurrent() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let stores = try (0..<2).map { _ in try RunStore(file: folder.appending(path: "runs.sqlite")) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    let recorder = try stores[writer % 2]
                        .start(method: "sft", recipe: "", commit: "", environment: .example)
                    for step in 0..<50 {
                        try recorder.record(step: step, tokens: 0, ["loss": Double(writer)])
                        try recorder.flush()
                    }
                    try recorder.finish()
                }
            }
            try await group.waitForAll()
        }
        let runs = try stores[0].runs()
        #expect(Set(runs.map(\.id)) == Set((1...8).map { "sft-\($0)" }))
        for run in runs { #expect(try stores[1].metrics(run.id).count == 50) }
    }

    @Test("A failed run says why, an interrupted one where it can be taken up")
    func ends() throws {
        try withStore { store in
            let failed = try store.start(method: "sft", recipe: "", commit: "", environment: .example)
            try failed.fail(ArtefactError.missing(folder: "m"))
            #expect(try store.run(failed.id).message?.hasPrefix("m: no trained model here") == true)
            #expect(try store.run(failed.id).status == .failed)
            let stopped = try store.start(method: "sft", recipe: "", commit: "", environment: .example)
            try stopped.interrupt(artefact: URL(fileURLWithPath: "/c"))
            #expect(try store.run(stopped.id).status == .interrupted)
            #expect(try store.run(stopped.id).artefact == "/c")
        }
    }

    @Test("A file that is no store, and a folder that cannot be made, are clear errors")
    func noStore() throws {
        try withTemporaryFolder { folder in
            try write(String(repeating: "no database ", count: 1000), "runs.sqlite", in: folder)
            let error = #expect(throws: RunStoreError.self) {
                try RunStore(file: folder.appending(path: "runs.sqlite"))
            }
            #expect(error?.description.contains("runs.sqlite: no run store: file is not a database") == true)
            #expect(throws: (any Error).self) {
                try RunStore(file: folder.appending(path: "runs.sqlite/deep/runs.sqlite"))
            }
        }
    }

    @Test(
        "A full disk is the same clear error as everywhere", .enabled(if: TinyDisk.isAvailable, "needs root to mount"))
    func fullDisk() throws {
        try withTemporaryFolder { folder in
            let disk = try TinyDisk(at: folder)
            defer { disk.remove() }
            let file = disk.folder.appending(path: "runs.sqlite")
            let store = try RunStore(file: file)
            let recorder = try store.start(method: "sft", recipe: "", commit: "", environment: .example)
            let error = #expect(throws: AtomicDirectoryError.self) {
                for step in 0..<100_000 { try recorder.record(step: step, tokens: step, ["loss": 1]) }
            }
            #expect(error == .diskFull(path: file.path))
        }
    }
}

extension RunEnvironment {
    static let example = RunEnvironment(processor: "test", threads: 2, precision: "f32", system: "test")
}
