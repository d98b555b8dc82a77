/// What can go wrong with a remote model. Addresses are shown without their query, keys never.
public enum RemoteModelError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Which of the ``TimeLimits`` was over.
    public enum Limit: String, Sendable, Hashable { case connect, silence, total }

    case invalidBaseURL(found: String, reason: String)
    case invalidKey(reason: String)
    case invalidSetting(field: String, found: String, allowed: String)
    /// A message cannot be sent; messages count from 0.
    case invalidConversation(message: Int, reason: String)
    /// No connection, or it broke before any answer.
    case unreachable(url: String, reason: String, attempts: Int)
    case timedOut(url: String, limit: Limit, seconds: Double, attempts: Int)
    /// The server answered with another status than 2xx; `message` is its own, shortened.
    case refused(url: String, status: Int, message: String, attempts: Int)
    /// The answer broke off after so many bytes.
    case interrupted(url: String, reason: String, received: Int)
    /// The server reported an error inside a stream.
    case failed(url: String, message: String)
    /// The answer is not what the protocol says.
    case malformed(url: String, reason: String)
    /// More arrived than a reply may hold.
    case tooLarge(url: String, part: String, limit: Int)
    /// The server does not do what was asked.
    case notOffered(url: String, feature: String)
    /// The server has not one model, so that one must be chosen by name.
    case chooseModel(url: String, available: [String])

    public var description: String {
        switch self {
        case .invalidBaseURL(let found, let reason): "The base URL \(found.debugDescription) cannot be used: \(reason)."
        case .invalidKey(let reason): "The API key cannot be used: \(reason)."
        case .invalidSetting(let field, let found, let allowed): "\(field) is \(found); allowed: \(allowed)."
        case .invalidConversation(let message, let reason): "Message \(message) cannot be sent: \(reason)."
        case .unreachable(let url, let reason, let attempts): "\(url): \(reason)\(Self.times(attempts))."
        case .timedOut(let url, let limit, let seconds, let attempts):
            "\(url): \(Self.words(limit)) \(Self.short(seconds)) s\(Self.times(attempts))."
        case .refused(let url, let status, let message, let attempts):
            "\(url): status \(status)\(Self.times(attempts))\(message.isEmpty ? "" : ": \(message)")\(Self.advice(status))"
        case .interrupted(let url, let reason, let received):
            "\(url): the answer broke off after \(received) bytes: \(reason)."
        case .failed(let url, let message): "\(url): the server reported: \(message)"
        case .malformed(let url, let reason): "\(url): the answer is not what the protocol says: \(reason)."
        case .tooLarge(let url, let part, let limit): "\(url): \(part) is longer than \(limit) bytes."
        case .notOffered(let url, let feature): "\(url): the server does not offer \(feature)."
        case .chooseModel(let url, let available):
            available.isEmpty
                ? "\(url): the server lists no model; name one."
                : "\(url): the server has several models; name one of \(available.prefix(20).joined(separator: ", "))."
        }
    }

    private static func words(_ limit: Limit) -> String {
        switch limit {
        case .connect: "no connection within"
        case .silence: "the server was silent for"
        case .total: "the call was not done within"
        }
    }

    private static func times(_ attempts: Int) -> String { attempts > 1 ? " (\(attempts) attempts)" : "" }

    private static func short(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e9 ? "\(Int(seconds))" : "\(seconds)"
    }

    private static func advice(_ status: Int) -> String {
        switch status {
        case 401, 403: " (a key is taken from WALLFACER_API_KEY or OPENAI_API_KEY)"
        case 404: " (is the base URL right, and the model's name?)"
        case 300..<400: " (redirections are not followed: give the final address)"
        default: ""
        }
    }

    /// The same error after so many attempts.
    func after(attempts: Int) -> RemoteModelError {
        switch self {
        case .unreachable(let url, let reason, _): .unreachable(url: url, reason: reason, attempts: attempts)
        case .timedOut(let url, let limit, let seconds, _):
            .timedOut(url: url, limit: limit, seconds: seconds, attempts: attempts)
        case .refused(let url, let status, let message, _):
            .refused(url: url, status: status, message: message, attempts: attempts)
        default: self
        }
    }
}
