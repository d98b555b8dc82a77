import Layers
import Tensors

/// `W_U a_u` and `W_I a_i`: the interaction multi-hots of users and items, multiplied with their embeddings.
final class InteractionEmbeddings: Layer {
    /// W_U, one row an item of any type: `[items of all types, width]`.
    let ofUsers: Embedding
    /// W_I, one row a user: `[users, width]`.
    let ofItems: Embedding
    private let table: InteractionTable
    private let dropout: Double
    /// Draws what is dropped.
    let source: RandomSource

    init(_ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, from source: RandomSource) {
        func embeddings(_ count: Int) -> Embedding {
            Embedding(
                count: count, dimensions: configuration.unifiedDimensions,
                standardDeviation: configuration.interactionDeviation, from: source)
        }
        ofUsers = embeddings(data.itemCount)
        ofItems = embeddings(data.userCount)
        table = InteractionTable(data, inputs: configuration.inputs)
        dropout = configuration.inputs == .train ? configuration.interactionDropout : 0
        self.source = source
    }

    /// `[pairs, width]` of the users and of the items. Interactions are dropped while gradients are recorded, and the rest
    /// scaled up.
    func callAsFunction(_ batch: PairBatch) -> (users: Tensor, items: Tensor) {
        guard dropout > 0, Tensor.recordsGradients else {
            var none: EdgeDropout?
            return (
                ofUsers.weight.bagSums(table.userBags(batch, dropout: &none)),
                ofItems.weight.bagSums(table.itemBags(batch, dropout: &none))
            )
        }
        let seed = Tensor.integers([1], in: 0..<Int(Int32.max), from: source).item
        var edges: EdgeDropout? = EdgeDropout(share: dropout, seed: UInt64(seed))
        let scale = 1 / (1 - dropout)
        return (
            ofUsers.weight.bagSums(table.userBags(batch, dropout: &edges)) * scale,
            ofItems.weight.bagSums(table.itemBags(batch, dropout: &edges)) * scale
        )
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        ofUsers.visitParameters(path / "users", visit)
        ofItems.visitParameters(path / "items", visit)
    }
}

extension Tensor {
    /// Sums of rows of a table `[rows, dimensions]` (f32, on the CPU), one sum a bag: `[bags, dimensions]`; 0 for an empty
    /// bag.
    ///
    /// Multiplying multi-hot vectors with a matrix is this sum, without making the vectors. LibTorch's `embedding_bag`
    /// sorts all columns in its backward pass, which made a training step here three times as long.
    /// - Parameters:
    ///   - columns: rows of the table, bag after bag.
    ///   - starts: where each bag begins in `columns`.
    package func bagSums(_ bags: (columns: [Int], starts: [Int])) -> Tensor {
        let (columns, starts) = bags
        let table = detached().contiguous()
        let (rows, width) = (size(0), size(1))
        let ends = Array(starts.dropFirst()) + [columns.count]
        return Tensor.custom(inputs: [self]) {
            let sums = Tensor.zeros([starts.count, width])
            sums.withFloats { sums in
                table.withFloats { table in
                    for bag in starts.indices {
                        let target = sums + bag * width
                        for place in starts[bag]..<ends[bag] { add(table + columns[place] * width, to: target, width) }
                    }
                }
            }
            return sums
        } backward: { upstream in
            let gradient = Tensor.zeros([rows, width])
            let upstream = upstream.contiguous()
            gradient.withFloats { gradient in
                upstream.withFloats { upstream in
                    for bag in starts.indices {
                        let source = upstream + bag * width
                        for place in starts[bag]..<ends[bag] {
                            add(source, to: gradient + columns[place] * width, width)
                        }
                    }
                }
            }
            return [gradient]
        }
    }

    private func withFloats(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeMutableBytes { bytes in
            if let start = bytes.bindMemory(to: Float.self).baseAddress { body(start) }
        }
    }
}

@inline(__always)
private func add(_ source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, _ count: Int) {
    for index in 0..<count { target[index] += source[index] }
}
