import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Language heads at chosen layers")
struct LanguageHeadTests {
    let tokens = DecoderFixtures.tokens([2, 9])

    static func decoder(isTied: Bool) -> TransformerDecoder {
        let decoder = DecoderFixtures.tiny {
            $0.isEmbeddingTied = isTied
            $0.finalLogitSoftCap = isTied ? 4 : nil
        }
        decoder.finalNorm.weight.assign(.normal([32], from: RandomSource(seed: 8)))
        return decoder
    }

    @Test(
        "A copied head with the norm at the last layer gives the final logits; raw, those without the norm",
        arguments: [true, false])
    func lastLayer(isTied: Bool) {
        let decoder = Self.decoder(isTied: isTied)
        let plain = decoder(tokens)
        let (residuals, hidden) = decoder.residuals(after: [3, 1, 0], of: tokens)
        #expect(decoder.logits(hidden).isIdentical(to: plain))
        let normed = LanguageHead(copying: decoder, layer: 3, hasNorm: true)
        #expect(normed(residuals[0]).isIdentical(to: plain))
        let raw = LanguageHead(copying: decoder, layer: 3, hasNorm: false)
        #expect(raw(residuals[0]).isIdentical(to: decoder.logits(residuals[0])))
        #expect(!raw(residuals[0]).isClose(to: plain, absoluteTolerance: 1e-2))
        #expect(residuals[2].isIdentical(to: decoder.embedding(tokens)))
    }

    @Test("A head at a layer gives the logits of a pass that ends there")
    func earlyExit() {
        let decoder = Self.decoder(isTied: false)
        let (residuals, _) = decoder.residuals(after: [2], of: tokens)
        var exit = DecoderPass()
        exit.layers = 0..<2
        #expect(
            LanguageHead(copying: decoder, layer: 2, hasNorm: true)(residuals[0]).isIdentical(to: decoder(tokens, exit))
        )
    }

    @Test(
        "The head is a copy: equal before the first step, apart after it, and the loss of one reaches the layers below only"
    )
    func untied() throws {
        let decoder = Self.decoder(isTied: true)
        decoder.train()
        let head = LanguageHead(copying: decoder, layer: 2, hasNorm: true)
        head.train()
        #expect(head.parameters.map(\.name) == ["heads.2.norm.weight", "heads.2.lm_head.weight"])
        #expect(head.output.weight.isIdentical(to: decoder.embedding.weight))
        let before = decoder(tokens)
        let (residuals, _) = decoder.residuals(after: [2], of: tokens)
        let labels = tokens.rolled(by: -1, along: 1).reshaped(-1)
        let logits = head(residuals[0])
        try logits.reshaped(-1, 61).crossEntropy(labels).backward()
        for parameter in head.parameters { #expect(try #require(parameter.tensor.gradient).norm().item > 0) }
        for parameter in decoder.blocks[1].parameters { #expect(parameter.tensor.gradient != nil) }
        for parameter in decoder.blocks[2].parameters + decoder.finalNorm.parameters {
            #expect(parameter.tensor.gradient == nil)
        }
        for parameter in head.parameters { parameter.tensor.accumulate(parameter.tensor.gradient!, scale: -0.1) }
        #expect(decoder(tokens).isIdentical(to: before))
        #expect(!head(residuals[0]).isClose(to: logits, absoluteTolerance: 1e-4))
        // A copy shares nothing either.
        let copy = head.copy()
        #expect(copy(residuals[0]).isIdentical(to: head(residuals[0])))
        copy.output.weight.scale(by: 2)
        #expect(!copy(residuals[0]).isClose(to: head(residuals[0]), absoluteTolerance: 1e-4))
    }

    @Test("Two means over spans of their own, as of one pass, have the gradients of two passes")
    func twoLosses() throws {
        func gradients(_ together: Bool) throws -> [Tensor] {
            let decoder = Self.decoder(isTied: false)
            decoder.train()
            let head = LanguageHead(copying: decoder, layer: 1, hasNorm: false)
            func losses(_ residual: Tensor, _ hidden: Tensor) -> (Tensor, Tensor) {
                let labels = tokens.rolled(by: -1, along: 1)
                func loss(_ logits: Tensor, _ span: Range<Int>) -> Tensor {
                    logits.slice(span, along: 1).reshaped(-1, 61)
                        .crossEntropy(labels.slice(span, along: 1).reshaped(-1))
                }
                return (loss(head(residual), 1..<4) * 2, loss(decoder.logits(hidden), 5..<8))
            }
            if together {
                let (residuals, hidden) = decoder.residuals(after: [1], of: tokens)
                let (one, other) = losses(residuals[0], hidden)
                try (one + other).backward()
            } else {
                let first = decoder.residuals(after: [1], of: tokens)
                try losses(first.residuals[0], first.hidden).0.backward()
                let second = decoder.residuals(after: [1], of: tokens)
                try losses(second.residuals[0], second.hidden).1.backward()
            }
            return try decoder.parameters.map { try #require($0.tensor.gradient) }
        }
        for (one, other) in zip(try gradients(true), try gradients(false)) {
            #expect(one.isClose(to: other, relativeTolerance: 1e-4, absoluteTolerance: 1e-5))
        }
    }
}

@Suite("Scalar heads")
struct ScalarHeadTests {
    @Test("Values are the linear map of the token that is asked for")
    func pooling() throws {
        let head = ScalarHead(dimensions: 2, labels: 3, from: RandomSource(seed: 1))
        head.score.weight.assign(Tensor([1, 0, 0, 1, 1, -1] as [Float], shape: [3, 2]))
        let hidden = Tensor([1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6] as [Float], shape: [2, 3, 2])
        #expect(head(hidden).shape == [2, 3, 3])
        #expect(head(hidden).floats.prefix(6) == [1, 2, -1, 3, 4, -1])
        #expect(head(hidden, rowLengths: [2, 3]).floats == [3, 4, -1, -5, -6, 1])
        let tokens = Tensor([7, 9, 9, 9, 7, 8], shape: [2, 3])
        #expect(try head(hidden, atLast: 9, of: tokens).floats == [5, 6, -1, -1, -2, 1])
        #expect(throws: ScalarHeadError.noEnd(row: 0, token: 8)) { try head(hidden, atLast: 8, of: tokens) }
        // In f32 whatever the decoder computes in.
        #expect(head(hidden.cast(to: .bfloat16), rowLengths: [1, 1]).dtype == .float32)
    }

    @Test("A reward at the end of each row trains head and decoder, and padding changes nothing")
    func trains() throws {
        let decoder = DecoderFixtures.tiny()
        decoder.train()
        let head = ScalarHead(dimensions: 32, from: RandomSource(seed: 2))
        head.train()
        let tokens = DecoderFixtures.tokens([2, 8])
        let rewards = head(decoder.hiddenStates(tokens), rowLengths: [5, 8])
        #expect(rewards.shape == [2, 1])
        let alone = head(decoder.hiddenStates(tokens.slice(0..<1, along: 0).slice(0..<5, along: 1)), rowLengths: [5])
        #expect(rewards.slice(0..<1, along: 0).isClose(to: alone, absoluteTolerance: 1e-5))
        try rewards.sum().backward()
        #expect(try #require(head.score.weight.gradient).norm().item > 0)
        #expect(try #require(decoder.embedding.weight.gradient).norm().item > 0)
    }

    @Test("A saved head is the same head; one for another width, or none, is an error")
    func files() throws {
        let folder = try ScratchFolder()
        let head = ScalarHead(dimensions: 6, labels: 2, from: RandomSource(seed: 3))
        let path = folder.path + "/value.safetensors"
        try head.save(to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.entries.map(\.name) == ["score.weight"] && file.entries[0].shape == [2, 6])
        let read = try ScalarHead.load(path, dimensions: 6)
        #expect(read.score.weight.isIdentical(to: head.score.weight) && read.labels == 2)
        #expect(throws: WeightFileError.self) { try ScalarHead.load(path, dimensions: 7) }
        try TensorArchive.write([("other", Tensor(Float(1)))], to: path)
        #expect(throws: WeightFileError.self) { try ScalarHead.load(path, dimensions: 6) }
    }
}
