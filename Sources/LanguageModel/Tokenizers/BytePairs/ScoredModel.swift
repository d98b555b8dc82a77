/// SentencePiece's byte-pair encoding as GGUF files carry it: of all neighbours whose concatenation is a token, the pair
/// with the highest score merges first, the leftmost among equals; what stays without a token becomes byte tokens.
struct ScoredModel: Sendable {
    let tokens: TokenTable
    let scores: [Float]
    /// The `<0xNN>` tokens, -1 where there is none.
    let byteTokens: [TokenID]
    let unknown: TokenID

    private struct Candidate: HeapElement {
        var score: Float
        var left: Int32
        var right: Int32
        /// Bytes of both sides when proposed: a candidate whose sides grew since is void.
        var length: Int32

        func precedes(_ other: Candidate) -> Bool { score != other.score ? score > other.score : left < other.left }
    }

    /// Appends the tokens of a text.
    func encode(_ text: UnsafePointer<UInt8>, _ length: Int, _ output: inout [TokenID]) {
        var starts: [Int32] = []
        var index = 0
        while index < length {
            starts.append(Int32(index))
            index += min(UnicodeClasses.scalar(text, index).length, length - index)
        }
        let count = starts.count
        starts.append(Int32(length))
        var sizes = (0..<count).map { starts[$0 + 1] - starts[$0] }
        var next = (0..<count).map { Int32($0 + 1 < count ? $0 + 1 : -1) }
        var previous = (0..<count).map { Int32($0) - 1 }
        var heap = Heap<Candidate>()

        func propose(_ left: Int32, _ right: Int32) {
            let size = sizes[Int(left)] + sizes[Int(right)]
            let token = tokens.find(text + Int(starts[Int(left)]), Int(size))
            guard token >= 0, Int(token) < scores.count else { return }
            heap.push(Candidate(score: scores[Int(token)], left: left, right: right, length: size))
        }
        for place in 0..<max(0, count - 1) { propose(Int32(place), Int32(place + 1)) }
        while let best = heap.pop() {
            let (left, right) = (Int(best.left), Int(best.right))
            guard sizes[left] > 0, sizes[right] > 0, sizes[left] + sizes[right] == best.length else { continue }
            sizes[left] = best.length
            sizes[right] = 0
            next[left] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = best.left }
            if next[left] >= 0 { propose(best.left, next[left]) }
            if previous[left] >= 0 { propose(previous[left], best.left) }
        }
        for place in 0..<count where sizes[place] > 0 {
            append(text + Int(starts[place]), Int(sizes[place]), &output)
        }
    }

    private func append(_ symbol: UnsafePointer<UInt8>, _ length: Int, _ output: inout [TokenID]) {
        let token = tokens.find(symbol, length)
        if token >= 0 {
            output.append(token)
            return
        }
        for index in 0..<length {
            let byte = byteTokens[Int(symbol[index])]
            if byte >= 0 {
                output.append(byte)
            } else if unknown >= 0 {
                output.append(unknown)
                return
            }
        }
    }
}
