extension Table {
    /// The table for a terminal: aligned columns below a thin line, numbers at the right.
    ///
    /// - Parameter width: the columns of the terminal. Where the table is wider, its widest text column is cut.
    public func terminalText(width: Int? = nil) -> String {
        let texts = rows.map { row in row.map { Self.oneLine($0.text) } }
        var widths = columns.indices.map { column in
            ([columns[column]] + texts.map { $0[column] }).map(TerminalText.width(of:)).max() ?? 0
        }
        if let width { shrink(&widths, toFit: width) }

        func line(_ cells: [String]) -> String {
            let fitted = cells.indices.map {
                TerminalText.fitted(cells[$0], to: widths[$0], alignRight: isNumeric(column: $0))
            }
            return trimmedEnd(fitted.joined(separator: Self.gap))
        }
        var lines = title.isEmpty ? [] : [title]
        lines.append(line(columns))
        lines.append(widths.map { String(repeating: "─", count: $0) }.joined(separator: Self.gap))
        lines += texts.map(line)
        if let note { lines.append(note) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The table as GitHub-flavoured Markdown, without its title.
    public func markdown() -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        func escaped(_ text: String) -> String {
            Self.oneLine(text).replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "&lt;")
        }
        var lines = [line(columns.map(escaped))]
        lines.append("|" + columns.indices.map { isNumeric(column: $0) ? "---:|" : "---|" }.joined())
        lines += rows.map { row in line(row.map { escaped($0.text) }) }
        if let note { lines += ["", Self.oneLine(note)] }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let gap = "  "
    private static let narrowestText = 8

    private func shrink(_ widths: inout [Int], toFit width: Int) {
        let gaps = Self.gap.count * max(0, columns.count - 1)
        while widths.reduce(gaps, +) > width {
            let cuttable = widths.indices.filter { !isNumeric(column: $0) && widths[$0] > Self.narrowestText }
            guard let widest = cuttable.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
        }
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }.filter { !$0.isControl })
    }

    private func trimmedEnd(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension Character {
    /// A control character, which must not reach a terminal from data.
    fileprivate var isControl: Bool {
        unicodeScalars.allSatisfy { $0.properties.generalCategory == .control }
    }
}
