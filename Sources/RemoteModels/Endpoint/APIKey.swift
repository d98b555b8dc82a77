/// A secret that goes to an endpoint and nowhere else: it has no text form that could be printed or logged.
public struct APIKey: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let secret: String

    /// - Throws: ``RemoteModelError/invalidKey(reason:)`` if it could not stand in a header.
    public init(_ secret: String) throws {
        let trimmed = secret.drop { $0.isWhitespace }
        let end = trimmed.lastIndex { !$0.isWhitespace }.map(trimmed.index(after:)) ?? trimmed.startIndex
        let key = trimmed[..<end]
        if key.isEmpty { throw RemoteModelError.invalidKey(reason: "it is empty") }
        guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RemoteModelError.invalidKey(reason: "it holds spaces or characters other than printable ASCII")
        }
        self.secret = String(key)
    }

    public var description: String { "(hidden key)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The key that environment variables name: `WALLFACER_API_KEY`, else `OPENAI_API_KEY`.
    ///
    /// The second is a secret of other programs too, so it never travels unencrypted to another machine: it is used only
    /// over https and on this machine.
    /// - Throws: ``RemoteModelError/invalidKey(reason:)``.
    static func find(in environment: [String: String], for base: BaseURL) throws -> APIKey? {
        if let own = environment["WALLFACER_API_KEY"], !own.isEmpty { return try APIKey(own) }
        if let shared = environment["OPENAI_API_KEY"], !shared.isEmpty, base.isPrivate { return try APIKey(shared) }
        return nil
    }
}
