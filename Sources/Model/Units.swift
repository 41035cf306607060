/// A text that does not say a value in the expected unit; `expected` completes "expected …".
package struct UnitError: Error, Hashable, CustomStringConvertible {
    package let found: String
    package let expected: String

    package init(found: String, expected: String) {
        self.found = found
        self.expected = expected
    }

    package var description: String { "found '\(found)', expected \(expected)" }
}

/// The units people write: `50 ms`, `4 min`, `20%`, `128 MiB`, `10 W`.
package enum Units {
    /// Splits `12.5 ms` into 12.5 and `ms`. Nil when there is no finite number in front.
    static func split(_ text: String) -> (number: Double, unit: String)? {
        let trimmed = text.trimmingSpaces()
        let digits = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-" || $0 == "+") }
        guard let number = Double(digits), number.isFinite else { return nil }
        return (number, String(trimmed.dropFirst(digits.count)).trimmingSpaces())
    }

    private static let secondsPerUnit: [String: Double] = [
        "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600,
        "d": 86_400,
    ]

    /// A duration above zero.
    package static func duration(_ text: String) throws(UnitError) -> Duration {
        guard let (number, unit) = split(text), let scale = secondsPerUnit[unit], number > 0, number * scale < 1e9
        else {
            throw UnitError(found: text, expected: "a duration such as '50 ms', '20 s' or '4 min'")
        }
        return .nanoseconds(Int64((number * scale * 1e9).rounded()))
    }

    /// A fraction: `20%` is 0.2. The percent sign is required, so that 0.2 and 20 cannot be mixed up.
    package static func fraction(_ text: String) throws(UnitError) -> Double {
        guard let (number, unit) = split(text), unit == "%", number >= 0 else {
            throw UnitError(found: text, expected: "a percentage such as '20%'")
        }
        return number / 100
    }

    /// How many times as much: `150%`, `1.5x` or `1.5`. Without a unit no more than ten times, so that 150 is not taken for
    /// 150%.
    static func times(_ text: String) throws(UnitError) -> Double {
        switch split(text) {
        case (let number, "%")? where number >= 0: return number / 100
        case (let number, "x")? where number >= 0: return number
        case (let number, "")? where number >= 0 && number <= 10: return number
        default: throw UnitError(found: text, expected: "how many times as much, such as '150%' or '1.5'")
        }
    }

    private static let bytesPerUnit: [String: Double] = [
        "B": 1, "KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824, "TiB": 1_099_511_627_776,
        "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    ]

    /// A size in bytes, above zero.
    package static func bytes(_ text: String) throws(UnitError) -> Int64 {
        guard let (number, unit) = split(text), let scale = bytesPerUnit[unit], number > 0, number * scale < 9e18 else {
            throw UnitError(found: text, expected: "a size such as '128 MiB' or '1 GiB'")
        }
        return Int64((number * scale).rounded())
    }

    /// Bytes a second: a size, with `/s` or without.
    package static func byteRate(_ text: String) throws(UnitError) -> Int64 {
        let size = text.trimmingSpaces()
        let number = try? bytes(size.hasSuffix("/s") ? String(size.dropLast(2)) : size)
        guard let number else { throw UnitError(found: text, expected: "a rate such as '10 MiB/s'") }
        return number
    }

    /// The shortest size that is read as this many bytes again.
    static func exactBytes(_ bytes: Double) -> String {
        for unit in ["TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "kB"] {
            guard let scale = bytesPerUnit[unit], bytes >= scale else { continue }
            let tenths = bytes / scale * 10
            if tenths == tenths.rounded(), tenths < 1e5 {
                return Format.decimal(tenths / 10, tenths.truncatingRemainder(dividingBy: 10) == 0 ? 0 : 1) + " " + unit
            }
        }
        return Format.decimal(bytes, 0) + " B"
    }

    private static let hertzPerUnit: [String: Double] = ["Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9]

    /// A frequency above zero, in hertz.
    package static func hertz(_ text: String) throws(UnitError) -> Double {
        guard let (number, unit) = split(text), let scale = hertzPerUnit[unit], number > 0, number * scale < 1e12 else {
            throw UnitError(found: text, expected: "a frequency such as '1800 MHz' or '2.4 GHz'")
        }
        return (number * scale).rounded()
    }

    /// The shortest frequency that is read as this one again.
    static func exactHertz(_ hertz: Double) -> String {
        for (unit, scale) in [("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3)] where hertz >= scale {
            let tenths = hertz / scale * 10
            if tenths == tenths.rounded() {
                return Format.decimal(tenths / 10, tenths.truncatingRemainder(dividingBy: 10) == 0 ? 0 : 1) + " " + unit
            }
        }
        return Format.decimal(hertz, 0) + " Hz"
    }

    /// A whole number.
    package static func count(_ text: String, in range: ClosedRange<Int>) throws(UnitError) -> Double {
        guard let number = Int(text.trimmingSpaces()), range.contains(number) else {
            throw UnitError(found: text, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return Double(number)
    }

    /// A word that can stand in files, conditions and tables.
    package static func name(_ text: String) throws(UnitError) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
                || [0x2d, 0x2e, 0x5f].contains($0)
        }
        guard !text.isEmpty, text.utf8.count <= 64, isPlain else {
            throw UnitError(found: text, expected: "a name of letters, digits, '-', '_' and '.'")
        }
        return text
    }

    /// A power in watts, zero or more.
    package static func watts(_ text: String) throws(UnitError) -> Double {
        guard let (number, unit) = split(text), unit == "W", number >= 0 else {
            throw UnitError(found: text, expected: "a power such as '10 W'")
        }
        return number
    }
}

extension String {
    package func trimmingSpaces() -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
