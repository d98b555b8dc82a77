/// Distinct-n (Li et al. 2016): different n-grams over all n-grams of a set of texts, in [0, 1]; 0 if there are none.
///
/// It falls with the amount of text: compare only sets of equal size.
public func distinct(_ texts: [[String]], order: Int) -> Double {
    var seen: Set<ArraySlice<String>> = []
    var total = 0
    for text in texts {
        for (gram, count) in NGrams.counts(text, order: order) {
            seen.insert(gram)
            total += count
        }
    }
    return total == 0 ? 0 : Double(seen.count) / Double(total)
}
