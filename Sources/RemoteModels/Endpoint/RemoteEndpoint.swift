import Foundation

/// A server that speaks the chat protocol of OpenAI, and how patiently it is asked.
public struct RemoteEndpoint: Sendable, CustomStringConvertible {
    let base: BaseURL
    let key: APIKey?
    public let timeLimits: TimeLimits
    public let retries: RetryPolicy
    /// The name of the field that limits a reply's tokens: OpenAI's own servers want `max_completion_tokens`, most others
    /// know `max_tokens` only.
    public var maximumTokensField: String
    /// Asks for token counts at the end of a stream; off for servers that refuse the field.
    public var asksForUsage = true

    /// - Parameters:
    ///   - baseURL: such as `https://api.openai.com/v1` or `localhost:8000`; without a path, `/v1` is meant.
    ///   - key: sent as a bearer token; nil takes `WALLFACER_API_KEY` or, over https and on this machine,
    ///     `OPENAI_API_KEY` from the environment.
    ///   - timeLimits: how long it may take.
    ///   - retries: when a failed call is repeated.
    ///   - environment: where keys are looked for.
    /// - Throws: ``RemoteModelError`` for an address, a key, limits or retries that cannot be used.
    public init(
        baseURL: String, key: APIKey? = nil, timeLimits: TimeLimits = TimeLimits(),
        retries: RetryPolicy = RetryPolicy(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        try timeLimits.validate()
        try retries.validate()
        base = try BaseURL(baseURL)
        self.key = try key ?? APIKey.find(in: environment, for: base)
        self.timeLimits = timeLimits
        self.retries = retries
        maximumTokensField = base.host == "api.openai.com" ? "max_completion_tokens" : "max_tokens"
    }

    /// The address under which its paths stand, without a query.
    public var baseURL: String { base.text }
    /// Whether a key is sent.
    public var hasKey: Bool { key != nil }
    public var description: String { baseURL }
}
