import ArgumentParser
import LanguageModel
import RemoteModels

/// Who answers: a model on this machine, or one behind an endpoint.
struct SpeakerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("A published name, a folder, a .gguf or .safetensors file, or a run.", valueName: "model"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Ask an OpenAI-compatible endpoint instead, such as http://localhost:8080/v1; --model is its name there. "
                + "WALLFACER_API_KEY is sent as the key.", valueName: "url"))
    var remote: String?

    @OptionGroup var compute: ComputeOptions

    /// A model that answers, and what to call it.
    enum Speaker {
        case local(LocalModel)
        case remote(RemoteModel)

        var chat: any ChatModel {
            switch self {
            case .local(let model): model
            case .remote(let model): model
            }
        }

        /// The continuation of a raw text.
        func continuation(of text: String, _ options: GenerationOptions) -> AsyncThrowingStream<ChatEvent, any Error> {
            switch self {
            case .local(let model): model.continuation(of: text, options: options)
            case .remote(let model): model.continuation(of: text, options: options)
            }
        }

        /// The model, and on this machine also how it computes.
        var description: String {
            switch self {
            case .local(let model): ModelOpening.description(model)
            case .remote(let model): "\(model)"
            }
        }
    }

    /// Opens the model and says on standard error which one answers.
    func open() async throws -> Speaker {
        let speaker: Speaker
        if let remote {
            let endpoint = try RemoteEndpoint(baseURL: remote)
            if let model {
                speaker = .remote(RemoteModel(model, at: endpoint))
            } else {
                speaker = .remote(try await RemoteModel.only(at: endpoint))
            }
        } else {
            speaker = .local(try ModelOpening.open(model, compute))
        }
        StandardError.write(speaker.description)
        return speaker
    }
}
