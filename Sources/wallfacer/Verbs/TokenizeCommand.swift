import ArgumentParser
import Corpora
import Experiments
import Foundation
import LanguageModel

struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "See a text as a model sees it, or a conversation as it is trained on.",
        discussion: """
              echo "Hello, world" | wallfacer tokenize
              wallfacer tokenize --model Qwen3-0.6B --file notes.txt --json
              wallfacer tokenize --mask --file chats.jsonl    what counts in the loss
              wallfacer tokenize --mask                       a sample (on a terminal)

            --json prints one array of ids for each line of the input; with --mask, one object \
            {"tokens":[…],"mask":[…]} for each conversation.
            """)

    @Option(help: ArgumentHelp("A published name, a folder or a .gguf file.", valueName: "model"))
    var model = PublishedModel.standard

    @Option(
        help: ArgumentHelp("The text, or with --mask the conversations; standard input if not said.", valueName: "file")
    )
    var file: String?

    @Flag(help: "Show a conversation with the tokens that count in the loss.")
    var mask = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("With --mask: which conversation of the file, counted from 1.", valueName: "n"))
    var sample = 1

    @Flag(help: "Read names of control tokens in the text, such as <|im_end|>, as those tokens.")
    var controlTokens = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if sample < 1 { throw ValidationError("--sample is \(sample); conversations count from 1") }
    }

    func run() throws {
        try output.check()
        let vocabulary = try ModelVocabulary(path: ModelPlace.locate(model))
        try mask ? showMask(vocabulary) : showTokens(vocabulary.tokenizer)
    }

    private func showTokens(_ tokenizer: Tokenizer) throws {
        let lines = try InputText.lines(file: file)
        var text = ""
        var total = 0
        let paint = TokenPaint(isColoured: output.output == nil)
        for line in lines {
            let ids = tokenizer.encode(line, allowingControlTokens: controlTokens)
            total += ids.count
            text += output.json ? "[\(ids.map(String.init).joined(separator: ","))]\n" : paint.line(ids, tokenizer)
        }
        try output.writeText(text)
        if !output.json {
            StandardError.write("tokens: \(Numbers.grouped(total)), lines: \(Numbers.grouped(lines.count))")
        }
    }

    private func showMask(_ vocabulary: ModelVocabulary) throws {
        let template = try vocabulary.requireTemplate()
        let input = try ConversationInput.read(file: file)
        func encoded(_ index: Int) throws -> EncodedChat {
            let chosen = input.examples[index]
            do {
                return try template.encode(chosen.messages, tools: chosen.tools, with: vocabulary.tokenizer)
            } catch let error as ChatError {
                throw Failure("\(input.place(of: index)): \(error)")
            }
        }
        if output.json {
            let lines = try input.examples.indices.map { MaskedTokens(try encoded($0)) }
            return try output.writeText(lines.map { try StableJSON.text($0, indented: false) }.joined())
        }
        guard input.examples.indices.contains(sample - 1) else {
            throw Failure("--sample \(sample): conversations: \(input.examples.count)")
        }
        let encoded = try encoded(sample - 1)
        let paint = TokenPaint(isColoured: output.output == nil)
        try output.writeText(paint.masked(encoded, vocabulary.tokenizer))
        let trained = encoded.lossMask.count(where: { $0 })
        StandardError.write(
            "\(Numbers.grouped(trained)) of \(Numbers.grouped(encoded.tokens.count)) tokens count in the loss"
                + (paint.isColoured ? "" : " (between ⟦ and ⟧)"))
    }
}

/// A line of `tokenize --mask --json`.
private struct MaskedTokens: Encodable {
    let tokens: [TokenID]
    let mask: [Int]

    init(_ chat: EncodedChat) {
        tokens = chat.tokens
        mask = chat.lossMask.map { $0 ? 1 : 0 }
    }
}
