import Model
import Testing

@Suite struct UnitsTests {
    @Test(arguments: [
        ("50 ms", 50_000_000), ("50ms", 50_000_000), ("1.5 s", 1_500_000_000), ("4 min", 240_000_000_000),
        ("2 h", 7_200_000_000_000), ("7 us", 7_000), ("3 ns", 3),
    ])
    func durationsAreRead(_ text: String, _ nanoseconds: Int64) throws {
        #expect(try Units.duration(text).nanoseconds == nanoseconds)
    }

    @Test(arguments: ["50", "ms", "", "-1 s", "0 s", "1 day", "1e400 s", "nan s", "5 m s"])
    func whatIsNoDurationIsRefused(_ text: String) {
        #expect(throws: UnitError.self) { try Units.duration(text) }
    }

    @Test func percentagesNeedTheirSign() throws {
        #expect(try Units.fraction("60%") == 0.6)
        #expect(throws: UnitError.self) { try Units.fraction("0.6") }
        #expect(throws: UnitError.self) { try Units.fraction("60") }
    }

    @Test func sizesAreBinaryOrDecimalAsWritten() throws {
        #expect(try Units.bytes("128 MiB") == 134_217_728)
        #expect(try Units.bytes("1 GB") == 1_000_000_000)
        #expect(throws: UnitError.self) { try Units.bytes("12") }
    }

    @Test func quotasBelowOnePercentAreRefused() {
        #expect(throws: UnitError.self) { try Resource.cpu.parse("0.5%") }
        #expect(throws: UnitError.self) { try Resource.cpu.parse("0%") }
    }

    /// What is shown can be read back.
    @Test(arguments: [0.05, 0.2, 0.55, 0.575, 1, 1.2])
    func quotasSurviveShowingAndReading(_ quota: Double) throws {
        let read = try #require(try Resource.cpu.parse(Resource.cpu.format(.number(quota))).number)
        #expect(abs(read - quota) < 1e-9)
    }

    @Test(arguments: [
        (0.5, 0, "1"), (-0.4, 0, "0"), (1.005, 1, "1.0"), (12.345, 2, "12.35"), (-3.14, 1, "-3.1"),
    ])
    func decimalsAreRounded(_ value: Double, _ places: Int, _ text: String) {
        #expect(Format.decimal(value, places) == text)
    }

    @Test func addressesAreReadStrictly() {
        #expect(IPAddress("10.50.0.20")?.v4 == 0x0a32_0014)
        #expect(IPAddress("10.50.0.20")?.description == "10.50.0.20")
        for text in ["10.50.0", "10.50.0.256", "10.50.0.", "a.b.c.d", "10.50.0.+1", "1.2.3.4.5"] {
            #expect(IPAddress(text) == nil)
        }
    }
}
