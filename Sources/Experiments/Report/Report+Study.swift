extension Report {
    /// The page of a study: its claims with verdicts, then the tables, then the protocol.
    public init(study result: StudyResult, summary: String) {
        let scale = "\(result.scale.rawValue) scale\(result.protocol["ablated"] == true ? ", ablated" : "")"
        let protocolRows = result.protocol.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.text) }
        self.init(
            result.study, subtitle: "\(result.paper). \(summary)",
            sections: [
                Section("Claims", [.claims(result.claims)]),
                Section("Measured", result.tables.map { .table($0) }),
                Section("Protocol", [.keyValues(protocolRows)]),
            ], footer: "\(scale) · commit \(result.commit)")
    }
}

extension JSONValue {
    /// The value for people.
    var text: String {
        switch self {
        case .null: "–"
        case .boolean(let value): value ? "yes" : "no"
        case .integer(let value): Numbers.grouped(value)
        case .number(let value): Numbers.short(value)
        case .text(let value): value
        case .array(let values): values.map(\.text).joined(separator: ", ")
        case .object(let values):
            values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ")
        }
    }
}
