import ArgumentParser

/// The command `wallfacer`; each verb is one file below `Verbs`.
@main
struct Wallfacer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wallfacer",
        abstract: "Train, steer, compare and serve models that talk.",
        discussion: """
            First steps:
              wallfacer chat                         talk to a model
              wallfacer train sft --set data.train=chats.jsonl
              wallfacer models list                  what is here, and what can be had
              wallfacer tokenize --file notes.txt    a text as the model sees it
              wallfacer papers                       the systems, and how far each is built

            Models are named by their published name, by a folder or a file (.gguf, .safetensors), or by the run that \
            trained them. Downloads go to ~/.cache/wallfacer, what you train to ~/.local/share/wallfacer; \
            WALLFACER_HOME moves both.

            Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 bad \
            usage, 130 interrupted.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(name: "Start", subcommands: [DemoCommand.self]),
            CommandGroup(name: "Talking", subcommands: [ChatCommand.self, GenerateCommand.self]),
            CommandGroup(name: "Inspection", subcommands: [PerplexityCommand.self, TokenizeCommand.self]),
            CommandGroup(
                name: "Training",
                subcommands: [TrainCommand.self, EvaluateCommand.self, RecipeCommand.self, RunsCommand.self]),
            CommandGroup(name: "Recommendation", subcommands: [RecommendCommand.self, SimulateCommand.self]),
            CommandGroup(name: "Research", subcommands: [StudyCommand.self, PapersCommand.self]),
            CommandGroup(name: "File", subcommands: [ModelsCommand.self, DataCommand.self]),
        ])

    static func main() async { await Invocation.run() }
}
