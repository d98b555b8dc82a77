import Foundation
import LanguageModel

/// What a server says about an error, in one short line: the message of a JSON body in any of the usual shapes, the title
/// or the words of an HTML page, or the beginning of plain text.
package struct ServerMessage: Equatable, Sendable {
    package var text: String
    /// The error's code, such as `insufficient_quota`.
    package var code: String?

    private static let longest = 300

    /// - Parameter secret: replaced wherever the server repeats it.
    package init(body: [UInt8], secret: String? = nil) {
        let body = body.prefix(65_536)
        var message = String(decoding: body, as: UTF8.self)
        if let json = try? OrderedJSON(parsing: Data(body), file: "body") {
            code = json["error"]?["code"]?.string ?? json["error"]?["type"]?.string ?? json["code"]?.string
            message = Self.message(in: json) ?? json.spacedText
        } else if message.lowercased().contains("<html") || message.hasPrefix("<") {
            message = Self.words(inHTML: message)
        }
        text = Self.shortened(message, without: secret)
    }

    /// The message of `{"error": {"message"}}` or of one of its relatives; nil if there is none.
    private static func message(in json: OrderedJSON) -> String? {
        let places = [
            json["error"]?["message"], json["error"], json["message"], json["detail"], json["detail"]?["message"],
            json.array?.first?["error"]?["message"], json["detail"]?.array?.first?["msg"],
        ]
        return places.lazy.compactMap { $0?.string }.first { !$0.isEmpty }
    }

    private static func words(inHTML page: String) -> String {
        if let start = page.range(of: "<title", options: .caseInsensitive),
            let open = page[start.upperBound...].firstIndex(of: ">"),
            let end = page[open...].range(of: "</title", options: .caseInsensitive)
        {
            let title = page[page.index(after: open)..<end.lowerBound]
            if title.contains(where: { !$0.isWhitespace }) { return String(title) }
        }
        var words = ""
        var isInTag = false
        for character in page {
            if character == "<" {
                isInTag = true
            } else if character == ">" {
                isInTag = false
                words += " "
            } else if !isInTag {
                words.append(character)
            }
        }
        return words
    }

    /// One line without control characters, so that a server cannot write to a terminal what it likes.
    static func shortened(_ text: String, without secret: String? = nil) -> String {
        var text = text
        if let secret, !secret.isEmpty { text = text.replacingOccurrences(of: secret, with: "(hidden key)") }
        let kept = text.unicodeScalars.map { scalar -> Character in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: " "
            default: Character(scalar)
            }
        }
        let line = kept.split(whereSeparator: \.isWhitespace).map { String($0) }.joined(separator: " ")
        return line.count > longest ? line.prefix(longest) + "…" : line
    }
}
