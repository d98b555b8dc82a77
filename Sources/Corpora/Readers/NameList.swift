extension [String] {
    /// The names with commas between, at most `limit` of them, and how many more there are: messages stay readable where a
    /// file has thousands of columns or a home as many models.
    package func listed(atMost limit: Int = 20) -> String {
        let shown = prefix(limit).joined(separator: ", ")
        return count > limit ? "\(shown) and \(count - limit) more" : shown
    }
}
