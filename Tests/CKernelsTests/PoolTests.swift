import CKernels
import Foundation
import Synchronization
import Testing

/// Counts how often each index was visited.
final class Visits: Sendable {
    let counts: Mutex<[Int]>

    init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }

    func run(on pool: Pool?, count: Int32) {
        wf_pool_run(
            pool?.pointer, count,
            { context, index in
                Unmanaged<Visits>.fromOpaque(context!).takeUnretainedValue().counts.withLock { $0[Int(index)] += 1 }
            }, Unmanaged.passUnretained(self).toOpaque())
        withExtendedLifetime((self, pool)) {}
    }
}

/// The processor time that each thread of a pool has used, in seconds.
final class ProcessorTimes: Sendable {
    private let times = Mutex<[UInt: [Double]]>([:])

    var earliest: [UInt: Double] { times.withLock { $0.compactMapValues(\.first) } }
    var latest: [UInt: Double] { times.withLock { $0.compactMapValues(\.last) } }

    /// Gives every thread something to wait for, so that each of them takes part.
    func record(on pool: Pool) {
        wf_pool_run(
            pool.pointer, 12,
            { context, _ in
                let times = Unmanaged<ProcessorTimes>.fromOpaque(context!).takeUnretainedValue()
                times.append()
                Thread.sleep(forTimeInterval: 0.005)
                times.append()
            }, Unmanaged.passUnretained(self).toOpaque())
        withExtendedLifetime((self, pool)) {}
    }

    private func append() {
        var used = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
        let seconds = Double(used.tv_sec) + Double(used.tv_nsec) * 1e-9
        let thread = UInt(bitPattern: ObjectIdentifier(Thread.current).hashValue)
        times.withLock { $0[thread, default: []].append(seconds) }
    }
}

extension KernelTests {
    @Suite("Threads")
    struct Threads {
        @Test("Every index is visited exactly once, in 20,000 loops of changing size", arguments: [1, 2, 3, 8])
        func everyIndexOnce(threads: Int32) throws {
            let pool = try Pool(threads: threads)
            #expect(wf_pool_threads(pool.pointer) == threads)
            let visits = Visits(40)
            var expected = [Int](repeating: 0, count: 40)
            for loop in 0..<20_000 {
                let count = loop % 41
                visits.run(on: pool, count: Int32(count))
                for index in 0..<count { expected[index] += 1 }
            }
            #expect(visits.counts.withLock { $0 } == expected)
        }

        @Test("Threads that fell asleep wake up, and a pool that never ran can be destroyed")
        func sleepAndWake() throws {
            let unused = try Pool(threads: 4)
            let pool = try Pool(threads: 4)
            let visits = Visits(8)
            for _ in 0..<20 {
                Thread.sleep(forTimeInterval: 0.002)
                visits.run(on: pool, count: 8)
            }
            #expect(visits.counts.withLock { $0 } == [Int](repeating: 20, count: 8))
            withExtendedLifetime(unused) {}
        }

        @Test("Idle threads use no processor time")
        func idleIsPassive() throws {
            let pool = try Pool(threads: 4)
            let before = ProcessorTimes()
            before.record(on: pool)
            Thread.sleep(forTimeInterval: 0.3)
            let after = ProcessorTimes()
            after.record(on: pool)
            // Spinning would have used 0.3 s on each of three threads, or what the processors gave them.
            let spent = before.latest.compactMap { thread, time in after.earliest[thread].map { $0 - time } }
            #expect(spent.count >= 2)
            #expect(spent.allSatisfy { $0 < 0.02 }, "\(spent)")
        }

        @Test("Two callers of one pool, and a loop inside a loop, both finish")
        func concurrentCallers() throws {
            let pool = try Pool(threads: 3)
            let visits = Visits(16)
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                for _ in 0..<500 { visits.run(on: pool, count: 16) }
            }
            #expect(visits.counts.withLock { $0 } == [Int](repeating: 2000, count: 16))

            final class Nested: Sendable {
                let pool: Pool
                let visits = Visits(4)
                init(pool: Pool) { self.pool = pool }
            }
            let nested = Nested(pool: pool)
            wf_pool_run(
                pool.pointer, 5,
                { context, _ in
                    let nested = Unmanaged<Nested>.fromOpaque(context!).takeUnretainedValue()
                    nested.visits.run(on: nested.pool, count: 4)
                }, Unmanaged.passUnretained(nested).toOpaque())
            withExtendedLifetime(nested) {}
            #expect(nested.visits.counts.withLock { $0 } == [5, 5, 5, 5])
        }

        @Test("Without a pool the caller does everything")
        func noPool() {
            let visits = Visits(3)
            visits.run(on: nil, count: 3)
            #expect(visits.counts.withLock { $0 } == [1, 1, 1])
            #expect(wf_pool_threads(nil) == 1)
        }
    }
}
