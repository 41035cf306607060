/// Numbers of processors as the kernel writes them: `0-1,3` (cpuset(7), list format).
package enum ProcessorSet {
    private static let limit = 4096

    package static func parse(_ text: String) throws(UnitError) -> Set<Int> {
        var set: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                first <= last, last < limit
            else { throw UnitError(found: text, expected: "numbers and ranges such as 0-1,3") }
            set.formUnion(first...last)
        }
        return set
    }

    package static func text(_ set: Set<Int>) -> String {
        var ranges: [ClosedRange<Int>] = []
        for number in set.sorted() {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
