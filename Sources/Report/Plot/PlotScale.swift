import Glibc

/// How values become places: a share of the way from the lower end to the upper.
package struct PlotScale: Hashable, Sendable {
    package enum Choice: String, CaseIterable, Sendable { case auto, linear, log }

    let lower: Double
    let upper: Double
    let isLogarithmic: Bool

    /// The range is widened when it is empty; of a logarithmic scale it is above zero.
    init(_ range: ClosedRange<Double>, isLogarithmic: Bool) {
        self.isLogarithmic = isLogarithmic
        if range.lowerBound < range.upperBound {
            (lower, upper) = (range.lowerBound, range.upperBound)
        } else if range.lowerBound == 0 {
            (lower, upper) = (0, 1)
        } else {
            let size = abs(range.lowerBound)
            (lower, upper) = (range.lowerBound - size / 2, range.upperBound + size / 2)
        }
    }

    /// Between 0 and 1 also for what lies outside, such as an end of an interval at zero or at infinity.
    func share(_ value: Double) -> Double {
        if value <= lower { return 0 }
        if value >= upper { return 1 }
        let share = isLogarithmic ? log(value / lower) / log(upper / lower) : (value - lower) / (upper - lower)
        return min(1, max(0, share))
    }

    func contains(_ value: Double) -> Bool { lower <= value && value <= upper }

    /// The same with room at both ends, as a share of the length; zero stays where it is.
    func padded(_ share: Double) -> PlotScale {
        if isLogarithmic {
            let factor = pow(upper / lower, share)
            return PlotScale(lower / factor...upper * factor, isLogarithmic: true)
        }
        let room = (upper - lower) * share
        return PlotScale((lower == 0 ? 0 : lower - room)...upper + room, isLogarithmic: false)
    }

    /// Whether figures span so much that the lowest could not be told apart on a linear scale: a decade.
    static func spansDecades(_ values: [Double]) -> Bool {
        guard let least = values.min(), let most = values.max(), least > 0 else { return false }
        return most / least >= 10
    }

    /// Whether chosen values are spread much more evenly by their ratios than by their differences.
    static func isGeometric(_ ascending: [Double]) -> Bool {
        guard let least = ascending.first, let most = ascending.last, ascending.count > 2, least > 0,
            most / least >= 4
        else { return false }
        let unevenness = { (values: [Double]) -> Double in
            let gaps = zip(values, values.dropFirst()).map { $1 - $0 }
            return (gaps.max() ?? 1) / (gaps.min() ?? 1)
        }
        return unevenness(ascending.map { log($0) }) * 2 < unevenness(ascending)
    }
}

/// Round numbers within a range.
enum Ticks {
    /// Multiples of 1, 2 or 5 times a power of ten: of these steps the one that is nearest, as a ratio, to `count` steps in the
    /// range. All of them are within the range.
    static func linear(_ lower: Double, _ upper: Double, count: Int) -> [Double] {
        guard lower.isFinite, upper.isFinite, lower < upper, count > 0 else { return lower == upper ? [lower] : [] }
        let wanted = (upper - lower) / Double(count)
        let power = log10(wanted).rounded(.down)
        let rest = wanted / pow(10, power)
        let factor = rest >= 50.0.squareRoot() ? 10.0 : rest >= 10.0.squareRoot() ? 5 : rest >= 2.0.squareRoot() ? 2 : 1
        // Below one, by division: 3 / 10 is nearer to 0.3 than 3 × 0.1.
        let divisor = pow(10, -power) / factor
        let step = pow(10, power) * factor
        let value = { (index: Double) in power < 0 ? index / divisor : index * step }
        let place = { (value: Double) in (power < 0 ? value * divisor : value / step).rounded() }
        var (first, last) = (place(lower), place(upper))
        if value(first) < lower { first += 1 }
        if value(last) > upper { last -= 1 }
        if first > last { return count < 2 ? linear(lower, upper, count: count * 2) : [] }
        // Adding zero makes a negative zero a plain one.
        return stride(from: first, through: last, by: 1).map { value($0) + 0 }
    }

    /// At most `count` powers of ten, with 2 and 5 times them where there is room; where the range holds too few, multiples as
    /// on a linear scale.
    static func decimal(_ lower: Double, _ upper: Double, count: Int) -> [Double] {
        guard lower > 0, lower < upper, upper.isFinite, count > 0 else { return [] }
        let decades = stride(from: log10(lower).rounded(.down), through: log10(upper).rounded(.up), by: 1)
        for steps in [[1.0, 2, 5], [1, 3], [1]] {
            let ticks = decades.flatMap { power in steps.map { $0 * pow(10, power) } }
                .filter { lower <= $0 && $0 <= upper }
            if ticks.count <= count, ticks.count > 2 { return ticks }
        }
        let powers = decades.map { $0 }.filter { (lower...upper).contains(pow(10, $0)) }
        if powers.count <= 2 {
            let ticks = linear(lower, upper, count: count)
            return ticks.count <= count || powers.count < 2 ? ticks : powers.map { pow(10, $0) }
        }
        return thinned(powers, to: count).map { pow(10, $0) }
    }

    /// At most `count` powers of two.
    static func binary(_ lower: Double, _ upper: Double, count: Int) -> [Double] {
        guard lower > 0, lower < upper, upper.isFinite, count > 0 else { return [] }
        let powers = stride(from: log2(lower).rounded(.up), through: log2(upper).rounded(.down), by: 1).map { $0 }
        return thinned(powers, to: count).map { exp2($0) }
    }

    /// Every second, third, … power, so that the distance is the same.
    private static func thinned(_ powers: [Double], to count: Int) -> [Double] {
        let distance = max(1, (powers.count + count - 1) / count)
        return stride(from: 0, to: powers.count, by: distance).map { powers[$0] }
    }
}
