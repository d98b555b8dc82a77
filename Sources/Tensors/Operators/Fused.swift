import CKernels
import CLibTorch

/// Parts of a training step in one pass over bf16 numbers (dropout: f32 ones), where LibTorch needs several
/// operators or one thread. Everything else (other types, other devices, views with gaps) takes the plain operators, which
/// are also what the kernels are tested against.
extension Tensor {
    /// `silu(self) * other`, the gate of a feed-forward block (Shazeer 2020).
    public func siluGated(_ other: Tensor) -> Tensor {
        guard isKernelInput, other.isKernelInput, shape == other.shape else { return silu() * other }
        let (gate, up) = (detached(), other.detached())
        func gated() -> Tensor {
            let output = Tensor.uninitialized(like: gate)
            wf_train_gate(gate.halves, up.halves, Int64(gate.count), output.halves, Workers.pool)
            return output
        }
        let result = Tensor.custom(inputs: [self, other], forward: gated) { upstream in
            let upstream = upstream.cast(to: .bfloat16).contiguous()
            let (gateGradient, upGradient) = (Tensor.uninitialized(like: gate), Tensor.uninitialized(like: up))
            withExtendedLifetime(upstream) {
                wf_train_gate_backward(
                    gate.halves, up.halves, upstream.halves, Int64(gate.count), gateGradient.halves, upGradient.halves,
                    Workers.pool)
            }
            return [gateGradient, upGradient]
        }
        if result.requiresGradient { result.recomputation = Recomputation(reading: [gate, up], gated) }
        return result
    }

    /// `x / rms(x) * weight` over the last axis; nil where the plain operators must do it.
    func kernelNormalized(weight: Tensor, epsilon: Double) -> Tensor? {
        guard isKernelInput, weight.dtype == .float32, weight.isContiguous, weight.count == size(-1) else { return nil }
        let (x, w) = (detached(), weight.detached())
        let columns = w.count
        let rows = x.count / columns
        let inverse = Tensor.uninitialized([rows])
        func normalized() -> Tensor {
            let output = Tensor.uninitialized(like: x)
            wf_train_norm(
                x.halves, w.reals, Float(epsilon), Int64(rows), Int64(columns), output.halves, inverse.reals,
                Workers.pool)
            return output
        }
        let result = Tensor.custom(inputs: [self, weight], forward: normalized) { upstream in
            let upstream = upstream.cast(to: .bfloat16).contiguous()
            let gradient = Tensor.uninitialized(like: x)
            let partials = Tensor.uninitialized([Int(wf_train_norm_partials(Int64(rows))), columns])
            withExtendedLifetime(upstream) {
                wf_train_norm_backward(
                    x.halves, w.reals, inverse.reals, upstream.halves, Int64(rows), Int64(columns), gradient.halves,
                    partials.reals, Workers.pool)
            }
            return [gradient, partials.sum(along: 0)]
        }
        if result.requiresGradient { result.recomputation = Recomputation(reading: [x, w], normalized) }
        return result
    }

    /// Turns pairs `(i, i + half)` of each head; nil where the plain operators must do it.
    /// - Parameters:
    ///   - self: `[batch, time, heads, dimensions]`.
    ///   - cosine: `[batch or 1, 1, time, dimensions / 2]`, like `sine`.
    package func rotated(cosine: Tensor, sine: Tensor) -> Tensor? {
        guard isKernelInput, rank == 4, cosine.shape == sine.shape, cosine.rank == 4, cosine.isContiguous,
            sine.isContiguous, cosine.dtype == .float32, sine.dtype == .float32
        else { return nil }
        let (batch, time, heads, dimensions) = (size(0), size(1), size(2), size(3))
        let tables = cosine.size(0)
        guard cosine.size(1) == 1, cosine.size(2) == time, 2 * cosine.size(3) == dimensions,
            tables == 1 || tables == batch
        else { return nil }
        func turned(_ x: Tensor, _ direction: Float) -> Tensor {
            let output = Tensor.uninitialized(like: x)
            withExtendedLifetime((x, cosine, sine)) {
                wf_train_rotate(
                    x.halves, cosine.reals, sine.reals, Int64(batch), Int64(time), Int64(heads), Int64(dimensions),
                    tables == 1 ? 0 : Int64(time * dimensions / 2), direction, output.halves, Workers.pool)
            }
            return output
        }
        let x = detached()
        return Tensor.custom(inputs: [self]) {
            turned(x, 1)
        } backward: { upstream in
            [turned(upstream.cast(to: .bfloat16).contiguous(), -1)]
        }
    }

    /// Causal attention `softmax(q k^T scale) v` of bf16 queries, block by block: sums and exponentials in f32, their weights
    /// rounded to bf16 for the second product; nil where LibTorch's must do it.
    /// - Parameters:
    ///   - self: queries `[batch, time, heads, dimensions]`.
    ///   - keys: `[batch, time, keyHeads, dimensions]`, like `values`; `heads` is a multiple of `keyHeads`.
    ///   - starts: `[batch, time]`, `int32`: the first key that each query sees (of its document or window), at most its
    ///     own place; nil for 0.
    /// - Returns: `[batch, time, heads, dimensions]`.
    package func causallyAttended(keys: Tensor, values: Tensor, starts: Tensor?, scale: Double) -> Tensor? {
        guard isKernelInput, keys.isKernelInput, values.isKernelInput, rank == 4, keys.rank == 4,
            keys.shape == values.shape, keys.size(0) == size(0), keys.size(1) == size(1), keys.size(3) == size(3),
            size(3) % 16 == 0, size(2) % keys.size(2) == 0, scale > 0,
            starts.map({ $0.dtype == .int32 && $0.shape == [size(0), size(1)] && $0.isContiguous }) ?? true
        else { return nil }
        let (q, k, v) = (detached(), keys.detached(), values.detached())
        let logarithms = Tensor.uninitialized([size(0), size(2), size(1)])
        func task(
            output: Tensor? = nil, upstream: Tensor? = nil, gradients: [Tensor] = [], partials: Tensor? = nil
        ) -> wf_train_attention {
            wf_train_attention(
                batch: Int64(q.size(0)), time: Int64(q.size(1)), heads: Int64(q.size(2)), key_heads: Int64(k.size(2)),
                dimensions: Int64(q.size(3)), scale: Float(scale),
                starts: starts.map { UnsafePointer(wf_tensor_data($0.handle)!.assumingMemoryBound(to: Int32.self)) },
                queries: q.halves, keys: k.halves, values: v.halves, output: output?.halves,
                logarithms: logarithms.reals, upstream: upstream.map { UnsafePointer($0.halves) },
                query_gradients: gradients.first?.halves, key_gradients: gradients.dropFirst().first?.halves,
                value_gradients: gradients.dropFirst(2).first?.halves, key_partials: partials?.reals,
                value_partials: partials.map { $0.reals + $0.count / 2 })
        }
        return Tensor.custom(inputs: [self, keys, values]) {
            let output = Tensor.uninitialized(like: q)
            var forward = task(output: output)
            Self.require(wf_train_attend(&forward, Workers.pool))
            return output
        } backward: { upstream in
            let upstream = upstream.cast(to: .bfloat16).contiguous()
            let gradients = [q, k, v].map { Tensor.uninitialized(like: $0) }
            let partials = Tensor.uninitialized([2, q.size(0), q.size(2), q.size(1), q.size(3)])
            withExtendedLifetime((upstream, partials)) {
                var backward = task(upstream: upstream, gradients: gradients, partials: partials)
                Self.require(wf_train_attend_backward(&backward, Workers.pool))
            }
            return gradients
        }
    }

    static func require(_ status: wf_status) {
        precondition(status == WF_OK, String(cString: wf_status_text(status)))
    }

    /// Cross-entropies of rows of logits `[rows, classes]` outside of any graph, each times its factor: `[rows]` in f32;
    /// nil where the plain operators must do it.
    /// - Parameters:
    ///   - self: with `makingGradients` it holds the gradients of the losses afterwards.
    ///   - labels: `[rows]`, `int64`.
    ///   - factors: `[rows]`, f32; nil for 1 each.
    package func crossEntropyInPlace(labels: Tensor, factors: Tensor?, makingGradients: Bool) -> Tensor? {
        guard isKernelInput, rank == 2, labels.dtype == .int64, labels.count == size(0),
            factors.map({ $0.dtype == .float32 && $0.count == size(0) }) ?? true
        else { return nil }
        let (labels, factors) = (labels.detached().contiguous(), factors?.detached().contiguous())
        let losses = Tensor.uninitialized([size(0)])
        let status = withExtendedLifetime((labels, factors)) {
            labels.withUnsafeBytes {
                wf_train_cross_entropy(
                    halves, $0.assumingMemoryBound(to: Int64.self).baseAddress!, factors?.reals, Int64(size(0)),
                    Int64(size(1)), makingGradients, losses.reals, Workers.pool)
            }
        }
        precondition(status == WF_OK, "a label outside of the \(size(1)) classes")
        return losses
    }

    /// Zeroes elements with `probability` in `0...1` and scales the others up by `1 / (1 - probability)` (Srivastava et al.
    /// 2014).
    ///
    /// One draw of 64 bits from `source` is the key of a counter-based mask over the elements in their logical order: it
    /// does not depend on threads or instruction sets, and the derivative makes it again instead of keeping it.
    public func dropout(_ probability: Double, from source: RandomSource) -> Tensor {
        precondition((0...1).contains(probability), "a dropout of \(probability); it is a share in 0...1")
        guard probability > 0, count > 0 else { return self }
        let key = source.nextBits()
        let scale = probability < 1 ? 1 / (1 - probability) : 0
        guard device == .cpu, dtype == .float32 || dtype == .bfloat16 else {
            let mask = Tensor.ones(shape).masked(key, probability, scale: probability < 1 ? 1 : 0)
            return self * (mask.cast(to: dtype).moved(to: device) * scale)
        }
        let type = dtype
        return Tensor.custom(inputs: [self]) {
            contiguous().masked(key, probability, scale: scale)
        } backward: { upstream in
            [upstream.cast(to: type).contiguous().masked(key, probability, scale: scale)]
        }
    }

    /// The elements of a contiguous f32 or bf16 tensor that the mask of `key` keeps, times `scale`.
    private func masked(_ key: UInt64, _ probability: Double, scale: Double) -> Tensor {
        let output = Tensor.uninitialized(like: self)
        let threshold = UInt32(min((probability * 0x1p32).rounded(), Double(UInt32.max)))
        withExtendedLifetime(self) {
            if dtype == .float32 {
                wf_train_dropout_f32(reals, Int64(count), key, threshold, Float(scale), output.reals, Workers.pool)
            } else {
                wf_train_dropout_bf16(halves, Int64(count), key, threshold, Float(scale), output.halves, Workers.pool)
            }
        }
        return output
    }

    private var isKernelInput: Bool { dtype == .bfloat16 && device == .cpu && count > 0 && isContiguous }
    private var halves: UnsafeMutablePointer<UInt16> { wf_tensor_data(handle)!.assumingMemoryBound(to: UInt16.self) }
    var reals: UnsafeMutablePointer<Float> { wf_tensor_data(handle)!.assumingMemoryBound(to: Float.self) }
}

/// The kernels' threads, started once. Calls from several threads at a time do their work alone.
enum Workers {
    nonisolated(unsafe) static let pool = wf_pool_create(wf_thread_count())
}
