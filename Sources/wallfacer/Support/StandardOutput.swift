import Foundation

/// Results that appear piece by piece.
enum StandardOutput {
    static func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}
