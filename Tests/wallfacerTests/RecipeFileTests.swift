import Foundation
import Studies
import Testing
import Training

@Suite("The recipes that are shipped")
struct RecipeFileTests {
    @Test("Each names a method that there is, and has settings that it knows and allows")
    func recipes() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Recipes")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "yaml" }
        #expect(files.count >= 14)
        for file in files {
            let document = try RecipeDocument(file: file)
            let name = try #require(document.method, "\(file.lastPathComponent)")
            try MethodList.named(name).validate(document)
        }
    }
}
