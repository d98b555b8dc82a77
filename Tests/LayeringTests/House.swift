/// The architecture: which target may stand on which, low to high.
///
/// A name that is not in the table is no target of the house: a new one gets its row here first.
enum House {
    /// What a target may declare in the manifest and import in its sources.
    static let allowed: [String: Set<String>] = {
        // C: each has the few Swift targets that wrap it.
        var table: [String: Set<String>] = [
            "CLaunch": [], "CLibTorch": [], "CKernels": [], "CMuJoCo": [], "CZlib": [], "CLzma": [],
        ]
        // Numbers and data, without tensors.
        table["Evaluation"] = []
        table["Corpora"] = ["Evaluation", "CZlib", "CLzma"]
        table["Worlds"] = ["Evaluation", "Corpora"]
        table["Experiments"] = ["Evaluation"]
        // Tensors < Layers < {Training, LanguageModel}; the language model knows nothing of training.
        table["Tensors"] = ["CLibTorch", "CKernels"]
        table["Layers"] = ["Tensors", "CKernels"]
        table["Training"] = ["Tensors", "Layers", "Evaluation", "Corpora", "Experiments"]
        table["LanguageModel"] = ["Tensors", "Layers", "CKernels", "Evaluation"]
        table["RemoteModels"] = ["LanguageModel"]
        table["Reinforcement"] = ["Tensors", "Layers", "Evaluation", "Corpora", "Worlds", "Experiments", "Training"]
        // The families.
        let core: Set = [
            "Evaluation", "Corpora", "Worlds", "Experiments", "Tensors", "Layers", "Training", "LanguageModel",
            "RemoteModels", "Reinforcement",
        ]
        table["PostTraining"] = core
        table["Retrieval"] = core.union(["PostTraining"])
        table["Dialogue"] = core.union(["PostTraining", "Retrieval"])
        table["Multimodal"] = core
        table["Recommendation"] = core
        table["Control"] = core.union(["CMuJoCo"])
        table["EdgeCloud"] = core.union(["Recommendation"])
        // Those who list and serve may use everything that is not C.
        let families: Set = [
            "PostTraining", "Retrieval", "Dialogue", "Multimodal", "Recommendation", "Control", "EdgeCloud",
        ]
        table["Studies"] = core.union(families)
        table["Server"] = core.union(families).union(["Studies"])
        table["wallfacer"] = core.union(families).union(["CLaunch", "Studies", "Server"])
        // What is measured beside the peers; it lives outside of Sources.
        table["Benchmarks"] = core.union(families).union(["CLaunch"])
        return table
    }()

    /// Modules that come with the compiler or the system.
    static let systemModules: Set = [
        "Darwin", "Dispatch", "Foundation", "FoundationNetworking", "FoundationXML", "Glibc", "Musl", "RegexBuilder",
        "Swift", "Synchronization",
    ]

    /// A dependency that the architecture forbids.
    struct Violation: Equatable, CustomStringConvertible {
        let target: String
        let dependency: String
        var place = "Package.swift"

        var description: String { "\(place): \(target) may not use \(dependency)" }
    }

    /// The declared dependencies that the table does not allow.
    static func violations(of manifest: Manifest) -> [Violation] {
        manifest.targets.filter { !$0.isTest }.flatMap { target in
            target.targetDependencies
                .filter { allowed[target.name]?.contains($0) != true }
                .map { Violation(target: target.name, dependency: $0) }
        }
    }

    /// The imports that the table does not allow or that the manifest does not declare: a module of another target has
    /// to be reachable from the target's own, a product of another package has to be declared by the target itself.
    static func violations(of imports: [SourceImport], in manifest: Manifest) -> [Violation] {
        imports.filter { found in
            guard let target = manifest[found.target] else { return true }
            if systemModules.contains(found.module) { return false }
            if manifest[found.module] == nil { return !target.products.contains(found.module) }
            return !manifest.reachable(from: target.name).contains(found.module)
                || allowed[target.name]?.contains(found.module) != true
        }
        .map { Violation(target: $0.target, dependency: $0.module, place: "\($0.file):\($0.line)") }
    }
}
