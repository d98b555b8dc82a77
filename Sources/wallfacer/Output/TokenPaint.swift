import Foundation
import LanguageModel
import Training

/// Tokens as text in which their borders can be seen.
struct TokenPaint {
    /// Colours on a terminal, marks elsewhere. `NO_COLOR` is respected.
    let isColoured: Bool

    init(isColoured: Bool) {
        let refused = ProcessInfo.processInfo.environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        self.isColoured = isColoured && Terminal.showsOutput && !refused
    }

    private static let reset = "\u{1B}[0m"
    /// Backgrounds that alternate from token to token.
    private static let backgrounds = ["\u{1B}[48;5;24m", "\u{1B}[48;5;53m"]
    private static let trained = "\u{1B}[30;48;5;114m"
    private static let control = "\u{1B}[2m"

    /// One line of a text: its tokens side by side.
    func line(_ ids: [TokenID], _ tokenizer: Tokenizer) -> String {
        let texts = ids.map { Self.text($0, tokenizer) }
        guard isColoured else { return texts.joined(separator: "│") + "\n" }
        return texts.enumerated().map { Self.backgrounds[$0 % 2] + $1 }.joined() + Self.reset + "\n"
    }

    /// A conversation with the tokens that count in the loss set off.
    func masked(_ chat: EncodedChat, _ tokenizer: Tokenizer) -> String {
        var text = ""
        var start = 0
        while start < chat.tokens.count {
            let counts = chat.lossMask[start]
            let end = chat.lossMask[start...].firstIndex { $0 != counts } ?? chat.tokens.count
            // Decoded together, so that a character made of several tokens stays whole.
            let piece = Self.visible(tokenizer.decode(Array(chat.tokens[start..<end])), keepingLines: true)
            text += isColoured ? coloured(piece, counts) : counts ? "⟦\(piece)⟧" : piece
            start = end
        }
        return text.hasSuffix("\n") ? text : text + "\n"
    }

    /// Colours end with every line: terminals would fill the rest of it.
    private func coloured(_ text: String, _ isTrained: Bool) -> String {
        let colour = isTrained ? Self.trained : Self.control
        return text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.isEmpty ? "" : colour + $0 + Self.reset
        }
        .joined(separator: "\n")
    }

    private static func text(_ id: TokenID, _ tokenizer: Tokenizer) -> String {
        let bytes = tokenizer.bytes(of: id)
        if let text = String(validating: bytes, as: UTF8.self) { return visible(text, keepingLines: false) }
        return bytes.map { "⟨" + String($0, radix: 16, uppercase: true) + "⟩" }.joined()
    }

    /// Control characters must not reach a terminal from data.
    private static func visible(_ text: String, keepingLines: Bool) -> String {
        var visible = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": visible += keepingLines ? "\n" : "⏎"
            case "\t": visible += keepingLines ? "\t" : "⇥"
            case _ where scalar.properties.generalCategory == .control:
                visible += "⟨" + String(scalar.value, radix: 16, uppercase: true) + "⟩"
            default: visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }
}
