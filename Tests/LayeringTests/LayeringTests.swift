import Foundation
import Testing

@Suite("Layering")
struct LayeringTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("Every target stands only on the targets that the architecture allows")
    func manifestKeepsTheTable() throws {
        let manifest = try Manifest(packageAt: Self.root)
        #expect(House.violations(of: manifest) == [])
        let sources = manifest.targets.filter { !$0.isTest }.map(\.name)
        #expect(sources.contains("Tensors") && sources.contains("wallfacer"))
        for name in sources {
            #expect(House.allowed[name] != nil, "\(name) has no row in the table of the house")
        }
    }

    @Test("Sources import only what the manifest declares and the architecture allows")
    func importsKeepTheTable() throws {
        let manifest = try Manifest(packageAt: Self.root)
        let imports = try SourceImport.all(below: Self.root.appending(path: "Sources"))
        #expect(imports.count > 100)
        #expect(House.violations(of: imports, in: manifest) == [])
    }

    @Test("No test asks for @testable, which would need a build of its own")
    func nothingIsTestable() throws {
        let imports = try SourceImport.all(below: Self.root.appending(path: "Tests"))
            .filter { $0.target != "LayeringTests" }  // whose examples are no imports
        #expect(imports.count > 50)
        #expect(imports.filter(\.isTestable) == [])
    }

    @Test("The table has no cycle: what a target may use may not use the target")
    func tableHasNoCycle() {
        for (target, uses) in House.allowed {
            for used in uses {
                #expect(House.allowed[used]?.contains(target) == false, "\(target) and \(used) may use one another")
            }
        }
    }

    @Test("A forbidden dependency is found in the manifest, and a forbidden, undeclared or unknown import in a source")
    func violationsAreFound() {
        let manifest = Manifest(targets: [
            .init(name: "Evaluation", targetDependencies: ["Tensors"]),
            .init(name: "Tensors", targetDependencies: ["CLibTorch"]),
            .init(name: "CLibTorch"),
            .init(name: "Layers", targetDependencies: ["Tensors"], products: ["Yams"]),
            .init(name: "Attic"),
        ])
        #expect(House.violations(of: manifest) == [.init(target: "Evaluation", dependency: "Tensors")])

        func violations(_ text: String, in target: String) -> [String] {
            House.violations(of: SourceImport.all(in: text, target: target, file: "F.swift"), in: manifest)
                .map(\.dependency)
        }
        #expect(violations("import Tensors\nimport Foundation\nimport Yams", in: "Layers") == [])
        #expect(violations("import CLibTorch", in: "Layers") == ["CLibTorch"])  // reachable, but not Layers' to use
        #expect(violations("import CKernels", in: "Layers") == ["CKernels"])  // allowed, but not declared
        #expect(violations("import Yams", in: "Tensors") == ["Yams"])  // another target's product
        #expect(violations("import Tensors", in: "Attic") == ["Tensors"])
        #expect(violations("import Foundation", in: "Nowhere") == ["Foundation"])
    }

    @Test("Imports are found behind attributes, access levels and indentation, and not in comments")
    func importLines() {
        let text = """
            // import Nothing
            @testable import Alpha
            @preconcurrency public import Beta
                import struct Gamma.Delta
            package import Epsilon
            let important = "import Zeta"
            """
        let imports = SourceImport.all(in: text, target: "T", file: "T/F.swift")
        #expect(imports.map(\.module) == ["Alpha", "Beta", "Gamma", "Epsilon"])
        #expect(imports.map(\.line) == [2, 3, 4, 5])
        #expect(imports.map(\.isTestable) == [true, false, false, false])
    }
}
