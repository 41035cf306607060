import Model

/// Numbers as they stand in figures.
enum PlotNumber {
    /// With a fixed count of decimals, and a proper minus.
    static func plain(_ value: Double, _ decimals: Int) -> String {
        Format.decimal(value, decimals).replacing("-", with: "−")
    }

    /// A coordinate to a tenth, as short as it can be written.
    static func coordinate(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "0" }
        let tenths = Int((value * 10).rounded())
        let (whole, rest) = tenths.quotientAndRemainder(dividingBy: 10)
        if rest == 0 { return String(whole) }
        return (tenths < 0 && whole == 0 ? "-0" : String(whole)) + "." + String(abs(rest))
    }
}
