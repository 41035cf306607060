/// How numbers are shown to people: the same digits in text, SVG and messages.
package enum Format {
    /// A number with a fixed count of decimals, rounded half away from zero, without locale.
    package static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "–" : (value < 0 ? "-∞" : "∞") }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let whole = Int64(scaled)
        let unit = Int64(scale)
        let sign = value < 0 && whole != 0 ? "-" : ""
        guard places > 0 else { return sign + String(whole) }
        let fraction = String(whole % unit)
        return sign + String(whole / unit) + "." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    /// Three significant digits or so: 8.21, 41.3, 412.
    package static func significant(_ value: Double) -> String {
        decimal(value, places(value))
    }

    private static func places(_ value: Double) -> Int { abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2 }

    /// As many digits as `significant` has, or this many decimals, and more where the value was written with more.
    static func exact(_ value: Double, least: Int? = nil) -> String {
        var places = least ?? places(value)
        while places < 9, let shown = Double(decimal(value, places)), abs(shown - value) > 1e-9 * abs(value) {
            places += 1
        }
        return decimal(value, places)
    }

    /// Seconds shown in milliseconds: `41.3 ms`.
    package static func milliseconds(_ seconds: Double) -> String { significant(seconds * 1e3) + " ms" }

    package static func percent(_ fraction: Double) -> String {
        let value = fraction * 100
        return decimal(value, abs(value - value.rounded()) < 1e-6 ? 0 : 1) + "%"
    }

    package static func signedPercent(_ fraction: Double) -> String {
        (fraction >= 0 ? "+" : "") + decimal(fraction * 100, 1) + "%"
    }

    package static func duration(_ duration: Duration) -> String {
        let seconds = duration.seconds
        if seconds < 1 { return milliseconds(seconds) }
        if seconds < 120 { return decimal(seconds, seconds == seconds.rounded() ? 0 : 1) + " s" }
        let minutes = seconds / 60
        return decimal(minutes, minutes == minutes.rounded() ? 0 : 1) + " min"
    }

    /// `1 node`, `3 nodes`
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    package static func bytes(_ bytes: Int64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1024 || unit == "TiB" { return decimal(value, value < 10 && unit != "B" ? 1 : 0) + " " + unit }
            value /= 1024
        }
        return "\(bytes) B"
    }
}
