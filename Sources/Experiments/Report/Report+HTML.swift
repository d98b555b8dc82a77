import Evaluation

extension Report {
    /// The page.
    public func html() -> String {
        let safeTitle = Markup.escaped(title)
        let subtitle = self.subtitle.isEmpty ? "" : "<p class=\"subtitle\">\(Markup.escaped(self.subtitle))</p>"
        let footer = self.footer.isEmpty ? "" : "<footer>\(Markup.escaped(self.footer))</footer>"
        let body = sections.map { section in
            "<section><h2>\(Markup.escaped(section.title))</h2>\(Self.html(section.blocks))</section>"
        }.joined(separator: "\n")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(safeTitle)</title>
            <style>
            \(ReportStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            <header><h1>\(safeTitle)</h1>\(subtitle)</header>
            \(body)
            \(footer)
            </main>
            </body>
            </html>

            """
    }

    private static func html(_ blocks: [Block]) -> String { blocks.map(html).joined(separator: "\n") }

    private static func html(_ block: Block) -> String {
        switch block {
        case .text(let text):
            return text.split(separator: "\n\n").map { "<p>\(Markup.escaped(String($0)))</p>" }.joined()
        case .figures(let figures):
            return "<div class=\"figures\">\(figures.map(html).joined())</div>"
        case .keyValues(let pairs):
            let rows = pairs.map { "<dt>\(Markup.escaped($0.key))</dt><dd>\(Markup.escaped($0.value))</dd>" }
            return "<dl>\(rows.joined())</dl>"
        case .table(let table): return html(table)
        case .chart(let chart): return html(chart)
        case .conversation(let messages):
            return "<div class=\"conversation\">\(messages.map(html).joined())</div>"
        case .claims(let results): return results.map(html).joined(separator: "\n")
        case .columns(let columns):
            let parts = columns.map { "<div><h3>\(Markup.escaped($0.heading))</h3>\(html($0.blocks))</div>" }
            return "<div class=\"columns\">\(parts.joined())</div>"
        case .code(let text): return "<pre><code>\(Markup.escaped(text))</code></pre>"
        case .details(let summary, let blocks):
            return "<details><summary>\(Markup.escaped(summary))</summary>\(html(blocks))</details>"
        }
    }

    private static func html(_ figure: Figure) -> String {
        let note = figure.note.map { "<div class=\"note\">\(Markup.escaped($0))</div>" } ?? ""
        return "<div class=\"figure\"><div class=\"what\">\(Markup.escaped(figure.label))</div>"
            + "<div class=\"much\">\(Markup.escaped(figure.value))</div>\(note)</div>"
    }

    private static func html(_ message: Message) -> String {
        let mark = message.mark.map { "<span class=\"mark\">\(Markup.escaped($0))</span>" } ?? ""
        return "<div class=\"message \(message.side.rawValue)\"><div class=\"speaker\">"
            + "\(Markup.escaped(message.speaker))\(mark)</div>"
            + "<div class=\"bubble\">\(Markup.escaped(message.text))</div></div>"
    }

    private static func html(_ table: Table) -> String {
        func cells(_ texts: [String], _ element: String) -> String {
            texts.enumerated().map { column, content in
                let style = table.isNumeric(column: column) ? " class=\"number\"" : ""
                return "<\(element)\(style)>\(content)</\(element)>"
            }.joined()
        }
        let head = cells(table.columns.map(Markup.escaped), "th")
        let rows = table.rows.map { row in "<tr>\(cells(row.map(html), "td"))</tr>" }.joined()
        let caption = table.title.isEmpty ? "" : "<figcaption>\(Markup.escaped(table.title))</figcaption>"
        let note = table.note.map { "<div class=\"note\">\(Markup.escaped($0))</div>" } ?? ""
        return
            "<figure>\(caption)<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead>"
            + "<tbody>\(rows)</tbody></table></div>\(note)</figure>"
    }

    private static func html(_ cell: Table.Cell) -> String {
        switch cell {
        case .verdict(let verdict): badge(verdict)
        case .interval(let estimate, let low, let high):
            interval(Numbers.intervalParts(estimate, low: low, high: high))
        default: Markup.escaped(cell.text)
        }
    }

    private static func interval(_ parts: (estimate: String, bounds: String)) -> String {
        "\(parts.estimate) <span class=\"range\">\(parts.bounds)</span>"
    }

    private static func html(_ chart: any Chart) -> String {
        let colours = chart.legend.enumerated().map { index, name in
            "<span><i class=\"c\(index % 6)\"></i>\(Markup.escaped(name))</span>"
        }
        let legend = colours.isEmpty ? "" : "<div class=\"legend\">\(colours.joined())</div>"
        return "<figure><figcaption>\(Markup.escaped(chart.title))</figcaption>\(legend)\(chart.svg())</figure>"
    }

    private static func html(_ result: ClaimResult) -> String {
        let claim = result.claim
        let chart = IntervalChart(
            claim.id, xLabel: "effect on \(claim.metric), positive favours the method",
            rows: [
                .init(claim.method, result.effect),
                .init("control: \(result.control.name)", result.control.effect, colour: 5),
            ], reference: claim.margin)
        let facts = [
            "against \(claim.baseline)", "margin \(Numbers.short(claim.margin))", "\(result.effect.count) seeds",
            "\(result.world.rawValue) world", "control \(result.control.passed ? "passed" : "not passed")",
        ]
        return "<div class=\"claim\"><h3>\(badge(result.verdict)) \(Markup.escaped(claim.statement))</h3>\(chart.svg())"
            + "<div class=\"note\"><code>\(Markup.escaped(claim.id))</code> · \(Markup.escaped(facts.joined(separator: " · ")))"
            + "</div></div>"
    }

    private static func badge(_ verdict: Verdict) -> String {
        let name =
            switch verdict {
            case .holds: "holds"
            case .contradicted: "contradicted"
            case .notShown: "open"
            }
        return "<span class=\"badge \(name)\">\(verdict.rawValue)</span>"
    }
}
