/// Colours of terminals that know 256 of them.
enum TerminalColour {
    /// A cube of six levels a part from 16 on, then 24 greys.
    private static let palette: [(number: Int, parts: [Int])] = {
        let levels = [0, 95, 135, 175, 215, 255]
        let cube = (0..<216).map { index -> (Int, [Int]) in
            (16 + index, [levels[index / 36], levels[index / 6 % 6], levels[index % 6]])
        }
        return cube + (0..<24).map { (232 + $0, Array(repeating: 8 + 10 * $0, count: 3)) }
    }()

    /// Number of the nearest one.
    static func nearest(_ colour: Viridis.Colour) -> Int {
        let parts = [colour.red, colour.green, colour.blue].map { Int($0) }
        let distance = { (other: [Int]) in zip(parts, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
        return palette.min { distance($0.parts) < distance($1.parts) }?.number ?? 16
    }

    /// The colour map's.
    static let viridis = Viridis.colours.map(nearest)

    static let reset = "\u{1b}[0m"
    static func ink(_ number: Int) -> String { "\u{1b}[38;5;\(number)m" }

    /// As a ground, with the ink that can be read on it.
    static func ground(_ share: Double) -> String {
        let index = Viridis.index(share)
        return "\u{1b}[48;5;\(viridis[index]);38;5;\(Viridis.colours[index].isLight ? 16 : 231)m"
    }
}

/// Dots two across and four down in each character, as Braille has them, and characters over them.
struct TerminalCanvas {
    let columns: Int
    let rows: Int
    private var dots: [UInt8]
    private var characters: [Character?]
    private var inks: [Int?]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        dots = Array(repeating: 0, count: columns * rows)
        characters = Array(repeating: nil, count: columns * rows)
        inks = Array(repeating: nil, count: columns * rows)
    }

    var width: Int { columns * 2 }
    var height: Int { rows * 4 }

    /// From the upper left; what lies outside is not drawn.
    mutating func dot(_ x: Int, _ y: Int, ink: Int?) {
        guard x >= 0, x < width, y >= 0, y < height else { return }
        // Unicode 15, section 21.1: dots 1 to 3 and 7 are the left column, 4 to 6 and 8 the right one.
        let bits: [UInt8] = [0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80]
        let cell = y / 4 * columns + x / 2
        dots[cell] |= bits[x % 2 * 4 + y % 4]
        inks[cell] = ink
    }

    /// Of each `period` dots along the way the first `length` are drawn.
    mutating func line(
        _ from: (x: Int, y: Int), _ to: (x: Int, y: Int), ink: Int?, dashes: (length: Int, period: Int) = (1, 1)
    ) {
        let steps = max(abs(to.x - from.x), abs(to.y - from.y))
        for step in 0...max(1, steps) where step % dashes.period < dashes.length {
            let share = Double(step) / Double(max(1, steps))
            dot(
                from.x + Int((Double(to.x - from.x) * share).rounded()),
                from.y + Int((Double(to.y - from.y) * share).rounded()), ink: ink)
        }
    }

    /// Over the dots of the character that this dot is in.
    mutating func put(_ character: Character, _ x: Int, _ y: Int, ink: Int?) {
        guard x >= 0, x < width, y >= 0, y < height else { return }
        characters[y / 4 * columns + x / 2] = character
        inks[y / 4 * columns + x / 2] = ink
    }

    /// Only where there is nothing yet.
    mutating func fill(_ character: Character, _ x: Int, _ y: Int) {
        guard x >= 0, x < width, y >= 0, y < height else { return }
        let cell = y / 4 * columns + x / 2
        if characters[cell] == nil, dots[cell] == 0 { characters[cell] = character }
    }

    /// Inks are left out where there are no colours.
    func line(_ row: Int, coloured: Bool) -> String {
        var text = ""
        var ink: Int?
        for cell in row * columns..<(row + 1) * columns {
            let character = characters[cell] ?? (dots[cell] == 0 ? " " : Self.braille(dots[cell]))
            let wanted = character == " " ? nil : inks[cell]
            if coloured, wanted != ink {
                text += wanted.map(TerminalColour.ink) ?? TerminalColour.reset
                ink = wanted
            }
            text.append(character)
        }
        return text + (ink == nil ? "" : TerminalColour.reset)
    }

    private static func braille(_ dots: UInt8) -> Character {
        Unicode.Scalar(0x2800 + UInt32(dots)).map { Character($0) } ?? " "
    }
}
