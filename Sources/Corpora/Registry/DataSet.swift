/// One file of a data set and where it comes from.
public struct DataFile: Sendable, Equatable {
    /// The name in the folder of the data set.
    public let name: String
    /// Public origins, tried in order.
    public let origins: [String]
    /// Of the file as its origin publishes it; nil where it could not be recorded.
    public let sha256: String?
    public let byteCount: Int?

    public init(name: String, origins: [String], sha256: String? = nil, byteCount: Int? = nil) {
        self.name = name
        self.origins = origins
        self.sha256 = sha256
        self.byteCount = byteCount
    }
}

/// A public data set: what it is, who may use it, and the files it consists of.
public struct DataSet: Sendable, Equatable {
    /// The name on the command line and of its folder.
    public let name: String
    public let title: String
    /// The terms of its origin, in words.
    public let licence: String
    /// True where the terms forbid commercial use, or leave it open.
    public let isRestricted: Bool
    public let note: String
    public let files: [DataFile]

    /// The bytes of all files whose size is known.
    public var byteCount: Int { files.reduce(0) { $0 + ($1.byteCount ?? 0) } }

    /// The data set of a name.
    public static func named(_ name: String) -> DataSet? { all.first { $0.name == name } }

    /// What `wallfacer data list` shows.
    public static let all: [DataSet] = [
        supportConversations, englishCorpora, gradeSchoolMath, userSequences, checkIns, codeProblems,
    ]
}

// MARK: - The origin table

extension DataSet {
    private static func repository(_ path: String, commit: String) -> String {
        "https://raw.githubusercontent.com/\(path.replacing("@", with: commit))"
    }

    static let supportConversations: DataSet = {
        func file(_ name: String, _ sha256: String?, _ byteCount: Int) -> DataFile {
            let origin = repository(
                "yulinlp/T5-PEFT/@/dataset/esconv/\(name)", commit: "f94a786f2400b284305f74f2724d294295aee5e1")
            return DataFile(name: name, origins: [origin], sha256: sha256, byteCount: byteCount)
        }
        return DataSet(
            name: "esconv", title: "ESConv: 1,300 emotional support conversations (Liu et al. 2021)",
            licence: "CC BY-NC 4.0, academic research only", isRestricted: true,
            note: "910/195/195 conversations; the original ESConv.json is read as well",
            files: [
                file("train.txt", "e545e49c49b5d47636f15702d9acd1f1d0b25a18e8a2d7528ca53a5d341242f8", 4_037_147),
                file("valid.txt", "d3650e8e75e76b7eb63c1ef6e29b175eb5a3f8a78c3f654cab6c5d0d3f2ea6c8", 865_254),
                file("test.txt", nil, 881_152),
            ])
    }()

    static let englishCorpora: DataSet = {
        func archive(_ name: String, _ sha256: String, _ byteCount: Int) -> DataFile {
            let path = "nltk/nltk_data/@/packages/corpora/\(name).zip"
            return DataFile(
                name: "\(name).zip",
                origins: [repository(path, commit: "5db857e6f7df"), repository(path, commit: "gh-pages")],
                sha256: sha256, byteCount: byteCount)
        }
        let novel = "ollama/ollama/@/tokenizer/testdata/war-and-peace.txt"
        return DataSet(
            name: EnglishCorpus.dataSet,
            title: "Brown, inaugural, State of the Union, web text, movie reviews, War and Peace",
            licence:
                "Brown: non-commercial; movie reviews: CC BY 4.0; web text: none stated; the others: public domain",
            isRestricted: true, note: "about 19 MB of plain English",
            files: [
                archive("brown", "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6", 3_314_357),
                archive("inaugural", "7c5fb5793e31fbeae12bf1aa0ffda5336468f07cedb50654c6d31ca384e2046b", 346_476),
                archive("state_union", "366c1dc82b2abf896f42b2ec50ba802a0141a29f75d29ca48a7a243ce5bfbe8d", 808_757),
                archive("webtext", "9e32dbae4879464b8f420a0dc721855bb26167b720d7695588d2ca2aeadf501a", 646_297),
                archive("movie_reviews", "a41211ae685019137410268134db6a1a14428c89b671eb83056151a878539008", 4_004_848),
                DataFile(
                    name: "war-and-peace.txt",
                    origins: [repository(novel, commit: "fb3076099687"), repository(novel, commit: "main")],
                    sha256: "eaecfcb30408e2bc35ffe69b297127e3a6ca75548c033df4d2e703b5ff711f8d", byteCount: 3_202_320),
            ])
    }()

    static let gradeSchoolMath: DataSet = {
        func file(_ name: String, _ sha256: String, _ byteCount: Int) -> DataFile {
            let origin = repository(
                "openai/grade-school-math/@/grade_school_math/data/\(name)",
                commit: "3101c7d5072418e28b9008a6636bde82a006892c")
            return DataFile(name: name, origins: [origin], sha256: sha256, byteCount: byteCount)
        }
        return DataSet(
            name: "gsm8k", title: "GSM8K: grade-school mathematics problems", licence: "MIT", isRestricted: false,
            note: "7,473 for training, 1,319 for test",
            files: [
                file("train.jsonl", "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465", 4_166_206),
                file("test.jsonl", "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14", 749_738),
            ])
    }()

    static let userSequences: DataSet = {
        func file(_ name: String, _ sha256: String, _ byteCount: Int) -> DataFile {
            let path = "RUCAIBox/CIKM2020-S3Rec/@/data/\(name)"
            return DataFile(
                name: name,
                origins: [repository(path, commit: "2a81540ae186"), repository(path, commit: "master")], sha256: sha256,
                byteCount: byteCount)
        }
        return DataSet(
            name: "s3rec-sequences", title: "User sequences: Amazon Beauty, Sports, Toys; Yelp; LastFM",
            licence: "none stated", isRestricted: true, note: "user and item ids in order of time, attributes of items",
            files: [
                file("Beauty.txt", "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8", 1_090_094),
                file(
                    "Beauty_item2attributes.json", "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
                    305_674),
                file(
                    "Sports_and_Outdoors.txt", "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
                    1_707_483),
                file(
                    "Sports_and_Outdoors_item2attributes.json",
                    "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b", 653_780),
                file("Toys_and_Games.txt", "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f", 922_166),
                file(
                    "Toys_and_Games_item2attributes.json",
                    "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0", 327_536),
                file("Yelp.txt", "724b219106b81dd2349027da997334ddb6da9fe2f152ad6e0d97a93170f7caed", 1_814_224),
                file(
                    "Yelp_item2attributes.json", "f25acd5e1e680e0b22fd4e3f4fb6be4b2a7461e9222610616e3e1ee6702dd58d",
                    600_360),
                file("LastFM.txt", "9ded486adb5b0fe9dc761950afa0a9a05e93ff018992e0c52bf11afec529f802", 239_312),
                file(
                    "LastFM_item2attributes.json", "a4ccd678dc9ff6d43fe5073f491db5c9b02eb98dfa4f8c0382913a784be217ef",
                    524_368),
            ])
    }()

    static let checkIns: DataSet = {
        func file(_ name: String, _ sha256: String, _ byteCount: Int) -> DataFile {
            let origin = repository(
                "yingtaoluo/Spatial-Temporal-Attention-Network-for-POI-Recommendation/@/data/\(name)",
                commit: "137b0dc5e568a94b8e92f7e5e7475cb7bfdae2da")
            return DataFile(name: name, origins: [origin], sha256: sha256, byteCount: byteCount)
        }
        return DataSet(
            name: "foursquare-nyc", title: "Foursquare check-ins in New York (Yang et al. 2014)",
            licence: "none stated",
            isRestricted: true, note: "147,938 check-ins of 1,083 users at 5,135 venues",
            files: [
                file("NYC.npy", "9e28b974a52d233e201ff9e82e1c076818c90b1e8f25f4ef93daaf1d7e8ddf55", 1_775_384),
                file("NYC_POI.npy", "f709f4796ca117d0b96ad2d0201a9869920364e2c476c4362e746740ded08d95", 123_368),
            ])
    }()

    static let codeProblems = DataSet(
        name: "humaneval", title: "HumanEval: Python problems with tests", licence: "MIT", isRestricted: false,
        note: "164 problems; their tests are code, to be run in a sandbox only",
        files: [
            DataFile(
                name: "HumanEval.jsonl.gz",
                origins: [repository("openai/human-eval/@/data/HumanEval.jsonl.gz", commit: "6d43fb980f9f")],
                sha256: "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef", byteCount: 44_877)
        ])
}
