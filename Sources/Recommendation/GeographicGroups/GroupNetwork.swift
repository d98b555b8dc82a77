public import Layers
public import Tensors
public import Training

/// A common tower for everyone and one narrow tower for each group of cells:
/// `logit_k = ⟨w_0, h_0⟩ + b_z + ⟨w_k, [h_0; f_k(x)]⟩ + b_k`, `h_0 = f_0(x)`.
///
/// Cells are the domains of the schema. The intercept `b_z` of a cell is ours: without it cells would be grouped by their
/// base rates rather than by what their users want. While groups are uncertain a cell trains all towers by its shares
/// (responsibilities) of them.
public final class GroupNetwork: FeatureModel {
    public let schema: FeatureSchema
    public let configuration: GeographicGroupsConfiguration
    /// `[cells, groups]`; each row sums to 1, or is 0 for a cell without a group.
    public let shares: Tensor

    private let embeddings: FieldEmbeddings
    private let common: Tower
    private let commonHead: Linear
    private let cellBias: Embedding  // [cells, 1]
    private var firstWeights: Tensor  // [groups, width, hidden]
    private var firstBiases: Tensor  // [groups, 1, hidden]
    private var secondWeights: Tensor  // [groups, hidden, out]
    private var secondBiases: Tensor  // [groups, 1, out]
    private var headWeights: Tensor  // [groups, common + out, 1]
    private var headBiases: Tensor  // [groups, 1, 1]

    public init(
        _ schema: FeatureSchema, _ configuration: GeographicGroupsConfiguration = .init(), from source: RandomSource
    ) {
        precondition(configuration.groupWidths.count == 2, "group towers have two layers")
        self.schema = schema
        self.configuration = configuration
        let groups = configuration.groups
        shares = .full([schema.domainCount, groups], 1 / Double(groups))
        embeddings = FieldEmbeddings(
            schema, dimensions: configuration.dimensions, standardDeviation: 0.1, from: source)
        let width = schema.fieldCount * configuration.dimensions
        let commonWidth = configuration.commonWidths.last ?? width
        common = Tower(inputDimensions: width, widths: configuration.commonWidths, from: source)
        commonHead = .glorot(commonWidth, 1, from: source)
        cellBias = Embedding(weight: .zeros([schema.domainCount, 1]))
        func stack(_ inputs: Int, _ outputs: Int) -> Tensor {
            .normal(
                [groups, inputs, outputs], standardDeviation: (2 / Double(inputs + outputs)).squareRoot(), from: source)
        }
        let (hidden, out) = (configuration.groupWidths[0], configuration.groupWidths[1])
        firstWeights = stack(width, hidden)
        firstBiases = .zeros([groups, 1, hidden])
        secondWeights = stack(hidden, out)
        secondBiases = .zeros([groups, 1, out])
        headWeights = stack(commonWidth + out, 1)
        headBiases = .zeros([groups, 1, 1])
    }

    /// Deals the cells: one row of shares for each.
    public func setShares(_ values: [[Double]]) {
        precondition(
            values.count == schema.domainCount, "\(values.count) rows of shares for \(schema.domainCount) cells")
        shares.assign(Tensor(values.flatMap { $0.map { Float($0) } }, shape: [values.count, configuration.groups]))
    }

    /// Puts each cell into one group; -1 leaves it to the common head.
    public func setGroups(_ groups: [Int]) {
        setShares(groups.map { group in (0..<configuration.groups).map { $0 == group ? 1 : 0 } })
    }

    /// The shares as numbers, row by row.
    public var shareValues: [[Double]] {
        let all = shares.values(Double.self)
        let width = configuration.groups
        return (0..<schema.domainCount).map { Array(all[($0 * width)..<(($0 + 1) * width)]) }
    }

    /// The group of each cell, -1 for none.
    public var groups: [Int] {
        zip(CellGrouping.hard(shareValues), shareValues).map { group, row in row[group] > 0 ? group : -1 }
    }

    /// The logits of the common head and of every group: `[rows]` and `[rows, groups]`.
    package func allLogits(_ batch: FeatureBatch) -> (common: Tensor, groups: Tensor) {
        let x = embeddings(batch).flattened(from: 1)  // [rows, width]
        let shared = common(x)
        let cells = batch.domains ?? .zeros([batch.rowCount], dtype: .int64)
        let base = (commonHead(shared) + cellBias(cells)).squeezed(axis: -1)  // [rows]
        // One product for the first layer of all towers and one for what their heads see of the common tower: many small
        // products take longer.
        let (groups, width, hiddenWidth) = (configuration.groups, x.size(1), configuration.groupWidths[0])
        let together = x.matmul(firstWeights.transposed(0, 1).reshaped(width, groups * hiddenWidth))
        let first = together.reshaped(batch.rowCount, groups, hiddenWidth).transposed(0, 1)
        let hidden = (first + firstBiases).relu()  // [groups, rows, hidden]
        let own = (hidden.matmul(secondWeights) + secondBiases).relu()
        let commonWidth = shared.size(1)
        let fromCommon = shared.matmul(
            headWeights.slice(0..<commonWidth, along: 1).squeezed(axis: -1).transposed(0, 1))  // [rows, groups]
        let fromOwn = own.matmul(headWeights.slice(commonWidth..<headWeights.size(1), along: 1)) + headBiases
        return (base, base.expanded(axis: -1) + fromCommon + fromOwn.squeezed(axis: -1).transposed(0, 1))
    }

    /// The logit of each row's own group, of the common head where its cell has none.
    public func logits(_ batch: FeatureBatch) -> Tensor {
        let (common, groups) = allLogits(batch)
        let own = rowShares(batch)  // [rows, groups]
        let best = own.maximumAndIndex(along: 1, keepingAxes: true)
        let chosen = groups.gather(best.indices, along: 1)
        return chosen.chosen(where: best.values.isGreater(than: 0), otherwise: common.expanded(axis: -1))
    }

    /// `Σ_i Σ_k r_{z_i k} BCE(y_i, p_k(x_i))`, and a little of the common head's own loss.
    public func loss(_ batch: FeatureBatch) throws -> BatchLoss {
        let (common, groups) = allLogits(batch)
        let labels = batch.labels  // [rows, 1]
        let losses = groups.binaryCrossEntropy(labels.broadcast(to: groups.shape), reduction: .none)
        var sum = (losses * rowShares(batch)).sum()
        if configuration.commonWeight > 0 {
            let alone = common.binaryCrossEntropy(labels.squeezed(axis: -1), reduction: .sum)
            sum = sum + alone * configuration.commonWeight
        }
        return BatchLoss(sum: sum, weight: Double(batch.rowCount), tokens: batch.rowCount)
    }

    private func rowShares(_ batch: FeatureBatch) -> Tensor {
        let cells = batch.domains ?? .zeros([batch.rowCount], dtype: .int64)
        return shares.rows(cells)
    }

    /// Makes the tower of one group a copy of another's.
    package func copyTower(from source: Int, to target: Int) {
        withoutGradients {
            for stack in [firstWeights, firstBiases, secondWeights, secondBiases, headWeights, headBiases] {
                stack.select(target, along: 0).assign(stack.select(source, along: 0))
            }
        }
    }

    /// The groups belong to the model: files keep them.
    public var buffers: [NamedParameter] { [NamedParameter(name: "shares", tensor: shares)] }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        embeddings.visitParameters(path / "embeddings", visit)
        common.visitParameters(path / "common", visit)
        commonHead.visitParameters(path / "commonHead", visit)
        cellBias.visitParameters(path / "cellBias", visit)
        visit(path / "groups" / "firstWeights", &firstWeights)
        visit(path / "groups" / "firstBiases", &firstBiases)
        visit(path / "groups" / "secondWeights", &secondWeights)
        visit(path / "groups" / "secondBiases", &secondBiases)
        visit(path / "groups" / "headWeights", &headWeights)
        visit(path / "groups" / "headBiases", &headBiases)
    }
}

/// One tower on all fields, which sees the domain where the schema has several: the plain model of a comparison.
public final class DomainTower: FeatureModel {
    public let schema: FeatureSchema
    private let input: DomainInput
    private let tower: Tower
    private let head: Linear

    public init(_ schema: FeatureSchema, dimensions: Int, widths: [Int], from source: RandomSource) {
        self.schema = schema
        input = DomainInput(schema, dimensions: dimensions, from: source)
        tower = Tower(inputDimensions: input.width, widths: widths, from: source)
        head = .glorot(widths.last ?? input.width, schema.tasks.count, from: source)
    }

    public func logits(_ batch: FeatureBatch) -> Tensor { tower(input(batch), head: head) }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        input.visitParameters(path / "input", visit)
        tower.visitParameters(path / "tower", visit)
        head.visitParameters(path / "head", visit)
    }
}
