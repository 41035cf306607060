import Foundation
import Model
import Testing

@testable import Report

@Suite struct PlotScaleTests {
    /// The examples that d3-array's own tests give of `d3.ticks`, whose rule of nice numbers is the usual one.
    @Test(
        arguments: [
            (0, 1, 10, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]), (0, 1, 7, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (0, 1, 3, [0, 0.5, 1]), (0, 1, 1, [0, 1]), (0, 2.2, 3, [0, 1, 2]), (0, 10, 4, [0, 2, 4, 6, 8, 10]),
            (0, 10, 2, [0, 5, 10]), (-10, 10, 10, [-10, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10]),
            (-10, 10, 3, [-10, -5, 0, 5, 10]),
            (-10, 10, 1, [0]), (1, 1, 5, [1]), (0, 1, 0, []),
            (0.98, 1.14, 10, [0.98, 1, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12, 1.14]),
        ] as [(Double, Double, Int, [Double])])
    func linearTicksAreNiceNumbers(_ lower: Double, _ upper: Double, _ count: Int, _ expected: [Double]) {
        #expect(Ticks.linear(lower, upper, count: count) == expected)
    }

    @Test(
        arguments: [
            (1, 1000, 4, [1, 10, 100, 1000]), (1, 100, 7, [1, 2, 5, 10, 20, 50, 100]),
            (3, 600, 5, [3, 10, 30, 100, 300]),
            (20, 90, 4, [20, 40, 60, 80]), (1, 1e8, 3, [1, 1e3, 1e6]), (0.01, 0.2, 4, [0.01, 0.03, 0.1]),
        ] as [(Double, Double, Int, [Double])])
    func decimalTicksAreRound(_ lower: Double, _ upper: Double, _ count: Int, _ expected: [Double]) {
        let ticks = Ticks.decimal(lower, upper, count: count)
        #expect(
            ticks.count == expected.count && zip(ticks, expected).allSatisfy { abs($0 - $1) < 1e-9 * $1 }, "\(ticks)")
    }

    @Test func binaryTicksArePowersOfTwo() {
        #expect(Ticks.binary(64, 2048, count: 6) == [64, 128, 256, 512, 1024, 2048])
        #expect(Ticks.binary(60, 4100, count: 4) == [64, 256, 1024, 4096])
        #expect(Ticks.binary(65, 127, count: 4) == [])
    }

    /// Whatever the range: within it, ascending, no more than can be written.
    @Test func labelsOfAnyRangeKeepApart() {
        var generator = SplitMix64(seed: 7)
        for _ in 0..<400 {
            let lower = pow(10, generator.unit() * 12 - 4)
            let upper = lower * pow(10, generator.unit() * 8)
            for isLogarithmic in [false, true] {
                for quantity in [Quantity.metric(.p95), .axis(.memory), .metric(.throughput)] {
                    let axis = PlotAxis(quantity, PlotScale(lower...upper, isLogarithmic: isLogarithmic))
                    let extent = { (label: String) in SVGFont.width(label) + 10 }
                    let ticks = axis.ticks(along: 300, extent: extent)
                    #expect(PlotAxis.fit(ticks, 300, extent))
                    #expect(ticks.allSatisfy { (0...1).contains($0.share) })
                    #expect(Set(ticks.map(\.label)).count == ticks.count, "\(lower) \(upper) \(ticks.map(\.label))")
                }
            }
        }
    }

    @Test func aScaleKeepsOrderAndEnds() {
        for isLogarithmic in [false, true] {
            let scale = PlotScale(2...200, isLogarithmic: isLogarithmic)
            #expect(scale.share(2) == 0 && scale.share(200) == 1)
            #expect(scale.share(-1) == 0 && scale.share(.infinity) == 1)
            #expect(abs(scale.share(isLogarithmic ? 20 : 101) - 0.5) < 1e-12)
        }
        let point = PlotScale(5...5, isLogarithmic: true)
        #expect(point.share(5) > 0 && point.share(5) < 1)
    }

    @Test func valuesThatDoubleAreGeometric() {
        #expect(PlotScale.isGeometric([64, 128, 256, 512]) && PlotScale.isGeometric([1, 10, 100]))
        #expect(!PlotScale.isGeometric([0.2, 0.3, 0.4, 0.6, 0.8, 1]) && !PlotScale.isGeometric([1, 2, 3, 4, 5]))
        #expect(!PlotScale.isGeometric([0, 1, 10]) && !PlotScale.isGeometric([1, 100]) && !PlotScale.isGeometric([]))
        #expect(
            PlotScale.spansDecades([1, 11]) && !PlotScale.spansDecades([1, 9]) && !PlotScale.spansDecades([0, 11]))
    }

    @Test(
        arguments: [
            (Quantity.axis(.memory), [128.0, 4096].map { $0 * 1_048_576 }, "memory (MiB)", ["128", "4096"]),
            (.axis(.memory), [1, 8].map { $0 * 1_073_741_824 }, "memory (GiB)", ["1", "8"]),
            (.axis(.memory), [1e8, 2e8], "memory (MB)", ["100", "200"]),
            (.axis(.network), [1_048_576, 3 * 1_048_576], "network rate (MiB/s)", ["1", "3"]),
            (.axis(.cpu), [0.2, 1.5], "CPU quota (% of one core)", ["20", "150"]),
            (.axis(.frequency), [1.8e9, 2.4e9], "core frequency (GHz)", ["1.8", "2.4"]),
            (.axis(.vcpus), [1, 4], "virtual processors", ["1", "4"]),
            (.metric(.p95), [0.0004, 0.0015], "p95 response time (µs)", ["400", "1500"]),
            (.metric(.mean), [2, 40], "mean response time (s)", ["2", "40"]),
            (.metric(.energy), [0.05, 0.08], "energy per request (mJ)", ["50", "80"]),
        ] as [(Quantity, [Double], String, [String])])
    func axesAreWrittenInTheirUnit(_ quantity: Quantity, _ values: [Double], _ title: String, _ labels: [String]) {
        let axis = PlotAxis(quantity, PlotScale(values[0]...values[1], isLogarithmic: false), levels: values)
        #expect(axis.title == title && axis.labels == labels)
    }

    /// Five colours and the ends as matplotlib gives them for `viridis` at 0, 1/4, 1/2, 3/4 and 1.
    @Test(
        arguments: [(0, "#440154"), (0.25, "#3b528b"), (0.5, "#21918c"), (0.75, "#5ec962"), (1, "#fde725")]
            as [(Double, String)])
    func viridisIsTheOneThatIsKnown(_ share: Double, _ hex: String) {
        #expect(Viridis.colour(share).hex == hex)
    }

    /// CIE lightness rises by the same from colour to colour, but for rounding: what is printed in greys can be read off.
    @Test func viridisIsAsEvenInGreys() {
        let lightness = Viridis.colours.map { colour -> Double in
            let parts = [colour.red, colour.green, colour.blue].map { part -> Double in
                let value = Double(part) / 255
                return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            return 116 * cbrt(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) - 16
        }
        let steps = zip(lightness, lightness.dropFirst()).map { $1 - $0 }
        #expect(lightness.count == 256 && steps.allSatisfy { $0 > -0.05 })
        let mean = steps.reduce(0, +) / 255
        for start in stride(from: 0, to: 240, by: 16) {
            #expect(abs(steps[start..<start + 16].reduce(0, +) / 16 / mean - 1) < 0.2)
        }
    }
}
