public import Layers
public import Tensors

/// Predicts, for an item exposed at slot t, the click and whether the user browses on, from the profile, the clicks of
/// earlier sessions, the item, the slot and the context of the session.
///
/// With `z = [u; i; i ⊙ x; x; slot; c_t; c_t ⊙ x]` and the interest `i = DIN(H, x)`, both heads stand on
/// `h = relu(W z + b)`: `p^c = σ(f_c(h))`, `p^b = σ(f_b(h, y))`. `W` is kept as one map for each part of z, so that
/// whatever does not change from slot to slot is computed once when lists are built. The products are ours: they let the
/// shared layer see how an item fits the interest and what was shown.
public final class SessionContextModel: Network {
    public let configuration: SessionContextConfiguration
    public let catalogue: SessionCatalogue
    public let profileCount: Int

    private let identities: Embedding
    private let categories: Embedding
    private let features: Linear?
    private let itemProjection: Linear
    private let profiles: Embedding
    private let attention: TargetAttention
    private let encoder: SessionEncoder?
    private let slots: Embedding?
    private let profilePart: Linear
    private let interestPart: Linear
    private let interestMatchPart: Linear
    private let itemPart: Linear
    private let slotPart: Linear?
    private let contextPart: Linear?
    private let matchPart: Linear?
    private let clickTower: Tower
    private let clickOutput: Linear
    private let browseTower: Tower
    private let browseOutput: Linear
    /// What dropout draws from.
    let dropoutSource: RandomSource
    private let itemCategories: Tensor  // [items]
    private let itemFeatures: Tensor?  // [items, features]

    /// - Parameter source: the starting weights are drawn from it.
    public init(
        _ configuration: SessionContextConfiguration, catalogue: SessionCatalogue, profileCount: Int,
        from source: RandomSource
    ) {
        self.configuration = configuration
        self.catalogue = catalogue
        self.profileCount = profileCount
        let width = configuration.dimensions
        let hidden = configuration.bottomHidden
        func table(_ count: Int, _ dimensions: Int) -> Embedding {
            Embedding(count: count, dimensions: dimensions, standardDeviation: 0.1, from: source)
        }
        identities = table(catalogue.count, configuration.identityDimensions)
        categories = table(catalogue.categoryCount, configuration.categoryDimensions)
        features =
            catalogue.featureCount > 0 ? .glorot(catalogue.featureCount, width, hasBias: false, from: source) : nil
        itemProjection = .glorot(
            configuration.identityDimensions + configuration.categoryDimensions, width, from: source)
        profiles = table(profileCount, configuration.profileDimensions)
        attention = TargetAttention(
            dimensions: width, widths: [configuration.attentionHidden], activation: .relu, from: source)
        // The interest begins as a plain sum over the history; the attention has to learn only what differs from that.
        attention.output.bias = .full([1], 1 / Double(configuration.historyLength).squareRoot())
        profilePart = .glorot(configuration.profileDimensions, hidden, from: source)
        interestPart = .glorot(width, hidden, hasBias: false, from: source)
        interestMatchPart = .glorot(width, hidden, hasBias: false, from: source)
        itemPart = .glorot(width, hidden, hasBias: false, from: source)
        slots = configuration.usesSlot ? table(configuration.maximumSlots, configuration.slotDimensions) : nil
        slotPart =
            configuration.usesSlot ? .glorot(configuration.slotDimensions, hidden, hasBias: false, from: source) : nil
        if configuration.usesContext {
            encoder = SessionEncoder(dimensions: width, from: source)
            // Zeros: the model begins as the one without context.
            contextPart = Linear(weight: .zeros([hidden, width]))
            matchPart = Linear(weight: .zeros([hidden, width]))
        } else {
            encoder = nil
            contextPart = nil
            matchPart = nil
        }
        clickTower = Tower(
            inputDimensions: hidden, widths: [configuration.towerHidden], dropout: configuration.dropout,
            from: source)
        clickOutput = .glorot(configuration.towerHidden, 1, from: source)
        browseTower = Tower(
            inputDimensions: hidden + 1, widths: [configuration.towerHidden], dropout: configuration.dropout,
            from: source)
        browseOutput = .glorot(configuration.towerHidden, 1, from: source)
        dropoutSource = source
        itemCategories = Tensor(catalogue.categories.map(Int.init))
        itemFeatures =
            catalogue.featureCount > 0
            ? Tensor(catalogue.features, shape: [catalogue.count, catalogue.featureCount]) : nil
    }

    public func copy() -> SessionContextModel {
        let other = SessionContextModel(
            configuration, catalogue: catalogue, profileCount: profileCount, from: RandomSource(seed: 0))
        other.copyParameters(from: self)
        return other
    }

    /// The number of parameters of a shape.
    package static func parameterCount(
        _ configuration: SessionContextConfiguration, catalogue: SessionCatalogue, profileCount: Int
    ) -> Int {
        SessionContextModel(
            configuration, catalogue: catalogue, profileCount: profileCount, from: RandomSource(seed: 0)
        ).parameterCount
    }

    // MARK: - Parts

    /// The vector of every item: `[items, dimensions]`.
    func itemTable() -> Tensor {
        let ids = Tensor.concatenated([identities.weight, categories(itemCategories)], along: 1)
        let projected = itemProjection(ids)
        guard let features, let itemFeatures else { return projected }
        return projected + features(itemFeatures)
    }

    /// What of `W z` stays the same through a session, for rows of one user and one item each.
    /// - Parameters:
    ///   - profiles: `[rows]`.
    ///   - items: `[rows, dimensions]`.
    ///   - history: `[rows, H, dimensions]`, with its mask `[rows, H]`.
    /// - Returns: `[rows, hidden]`.
    func constantPart(profiles: Tensor, items: Tensor, history: Tensor, mask: Tensor) -> Tensor {
        let interest = attention(target: items, history: history, mask: mask.isGreater(than: 0))
        return profilePart(self.profiles(profiles)) + interestPart(interest) + interestMatchPart(interest * items)
            + itemPart(items)
    }

    /// The contexts of the slots 1 … T + 1: `[sessions, slots + 1, dimensions]`; nil without context.
    func contexts(items: Tensor, clicks: Tensor) -> Tensor? { encoder?(items: items, clicks: clicks) }

    /// What of `W z` the slot and the context add to every item: `[rows, hidden]`; nil where neither is used.
    /// - Parameters:
    ///   - slots: from 0, `[rows]`.
    ///   - contexts: `[rows, dimensions]`.
    func changingPart(slots places: Tensor, contexts: Tensor?) -> Tensor? {
        let slot = slots.flatMap { slots in slotPart.map { $0(slots(places)) } }
        let context = contexts.flatMap { contexts in contextPart.map { $0(contexts) } }
        guard let slot, let context else { return slot ?? context }
        return slot + context
    }

    /// What of `W z` the fit of item and context adds, row by row: `[rows, hidden]`.
    func matchPart(items: Tensor, contexts: Tensor) -> Tensor? { matchPart.map { $0(items * contexts) } }

    /// The same for all items of a table at once: `[rows, items, hidden]` for contexts `[rows, dimensions]`.
    func matchPart(table: Tensor, contexts: Tensor) -> Tensor? {
        // Σ_d x_d c_d W_hd as a product of the table with a matrix of its own for each row.
        matchPart.map { table.matmul(contexts.expanded(axis: -1) * $0.weight.transposed()) }
    }

    /// - Parameter sums: `W z + b`, `[..., hidden]`.
    /// - Returns: logits `[...]`.
    func clickLogits(_ sums: Tensor) -> Tensor { clickOutput(clickTower(sums.relu())).squeezed(axis: -1) }

    /// - Parameters:
    ///   - sums: `W z + b`, `[..., hidden]`.
    ///   - clicks: of the same view, `[...]`; not looked at where the configuration says so.
    /// - Returns: logits `[...]`.
    func browseLogits(_ sums: Tensor, clicks: Tensor) -> Tensor {
        let seen = configuration.browseSeesClick ? clicks : Tensor.zeros(like: clicks)
        let input = Tensor.concatenated([sums.relu(), seen.expanded(axis: -1)], along: -1)
        return browseOutput(browseTower(input)).squeezed(axis: -1)
    }

    // MARK: - A batch

    /// The logits of all exposed rows: `[rows]` each.
    package func logits(_ batch: SessionBatch) -> (click: Tensor, browse: Tensor) {
        let table = itemTable()
        let items = table.rows(batch.rowItems)
        let history = table.rows(batch.history).selected(batch.rowSessions, along: 0)
        var sums = constantPart(
            profiles: batch.profiles.selected(batch.rowSessions, along: 0), items: items, history: history,
            mask: batch.historyMask.selected(batch.rowSessions, along: 0))
        var own: Tensor?
        if let contexts = contexts(items: table.rows(batch.items), clicks: batch.clicks) {
            let before = contexts.slice(0..<batch.slotCount, along: 1)
            own = before.reshaped(-1, configuration.dimensions).selected(batch.rowPlaces, along: 0)
        }
        if let part = changingPart(slots: batch.rowSlots, contexts: own) { sums = sums + part }
        if let own, let part = matchPart(items: items, contexts: own) { sums = sums + part }
        return (clickLogits(sums), browseLogits(sums, clicks: batch.rowClicks))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        identities.visitParameters(path / "identities", visit)
        categories.visitParameters(path / "categories", visit)
        features?.visitParameters(path / "features", visit)
        itemProjection.visitParameters(path / "itemProjection", visit)
        profiles.visitParameters(path / "profiles", visit)
        attention.visitParameters(path / "attention", visit)
        encoder?.visitParameters(path / "encoder", visit)
        slots?.visitParameters(path / "slots", visit)
        profilePart.visitParameters(path / "bottom" / "profile", visit)
        interestPart.visitParameters(path / "bottom" / "interest", visit)
        interestMatchPart.visitParameters(path / "bottom" / "interestMatch", visit)
        itemPart.visitParameters(path / "bottom" / "item", visit)
        slotPart?.visitParameters(path / "bottom" / "slot", visit)
        contextPart?.visitParameters(path / "bottom" / "context", visit)
        matchPart?.visitParameters(path / "bottom" / "match", visit)
        clickTower.visitParameters(path / "click", visit)
        clickOutput.visitParameters(path / "click" / "output", visit)
        browseTower.visitParameters(path / "browse", visit)
        browseOutput.visitParameters(path / "browse" / "output", visit)
    }
}

/// Encodes what a session has shown so far: a gated recurrent unit over the exposed items, each with its click.
///
/// The input is `[start, v_1, …, v_T]` with `v_t = x_t + y_t c`; the state after place t − 1 has seen the views before slot t
/// and is the context of slot t. The view of slot t itself never reaches it. (A causal transformer of one block predicted
/// both clicks and browsing worse on logs of this size: what tires a user fades from view to view, as the state does.)
final class SessionEncoder: Layer {
    private var start: Tensor  // [dimensions]
    private var click: Tensor  // [dimensions]
    private let unit: GRU

    init(dimensions: Int, from source: RandomSource) {
        func vector() -> Tensor { .normal([dimensions], standardDeviation: 0.1, from: source) }
        start = vector()
        click = vector()
        unit = GRU(inputDimensions: dimensions, hiddenDimensions: dimensions, from: source)
    }

    /// - Parameters:
    ///   - items: vectors of the exposed items, `[sessions, slots, dimensions]`; there may be no slot.
    ///   - clicks: 0 or 1, or the expected click, `[sessions, slots]`.
    /// - Returns: contexts of the slots 1 … T + 1, `[sessions, slots + 1, dimensions]`.
    func callAsFunction(items: Tensor, clicks: Tensor) -> Tensor {
        let (sessions, dimensions) = (items.size(0), items.size(2))
        let first = start.reshaped(1, 1, dimensions).broadcast(to: [sessions, 1, dimensions])
        let views = items + clicks.expanded(axis: -1) * click
        return unit(Tensor.concatenated([first, views], along: 1)).outputs
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "start", &start)
        visit(path / "click", &click)
        unit.visitParameters(path / "unit", visit)
    }
}
