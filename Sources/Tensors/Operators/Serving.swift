import CKernels
import CLibTorch

/// What a recommender that answers computes in one kernel, without gradients. Everything else (other types, other devices,
/// other widths) takes the plain operators, which are also what the kernels are tested against.
extension Tensor {
    /// Dice (Zhou et al. 2018, eq. 4) with given moments: `x (slope + (1 - slope) sigmoid(x scale + shift))`, each of one
    /// number a column, `[columns]`.
    package struct Dice {
        package let scale: Tensor
        package let shift: Tensor
        package let slope: Tensor

        package init(scale: Tensor, shift: Tensor, slope: Tensor) {
            self.scale = scale
            self.shift = shift
            self.slope = slope
        }

        fileprivate var all: [Tensor] { [scale, shift, slope] }
    }

    /// Dice of f32 rows in place.
    /// - Returns: false, with nothing done, where the plain operators must do it.
    package func apply(_ dice: Dice) -> Bool {
        let columns = size(-1)
        guard count > 0, (dice.all + [self]).allSatisfy(\.isDenseFloat), dice.all.allSatisfy({ $0.count == columns })
        else { return false }
        withExtendedLifetime(dice) {
            wf_dice(
                reals, dice.scale.reals, dice.shift.reals, dice.slope.reals, Int64(count / columns), Int64(columns),
                Workers.pool)
        }
        return true
    }

    /// `activation(x W^T + b)`, a layer of a tower.
    package struct TowerLayer {
        package enum Activation {
            case none
            case relu
            case dice(Dice)
        }

        let weight: Tensor
        let bias: Tensor?
        let activation: Activation

        /// - Parameters:
        ///   - weight: `[columns, inputs]`; where each item of a history has one, `[items, columns, inputs]`.
        ///   - bias: `[columns]`, or `[items, columns]`.
        package init(weight: Tensor, bias: Tensor?, activation: Activation) {
            let weight = weight.detached()
            // Some columns of a matrix are read where they stand.
            let hasWholeRows = weight.rank == 2 && wf_tensor_stride(weight.handle, 1) == 1
            self.weight = hasWholeRows ? weight : weight.contiguous()
            self.bias = bias?.detached().contiguous()
            self.activation = activation
        }

        var columns: Int { weight.size(-2) }

        /// Whether a kernel can read it behind `inputs` columns; other shapes are left to LibTorch, which says what is wrong.
        /// - Parameter items: how many weights stand one behind the other; nil for one.
        fileprivate func isReadable(inputs: Int, items: Int? = nil) -> Bool {
            let leading = items.map { [$0] } ?? []
            return weight.dtype == .float32 && weight.device == .cpu && weight.shape == leading + [columns, inputs]
                && (bias.map { $0.isDenseFloat && $0.shape == leading + [columns] } ?? true)
                && (dice?.all ?? []).allSatisfy { $0.isDenseFloat && $0.shape == [columns] }
        }

        private var dice: Dice? {
            guard case .dice(let dice) = activation else { return nil }
            return dice
        }

        fileprivate var described: wf_tower_layer {
            let kind =
                switch activation {
                case .none: WF_TOWER_PLAIN
                case .relu: WF_TOWER_RELU
                case .dice: WF_TOWER_DICE
                }
            return wf_tower_layer(
                columns: Int64(columns), weight: weight.reals,
                weight_stride: wf_tensor_stride(weight.handle, Int64(weight.rank - 2)),
                bias: bias?.reals, activation: kind, scale: dice?.scale.reals, shift: dice?.shift.reals,
                slope: dice?.slope.reals)
        }
    }

    /// Rows behind the layers of a tower; what stands between the layers never leaves the caches.
    /// - Parameter self: `[..., inputs]`, f32.
    /// - Returns: `[..., columns of the last layer]`; nil where the plain operators must do it, or do it sooner: one layer
    ///   has nothing to keep in the caches.
    package func through(_ layers: [TowerLayer]) -> Tensor? {
        guard let last = layers.last, layers.count > 1, size(-1) > 0, count / size(-1) >= Self.leastTowerRows,
            dtype == .float32, device == .cpu, Self.areReadable(layers, inputs: size(-1))
        else { return nil }
        let (x, output) = (detached().contiguous(), Tensor.uninitialized(shape.dropLast() + [last.columns]))
        let status = layers.map(\.described).withUnsafeBufferPointer { described -> wf_status in
            guard let first = described.baseAddress else { return WF_INVALID_SHAPE }
            var task = wf_tower(
                rows: Int64(count / size(-1)), inputs: Int64(size(-1)), layers: first,
                layer_count: Int32(described.count), x: x.reals, y: output.reals)
            return withExtendedLifetime((layers, x)) { wf_tower_run(&task, Workers.pool) }
        }
        return status == WF_OK ? output : nil
    }

    /// With fewer rows it does not pay to bring the weights into the order of the kernel.
    private static let leastTowerRows = 32

    /// One history pooled for each of many targets: `Σ_j unit_j(target) history_j` (Zhou et al. 2018, eq. 3).
    /// - Parameters:
    ///   - self: targets, `[targets, dimensions]`.
    ///   - history: `[items, dimensions]`.
    ///   - unit: the layers of the attention unit, at least two; the first has a weight for each item, the last one column.
    /// - Returns: `[targets, dimensions]`; nil where the plain operators must do it.
    package func pooling(_ history: Tensor, by unit: [TowerLayer]) -> Tensor? {
        let (targets, history) = (detached().contiguous(), history.detached().contiguous())
        guard targets.isDenseFloat, history.isDenseFloat, targets.rank == 2, history.rank == 2,
            history.size(1) == targets.size(1),
            Self.areReadable(unit, inputs: targets.size(1), items: history.size(0))
        else { return nil }
        let output = Tensor.uninitialized(like: targets)
        let status = unit.map(\.described).withUnsafeBufferPointer { described -> wf_status in
            guard let first = described.baseAddress else { return WF_INVALID_SHAPE }
            var task = wf_target_attention(
                targets: Int64(size(0)), items: Int64(history.size(0)), dimensions: Int64(size(1)), layers: first,
                layer_count: Int32(described.count), history: history.reals, target: targets.reals,
                output: output.reals)
            return withExtendedLifetime((unit, targets, history)) { wf_target_attend(&task, Workers.pool) }
        }
        return status == WF_OK ? output : nil
    }

    /// - Parameter items: how many weights the first layer has; nil for one.
    private static func areReadable(_ layers: [TowerLayer], inputs: Int, items: Int? = nil) -> Bool {
        zip(layers, [inputs] + layers.map(\.columns)).enumerated().allSatisfy { place, layer in
            layer.0.isReadable(inputs: layer.1, items: place == 0 ? items : nil)
        }
    }

    private var isDenseFloat: Bool { dtype == .float32 && device == .cpu && isContiguous }
}
