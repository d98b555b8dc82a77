import CKernels
import Tensors

/// A weight matrix in the layout of the kernels.
final class KernelMatrix {
    let pointer: OpaquePointer
    var rows: Int { Int(wf_matrix_rows(pointer)) }
    var columns: Int { Int(wf_matrix_columns(pointer)) }
    /// Bytes that one product reads.
    var byteCount: Int { Int(wf_matrix_bytes(pointer)) }

    /// A copy of rows as they are stored.
    /// - Throws: `GenerationError.outOfMemory`.
    init(
        copying data: UnsafeRawBufferPointer, _ kind: wf_matrix_kind, isExact: Bool, rows: Int, columns: Int
    ) throws {
        let arithmetic = isExact ? WF_ARITHMETIC_F32 : WF_ARITHMETIC_INT8
        precondition(
            data.count == rows * wf_matrix_row_bytes(kind, Int64(columns)),
            "\(data.count) bytes do not fill a matrix \(rows) × \(columns)")
        guard let created = wf_matrix_create(kind, arithmetic, Int64(rows), Int64(columns), data.baseAddress!) else {
            throw GenerationError.outOfMemory
        }
        pointer = created
    }

    deinit { wf_matrix_destroy(pointer) }

    /// A stored matrix: blocks of 4 and 8 bits stay as they are; other formats become f32 where products are to be exact,
    /// else bf16.
    static func load(_ name: String, from source: WeightSource, isExact: Bool) throws -> KernelMatrix {
        let shape = try source.shape(of: name)
        let kinds: [BlockFormat: wf_matrix_kind] = [
            .q4_0: WF_MATRIX_Q4_0, .q4_1: WF_MATRIX_Q4_1, .q8_0: WF_MATRIX_Q8_0,
            isExact ? .float32 : .bfloat16: isExact ? WF_MATRIX_F32 : WF_MATRIX_BF16,
        ]
        guard let kind = kinds[try source.format(of: name)] else {
            return try rounding(source.values(of: name), rows: shape[0], columns: shape[1], isExact: isExact)
        }
        return try source.withUnsafeBlocks(of: name) { _, blocks in
            try KernelMatrix(copying: blocks, kind, isExact: isExact, rows: shape[0], columns: shape[1])
        }
    }

    /// A matrix of f32 values, kept as they are or rounded to bf16.
    static func rounding(_ values: [Float], rows: Int, columns: Int, isExact: Bool) throws -> KernelMatrix {
        if isExact {
            return try values.withUnsafeBytes {
                try KernelMatrix(copying: $0, WF_MATRIX_F32, isExact: true, rows: rows, columns: columns)
            }
        }
        let halves = values.map { value in
            // Round to nearest, ties to even; NaN would become infinity, and no weight is one.
            let bits = value.bitPattern
            return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
        }
        return try halves.withUnsafeBytes {
            try KernelMatrix(copying: $0, WF_MATRIX_BF16, isExact: false, rows: rows, columns: columns)
        }
    }
}

/// A team of threads that shares the loops of the kernels.
final class KernelPool {
    let pointer: OpaquePointer

    init(threads: Int) throws {
        guard let created = wf_pool_create(Int32(clamping: threads)) else { throw GenerationError.outOfMemory }
        pointer = created
    }

    deinit { wf_pool_destroy(pointer) }
}
