import Testing
import Training

@Suite("Recipes are read strictly")
struct RecipeTests {
    private func read(_ yaml: String, set: [String] = []) throws -> ExampleRecipe {
        var document = try RecipeDocument(yaml: yaml, source: "sft.yaml")
        for assignment in set { try document.set(assignment) }
        return try document.recipe(method: "sft")
    }

    private func problems(_ yaml: String, set: [String] = []) -> [String] {
        let error = #expect(throws: RecipeError.self) { try read(yaml, set: set) }
        return error?.description.split(separator: "\n").map(String.init) ?? []
    }

    @Test("Nothing gives the defaults; what is written replaces them, deep inside too")
    func defaults() throws {
        #expect(try read("") == ExampleRecipe())
        #expect(try read("# only a comment\n") == ExampleRecipe())
        var expected = ExampleRecipe()
        expected.optimizer.betas = [0.8, 0.9]
        expected.maxTokens = 60_000
        expected.schedule = .linear
        expected.checkpoint = "runs/a b"
        expected.mixture = ["news": 1]
        let yaml = """
            method: sft
            optimizer: {betas: [0.8, 0.9]}
            maxTokens: 60_000
            schedule: linear
            checkpoint: runs/a b
            mixture: {news: 1}
            """
        #expect(try read(yaml) == expected)
        #expect(try read("maxTokens: 6e4").maxTokens == 60_000)
        #expect(try read("learningRate: 3e-4").learningRate == 3e-4)
    }

    @Test("An unknown key is an error that names the nearest right one, with its line")
    func unknownKeys() {
        #expect(
            problems("seed: 1\nlearning_rat: 0.1\n") == [
                "sft.yaml:2: learning_rat: unknown key; did you mean learningRate?"
            ])
        #expect(
            problems("optimizer:\n  wieghtDecay: 0.1") == [
                "sft.yaml:2: optimizer.wieghtDecay: unknown key; did you mean weightDecay?"
            ])
        #expect(
            problems("data:\n  - path: a\n    wait: 2\n") == [
                "sft.yaml:3: data.0.wait: unknown key; allowed: path, weight"
            ])
    }

    @Test("A value of the wrong kind says what was found and what is allowed")
    func wrongTypes() {
        #expect(problems("learningRate: fast") == ["sft.yaml:1: learningRate: found fast, allowed: a number"])
        #expect(problems("learningRate: \"1\"") == ["sft.yaml:1: learningRate: found 1, allowed: a number"])
        #expect(problems("learningRate: .inf") == ["sft.yaml:1: learningRate: found .inf, allowed: a number"])
        #expect(problems("learningRate: nan") == ["sft.yaml:1: learningRate: found nan, allowed: a number"])
        #expect(problems("maxTokens: 1.5") == ["sft.yaml:1: maxTokens: found 1.5, allowed: a whole number"])
        #expect(
            problems("maxTokens: 99999999999999999999") == [
                "sft.yaml:1: maxTokens: found 99999999999999999999, allowed: a whole number"
            ])
        #expect(problems("shuffle: maybe") == ["sft.yaml:1: shuffle: found maybe, allowed: true or false"])
        #expect(problems("schedule: cosin") == ["sft.yaml:1: schedule: found cosin, allowed: constant, cosine, linear"])
        #expect(
            problems("optimizer: 3") == [
                "sft.yaml:1: optimizer: found 3, allowed: a mapping, that is lines of key: value"
            ])
        #expect(problems("optimizer:\n  betas: 0.9") == ["sft.yaml:2: optimizer.betas: found 0.9, allowed: a list"])
        #expect(
            problems("optimizer: {betas: [0.9, x]}") == ["sft.yaml:1: optimizer.betas.1: found x, allowed: a number"])
        #expect(problems("title: [a]") == ["sft.yaml:1: title: found a list, allowed: text"])
        #expect(problems("title:") == ["sft.yaml:1: title: found nothing, allowed: text"])
        #expect(problems("mixture: {news: much}") == ["sft.yaml:1: mixture.news: found much, allowed: a number"])
    }

    @Test("All mistakes are reported at once")
    func allAtOnce() {
        let yaml = """
            learningRat: 1
            maxTokens: many
            optimizer:
              weightDecay: -1
              betas: no
            """
        #expect(
            problems(yaml) == [
                "sft.yaml:1: learningRat: unknown key; did you mean learningRate?",
                "sft.yaml:2: maxTokens: found many, allowed: a whole number",
                "sft.yaml:4: optimizer.weightDecay: found -1.0, allowed: from 0 up",
                "sft.yaml:5: optimizer.betas: found no, allowed: a list",
            ])
    }

    @Test("Ranges are checked in lists and mappings too, and contradictions at the end")
    func ranges() {
        #expect(problems("learningRate: 0") == ["sft.yaml:1: learningRate: found 0.0, allowed: above 0"])
        #expect(
            problems("data:\n- path: a\n- path: b\n  weight: -2") == [
                "sft.yaml:4: data.1.weight: found -2.0, allowed: from 0 up"
            ])
        #expect(
            problems("optimizer: {betas: [0.9, -1, 1]}") == [
                "sft.yaml:1: optimizer.betas.1: found -1.0, allowed: from 0, below 1",
                "sft.yaml:1: optimizer.betas.2: found 1.0, allowed: from 0, below 1",
            ])
        #expect(problems("mixture: {a: 2}") == ["sft.yaml:1: mixture.a: found 2.0, allowed: from 0 to 1"])
        #expect(
            problems("warmUpSteps: 20\nsteps: 10") == ["sft.yaml:1: warmUpSteps: found 20, allowed: at most steps, 10"])
    }

    @Test("An element of a list has to bring what has no default")
    func missing() {
        #expect(problems("data:\n- weight: 1") == ["sft.yaml:2: data.0.path: missing, and it has no default"])
    }

    @Test("--set wins over the file, makes what is missing and is as strict")
    func overrides() throws {
        let recipe = try read(
            "learningRate: 0.1\ndata:\n- path: a\n- path: b",
            set: [
                "learningRate=0.2", "optimizer.weightDecay=0.5", "data.1.weight=3", "checkpoint=null",
                "optimizer.betas=[0.5, 0.6]", "title=a: b=c".replacing(": ", with: "="),
            ])
        #expect(recipe.learningRate == 0.2)
        #expect(recipe.optimizer.weightDecay == 0.5)
        #expect(recipe.data.map(\.weight) == [1, 3])
        #expect(recipe.checkpoint == nil)
        #expect(recipe.optimizer.betas == [0.5, 0.6])
        #expect(recipe.title == "a=b=c")
        // A shell leaves nothing of `title=""`; that is empty text, where text is wanted.
        #expect(try read("title: x", set: ["title="]).title == "")
        #expect(try read("checkpoint: x", set: ["checkpoint="]).checkpoint == nil)
        #expect(problems("", set: ["steps="]) == ["--set steps=: steps: found nothing, allowed: a whole number"])

        #expect(
            problems("", set: ["optimizer.weightDekay=1"]) == [
                "--set optimizer.weightDekay=1: optimizer.weightDekay: unknown key; did you mean weightDecay?"
            ])
        #expect(
            problems("learningRate: 1", set: ["learningRate=x"]) == [
                "--set learningRate=x: learningRate: found x, allowed: a number"
            ])
        #expect(problems("", set: ["steps"]) == ["--set steps: found no =, allowed: key=value"])
        #expect(problems("", set: [".a=1"])[0].hasPrefix("--set .a=1: found an empty key"))
        #expect(
            problems("data: [{path: a}]", set: ["data.3.weight=1"]) == [
                "--set data.3.weight=1: found 3, allowed: a place from 0 to 1 in the list"
            ])
        #expect(problems("", set: ["steps=[1"])[0].hasPrefix("--set steps=[1: no valid YAML: "))
    }

    @Test("--set with a place edits that element of a default list, or adds the next one")
    func places() throws {
        let added = try read("", set: ["data.0.path=a", "data.1.path=b", "data.1.weight=2", "optimizer.betas.1=0.5"])
        #expect(added.data.map(\.path) == ["a", "b"])
        #expect(added.data.map(\.weight) == [1, 2])
        #expect(added.optimizer.betas == [0.9, 0.5])
        let appended = try read("data: [{path: a}]", set: ["data.1.path=b", "data.0.weight=3"])
        #expect(appended.data.map(\.path) == ["a", "b"])
        #expect(appended.data.map(\.weight) == [3, 1])
        #expect(
            problems("", set: ["optimizer.betas.3=0.5"]) == [
                "--set optimizer.betas.3=0.5: optimizer.betas.3: found 3, allowed: a place from 0 to 2 in the list"
            ])
        #expect(
            problems("", set: ["data.0.path=a", "data.0.weight=-1"]) == [
                "--set data.0.weight=-1: data.0.weight: found -1.0, allowed: from 0 up"
            ])
        // Only --set has places: in a file, a mapping is a mapping.
        #expect(
            problems("optimizer:\n  betas: {0: 0.5}") == [
                "sft.yaml:2: optimizer.betas: found a mapping, allowed: a list"
            ])
        // Keys of a mapping may be numbers.
        #expect(try read("", set: ["mixture.0=0.5"]).mixture == ["0": 0.5])
    }

    @Test("A recipe of another method is refused")
    func otherMethod() {
        #expect(problems("method: dpo") == ["sft.yaml:1: method: found dpo, allowed: sft"])
    }

    @Test("What is no YAML, or no mapping, is refused with its line")
    func noYAML() {
        #expect(problems("a: 1\n  b: 2\n")[0].hasPrefix("sft.yaml:2: no valid YAML: "))
        #expect(problems("seed: 1\nseed: 2")[0].hasSuffix("no valid YAML: seed is given twice"))
        #expect(problems("- a") == ["sft.yaml:1: found a list, allowed: keys with values"])
        let levels = (1...9).map { level in
            let references = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            return "a\(level): &a\(level) [\(references)]"
        }
        let bomb = "a0: &a0 1\n" + levels.joined(separator: "\n")
        #expect(problems(bomb) == ["sft.yaml: no valid YAML: more than 100,000 values"])
    }

    @Test("The commented recipe explains every field, and reads as the defaults")
    func commented() throws {
        let text = try RecipeText.commented(ExampleRecipe(), method: "sft", title: "Supervised fine-tuning")
        #expect(text.hasPrefix("# Supervised fine-tuning\n# wallfacer train sft --recipe FILE\n\nmethod: sft\n"))
        #expect(
            text.contains(
                """

                # Peak step size.
                # Allowed: above 0. Default: a choice of ours.
                learningRate: 0.0002

                """))
        #expect(text.contains("\n# Where to continue from.\n# checkpoint:\n"))
        #expect(text.contains("optimizer:\n  # Decay of weights.\n  # Allowed: from 0 up.\n  weightDecay: 0.01\n"))
        #expect(try read(text) == ExampleRecipe())
    }

    @Test("Every value survives being written and read, with all its digits")
    func roundTrip() throws {
        var recipe = ExampleRecipe()
        recipe.learningRate = 0.1 + 0.2
        recipe.title = "yes: \"quoted\"\n# line\t世界"
        recipe.checkpoint = "null"
        recipe.data = [.init(path: "a: b", weight: 1e-300), .init(path: "", weight: 1 / 3)]
        recipe.mixture = ["a b": 0.5, "no": 1]
        recipe.optimizer.betas = []
        #expect(try read(try RecipeText.plain(recipe, method: "sft")) == recipe)
        #expect(try read(try RecipeText.commented(recipe, method: "sft", title: "T")) == recipe)
    }

    @Test("Fields without words, and words without fields, are found")
    func documentation() throws {
        let found = try RecipeText.undocumentedFields(of: ExampleRecipe.self, optional: ["checkpoint"])
        #expect(found.missing == ["maxTokens", "schedule", "seed", "shuffle", "steps", "title", "warmUpSteps"])
        #expect(found.unknown == ["nonsense"])
    }

    @Test("The nearest name")
    func nearest() {
        #expect(NearestName.of("lerning-rate", among: ["learningRate", "steps"]) == "learningRate")
        #expect(NearestName.of("setps", among: ["seed", "steps"]) == "steps")
        #expect(NearestName.of("zebra", among: ["seed", "steps"]) == nil)
    }
}

struct ExampleRecipe: Recipe, Equatable {
    struct Optimizer: Codable, Equatable {
        var weightDecay = 0.01
        var betas = [0.9, 0.999]

        static let fields = [RecipeField("weightDecay", "Decay of weights.", range: .atLeast(0))]
    }

    struct Source: Codable, Equatable {
        var path: String
        var weight: Double

        init(path: String, weight: Double) {
            self.path = path
            self.weight = weight
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            path = try container.decode(String.self, forKey: .path)
            weight = try container.decodeIfPresent(Double.self, forKey: .weight) ?? 1
        }
    }

    enum Schedule: String, Codable, CaseIterable {
        case constant, cosine, linear
    }

    var learningRate = 2e-4
    var maxTokens = 1000
    var steps = 100
    var warmUpSteps = 5
    var seed: UInt64 = 0
    var shuffle = true
    var title = "example"
    var schedule = Schedule.cosine
    var checkpoint: String?
    var optimizer = Optimizer()
    var data: [Source] = []
    var mixture: [String: Double] = ["all": 1]

    static let fields =
        [
            RecipeField("learningRate", "Peak step size.", range: .above(0), source: "a choice of ours"),
            RecipeField("checkpoint", "Where to continue from."),
            RecipeField("data", "Where the data are."), RecipeField("data.*.weight", "Its share.", range: .atLeast(0)),
            RecipeField("mixture", "Shares."), RecipeField("mixture.*", "A share.", range: .between(0, 1)),
            RecipeField("optimizer.betas", "Decay of moments.", range: .from(0, below: 1)),
            RecipeField("nonsense", "Nothing."),
        ] + Optimizer.fields.nested(in: "optimizer")

    func problems() -> [RecipeProblem] {
        warmUpSteps <= steps
            ? [] : [RecipeProblem("warmUpSteps", found: "\(warmUpSteps)", allowed: "at most steps, \(steps)")]
    }
}
