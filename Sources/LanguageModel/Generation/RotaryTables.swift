import Foundation

/// Cosines and sines of rotary position embeddings, and the factors on queries, as a step of the decoder reads them.
struct RotaryTables {
    /// How many tables a step is given: two where windowed layers have a base of their own.
    let count: Int
    private let configuration: DecoderConfiguration
    private let fixed: [(perStep: [Double], magnitude: Double)]

    init(_ configuration: DecoderConfiguration) {
        self.configuration = configuration
        count = configuration.windowedRotaryBase == nil ? 1 : 2
        fixed = (0..<count).map { configuration.rotaryFrequencies(windowed: $0 == 1, length: 1, extendsContext: true) }
    }

    /// The table of a layer.
    func table(layer: Int) -> Int {
        configuration.windowedRotaryBase != nil && configuration.layerWindows[layer] != nil ? 1 : 0
    }

    /// The frequencies of a table for a text whose length was `length` when it was first read.
    private func frequencies(table: Int, length: Int) -> (perStep: [Double], magnitude: Double) {
        guard configuration.rotaryDependsOnLength else { return fixed[table] }
        return configuration.rotaryFrequencies(windowed: table == 1, length: length, extendsContext: true)
    }
}

extension DecoderConfiguration {
    /// Whether rotary frequencies depend on the length of the text; they are then fixed when a text is first read.
    public var rotaryDependsOnLength: Bool {
        if usesDynamicNTK { return true }
        if case .dynamic = rotaryScaling { return true }
        return false
    }
}

extension RotaryTables {
    /// What one step is given.
    struct Rotation {
        /// `[tables][rows][headDimensions / 2]`.
        var cosines: [Float] = []
        var sines: [Float] = []
        /// `[rows]`; nil where every factor is 1.
        var queryScales: [Float]?

        func withUnsafePointers<Result>(
            _ body: (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?) throws -> Result
        ) rethrows -> Result {
            try cosines.withUnsafeBufferPointer { cosines in
                try sines.withUnsafeBufferPointer { sines in
                    guard let queryScales else { return try body(cosines.baseAddress, sines.baseAddress, nil) }
                    return try queryScales.withUnsafeBufferPointer { scales in
                        try body(cosines.baseAddress, sines.baseAddress, scales.baseAddress)
                    }
                }
            }
        }
    }

    /// - Parameters:
    ///   - positions: `[rows]`, counted from 0.
    ///   - lengths: `[rows]`, for which length-dependent frequencies are chosen.
    func rotation(positions: [Int], lengths: [Int]) -> Rotation {
        var rotation = Rotation()
        let pairs = positions.count * count * (fixed.first?.perStep.count ?? 0)
        rotation.cosines.reserveCapacity(pairs)
        rotation.sines.reserveCapacity(pairs)
        for table in 0..<count {
            var known: (length: Int, frequencies: (perStep: [Double], magnitude: Double))?
            for (position, length) in zip(positions, lengths) {
                if known?.length != length { known = (length, frequencies(table: table, length: length)) }
                let (perStep, magnitude) = known!.frequencies
                for frequency in perStep {
                    let angle = Double(position) * frequency
                    rotation.cosines.append(Float(magnitude * cos(angle)))
                    rotation.sines.append(Float(magnitude * sin(angle)))
                }
            }
        }
        let scales = positions.map { Float(configuration.logNFactor(position: $0)) }
        if scales.contains(where: { $0 != 1 }) { rotation.queryScales = scales }
        return rotation
    }
}
