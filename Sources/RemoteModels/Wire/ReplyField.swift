import Foundation
import LanguageModel

/// A field of a server's answer that knows where it stands; absent and null are the same.
struct ReplyField {
    let value: OrderedJSON?
    let path: String
    let url: String

    init(_ value: OrderedJSON?, path: String, url: String) {
        self.value = value == .null ? nil : value
        self.path = path
        self.url = url
    }

    /// Parses the body of an answer or the data of an event.
    /// - Throws: ``RemoteModelError/malformed(url:reason:)``.
    init(parsing text: [UInt8], url: String) throws {
        do {
            self.init(try OrderedJSON(parsing: Data(text), file: "answer"), path: "", url: url)
        } catch TokenizerError.malformed(_, let offset, let reason) {
            let beginning = ServerMessage.shortened(String(decoding: text.prefix(60), as: UTF8.self))
            throw RemoteModelError.malformed(
                url: url, reason: "not JSON: \(reason) at byte \(offset) of \(beginning.debugDescription)")
        }
        try require(value?.members != nil, "an object")
    }

    var isPresent: Bool { value != nil }

    subscript(name: String) -> ReplyField {
        ReplyField(value?[name], path: path.isEmpty ? name : "\(path).\(name)", url: url)
    }

    private func require(_ isRight: Bool, _ expected: String) throws {
        if isRight { return }
        let place = path.isEmpty ? "the answer" : path
        throw RemoteModelError.malformed(
            url: url, reason: "\(place) is \(MessageError.kind(of: value)); expected \(expected)")
    }

    func text() throws -> String? {
        try require(value == nil || value?.string != nil, "text")
        return value?.string
    }

    func integer() throws -> Int? {
        try require(value == nil || value?.integer != nil, "a whole number")
        return value?.integer
    }

    func number() throws -> Double? {
        try require(value == nil || value?.double != nil, "a number")
        return value?.double
    }

    func elements() throws -> [ReplyField]? {
        try require(value == nil || value?.array != nil, "a list")
        return value?.array?.enumerated().map { ReplyField($1, path: "\(path)[\($0)]", url: url) }
    }

    /// The value itself where it must not be absent.
    func required<Value>(_ read: (ReplyField) throws -> Value?, _ expected: String) throws -> Value {
        guard let found = try read(self) else {
            try require(false, expected)
            throw RemoteModelError.malformed(url: url, reason: "\(path) is missing")
        }
        return found
    }
}
