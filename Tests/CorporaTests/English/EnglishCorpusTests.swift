import Corpora
import Foundation
import Testing

@Suite("English corpora")
struct EnglishCorpusTests {
    private func withArchive<Result>(
        _ name: String, _ build: (inout ZipBuilder) -> Void, _ body: (DataDirectory) throws -> Result
    ) throws -> Result {
        try TestData.withTemporaryFolder { folder in
            var builder = ZipBuilder()
            build(&builder)
            let place = folder.appending(path: "english-corpora")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try builder.finished().write(to: place.appending(path: name))
            return try body(DataDirectory(folders: [folder]))
        }
    }

    @Test("Brown's tags are removed and its words spaced as in print")
    func brown() throws {
        let tagged =
            "\n\n\tThe/at jury/nn said/vbd ``/`` no/at evidence/nn ''/'' (/( 1/2/cd of/in it/ppo )/) took/vbd place/nn ,/, "
            + "it/pps said/vbd ;/. ;/.\n\tWhy/wrb ?/. ?/.\n\n\n\tNew/jj paragraph/nn ./.\n"
        let documents = try withArchive("brown.zip") {
            $0.add("brown/ca01", Data(tagged.utf8))
            $0.add("brown/README", Data("about".utf8))
            $0.add("brown/cats.txt", Data("ca01 news".utf8))
        } _: {
            try EnglishCorpus.brown.documents(in: $0)
        }
        #expect(documents.map(\.name) == ["brown/ca01"])
        #expect(
            documents.first?.text
                == "The jury said \"no evidence\" (1/2 of it) took place, it said; Why?\n\nNew paragraph.")
    }

    @Test("Other archives give a document a file, in Windows' encoding too, without the README")
    func inaugural() throws {
        let documents = try withArchive("inaugural.zip") {
            $0.add("inaugural/1793-Washington.txt", Data("Fellow Citizens:\n".utf8))
            $0.add("inaugural/1789-Washington.txt", Data([0x61, 0x92, 0x73]))
            $0.add("inaugural/README", Data("about".utf8))
        } _: {
            try EnglishCorpus.inaugural.documents(in: $0)
        }
        #expect(documents.map(\.text) == ["a’s", "Fellow Citizens:"])
    }

    @Test("A missing corpus says what to run and where files may be put")
    func missing() throws {
        try TestData.withTemporaryFolder { folder in
            let directory = DataDirectory(folders: [folder])
            #expect(!EnglishCorpus.brown.isPresent(in: directory))
            do {
                _ = try EnglishCorpus.brown.documents(in: directory)
                Issue.record("a missing corpus was read")
            } catch {
                #expect("\(error)".contains("wallfacer data get english-corpora"))
                #expect("\(error)".contains("brown.zip") && "\(error)".contains(folder.path))
            }
        }
    }

    @Test("The split is by document, fixed, and whatever the order of the documents")
    func split() {
        let documents = (0..<100).map { TextDocument(name: "\($0)", text: "text \($0)") }
        let corpus = TextCorpus(splitting: documents, origin: "ours")
        let reversed = TextCorpus(splitting: documents.reversed(), origin: "ours")
        #expect(corpus.train == reversed.train && corpus.test == reversed.test)
        #expect(corpus.validation.count == 5 && corpus.test.count == 5)
        #expect(Set(corpus.train + corpus.validation + corpus.test).count == 100)
    }

    @Test("The real corpora: number of texts and of words", .enabled(if: TestData.has("english-corpora")))
    func realData() throws {
        let directory = DataDirectory(folders: [try #require(TestData.folder)])
        let counts: [EnglishCorpus: Int] = [
            .brown: 500, .inaugural: 59, .stateUnion: 65, .movieReviews: 2_000, .warAndPeace: 365,
        ]
        for (corpus, count) in counts {
            let documents = try corpus.documents(in: directory)
            #expect(documents.count == count, "\(corpus)")
            #expect(documents.allSatisfy { !$0.text.isEmpty })
        }
        #expect(try EnglishCorpus.webText.documents(in: directory).count > 300)
        let brown = try EnglishCorpus.brown.documents(in: directory)
        let words = brown.reduce(0) { $0 + $1.text.split(whereSeparator: \.isWhitespace).count }
        #expect((950_000...1_100_000).contains(words), "\(words) words")
        #expect(
            brown[0].text.hasPrefix("The Fulton County Grand Jury said Friday an investigation of Atlanta's recent"))
    }
}
