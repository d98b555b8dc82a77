import Foundation

/// Values computed by the reference implementations (Scripts/fixtures/evaluation.py).
struct Fixture: Decodable {
    struct IncompleteBeta: Decodable { let x, a, b, value: Double }
    struct LogGamma: Decodable { let x, value: Double }
    struct StudentCumulative: Decodable { let degrees, t, value: Double }
    struct StudentQuantile: Decodable { let degrees, probability, value: Double }
    struct QuantileValue: Decodable { let probability, value: Double }
    struct Paired: Decodable {
        let first, second: [Double]
        let statistic, probability, low, high, detectable: Double
    }
    struct Proportion: Decodable {
        let successes, trials: Int
        let low, high: Double
    }
    struct CorrelationValue: Decodable {
        let first, second: [Double]
        let pearson, spearman: Double
    }
    struct DiscriminationValue: Decodable {
        let scores: [Double]
        let positive: [Bool]
        let area, precision: Double
    }
    struct Classification: Decodable {
        let gold, predicted: [Int]
        let classes: Int
        let accuracy, macroF1, weightedF1: Double
        let f1: [Double]
    }
    struct Overlap: Decodable { let precision, recall, f: Double }
    struct Generation: Decodable {
        let candidates, references: [[String]]
        let bleu: [Double]
        let rouge: [Overlap]
    }
    struct Sample: Decodable {
        let values: [Double]
        let quantiles: [QuantileValue]
    }

    let incompleteBeta: [IncompleteBeta]
    let logGamma: [LogGamma]
    let studentCumulative: [StudentCumulative]
    let studentQuantile: [StudentQuantile]
    let normalQuantile: [QuantileValue]
    let paired: [Paired]
    let proportion: [Proportion]
    let correlation: [CorrelationValue]
    let discrimination: [DiscriminationValue]
    let classification: Classification
    let generation: Generation
    let quantile: Sample

    static func load() throws -> Fixture {
        let file = URL(filePath: Bundle.module.resourcePath! + "/Fixtures/evaluation.json")
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
    }
}

func isClose(_ first: Double, _ second: Double, relative: Double = 1e-10, absolute: Double = 1e-12) -> Bool {
    abs(first - second) <= absolute + relative * abs(second)
}
