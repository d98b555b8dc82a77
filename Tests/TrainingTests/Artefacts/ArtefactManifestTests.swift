import Foundation
import Testing
import Training

@Suite("Artefacts")
struct ArtefactManifestTests {
    private func artefact(in folder: URL) throws -> ArtefactManifest {
        try write("abc", "adapter/weights.safetensors", in: folder)
        try write("{}", "config.json", in: folder)
        let manifest = try ArtefactManifest(
            kind: "sft", base: .init(name: "smollm2", fingerprint: "f00"), recipe: "method: sft\n",
            metrics: ["perplexity": 12.5, "broken": .nan], commit: "abc", filesOf: folder)
        try manifest.write(to: folder)
        return manifest
    }

    @Test("A manifest lists every file with size and checksum, and comes back as it was written")
    func roundTrip() throws {
        try withTemporaryFolder { folder in
            let manifest = try artefact(in: folder)
            #expect(manifest.files.map(\.path) == ["adapter/weights.safetensors", "config.json"])
            #expect(manifest.files[0].bytes == 3)
            #expect(
                manifest.files[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            #expect(manifest.metrics == ["perplexity": 12.5])
            let read = try ArtefactManifest.read(from: folder)
            #expect(read == manifest)
            try read.verify(in: folder)
        }
    }

    @Test("A changed, shortened or missing file is named")
    func changes() throws {
        try withTemporaryFolder { folder in
            let manifest = try artefact(in: folder)
            try write("abd", "adapter/weights.safetensors", in: folder)
            let changed = #expect(throws: ArtefactError.self) { try manifest.verify(in: folder) }
            #expect(changed?.description.contains("weights.safetensors: SHA-256 ") == true)
            try write("ab", "adapter/weights.safetensors", in: folder)
            let short = #expect(throws: ArtefactError.self) { try manifest.verify(in: folder) }
            #expect(short?.description.hasSuffix("2 bytes, but its manifest says 3 bytes") == true)
            try FileManager.default.removeItem(at: folder.appending(path: "config.json"))
            try write("abc", "adapter/weights.safetensors", in: folder)
            let missing = #expect(throws: ArtefactError.self) { try manifest.verify(in: folder) }
            #expect(missing?.description.contains("config.json: no such file") == true)
        }
    }

    @Test("A manifest that is absent, damaged, later or points outside is refused")
    func hostile() throws {
        try withTemporaryFolder { folder in
            #expect(throws: ArtefactError.missing(folder: folder.path)) { try ArtefactManifest.read(from: folder) }
            _ = try artefact(in: folder)
            let good = try text("manifest.json", in: folder)
            let file = folder.appending(path: "manifest.json").path

            try write(good.replacing("\"kind\"", with: "\"kin\""), "manifest.json", in: folder)
            #expect(throws: ArtefactError.damaged(file: file, reason: "kind is missing")) {
                try ArtefactManifest.read(from: folder)
            }
            try write(String(good.dropLast(20)), "manifest.json", in: folder)
            #expect(throws: ArtefactError.self) { try ArtefactManifest.read(from: folder) }
            try write(
                good.replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 2"), "manifest.json", in: folder)
            #expect(throws: ArtefactError.version(file: file, found: 2, allowed: 1)) {
                try ArtefactManifest.read(from: folder)
            }
            for path in ["../secrets", "/etc/passwd", "a/../../b"] {
                try write(good.replacing("config.json", with: path), "manifest.json", in: folder)
                #expect(throws: ArtefactError.outside(file: file, path: path)) {
                    try ArtefactManifest.read(from: folder)
                }
            }
        }
    }

    @Test("Another base model is refused by its fingerprint")
    func otherBase() throws {
        try withTemporaryFolder { folder in
            let manifest = try artefact(in: folder)
            try manifest.requireBase(fingerprint: "f00", artefact: folder)
            let error = #expect(throws: ArtefactError.self) {
                try manifest.requireBase(fingerprint: "bad", artefact: folder)
            }
            #expect(
                error?.description.hasSuffix("made from smollm2 with fingerprint f00, but the model given has bad")
                    == true)
        }
    }

    @Test("The fingerprint changes with the configuration, the header, the end and the size, not with the name")
    func fingerprint() throws {
        try withTemporaryFolder { folder in
            var bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
            let file = folder.appending(path: "model.safetensors")
            func fingerprint(_ configuration: String = "{}", _ url: URL? = nil) throws -> String {
                try bytes.write(to: file)
                return try BaseFingerprint.of(configuration: Data(configuration.utf8), weightFiles: [url ?? file])
            }
            let first = try fingerprint()
            #expect(first.count == 64)
            let copy = folder.appending(path: "copy.safetensors")
            try FileManager.default.copyItem(at: file, to: copy)
            #expect(try fingerprint("{}", copy) == first)
            #expect(try fingerprint("{ }") != first)
            for place in [0, 1 << 20, bytes.count - 1] {
                bytes[place] ^= 1
                #expect(try fingerprint() != first)
                bytes[place] ^= 1
            }
            bytes.append(0)
            #expect(try fingerprint() != first)
        }
    }
}
