import CKernels
import Testing

extension KernelTests {
    @Suite("Dropout")
    struct DropoutKernelTests {
        static let scale: Float = 1.25

        /// One block of Philox-4x32-10, written from its description.
        static func block(_ counter: UInt64, _ key: UInt64) -> [UInt32] {
            var words = [UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32), 0, 0]
            var (low, high) = (UInt32(truncatingIfNeeded: key), UInt32(key >> 32))
            for _ in 0..<10 {
                let (one, two) = (
                    UInt64(words[0]) * 0xD251_1F53, UInt64(words[2]) * 0xCD9E_8D57
                )
                words = [
                    UInt32(two >> 32) ^ words[1] ^ low, UInt32(truncatingIfNeeded: two),
                    UInt32(one >> 32) ^ words[3] ^ high, UInt32(truncatingIfNeeded: one),
                ]
                low &+= 0x9E37_79B9
                high &+= 0xBB67_AE85
            }
            return words
        }

        static func dropped(
            _ x: [Float], key: UInt64, threshold: UInt32, pool: Pool? = nil
        ) -> [Float] {
            var output = [Float](repeating: .nan, count: x.count)
            withExtendedLifetime(pool) {
                wf_train_dropout_f32(x, Int64(x.count), key, threshold, scale, &output, pool?.pointer)
            }
            return output
        }

        static func dropped(
            _ x: [UInt16], key: UInt64, threshold: UInt32, pool: Pool? = nil
        ) -> [UInt16] {
            var output = [UInt16](repeating: 0x7FC0, count: x.count)
            withExtendedLifetime(pool) {
                wf_train_dropout_bf16(x, Int64(x.count), key, threshold, scale, &output, pool?.pointer)
            }
            return output
        }

        @Test("The words are those of the published generator", arguments: levels)
        func knownAnswer(level: wf_level) {
            // Random123's known answers for a counter and a key of zero.
            let words: [UInt32] = [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
            #expect(Self.block(0, 0) == words)
            let ones = [Float](repeating: 1, count: 64)
            at(level) {
                for (place, word) in words.enumerated() {
                    #expect(Self.dropped(ones, key: 0, threshold: word)[16 * place] == Self.scale)
                    #expect(Self.dropped(ones, key: 0, threshold: word + 1)[16 * place] == 0)
                }
            }
        }

        @Test("Every element is kept by its own word, at every length, by every level and number of threads")
        func independence() throws {
            let key: UInt64 = 0xDEAD_BEEF_0123_4567
            let threshold: UInt32 = 0x3333_3333
            let pools = [nil, try Pool(threads: 2), try Pool(threads: 5)]
            var numbers = Numbers(seed: 3)
            for count in [1, 15, 16, 17, 63, 64, 65, 130, 100_003] {
                let x = numbers.floats(count)
                let halves = x.map { UInt16($0.bitPattern >> 16) }
                let kept: [Bool] = (0..<count).map { element in
                    let words = Self.block(UInt64(element / 64 * 16 + element % 16), key)
                    return words[element / 16 % 4] >= threshold
                }
                let expected: [Float] = zip(x, kept).map { $0 * ($1 ? Self.scale : 0) }
                let expectedHalves: [UInt16] = zip(halves, kept).map { half, kept in
                    let product = Float(bitPattern: UInt32(half) << 16) * (kept ? Self.scale : 0)
                    let bits: UInt32 = product.bitPattern
                    let rounding: UInt32 = 0x7FFF + ((bits >> 16) & 1)
                    return UInt16((bits + rounding) >> 16)
                }
                for level in levels {
                    at(level) {
                        for pool in pools {
                            #expect(Self.dropped(x, key: key, threshold: threshold, pool: pool) == expected)
                            #expect(
                                Self.dropped(halves, key: key, threshold: threshold, pool: pool) == expectedHalves)
                        }
                    }
                }
            }
        }

        @Test("The share that is dropped is the one asked for, and neighbours and keys do not agree", arguments: levels)
        func rates(level: wf_level) {
            let count = 1 << 20
            let ones = [Float](repeating: 1, count: count)
            /// How far a count of events of a probability lies from its mean, in standard deviations.
            func deviations(_ found: Int, of total: Int, _ probability: Double) -> Double {
                let variance = Double(total) * probability * (1 - probability)
                return abs(Double(found) - Double(total) * probability) / variance.squareRoot()
            }
            at(level) {
                for (share, key) in zip([0.1, 0.2, 0.5, 0.9], 1...) {
                    let threshold = UInt32(share * 0x1p32)
                    let kept = Self.dropped(ones, key: UInt64(key), threshold: threshold).map { $0 != 0 }
                    let other = Self.dropped(ones, key: UInt64(key) << 32, threshold: threshold).map { $0 != 0 }
                    #expect(deviations(kept.count { !$0 }, of: count, share) < 5)
                    let both = (1 - share) * (1 - share)
                    for distance in [1, 16, 64] {
                        let pairs = (distance..<count).count { kept[$0] && kept[$0 - distance] }
                        // Overlapping pairs vary by at most three times what separate ones would.
                        #expect(deviations(pairs, of: count - distance, both) < 5 * 3.squareRoot())
                    }
                    #expect(deviations(zip(kept, other).count { $0 && $1 }, of: count, both) < 5)
                }
            }
        }

        @Test("What is not a number is not hidden by the mask")
        func notANumber() {
            let output = Self.dropped([.nan, .infinity, 1], key: 0, threshold: .max)
            #expect(output[0].isNaN && output[1].isNaN && output[2] == 0)
        }
    }
}
