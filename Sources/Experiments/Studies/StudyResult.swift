import Evaluation

/// What a study found, in the layout that `study run --output FILE` writes:
/// `{"study","paper","commit","scale","protocol":{…},"claims":[…],"tables":[…]}` with keys in alphabetical order.
/// ``ClaimResult`` documents a claim, ``Table`` a table.
public struct StudyResult: Sendable, Equatable, Encodable {
    public let study: String
    public let paper: String
    public let commit: String
    public let scale: Scale
    /// Data, split, seeds, machine: what a reader needs to repeat the numbers.
    public var `protocol`: [String: JSONValue]
    public let claims: [ClaimResult]
    public let tables: [Table]

    public init(
        study: String, paper: String, commit: String, scale: Scale, protocol: [String: JSONValue],
        claims: [ClaimResult], tables: [Table]
    ) {
        self.study = study
        self.paper = paper
        self.commit = commit
        self.scale = scale
        self.protocol = `protocol`
        self.claims = claims
        self.tables = tables
    }

    /// The claims with their effects and verdicts, for the terminal and for pages.
    public var claimTable: Table {
        var table = Table(
            "Claims", columns: ["claim", "effect", "margin", "seeds", "control", "verdict"],
            note: "Positive effects favour the method; Student's t interval (95 %) over paired differences.")
        for result in claims {
            table.append([
                .text(result.claim.id),
                .interval(result.effect),
                .number(result.claim.margin), .integer(result.effect.count),
                result.control.passed ? "passed" : "not passed", .verdict(result.verdict),
            ])
        }
        return table
    }
}

/// A study as `study list --json` shows it.
public struct StudyDescription: Sendable, Encodable {
    public struct ClaimDescription: Sendable, Encodable {
        public let id: String
        public let statement: String
        public let metric: String
        public let direction: Claim.Direction
        public let margin: Double
        public let method: String
        public let baseline: String
        public let control: String
        public let minimumSeeds: Int
    }

    public let id: String
    public let paper: String
    public let summary: String
    public let world: World
    public let claims: [ClaimDescription]
    /// What each scale uses, by its name.
    public let budgets: [String: Budget]

    public init(_ study: any Study) {
        id = study.id
        paper = study.paper
        summary = study.summary
        world = study.world
        claims = study.claims.map {
            ClaimDescription(
                id: $0.id, statement: $0.statement, metric: $0.metric, direction: $0.direction, margin: $0.margin,
                method: $0.method, baseline: $0.baseline, control: $0.control.name, minimumSeeds: $0.minimumSeeds)
        }
        budgets = Dictionary(uniqueKeysWithValues: Scale.allCases.map { ($0.rawValue, study.budget($0)) })
    }
}
