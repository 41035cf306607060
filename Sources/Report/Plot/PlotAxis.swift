import Glibc

/// A direction of a figure with its title and its ticks.
struct PlotAxis: Sendable {
    enum Kind: Sendable {
        /// In the quantity's own unit.
        case numbers(Numbers)
        /// At equal distances; the value of a name is its place.
        case names([String])
    }

    struct Numbers: Sendable {
        let scale: PlotScale
        let unit: DisplayUnit
        /// The values that occur, ascending, when these are few and chosen.
        let levels: [Double]?
        /// Whether the levels are at equal distances, whatever they are, and what lies between them between.
        let isEven: Bool
        let countsInPowersOfTwo: Bool

        func share(_ value: Double) -> Double {
            guard isEven, let levels, let first = levels.first else { return scale.share(value) }
            let count = Double(levels.count)
            guard let upper = levels.firstIndex(where: { $0 >= value }) else { return (count - 0.5) / count }
            if value <= first { return 0.5 / count }
            let between = PlotScale(levels[upper - 1]...levels[upper], isLogarithmic: scale.isLogarithmic)
            return (Double(upper) - 0.5 + between.share(value)) / count
        }
    }

    struct Tick: Hashable, Sendable {
        /// Of the axis' length.
        let share: Double
        let label: String
    }

    let title: String
    let kind: Kind

    init(_ quantity: Quantity, _ scale: PlotScale, levels: [Double]? = nil, isEven: Bool = false) {
        let unit = DisplayUnit(
            quantity, levels.flatMap { Self.ends($0) } ?? (scale.lower...scale.upper))
        title = quantity.heading + (unit.symbol.isEmpty ? "" : " (\(unit.symbol))")
        kind = .numbers(
            Numbers(
                scale: scale, unit: unit, levels: levels, isEven: isEven,
                countsInPowersOfTwo: quantity.countsInPowersOfTwo))
    }

    init(_ resource: Quantity, names: [String]) {
        title = resource.heading
        kind = .names(names)
    }

    private static func ends(_ values: [Double]) -> ClosedRange<Double>? {
        guard let least = values.min(), let most = values.max() else { return nil }
        return least...most
    }

    func share(_ value: Double) -> Double {
        switch kind {
        case .numbers(let numbers): numbers.share(value)
        case .names(let names): (value + 0.5) / Double(max(1, names.count))
        }
    }

    /// Nil of names.
    var scale: PlotScale? { if case .numbers(let numbers) = kind { numbers.scale } else { nil } }

    /// Ticks whose labels do not touch along `length`; a label takes `extent`, the space to the next one included. Names are all
    /// there, whether they fit or not.
    func ticks(along length: Double, extent: (String) -> Double) -> [Tick] {
        switch kind {
        case .names(let names):
            return names.enumerated().map { Tick(share: share(Double($0.offset)), label: $0.element) }
        case .numbers(let numbers):
            let (scale, unit) = (numbers.scale, numbers.unit)
            if let levels = numbers.levels {
                let ticks = ticks(levels.filter(scale.contains), unit, alike: false, significant: true)
                if Self.fit(ticks, length, extent) { return ticks }
            }
            let (lower, upper) = (scale.lower / unit.size, scale.upper / unit.size)
            for count in (1...max(1, Int(length / extent("0")))).reversed() {
                let values =
                    if !scale.isLogarithmic {
                        Ticks.linear(lower, upper, count: count)
                    } else if numbers.countsInPowersOfTwo {
                        Ticks.binary(lower, upper, count: count)
                    } else {
                        Ticks.decimal(lower, upper, count: count)
                    }
                let ticks = ticks(values.map { $0 * unit.size }, unit, alike: !scale.isLogarithmic)
                if Self.fit(ticks, length, extent) { return ticks }
            }
            return []
        }
    }

    /// Every second, third, … of the ticks, so that the labels do not touch.
    static func thinned(_ ticks: [Tick], along length: Double, extent: (String) -> Double) -> [Tick] {
        for step in 1...max(1, ticks.count) {
            let some = stride(from: 0, to: ticks.count, by: step).map { ticks[$0] }
            if fit(some, length, extent) { return some }
        }
        return []
    }

    /// Between decades, without labels.
    var minorShares: [Double] {
        guard case .numbers(let numbers) = kind, !numbers.countsInPowersOfTwo, numbers.scale.isLogarithmic,
            numbers.scale.upper / numbers.scale.lower <= 1e6
        else { return [] }
        let (scale, unit) = (numbers.scale, numbers.unit)
        var decade = pow(10, log10(scale.lower / unit.size).rounded(.down))
        var shares: [Double] = []
        while decade * unit.size < scale.upper {
            for factor in 1...9 {
                let value = decade * Double(factor) * unit.size
                if scale.contains(value) { shares.append(scale.share(value)) }
            }
            decade *= 10
        }
        return shares
    }

    static func fit(_ ticks: [Tick], _ length: Double, _ extent: (String) -> Double) -> Bool {
        zip(ticks, ticks.dropFirst()).allSatisfy {
            ($1.share - $0.share) * length >= (extent($0.label) + extent($1.label)) / 2
        }
    }

    /// Of each level or name, whether they fit or not.
    var labels: [String] {
        switch kind {
        case .names(let names): names
        case .numbers(let numbers):
            ticks(numbers.levels ?? [], numbers.unit, alike: false, significant: true).map(\.label)
        }
    }

    /// A value in the axis' unit, for a narrow place.
    func short(_ value: Double) -> String {
        guard case .numbers(let numbers) = kind else { return PlotNumber.plain(value, 0) }
        let shown = numbers.unit.shown(value)
        return PlotNumber.plain(shown, abs(shown) >= 100 ? 0 : abs(shown) >= 10 ? 1 : 2)
    }

    /// `alike`: with as many decimals each; `significant`: with no more digits than tell something.
    private func ticks(_ values: [Double], _ unit: DisplayUnit, alike: Bool, significant: Bool = false) -> [Tick] {
        let shown = values.map { Self.rounded(unit.shown($0)) }
        let decimals = shown.map { Self.decimals($0, most: significant && $0 >= 1 ? 4 - Self.digits($0) : 6) }
        let most = alike ? decimals.max() : nil
        return zip(zip(values, shown), decimals).map { value, places in
            Tick(share: share(value.0), label: PlotNumber.plain(value.1, most ?? places))
        }
    }

    /// In front of the point.
    private static func digits(_ value: Double) -> Int { min(4, Int(log10(max(1, abs(value)))) + 1) }

    /// Without what binary fractions add to decimal ones.
    private static func rounded(_ value: Double) -> Double {
        abs(value) < 1e9 ? (value * 1e6).rounded() / 1e6 : value
    }

    private static func decimals(_ value: Double, most: Int) -> Int {
        var (scale, places) = (1.0, 0)
        while places < most, abs((value * scale).rounded() - value * scale) > 1e-6 * scale.squareRoot() {
            scale *= 10
            places += 1
        }
        return places
    }
}
