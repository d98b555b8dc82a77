extension ChatTemplate {
    /// This template as the text of a `chat_template.jinja`, from which transformers renders the same; nil for templates
    /// whose text only their own files have (thoughts, Llama 3, Gemma).
    package var jinja: String? {
        guard format == .chatML, !thinks else { return nil }
        let opening = defaultSystem.map {
            "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n' + \(Self.literal($0)) + '<|im_end|>\\n' }}"
                + "{% endif %}"
        }
        return (opening ?? "")
            + "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
            + "+ '<|im_end|>\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    }

    private static func literal(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'").replacing("\n", with: "\\n")
        return "'\(escaped)'"
    }
}
