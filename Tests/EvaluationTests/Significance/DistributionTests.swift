import Evaluation
import Foundation
import Testing

@Suite("Distributions against scipy")
struct DistributionTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture.load() }

    @Test("The logarithm of the gamma function and the incomplete beta function")
    func specialFunctions() {
        for entry in fixture.logGamma {
            #expect(isClose(SpecialFunctions.logGamma(entry.x), entry.value, absolute: 1e-14), "x = \(entry.x)")
        }
        for entry in fixture.incompleteBeta {
            let value = SpecialFunctions.incompleteBeta(entry.x, entry.a, entry.b)
            #expect(
                isClose(value, entry.value, relative: 1e-9, absolute: 1e-14), "I_\(entry.x)(\(entry.a), \(entry.b))")
        }
    }

    @Test("Student's t: distribution function and quantiles from 1 to 2500 degrees of freedom")
    func student() {
        for entry in fixture.studentCumulative {
            let value = StudentDistribution(degreesOfFreedom: entry.degrees).cumulative(entry.t)
            #expect(isClose(value, entry.value, relative: 1e-9, absolute: 1e-13), "t = \(entry.t), \(entry.degrees)")
        }
        for entry in fixture.studentQuantile {
            let value = StudentDistribution(degreesOfFreedom: entry.degrees).quantile(entry.probability)
            #expect(isClose(value, entry.value, relative: 1e-9), "p = \(entry.probability), \(entry.degrees)")
        }
    }

    @Test("The normal quantile, also far in the tail and at the ends")
    func normal() {
        for entry in fixture.normalQuantile {
            #expect(isClose(NormalDistribution.quantile(entry.probability), entry.value, relative: 1e-9))
        }
        #expect(NormalDistribution.quantile(0) == -.infinity)
        #expect(NormalDistribution.quantile(1) == .infinity)
        #expect(NormalDistribution.quantile(0.5) == 0)
        #expect(NormalDistribution.quantile(1.5).isNaN)
    }
}
