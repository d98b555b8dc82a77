/// One of the published systems that Wallfacer builds, and how far that is.
public struct Paper: Sendable, Equatable, Encodable {
    /// How much of the original could be read.
    public enum Source: String, Sendable, Encodable, CaseIterable {
        case textAndCode = "text and code"
        case text
        case code
        case codeAndFigures = "code and figures"
        case precursorCode = "precursor code"
        case notesAndCode = "notes and code"
        case figuresAndTables = "figures and tables"
        case equations
        case abstractAndNotes = "abstract and notes"
        case abstract
        case digest
        case notes
    }

    /// What runs today, counted from the registered methods and studies.
    public enum Status: String, Sendable, Encodable {
        /// Every method and every study is there.
        case complete
        case partial
        /// Nothing of it runs yet.
        case planned
    }

    public let number: Int
    /// The name people know it by.
    public let system: String
    public let title: String
    /// Where it appeared, with its arXiv number.
    public let reference: String
    /// Below `Sources`.
    public let folders: [String]
    public let source: Source
    /// The names of its methods in `train` and `evaluate`.
    public let methods: [String]
    /// The identifiers of its studies.
    public let studies: [String]
    /// What exists now, in a sentence.
    public let note: String

    /// How much of it is there, given what is registered.
    public func status(methods: Set<String>, studies: Set<String>) -> Status {
        let wanted = self.methods.count + self.studies.count
        let present = methods.intersection(self.methods).count + studies.intersection(self.studies).count
        return present == 0 ? .planned : present == wanted ? .complete : .partial
    }
}
