import CKernels
import Tensors

/// Where the kernels find the keys and values of the rows of one step; valid until one of the caches grows.
final class CacheAddresses {
    let views: UnsafeMutablePointer<wf_cache_view>
    /// Per cache, the addresses of all its rows and layers, keys before values.
    private var lists: [ObjectIdentifier: UnsafeMutablePointer<UnsafeMutablePointer<Float>>] = [:]

    init(_ rows: [StepEngine.Row]) {
        views = .allocate(capacity: max(rows.count, 1))
        for (index, row) in rows.enumerated() {
            let cache = row.cache
            let list = lists[ObjectIdentifier(cache)] ?? Self.list(cache)
            lists[ObjectIdentifier(cache)] = list
            let layers = cache.keys.count
            let keys = list + row.row * layers
            (views + index).initialize(
                to: wf_cache_view(keys: keys, values: keys + cache.rows * layers, capacity: Int64(cache.capacity)))
        }
    }

    deinit {
        views.deallocate()
        lists.values.forEach { $0.deallocate() }
    }

    /// `[keys, values][rows][layers]`.
    private static func list(_ cache: KeyValueCache) -> UnsafeMutablePointer<UnsafeMutablePointer<Float>> {
        let layers = cache.keys.count
        let list = UnsafeMutablePointer<UnsafeMutablePointer<Float>>.allocate(capacity: 2 * cache.rows * layers + 1)
        for (side, tensors) in [cache.keys, cache.values].enumerated() {
            for (layer, tensor) in tensors.enumerated() {
                // The cache holds its tensors, and with them this memory, beyond the step.
                tensor.withUnsafeMutableBytes { bytes in
                    let base = bytes.baseAddress!.assumingMemoryBound(to: Float.self)
                    for row in 0..<cache.rows {
                        (list + (side * cache.rows + row) * layers + layer)
                            .initialize(to: base + row * (tensor.count / cache.rows))
                    }
                }
            }
        }
        return list
    }
}

extension KeyValueCache {
    /// Counts tokens of one row as seen.
    func advance(row: Int, by count: Int) {
        advance(by: (0..<rows).map { $0 == row ? count : 0 })
    }
}
