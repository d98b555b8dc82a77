import Foundation

/// When and after which wait a failed call is repeated.
///
/// Repeated are calls that met no server, a broken connection, silence, or one of the statuses 408, 425, 429 and 500 and
/// above (not 501). Nothing is repeated once a byte of the answer has arrived.
public struct RetryPolicy: Sendable, Hashable {
    /// The most repetitions of one call; 0 asks once only.
    public var repetitions: Int
    /// The wait before the first repetition; each further one waits twice as long. A random part, up to half, is taken
    /// off, so that many clients do not come back at once.
    public var firstWait: Duration
    /// The longest of these waits.
    public var longestWait: Duration
    /// The longest wait that a server may ask for; if it asks for more, the call fails at once.
    public var longestRequestedWait: Duration

    public init(
        repetitions: Int = 4, firstWait: Duration = .milliseconds(500), longestWait: Duration = .seconds(16),
        longestRequestedWait: Duration = .seconds(60)
    ) {
        self.repetitions = repetitions
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.longestRequestedWait = longestRequestedWait
    }

    public static let never = RetryPolicy(repetitions: 0)

    /// - Throws: ``RemoteModelError/invalidSetting(field:found:allowed:)``.
    func validate() throws {
        if !(0...100).contains(repetitions) {
            throw RemoteModelError.invalidSetting(
                field: "retries.repetitions", found: "\(repetitions)", allowed: "from 0 to 100")
        }
        for (field, wait) in [("firstWait", firstWait), ("longestWait", longestWait)]
        where wait < .zero || wait > .seconds(86_400) {
            throw RemoteModelError.invalidSetting(
                field: "retries.\(field)", found: "\(wait)", allowed: "from nothing to a day")
        }
    }

    /// - Parameters:
    ///   - repetition: counted from 1.
    ///   - requested: the wait that the server asked for.
    /// - Returns: the wait before this repetition; nil if there is none.
    package func wait(
        before repetition: Int, requested: Duration?, using random: inout some RandomNumberGenerator
    ) -> Duration? {
        guard repetition <= repetitions else { return nil }
        let share = Double.random(in: 0.5...1, using: &random)
        if let requested {
            // A little later than asked, never earlier.
            return requested > longestRequestedWait ? nil : requested + firstWait * (share - 0.5)
        }
        let doubled = firstWait * pow(2, Double(min(repetition - 1, 30)))
        return min(doubled, longestWait) * share
    }

    static func repeats(status: Int) -> Bool {
        switch status {
        case 408, 425, 429: true
        case 501: false
        default: status >= 500
        }
    }

    /// The wait that headers ask for: `Retry-After-Ms`, or `Retry-After` as seconds or as a date.
    package static func requestedWait(milliseconds: String?, retryAfter: String?, now: Date) -> Duration? {
        if let milliseconds, let number = Double(milliseconds), number.isFinite { return bounded(number / 1_000) }
        guard let retryAfter else { return nil }
        if let seconds = Double(retryAfter) { return seconds.isFinite ? bounded(seconds) : nil }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return format.date(from: retryAfter).map { bounded($0.timeIntervalSince(now)) }
    }

    private static func bounded(_ seconds: Double) -> Duration { .seconds(min(max(0, seconds), 1e7)) }
}
