/// Gathering and scattering by index tensors (`int64`).
extension Tensor {
    private enum Handles {
        static let gather = Operator("gather")
        static let indexSelect = Operator("index_select")
        static let embedding = Operator("embedding")
        static let index = Operator("index", "Tensor")
        static let scatterAdd = Operator("scatter_add")
        static let scatter = Operator("scatter", "src")
        static let indexAdd = Operator("index_add")
        static let embeddingBag = Operator("embedding_bag")
    }

    /// `result[i][j] = self[i][indices[i][j]]` for `axis` 1, and likewise for others.
    public func gather(_ indices: Tensor, along axis: Int) -> Tensor { Handles.gather(self, axis, indices) }
    /// Whole slices of one axis; `indices` is a vector.
    public func selected(_ indices: Tensor, along axis: Int) -> Tensor { Handles.indexSelect(self, axis, indices) }
    /// Rows of a table `[rows, dimensions]` for indices `[...]`: `[..., dimensions]`.
    public func rows(_ indices: Tensor) -> Tensor { Handles.embedding(self, indices) }
    /// For lists of `indices` that stand one behind the other, list `l` from `starts[l]` on, the sum or the mean of their
    /// rows of a table `[rows, dimensions]`; 0 for an empty list. A row that stands twice in a list counts twice.
    /// - Returns: `[lists, dimensions]`.
    public func pooledRows(_ indices: Tensor, starts: Tensor, isMean: Bool) -> Tensor {
        // LibTorch keeps what a gradient would need of any table that may have one, even while none are recorded.
        let table = Tensor.recordsGradients ? self : detached()
        return Handles.embeddingBag.all(table, indices, starts, false, isMean ? 1 : 0)[0]
    }
    /// Elements at the positions given by one index tensor per leading axis.
    public func indexed(_ indices: Tensor...) -> Tensor { Handles.index(self, indices.map(Optional.some)) }
    /// Adds `source` at `indices` along an axis.
    public func scatterAdded(_ source: Tensor, at indices: Tensor, along axis: Int) -> Tensor {
        Handles.scatterAdd(self, axis, indices, source)
    }
    public func scattered(_ source: Tensor, at indices: Tensor, along axis: Int) -> Tensor {
        Handles.scatter(self, axis, indices, source)
    }
    /// Adds whole slices of `source` at the positions of a vector of indices.
    public func indexAdded(_ source: Tensor, at indices: Tensor, along axis: Int) -> Tensor {
        Handles.indexAdd(self, axis, indices, source)
    }
}
