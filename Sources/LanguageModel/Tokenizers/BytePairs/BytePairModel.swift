/// Byte-pair encoding by ranked merges, over bytes or over characters.
struct BytePairModel: Sendable {
    /// What a piece is cut into before merging.
    enum Unit: Sendable { case bytes, characters }

    let unit: Unit
    let tokens: TokenTable
    let merges: MergeTable
    /// The token of each single byte, -1 where there is none; with characters, the `<0xNN>` tokens.
    let byteTokens: [TokenID]
    /// Stands for what has no token; -1 drops it.
    let unknown: TokenID
    /// Neighbouring unknowns become one.
    let fusesUnknown: Bool
    /// A piece that is a token is that token, whatever the merges would make of it.
    let looksUpWholePieces: Bool

    /// Appends the tokens of one piece.
    func encode(
        _ piece: UnsafePointer<UInt8>, _ length: Int, _ workspace: inout MergeWorkspace, _ output: inout [TokenID]
    ) {
        if looksUpWholePieces {
            let whole = tokens.find(piece, length)
            if whole >= 0 {
                output.append(whole)
                return
            }
        }
        workspace.reserve(length)
        let symbols = workspace.symbols
        var count = 0
        switch unit {
        case .bytes:
            for index in 0..<length {
                let token = byteTokens[Int(piece[index])]
                if token >= 0 { symbols[count] = token } else if !placeUnknown(symbols, count) { continue }
                count += 1
            }
        case .characters:
            var index = 0
            while index < length {
                let size = min(UnicodeClasses.scalar(piece, index).length, length - index)
                let token = tokens.find(piece + index, size)
                if token >= 0 {
                    symbols[count] = token
                    count += 1
                } else if (index..<index + size).allSatisfy({ byteTokens[Int(piece[$0])] >= 0 }) {
                    for offset in index..<index + size {
                        symbols[count] = byteTokens[Int(piece[offset])]
                        count += 1
                    }
                } else if placeUnknown(symbols, count) {
                    count += 1
                }
                index += size
            }
        }
        count = workspace.merge(count, by: merges)
        output.append(contentsOf: UnsafeBufferPointer(start: workspace.symbols, count: count))
    }

    /// - Returns: whether a new symbol was written.
    private func placeUnknown(_ symbols: UnsafeMutablePointer<TokenID>, _ count: Int) -> Bool {
        if unknown < 0 || (fusesUnknown && count > 0 && symbols[count - 1] == unknown) { return false }
        symbols[count] = unknown
        return true
    }
}
