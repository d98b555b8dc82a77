import Foundation

/// Numbers as people read them, the same in the terminal, in pages and in reports.
public enum Numbers {
    /// A number with about four significant digits: `0.01234`, `12.35`, `1,235`, `1.2e-07`.
    public static func short(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "∞" : "−∞" }
        let size = abs(value)
        if size == 0 { return "0" }
        if size < 0.0001 || size >= 1e15 { return signed(String(format: "%.2g", value)) }
        if size >= 1000 { return grouped(value.rounded()) }
        return decimal(value, decimals(for: size))
    }

    /// An estimate with its interval, all with as many digits as suit the largest: `0.081 [0.060, 0.100]`.
    public static func interval(_ estimate: Double, low: Double, high: Double) -> String {
        let (estimate, bounds) = intervalParts(estimate, low: low, high: high)
        return "\(estimate) \(bounds)"
    }

    /// The two parts of ``interval(_:low:high:)``.
    static func intervalParts(_ estimate: Double, low: Double, high: Double) -> (estimate: String, bounds: String) {
        let size = [estimate, low, high].filter(\.isFinite).map(abs).max() ?? 0
        func text(_ value: Double) -> String {
            size >= 1000 || size < 0.0001 && size > 0 ? short(value) : decimal(value, decimals(for: size))
        }
        return (text(estimate), "[\(text(low)), \(text(high))]")
    }

    private static func decimals(for size: Double) -> Int {
        size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 || size == 0 ? 3 : size >= 0.01 ? 4 : 5
    }

    /// A number with so many digits after the point.
    public static func decimal(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return short(value) }
        return signed(String(format: "%.\(decimals)f", value))
    }

    /// A whole number in groups of three: `60,000`.
    public static func grouped(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var groups: [Substring] = []
        var rest = digits[...]
        while rest.count > 3 {
            groups.append(rest.suffix(3))
            rest = rest.dropLast(3)
        }
        groups.append(rest)
        return (value < 0 ? "−" : "") + groups.reversed().joined(separator: ",")
    }

    /// A share as a percentage: 0.125 is `12.5 %`.
    public static func percent(_ share: Double, decimals: Int = 1) -> String {
        decimal(share * 100, decimals) + " %"
    }

    /// A time as `8 s`, `3 min 20 s` or `2 h 5 min`.
    public static func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
        if seconds < 10 { return decimal(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// A number of bytes in powers of 1,000: `98 MB`.
    public static func bytes(_ count: Int) -> String {
        var value = Double(count)
        var unit = 0
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return decimal(value, unit == 0 || value >= 100 ? 0 : 1) + " " + units[unit]
    }

    private static func grouped(_ value: Double) -> String {
        abs(value) < 9e15 ? grouped(Int(value)) : String(format: "%.3g", value)
    }

    /// A real minus sign, and no minus before a zero.
    private static func signed(_ text: String) -> String {
        guard text.hasPrefix("-") else { return text }
        let digits = text.dropFirst()
        return digits.allSatisfy { $0 == "0" || $0 == "." } ? String(digits) : "−" + digits
    }
}
