import CKernels

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

    /// `dice(x W + b)`, a layer of an attention unit.
    package struct DiceLayer {
        let weight: Tensor
        let bias: Tensor
        let dice: Dice

        /// - Parameters:
        ///   - weight: `[inputs, columns]`; of the first layer one for each item of the history,
        ///     `[items, dimensions, columns]`.
        ///   - bias: `[columns]`; of the first layer `[items, columns]`.
        package init(weight: Tensor, bias: Tensor, dice: Dice) {
            self.weight = weight.contiguous()
            self.bias = bias.contiguous()
            self.dice = dice
        }

        var columns: Int { weight.size(-1) }
        fileprivate var all: [Tensor] { [weight, bias] + dice.all }
    }

    /// One history pooled for each of many targets: `Σ_j (v · unit_j(target) + c) history_j` (Zhou et al. 2018, eq. 3).
    /// - Parameters:
    ///   - self: targets, `[targets, dimensions]`.
    ///   - history: `[items, dimensions]`.
    ///   - unit: the layers of the attention unit, at least one.
    ///   - weight: v, `[columns of the last layer]`.
    ///   - bias: c.
    /// - Returns: `[targets, dimensions]`; nil where the plain operators must do it.
    package func pooling(_ history: Tensor, by unit: [DiceLayer], weight: Tensor, bias: Double) -> Tensor? {
        guard count > 0, history.count > 0, unit.allSatisfy({ $0.columns % 16 == 0 }),
            ([self, history, weight] + unit.flatMap(\.all)).allSatisfy(\.isDenseFloat)
        else { return nil }
        let output = Tensor.uninitialized(like: self)
        let layers = unit.map {
            wf_dice_layer(
                columns: Int64($0.columns), weight: $0.weight.reals, bias: $0.bias.reals, scale: $0.dice.scale.reals,
                shift: $0.dice.shift.reals, slope: $0.dice.slope.reals)
        }
        let status = layers.withUnsafeBufferPointer { layers -> wf_status in
            guard let first = layers.baseAddress else { return WF_INVALID_SHAPE }
            var task = wf_target_attention(
                targets: Int64(size(0)), items: Int64(history.size(0)), dimensions: Int64(size(1)), layers: first,
                layer_count: Int32(layers.count), widest: Int64(unit.map(\.columns).max() ?? 0),
                output_weight: weight.reals, output_bias: Float(bias), history: history.reals, target: reals,
                output: output.reals)
            return withExtendedLifetime((unit, weight, history)) { wf_target_attend(&task, Workers.pool) }
        }
        return status == WF_OK ? output : nil
    }

    private var isDenseFloat: Bool { dtype == .float32 && device == .cpu && isContiguous }
}
