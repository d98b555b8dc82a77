import Evaluation
import Testing

@Suite("Classification")
struct ClassificationTests {
    /// Predicted (rows) against gold (columns) strategies of one prompted model on 1,611 turns of ESConv.
    static let published = [
        [36, 22, 20, 22, 31, 10, 12, 5], [10, 5, 3, 2, 7, 4, 4, 0], [37, 14, 38, 17, 23, 21, 14, 6],
        [9, 8, 7, 37, 19, 13, 11, 2], [118, 32, 67, 59, 135, 97, 54, 39], [59, 28, 37, 50, 67, 97, 63, 14],
        [1, 0, 1, 9, 3, 13, 14, 2], [6, 2, 11, 7, 10, 3, 12, 32],
    ]

    static func matrix(_ rows: [[Int]]) -> ConfusionMatrix {
        var matrix = ConfusionMatrix(classCount: rows.count)
        for (predicted, row) in rows.enumerated() {
            for (gold, count) in row.enumerated() { matrix.add(predicted: predicted, gold: gold, count: count) }
        }
        return matrix
    }

    @Test("Accuracy, both F1 means, preferences and bias of a published confusion matrix")
    func publishedMatrix() throws {
        let matrix = Self.matrix(Self.published)
        #expect(matrix.total == 1_611)
        #expect(isClose(matrix.accuracy, 0.2446, absolute: 5e-5))
        #expect(isClose(matrix.macroF1, 0.2189, absolute: 5e-5))
        #expect(isClose(matrix.weightedF1, 0.2250, absolute: 5e-5))
        let bias = try #require(PreferenceBias(matrix))
        let wanted = [0.632, 0.310, 1.021, 0.479, 2.536, 1.915, 0.219, 0.888]
        for (found, expected) in zip(bias.preferences, wanted) {
            #expect(isClose(found, expected, relative: 0, absolute: 6e-4))
        }
        #expect(isClose(bias.bias, 0.7666, relative: 0, absolute: 6e-5))
    }

    @Test("Scores equal scikit-learn's where classes are missing from the gold labels or from both")
    func againstScikitLearn() throws {
        let expected = try Fixture.load().classification
        let matrix = try ConfusionMatrix(
            predicted: expected.predicted, gold: expected.gold, classCount: expected.classes)
        #expect(isClose(matrix.accuracy, expected.accuracy))
        #expect(isClose(matrix.macroF1, expected.macroF1))
        #expect(isClose(matrix.weightedF1, expected.weightedF1))
        for label in 0..<expected.classes { #expect(isClose(matrix.f1(label), expected.f1[label])) }
    }

    @Test("A perfect classifier has no bias; evenly spread confusions have a bias of 0")
    func biasAtTheEnds() throws {
        #expect(PreferenceBias(Self.matrix([[5, 0], [0, 5]])) == nil)
        let even = try #require(PreferenceBias(Self.matrix([[5, 2, 2], [2, 5, 2], [2, 2, 5]])))
        #expect(isClose(even.bias, 0))
    }

    @Test("A class never gold in a confusion leaves finite strengths")
    func biasWithoutLosses() throws {
        let bias = try #require(PreferenceBias(Self.matrix([[3, 4, 1], [0, 2, 0], [0, 1, 6]])))
        #expect(bias.preferences.allSatisfy { $0.isFinite })
        #expect(isClose(bias.preferences.reduce(0, +), 3))
        #expect(bias.preferences[0] > bias.preferences[1])
    }

    @Test("Labels outside the classes and unequal lists are errors")
    func badLabels() {
        #expect(throws: EvaluationError.self) { try ConfusionMatrix(predicted: [8], gold: [0], classCount: 8) }
        #expect(throws: EvaluationError.self) { try ConfusionMatrix(predicted: [0], gold: [-1], classCount: 8) }
        #expect(throws: EvaluationError.self) { try ConfusionMatrix(predicted: [0, 1], gold: [0], classCount: 8) }
        #expect(throws: EvaluationError.self) { try ConfusionMatrix(predicted: [], gold: [], classCount: 8) }
    }
}

@Suite("Text-blind floors")
struct TextBlindFloorTests {
    @Test("Each table predicts the most frequent training label of its condition")
    func predictions() throws {
        let floors = try TextBlindFloors(train: [[0, 1, 2], [0, 1, 2, 2], [0, 2, 1, 2], [1, 2]], classCount: 3)
        #expect(floors.prediction(.majority, previous: nil, turn: 0) == 2)
        #expect(floors.prediction(.previousLabel, previous: nil, turn: 0) == 0)
        #expect(floors.prediction(.previousLabel, previous: 0, turn: 5) == 1)
        #expect(floors.prediction(.turnIndex, previous: 2, turn: 1) == 1)
        #expect(floors.prediction(.previousLabelAndTurnIndex, previous: 1, turn: 1) == 2)
        #expect(floors.prediction(.previousLabelAndTurnIndex, previous: 2, turn: 2) == 1)
    }

    @Test("Unseen conditions fall back to the turn index, then to the majority")
    func backOff() throws {
        let floors = try TextBlindFloors(train: [[0, 1], [0, 1], [0, 2], [2, 2, 2]], classCount: 3)
        #expect(floors.prediction(.previousLabelAndTurnIndex, previous: 1, turn: 1) == 1)
        #expect(floors.prediction(.previousLabelAndTurnIndex, previous: 1, turn: 99) == 2)
        #expect(floors.prediction(.turnIndex, previous: nil, turn: 99) == 2)
        #expect(floors.prediction(.previousLabel, previous: 1, turn: 3) == 2)
    }

    @Test("A label fixed by the previous one is found by that table and not by the majority")
    func scores() throws {
        let cycles = (0..<3).map { start in (0..<12).map { ($0 + start) % 3 } }
        let floors = try TextBlindFloors(train: cycles, classCount: 3)
        let scores = try floors.scores(test: cycles)
        #expect(isClose(scores[0].accuracy, 1.0 / 3))
        #expect(isClose(scores[1].accuracy, 34.0 / 36))  // all but two of the three openings
        #expect(isClose(scores[2].accuracy, 1.0 / 3))
        #expect(try floors.best(test: cycles).accuracy == scores[1].accuracy)
    }

    @Test("No labels, and a label outside the classes, are errors")
    func bad() {
        #expect(throws: EvaluationError.self) { try TextBlindFloors(train: [[]], classCount: 3) }
        #expect(throws: EvaluationError.self) { try TextBlindFloors(train: [[3]], classCount: 3) }
    }
}
