import Glibc
import OperatingSystem

/// What the user sees: results on standard output, progress and complaints on standard error.
enum Terminal {
    static let isInteractive = isatty(2) == 1

    /// Characters in a line of standard output; nil where that is no terminal.
    static var width: Int? {
        var size = winsize()
        guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// False when nobody reads any more.
    @discardableResult static func print(_ text: String) -> Bool {
        write(text.hasSuffix("\n") ? text : text + "\n", to: 1)
    }

    /// A line of progress: kept, also where there is no terminal.
    static func note(_ text: String) {
        write(isInteractive ? "\r\u{1b}[K\(text)\n" : text + "\n", to: 2)
    }

    /// A passing state, shown in place on a terminal and nowhere else.
    static func passing(_ text: String) {
        if isInteractive { write("\r\u{1b}[K\(text)", to: 2) }
    }

    static func complain(_ text: String) { note("whatif: \(text)") }

    /// Asks a question whose answer is yes only when it is written out. Nil when nobody can answer. Whoever has blocked the
    /// signals already gives his `interrupt`, which is a no.
    static func confirm(_ question: String, unless interrupt: InterruptSignal? = nil) -> Bool? {
        guard isatty(0) == 1 else { return nil }
        write("\(question) [yes/no] ", to: 2)
        if interrupt?.wait(forInputOf: 0) == .interrupted {
            write("\n", to: 2)
            return false
        }
        return readLine()?.lowercased() == "yes"
    }

    static func exit(_ code: ExitCode) -> Never { Glibc.exit(code.rawValue) }

    /// Bytes to standard output; a reader that has gone is an error.
    static func write(bytes: [UInt8]) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            done += try check("write to standard output") {
                unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(1, $0.baseAddress?.advanced(by: done), $0.count - done)
                }
            }
        }
    }

    @discardableResult private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }
}
