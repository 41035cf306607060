import Glibc

/// Text that is redrawn in place on the terminal of standard output. The cursor is hidden meanwhile and long lines are
/// cut, because a line that wraps would be two to go back over; `end` undoes both.
struct Screen {
    static let isThere = isatty(1) == 1

    /// In characters; nil when it is none, or does not say.
    static var width: Int? {
        var size = winsize()
        guard isThere, unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Whether it shows colours, and nobody asked for none (no-color.org).
    static var isColoured: Bool {
        let environment = { (name: String) in unsafe getenv(name).map { unsafe String(cString: $0) } ?? "" }
        return isThere && environment("NO_COLOR").isEmpty && environment("TERM") != "dumb"
    }

    private var height = 0

    mutating func draw(_ text: String) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // Back to the first line. What was in a line before is cleared behind it, and behind the last line everything.
        let start = height == 0 ? "\u{1b}[?25l\u{1b}[?7l" : "\u{1b}[\(height)A\r"
        height = lines.count
        return Terminal.print(start + lines.joined(separator: "\u{1b}[K\n") + "\u{1b}[J\n")
    }

    func end() {
        if height > 0 { Terminal.print("\u{1b}[?7h\u{1b}[?25h") }
    }
}
