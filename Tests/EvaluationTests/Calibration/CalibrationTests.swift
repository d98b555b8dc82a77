import Evaluation
import Testing

@Suite("Calibration and discrimination")
struct CalibrationTests {
    @Test("Area under the curve and average precision equal scikit-learn's, ties included")
    func discrimination() throws {
        for entry in try Fixture.load().discrimination {
            let area = try #require(
                try Discrimination.areaUnderCurve(scores: entry.scores, positive: entry.positive))
            let precision = try #require(
                try Discrimination.averagePrecision(scores: entry.scores, positive: entry.positive))
            #expect(isClose(area, entry.area))
            #expect(isClose(precision, entry.precision))
        }
    }

    @Test("Without positives or negatives the area is not defined, and a score that is no number is an error")
    func undefined() throws {
        #expect(try Discrimination.areaUnderCurve(scores: [1, 2], positive: [true, true]) == nil)
        #expect(try Discrimination.averagePrecision(scores: [1, 2], positive: [false, false]) == nil)
        #expect(throws: EvaluationError.self) {
            try Discrimination.areaUnderCurve(scores: [1, .nan], positive: [true, false])
        }
    }

    @Test("Expected calibration error by hand: bins of half-open width, weighted by their counts")
    func expectedError() throws {
        // Bins of (0, 0.5] and (0.5, 1]: {0.4 right, 0.5 wrong, 0 wrong} and {0.9 right, 0.7 wrong}.
        let error = try Calibration.expectedError(
            confidences: [0.4, 0.5, 0.9, 0.7, 0], correct: [true, false, true, false, false], bins: 2)
        #expect(isClose(error, (abs(0.9 - 1) + abs(1.6 - 1)) / 5))
        #expect(try Calibration.expectedError(confidences: [1, 1], correct: [true, true]) == 0)
        // Against the truth instead of outcomes: |0.2 + 0.2 - 0.1 - 0.5| in one bin, 0 in the other, over three.
        let known = try Calibration.expectedError(confidences: [0.2, 0.2, 0.9], truth: [0.1, 0.5, 0.9])
        #expect(abs(known - 0.2 / 3) < 1e-12)
        #expect(throws: EvaluationError.self) { try Calibration.expectedError(confidences: [0.5], truth: [1.5]) }
        #expect(try Calibration.expectedError(confidences: [1, 1], correct: [false, false]) == 1)
        #expect(throws: EvaluationError.self) { try Calibration.expectedError(confidences: [1.2], correct: [true]) }
    }

    @Test("Isotonic regression by hand: falling neighbours share their mean, equal scores one value")
    func isotonic() throws {
        let fit = try IsotonicRegression(scores: [3, 1, 2, 2, 5, 4], values: [2, 3, 1, 9, 7, 12])
        // 1: 3; 2: (1 + 9) / 2 = 5, above 3: 2, so that 2 and 3 are 4; 4 and 5: (12 + 7) / 2.
        #expect([0, 1, 1.9, 2, 3, 3.5, 4, 5, 99].map { fit($0) } == [3, 3, 3, 4, 4, 4, 9.5, 9.5, 9.5])
        // What rises already is kept; what only falls is its mean.
        let rising = try IsotonicRegression(scores: [1, 2, 3], values: [1, 4, 5])
        #expect([1, 2, 3].map { rising($0) } == [1, 4, 5])
        #expect(try IsotonicRegression(scores: [1, 2, 3], values: [5, 4, 3])(2) == 4)
        #expect(throws: EvaluationError.self) { try IsotonicRegression(scores: [1, .nan], values: [1, 2]) }
        #expect(throws: EvaluationError.empty(metric: "isotonic regression")) {
            try IsotonicRegression(scores: [], values: [])
        }
    }

    @Test("Brier score by hand")
    func brier() throws {
        let score = try Calibration.brierScore(probabilities: [0.8, 0.3], outcomes: [true, true])
        #expect(isClose(score, 0.265))
    }
}
