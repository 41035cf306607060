import Foundation

/// What several commands write.
enum Outputs {
    /// A file, which is replaced, or `-` for standard output.
    static func write(_ text: String, to path: String) throws {
        if path == "-" {
            Terminal.print(text)
            return
        }
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw FileError(description: "cannot write \(path): \(error.localizedDescription)")
        }
        Terminal.note("wrote \(path)")
    }
}
