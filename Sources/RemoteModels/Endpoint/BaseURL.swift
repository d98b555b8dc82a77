import Foundation

/// The address under which an endpoint's paths stand, in one form however it was typed.
///
/// Without a scheme, this machine is asked over http and others over https; without a path, `/v1` is meant; an address
/// copied with `/chat/completions` or another known path at its end loses it. A query is kept for every request.
struct BaseURL: Sendable, Hashable {
    /// Scheme, host, port and path, without a slash at the end.
    let text: String
    let query: String?
    let host: String
    /// No other machine can read along.
    let isPrivate: Bool

    private static let knownPaths = ["/chat/completions", "/completions", "/models"]

    /// - Throws: ``RemoteModelError/invalidBaseURL(found:reason:)``.
    init(_ typed: String) throws {
        let trimmed = typed.trimmingCharacters(in: .whitespacesAndNewlines)
        func invalid(_ reason: String, shown: String? = nil) -> RemoteModelError {
            .invalidBaseURL(found: String((shown ?? trimmed).prefix(200)), reason: reason)
        }
        if trimmed.isEmpty { throw invalid("it is empty") }
        let address = trimmed.contains("://") ? trimmed : "\(Self.scheme(forHostOf: trimmed))://\(trimmed)"
        guard var parts = URLComponents(string: address) else { throw invalid("it is no URL") }
        if parts.user != nil || parts.password != nil {
            throw invalid("a name or password in it would be shown; give a key instead", shown: parts.host ?? "")
        }
        guard let scheme = parts.scheme?.lowercased(), scheme == "http" || scheme == "https" else {
            throw invalid("its scheme is \(parts.scheme ?? "missing"); allowed: http, https")
        }
        guard let host = parts.host, !host.isEmpty else { throw invalid("it names no host") }
        if let port = parts.port, !(1...65_535).contains(port) { throw invalid("its port is not in 1...65535") }
        query = parts.percentEncodedQuery
        parts.scheme = scheme
        parts.query = nil
        parts.fragment = nil
        var path = parts.percentEncodedPath
        func dropSlashes() { while path.hasSuffix("/") { path.removeLast() } }
        dropSlashes()
        if let known = Self.knownPaths.first(where: path.hasSuffix) {
            path.removeLast(known.count)
            dropSlashes()
        }
        parts.percentEncodedPath = path.isEmpty ? "/v1" : path
        guard let text = parts.string else { throw invalid("it is no URL") }
        self.text = text
        self.host = host
        isPrivate = scheme == "https" || Self.isThisMachine(host)
    }

    private static func scheme(forHostOf address: String) -> String {
        let host = address.hasPrefix("[") ? address.prefix { $0 != "]" } + "]" : address.prefix { !":/?".contains($0) }
        return isThisMachine(String(host)) ? "http" : "https"
    }

    private static func isThisMachine(_ host: String) -> Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "[::1]" || name == "::1" { return true }
        // A name such as 127.example.org is not an address.
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    func appending(_ path: String) -> String { "\(text)/\(path)" + (query.map { "?\($0)" } ?? "") }
}
