/// Makes a tensor again in the backward pass that would otherwise be kept for it. What feeds matrix products and is cheap
/// to make (a norm, a gate, a weight in the compute type) carries one; the products keep it in the tensor's place.
package final class Recomputation {
    private let make: () -> Tensor
    private var users = 0
    private var waiting = 0
    private var made: Tensor?

    package init(_ make: @escaping () -> Tensor) { self.make = make }

    /// Announces one more product that will ask for the tensor in each backward pass.
    func addUser() { users += 1 }

    /// The tensor, made for the first product that asks and dropped after the last.
    func take() -> Tensor {
        if waiting == 0 { waiting = users }
        waiting -= 1
        let tensor = made ?? withoutGradients(make)
        made = waiting > 0 ? tensor : nil
        return tensor
    }
}
