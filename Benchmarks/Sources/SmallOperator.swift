import Tensors

/// Multiplications of two 8 × 8 tensors; seconds a call.
func smallOperator(calls: Int) {
    let a = Tensor.full([8, 8], 1.5)
    let b = Tensor.full([8, 8], 0.5)
    var clock: [Double] = []
    for _ in 0..<10 { clock.append(seconds { for _ in 0..<calls { _ = a * b } } / Double(calls)) }
    report(["seconds": clock, "sum": (a * b).sum().item])
}

/// Bytes a second that one thread and all threads read from 512 MiB, a sum as LibTorch computes it.
func streamingRead() {
    let numbers = Tensor.full([128 << 20], 1)
    let bytes = Double(numbers.count * 4)
    func best() -> Double { (0..<5).map { _ in bytes / seconds { _ = numbers.maximum().item } }.max() ?? 0 }
    let threads = Runtime.threadCount
    let all = best()
    Runtime.threadCount = 1
    report(["bytesPerSecond": all, "bytesPerSecondOneThread": best(), "threads": threads])
}
