import Evaluation
import Foundation

/// Reads ESConv (Liu et al., ACL 2021; CC BY-NC 4.0, for research) in both layouts it is published in.
///
/// - One file `ESConv.json`: an array of conversations with `dialog[].speaker` = seeker or supporter, `content`, and
///   `annotation.strategy`. It is unsplit: 15 % are drawn for validation and 15 % for test by ``split(_:seed:)``.
/// - Three files train, valid and test (`.jsonl` or `.txt`, one conversation a line) with `dialog[].speaker` = usr or sys,
///   `text`, and `strategy`.
///
/// Any of them may be compressed with gzip (`.gz`) or xz (`.xz`).
public enum ESConv {
    /// The seed with which an unsplit file is split.
    public static let splitSeed: UInt64 = 13
    private static let heldOutShare = 0.15
    private static let compressions = ["", ".gz", ".xz"]

    /// Reads what a folder holds: the three files if they are there, otherwise `ESConv.json`.
    /// - Throws: ``CorpusError`` if neither layout is there or a file is wrong.
    public static func load(folder: URL) throws -> SupportCorpus {
        if let train = find("train", [".jsonl", ".txt"], in: folder),
            let validation = find("valid", [".jsonl", ".txt"], in: folder)
                ?? find("validation", [".jsonl", ".txt"], in: folder),
            let test = find("test", [".jsonl", ".txt"], in: folder)
        {
            return SupportCorpus(
                train: try conversations(lines: train), validation: try conversations(lines: validation),
                test: try conversations(lines: test), origin: "ESConv, split of its files")
        }
        if let file = find("ESConv", [".json"], in: folder) {
            let parts = split(try conversations(array: file))
            return SupportCorpus(
                train: parts.train, validation: parts.validation, test: parts.test,
                origin: "ESConv, 70/15/15 by seed \(splitSeed)")
        }
        throw CorpusError.missing(
            dataSet: "esconv", wanted: "ESConv.json, or train, valid and test as .jsonl", searched: [folder.path],
            advice: "put one of the two layouts there")
    }

    /// True where a folder holds one of the two layouts.
    public static func isPresent(in folder: URL) -> Bool {
        find("ESConv", [".json"], in: folder) != nil
            || ["train", "test"].allSatisfy { find($0, [".jsonl", ".txt"], in: folder) != nil }
    }

    /// Splits in a random but fixed order: the first 15 % are validation, the next 15 % test, the rest train, as in the
    /// authors' code (whose order comes from another generator).
    public static func split(
        _ conversations: [SupportConversation], seed: UInt64 = splitSeed
    ) -> (train: [SupportConversation], validation: [SupportConversation], test: [SupportConversation]) {
        var generator = SeededGenerator(seed: seed)
        let order = generator.shuffled(conversations)
        let held = Int(Double(order.count) * heldOutShare)
        return (Array(order[(2 * held)...]), Array(order[..<held]), Array(order[held..<(2 * held)]))
    }

    /// Conversations of one file with an array (the original layout, also of the failed conversations).
    public static func conversations(array file: URL) throws -> [SupportConversation] {
        let name = file.lastPathComponent
        let data = try FileContents.data(file)
        guard !data.isEmpty else { throw CorpusError.empty(file: name, wanted: "an array of conversations") }
        let records: [Record]
        do {
            records = try JSONDecoder().decode([Record].self, from: data)
        } catch let error as DecodingError {
            throw CorpusError.damaged(file: name, format: "ESConv", detail: JSONLines.describe(error))
        }
        guard !records.isEmpty else { throw CorpusError.empty(file: name, wanted: "an array of conversations") }
        return try records.enumerated().map { index, record in
            do {
                return try record.conversation()
            } catch let problem as Record.Problem {
                throw CorpusError.damaged(
                    file: name, format: "ESConv", detail: "conversation \(index + 1): \(problem.detail)")
            }
        }
    }

    /// Conversations of one file with a line each (either layout of the record).
    public static func conversations(lines file: URL) throws -> [SupportConversation] {
        var result: [SupportConversation] = []
        let name = file.lastPathComponent
        try JSONLines.forEach(Record.self, from: FileContents.data(file), file: name) { record, line in
            do {
                result.append(try record.conversation())
            } catch let problem as Record.Problem {
                throw CorpusError.badLine(file: name, line: line, detail: problem.detail)
            }
        }
        guard !result.isEmpty else { throw CorpusError.empty(file: name, wanted: "one conversation a line") }
        return result
    }

    private static func find(_ stem: String, _ extensions: [String], in folder: URL) -> URL? {
        for ending in extensions {
            for compression in compressions {
                let file = folder.appending(path: stem + ending + compression)
                if FileManager.default.fileExists(atPath: file.path) { return file }
            }
        }
        return nil
    }
}

/// One conversation as it stands in a file.
private struct Record: Decodable {
    struct Message: Decodable {
        struct Annotation: Decodable { let strategy: String? }

        let speaker: String
        let text: String?
        let content: String?
        let strategy: String?
        let annotation: Annotation?
    }

    struct Problem: Error { let detail: String }

    let situation: String?
    let problemType: String?
    let emotionType: String?
    let dialog: [Message]

    private enum CodingKeys: String, CodingKey {
        case situation
        case problemType = "problem_type"
        case emotionType = "emotion_type"
        case dialog
    }

    func conversation() throws -> SupportConversation {
        let messages = try dialog.enumerated().map { position, message in
            guard let text = message.text ?? message.content else {
                throw Problem(detail: "dialog[\(position)] has neither text nor content")
            }
            guard let speaker = Self.speakers[message.speaker.lowercased()] else {
                throw Problem(
                    detail:
                        "dialog[\(position)].speaker is \"\(message.speaker)\"; allowed: usr, sys, seeker, supporter")
            }
            return SupportTurn(
                speaker: speaker, strategy: try strategy(message, position: position, speaker: speaker), text: text)
        }
        return SupportConversation(
            situation: (situation ?? "").trimmed, problem: problemType ?? "", emotion: emotionType ?? "",
            messages: messages)
    }

    private func strategy(_ message: Message, position: Int, speaker: SupportSpeaker) throws -> SupportStrategy? {
        guard speaker == .supporter, let name = message.strategy ?? message.annotation?.strategy, !name.isEmpty else {
            return nil
        }
        guard let strategy = SupportStrategy(name: name) else {
            let allowed = SupportStrategy.allCases.map(\.name).joined(separator: ", ")
            throw Problem(detail: "dialog[\(position)].strategy is \"\(name)\"; allowed: \(allowed)")
        }
        return strategy
    }

    /// In the file of failed conversations the two are called speaker and listener.
    private static let speakers: [String: SupportSpeaker] = [
        "usr": .seeker, "seeker": .seeker, "speaker": .seeker,
        "sys": .supporter, "supporter": .supporter, "listener": .supporter,
    ]
}
