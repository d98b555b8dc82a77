import Foundation

/// One page that shows what was measured: charts, tables, verdicts and samples, in a single HTML file without anything
/// to fetch.
///
/// ```swift
/// var report = Report("Support conversations", subtitle: "SmolLM2-135M-Instruct, LoRA, 60,000 tokens")
/// report.sections.append(Report.Section("Training", [.chart(loss), .table(table)]))
/// try report.write(to: url)
/// ```
public struct Report: Sendable {
    /// A titled part of the page.
    public struct Section: Sendable {
        public let title: String
        public let blocks: [Block]

        public init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    /// A piece of a section.
    public indirect enum Block: Sendable {
        /// Paragraphs, separated by empty lines.
        case text(String)
        /// A few numbers that matter most, in large type.
        case figures([Figure])
        case keyValues([(key: String, value: String)])
        case table(Table)
        case chart(any Chart)
        case conversation([Message])
        /// Claims with their verdicts, effects and controls.
        case claims([ClaimResult])
        /// Blocks side by side where the page is wide enough, each below its heading.
        case columns([(heading: String, blocks: [Block])])
        /// Text as it is, for example a recipe.
        case code(String)
        /// Blocks that open on demand.
        case details(String, [Block])
    }

    /// A number in large type.
    public struct Figure: Sendable {
        public let label: String
        public let value: String
        /// What it is compared with.
        public let note: String?

        public init(_ label: String, value: String, note: String? = nil) {
            self.label = label
            self.value = value
            self.note = note
        }
    }

    /// One turn of a conversation.
    public struct Message: Sendable {
        public enum Side: String, Sendable {
            /// The user, or whoever is helped.
            case left
            /// The model, or whoever helps.
            case right
        }

        public let side: Side
        public let speaker: String
        public let text: String
        /// A small mark beside the speaker, for example the strategy of the turn.
        public let mark: String?

        public init(_ side: Side, speaker: String, text: String, mark: String? = nil) {
            self.side = side
            self.speaker = speaker
            self.text = text
            self.mark = mark
        }
    }

    public var title: String
    public var subtitle: String
    public var sections: [Section]
    /// The last line: commit, machine, time.
    public var footer: String

    public init(_ title: String, subtitle: String = "", sections: [Section] = [], footer: String = "") {
        self.title = title
        self.subtitle = subtitle
        self.sections = sections
        self.footer = footer
    }

    /// Writes the page beside its final name, then renames, so that no reader sees half of it.
    ///
    /// - Throws: file system errors.
    public func write(to file: URL) throws {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(html().utf8).write(to: file, options: .atomic)
    }
}
