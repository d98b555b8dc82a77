import Foundation

/// Classic English corpora as their origin publishes them: zip archives of texts, and one novel.
public enum EnglishCorpus: String, Sendable, CaseIterable {
    case brown
    case inaugural
    case stateUnion = "state_union"
    case webText = "webtext"
    case movieReviews = "movie_reviews"
    case warAndPeace = "war-and-peace"

    /// The folder of all of them in a data directory.
    public static let dataSet = "english-corpora"

    public var title: String {
        switch self {
        case .brown: "Brown Corpus"
        case .inaugural: "inaugural addresses"
        case .stateUnion: "State of the Union addresses"
        case .webText: "web text"
        case .movieReviews: "movie reviews"
        case .warAndPeace: "War and Peace"
        }
    }

    /// The file of this corpus, as its origin names it; the novel may also be compressed.
    var fileNames: [String] {
        self == .warAndPeace
            ? ["war-and-peace.txt", "war-and-peace.txt.xz", "war-and-peace.txt.gz"] : ["\(rawValue).zip"]
    }

    /// All texts, in order of their names.
    /// - Throws: ``CorpusError``; ``CorpusError/missing(dataSet:wanted:searched:advice:)`` if the file is not there.
    public func documents(in directory: DataDirectory) throws -> [TextDocument] {
        let file = try directory.require(dataSet: Self.dataSet, anyOf: fileNames)
        if self == .warAndPeace { return try chapters(FileContents.text(file)) }
        let archive = try ZipArchive(file: file)
        let wanted = archive.entries.filter { entry in
            !entry.isFolder && !entry.name.hasSuffix("README") && !entry.name.hasPrefix("__MACOSX")
                && !(self == .brown && !isBrownText(entry.name))
        }
        guard !wanted.isEmpty else {
            throw CorpusError.empty(file: file.lastPathComponent, wanted: "texts of \(title)")
        }
        return try wanted.sorted { $0.name < $1.name }.flatMap { entry in
            let text = FileContents.lenientText(from: try archive.contents(of: entry))
            switch self {
            case .brown: return [TextDocument(name: entry.name, text: TaggedText.plain(text))]
            case .webText:
                // Six long files.
                return TextDocument.sections(of: text, name: entry.name)
            default: return [TextDocument(name: entry.name, text: text.trimmed)]
            }
        }
    }

    /// The texts with their split by document.
    public func corpus(in directory: DataDirectory) throws -> TextCorpus {
        TextCorpus(splitting: try documents(in: directory), origin: title)
    }

    /// Several corpora together.
    public static func corpus(_ parts: [EnglishCorpus] = allCases, in directory: DataDirectory) throws -> TextCorpus {
        .joined(try parts.map { try $0.corpus(in: directory) })
    }

    /// True where the file of this corpus is in the directory.
    public func isPresent(in directory: DataDirectory) -> Bool {
        directory.find(dataSet: Self.dataSet, anyOf: fileNames) != nil
    }

    /// Brown's texts are named c, a letter for the genre, and two digits.
    private func isBrownText(_ name: String) -> Bool {
        let last = Array(name.split(separator: "/").last ?? "")
        return last.count == 4 && last[0] == "c" && last[1].isLetter && last[2].isNumber && last[3].isNumber
    }

    private func chapters(_ text: String) throws -> [TextDocument] {
        var chapters: [[String]] = []
        for paragraph in paragraphs(of: text) {
            if paragraph.hasPrefix("CHAPTER ") || chapters.isEmpty { chapters.append([]) }
            chapters[chapters.count - 1].append(paragraph)
        }
        guard chapters.count >= 3 else {
            throw CorpusError.damaged(
                file: fileNames[0], format: "novel",
                detail: "found \(chapters.count) chapters; lines beginning CHAPTER are wanted")
        }
        return chapters.enumerated().map { index, paragraphs in
            let number = String(index + 1)
            let padded = String(repeating: "0", count: max(0, 3 - number.count)) + number
            return TextDocument(name: "\(rawValue)/\(padded)", text: paragraphs.joined(separator: "\n\n"))
        }
    }

    /// Paragraphs between blank lines, their lines joined.
    private func paragraphs(of text: String) -> [String] {
        var result: [String] = []
        var lines: [Substring] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if line.allSatisfy(\.isWhitespace) {
                if !lines.isEmpty { result.append(lines.joined(separator: " ")) }
                lines = []
            } else {
                lines.append(line)
            }
        }
        if !lines.isEmpty { result.append(lines.joined(separator: " ")) }
        return result
    }
}
