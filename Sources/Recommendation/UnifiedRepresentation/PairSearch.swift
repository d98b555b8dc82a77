import Evaluation
import Training

extension UnifiedRepresentationConfiguration {
    /// This configuration with what a search chose.
    func with(_ choice: FittingChoice) -> UnifiedRepresentationConfiguration {
        var own = self
        own.learningRate = choice.learningRate
        own.weightDecay = choice.weightDecay
        if let weight = choice.own?.value { (own.alignmentWeight, own.topologyWeight) = (weight, weight) }
        return own
    }
}

extension UnifiedRepresentationStudy.Variant {
    /// Whose search this variant goes by: what ablates or controls the method has the method's settings.
    var searched: Self {
        [.perType, .factors, .sharedFields, .contentBoosted, .dualTransfer].contains(self) ? self : .unified
    }

    /// Eight trials for every model: four rates, by two weights of the method's own terms or by two decays.
    var choices: [FittingChoice] {
        let rates = [1e-3, 3e-3, 1e-2, 3e-2]
        return self == .unified
            ? FittingChoice.grid(rates: rates, decay: 0.01, own: "both terms", [0.01, 0.1])
            : FittingChoice.grid(rates: rates, decays: [0.01, 0.1])
    }

    /// Searches for the settings of each model by the sparse type's validation pairs. Trials are as long as the trainings they
    /// choose for: what leads after a few passes need not lead at the end.
    static func search(
        _ variants: [Self], on data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration,
        note: (String) throws -> Void
    ) throws -> StudySearch {
        var search = StudySearch(watching: .area)
        let stepsPerPass = try PairSource(data.train, batchSize: configuration.batchSize, seed: 0).stepsPerEpoch
        let seed = UInt64(StudySearch.seed)
        for variant in variants {
            try note("search: \(variant.rawValue)")
            let own = variant == .perType ? data.only(type: data.sparseType) : data
            let place = variant == .perType ? 0 : data.sparseType
            try search.run(variant.rawValue, variant.choices) { choice in
                let settings = configuration.with(choice)
                let model = variant.scorer(own, settings, seed: seed)
                return try model.fit(own, settings, stepsPerPass: stepsPerPass, watching: place, seed: seed).max()
            }
        }
        return search
    }
}
