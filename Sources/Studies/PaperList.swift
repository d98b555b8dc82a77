/// The 22 systems, numbered as in PAPERS.md.
public enum PaperList {
    public static let all: [Paper] = language + retrieval + dialogue + recommendation + control

    private static let nothingYet = "Nothing of its own yet."
    private static let worldOnly = "Its simulator and metrics are there; the method is not."

    private static let language = [
        Paper(
            number: 1, system: "Qwen", title: "Qwen Technical Report", reference: "2023, arXiv 2309.16609",
            folders: ["LanguageModel", "PostTraining"], source: .textAndCode,
            methods: ["pretrain", "sft", "reward", "ppo", "tools"],
            studies: ["qwen-context", "qwen-alignment", "qwen-tools", "qwen-specialists"],
            note:
                "Model families, tokenizers, weight files, chat templates, pretrain, sft and qwen-context are there; "
                + "alignment and tools are not."
        ),
        Paper(
            number: 2, system: "ALMR",
            title: "Post-Training on Llama-3 70B with Optimal Additional Language Mixture Ratio",
            reference: "PAKDD, arXiv 2409.06624", folders: ["PostTraining/ContinualPretraining"], source: .abstract,
            methods: ["pretrain", "mixture-search"], studies: ["mixture-ratio"],
            note: "Mixtures with ratios are part of pretrain; the search is not there."),
        Paper(
            number: 3, system: "MeGan",
            title: "Learn-to-learn on Arbitrary Textual Conditioning: A Hypernetwork-Driven Meta-Gated LLM",
            reference: "ICML 2026, arXiv 2605.01973", folders: ["PostTraining/MetaGating"], source: .code,
            methods: ["meta-gating"], studies: ["meta-gating"],
            note: "The decoder's gate hook is there; the method is not."),
        Paper(
            number: 4, system: "HdLM", title: "Making Language Model a Hierarchical Classifier (and Generator)",
            reference: "arXiv 2507.12930", folders: ["PostTraining/LayerHeads"], source: .code,
            methods: ["layer-heads"], studies: ["layer-heads"],
            note: "The decoder's early exit is there; the method is not."),
        Paper(
            number: 5, system: "MeTHanol",
            title:
                "Modularized Thinking Language Models with Intermediate Layer Thinking, Decoding and Bootstrapping "
                + "Reasoning",
            reference: "IJCNN 2025, arXiv 2409.12059", folders: ["PostTraining/LayerHeads"],
            source: .figuresAndTables, methods: ["layer-thinking"], studies: ["layer-thinking"],
            note: "The decoder's early exit is there; the method is not."),
        Paper(
            number: 6, system: "LaMsS", title: "When Large Language Models Meet Self-Skepticism",
            reference: "arXiv 2409.06601", folders: ["PostTraining/SelfSkepticism"], source: .abstract,
            methods: ["self-skepticism"], studies: ["self-skepticism"], note: nothingYet),
    ]

    private static let retrieval = [
        Paper(
            number: 7, system: "LaHoRe (RaHoRe)",
            title: "Large Language Model Can Be a Foundation for Hidden Rationale-Based Retrieval",
            reference: "ECIR 2025, arXiv 2412.16615", folders: ["Retrieval/RationaleReranker"], source: .code,
            methods: ["rationale-reranker"], studies: ["rationale-retrieval"], note: nothingYet),
        Paper(
            number: 8, system: "Rabtriever", title: "Rabtriever (a reranker distilled into a retriever with JEPA)",
            reference: "ICMR 2026, arXiv 2604.23336", folders: ["Retrieval/DistilledRetriever"], source: .text,
            methods: ["distilled-retriever"], studies: ["distilled-retriever"], note: nothingYet),
        Paper(
            number: 9, system: "M3-JEPA", title: "M3-JEPA: Multimodal Alignment via Multi-gate MoE based on JEPA",
            reference: "ICML 2025, arXiv 2409.05929", folders: ["Multimodal/JointEmbedding"], source: .textAndCode,
            methods: ["joint-embedding"], studies: ["joint-embedding"], note: nothingYet),
    ]

    private static let dialogue = [
        Paper(
            number: 10, system: "straQ*", title: "Convert Language Model into a Value-based Strategic Planner",
            reference: "ACL 2025 Industry, arXiv 2505.06987", folders: ["Dialogue/StrategyValue"],
            source: .notesAndCode, methods: ["strategy-value"], studies: ["strategy-value"], note: worldOnly),
        Paper(
            number: 11, system: "FiSMiness",
            title: "A Finite State Machine Based Paradigm for Emotional Support Conversations",
            reference: "arXiv 2504.11837", folders: ["Dialogue/StateMachine"], source: .equations,
            methods: ["state-machine"], studies: ["state-machine"], note: worldOnly),
        Paper(
            number: 12, system: "CoCT", title: "Chain-of-Conceptual-Thought", reference: "arXiv 2510.18434",
            folders: ["Dialogue/ConceptChain"], source: .text, methods: ["concept-chain"],
            studies: ["concept-chain"], note: worldOnly),
        Paper(
            number: 13, system: "DreamCUB",
            title: "Dream to Chat: Model-based Reinforcement Learning on Dialogues with User Belief Modeling",
            reference: "Findings of EMNLP 2025, arXiv 2508.16876", folders: ["Dialogue/WorldModel"],
            source: .abstractAndNotes, methods: ["world-model"], studies: ["world-model"], note: worldOnly),
        Paper(
            number: 14, system: "MuPaS",
            title: "Multi-Party Supervised Fine-tuning of Language Models for Multi-Party Dialogue Generation",
            reference: "arXiv 2412.05342", folders: ["PostTraining/MultiParty"], source: .equations,
            methods: ["multi-party"], studies: ["multi-party"], note: nothingYet),
        Paper(
            number: 15, system: "SoVA", title: "From Descriptive to Prescriptive (value instructions by GraphRAG)",
            reference: "CogSci 2026, arXiv 2605.14034", folders: ["Dialogue/ValueGraph", "Retrieval/KnowledgeGraph"],
            source: .digest, methods: ["value-graph"], studies: ["value-graph"], note: nothingYet),
    ]

    private static let recommendation = [
        Paper(
            number: 16, system: "mccHRL",
            title: "Hierarchical Reinforcement Learning for Temporal Abstraction of Listwise Recommendation",
            reference: "arXiv 2409.07416", folders: ["Recommendation/HierarchicalAgent"], source: .precursorCode,
            methods: ["hierarchical-agent"], studies: ["hierarchical-agent"],
            note: "Method and study are there; the study runs in the simulated feed, the method also learns from logs."),
        Paper(
            number: 17, system: "INSCAFER",
            title: "Intra-session Context-aware Feed Recommendation in Live Systems",
            reference: "CIKM 2022, arXiv 2210.07815", folders: ["Recommendation/SessionContext"], source: .abstract,
            methods: ["session-context"], studies: ["session-context"],
            note: "Method and study are there; the study runs in the simulated feed, the method also learns from logs."),
        Paper(
            number: 18, system: "GeoGrouse",
            title: "Adaptive Framework of Geographical Group-Specific Network on O2O Recommendation",
            reference: "ECIR, arXiv 2312.17072", folders: ["Recommendation/GeographicGroups"], source: .abstract,
            methods: ["geographic-groups"], studies: ["geographic-groups", "geographic-groups-check-ins"],
            note: "Method and study are there; the study runs in the simulated regions and on New York check-ins."),
        Paper(
            number: 19, system: "DURation",
            title: "Deep Unified Representation for Heterogeneous Recommendation",
            reference: "WWW 2022, arXiv 2201.05861", folders: ["Recommendation/UnifiedRepresentation"],
            source: .code, methods: ["unified-representation"],
            studies: ["unified-representation", "unified-representation-amazon"],
            note:
                "Method and studies are there, in the item-type world and on Amazon pairs; the paper's own data are not at "
                + "hand."),
        Paper(
            number: 20, system: "RL-LTV",
            title: "Reinforcement Learning to Optimize Lifetime Value in Cold-Start Recommendation",
            reference: "CIKM 2021, arXiv 2108.09141", folders: ["Recommendation/LifetimeValue"], source: .notes,
            methods: ["lifetime-value"], studies: ["lifetime-value"],
            note:
                "Method and study are there, in the item-life world; a reconstruction, since the paper's body could not be "
                + "read."),
    ]

    private static let control = [
        Paper(
            number: 21, system: "ODM", title: "Online Decision MetaMorphFormer",
            reference: "2024, arXiv 2409.07341", folders: ["Control/MorphologyTransformer"],
            source: .codeAndFigures, methods: ["morphology-transformer"], studies: ["morphology-transformer"],
            note: nothingYet),
        Paper(
            number: 22, system: "Edge-cloud collaboration",
            title: "Edge-Cloud Polarization and Collaboration: A Comprehensive Survey",
            reference: "IEEE TKDE 35(7), arXiv 2111.06061", folders: ["EdgeCloud"], source: .abstract,
            methods: ["federated", "split", "cascade"], studies: ["federated", "cascade", "device-cloud"],
            note: nothingYet),
    ]
}
