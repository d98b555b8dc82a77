import Evaluation

/// The layout of a claim in the file of `study run --output`:
/// `{"id","statement","metric","direction","margin","method","baseline","effect","low","high","seeds",
/// "values":{"method":[…],"baseline":[…]},"control":{"name","effect","low","high","passed"},"world","verdict"}`.
/// A bound that is not finite (one seed) is null.
extension ClaimResult: Encodable {
    private enum Key: String, CodingKey {
        case id, statement, metric, direction, margin, method, baseline, effect, low, high, seeds, values, control,
            world
        case verdict
    }

    private enum ControlKey: String, CodingKey {
        case name, effect, low, high, passed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(claim.id, forKey: .id)
        try container.encode(claim.statement, forKey: .statement)
        try container.encode(claim.metric, forKey: .metric)
        try container.encode(claim.direction, forKey: .direction)
        try container.encode(claim.margin, forKey: .margin)
        try container.encode(claim.method, forKey: .method)
        try container.encode(claim.baseline, forKey: .baseline)
        try container.encode(effect.estimate, forKey: .effect)
        try container.encode(JSONValue.number(effect.low), forKey: .low)
        try container.encode(JSONValue.number(effect.high), forKey: .high)
        try container.encode(effect.count, forKey: .seeds)
        try container.encode(values, forKey: .values)
        var nested = container.nestedContainer(keyedBy: ControlKey.self, forKey: .control)
        try nested.encode(control.name, forKey: .name)
        try nested.encode(control.effect.estimate, forKey: .effect)
        try nested.encode(JSONValue.number(control.effect.low), forKey: .low)
        try nested.encode(JSONValue.number(control.effect.high), forKey: .high)
        try nested.encode(control.passed, forKey: .passed)
        try container.encode(world, forKey: .world)
        try container.encode(verdict, forKey: .verdict)
    }
}
