import Foundation

/// A thread of its own for everything that computes with tensors.
///
/// LibTorch keeps gradient mode and worker teams per thread, so a run does its work on one thread: an actor that returns
/// this executor from `unownedExecutor` always runs there.
public final class TensorExecutor: SerialExecutor {
    private let queue = JobQueue()

    /// - Parameter name: what debuggers call the thread.
    public init(name: String = "tensors") {
        let thread = Thread { [queue] in queue.runUntilFinished() }
        thread.name = name
        thread.stackSize = 16 << 20
        thread.start()
    }

    deinit { queue.finish() }

    public func enqueue(_ job: consuming ExecutorJob) { queue.append(UnownedJob(job), for: self) }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}

/// Jobs in the order of their arrival; the condition guards every member.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [(job: UnownedJob, executor: TensorExecutor)] = []
    private var isFinished = false

    /// A waiting job keeps its executor alive.
    func append(_ job: UnownedJob, for executor: TensorExecutor) {
        condition.withLock {
            jobs.append((job, executor))
            condition.signal()
        }
    }

    func finish() {
        condition.withLock {
            isFinished = true
            condition.signal()
        }
    }

    func runUntilFinished() {
        while true {
            let taken = condition.withLock {
                while jobs.isEmpty, !isFinished { condition.wait() }
                defer { jobs = [] }
                return jobs
            }
            if taken.isEmpty { return }
            for (job, executor) in taken { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
        }
    }
}
