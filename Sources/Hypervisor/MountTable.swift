/// What is mounted where (proc(5), /proc/pid/mountinfo).
package enum MountTable {
    /// The device of the file system that a path is on: that of the longest mount point above it, and of several at one
    /// point the last, which covers the others.
    package static func source(of path: String, in table: String) -> String? {
        var best: (point: String, source: String)?
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), words.count > max(4, dash + 2) else { continue }
            // Blanks and such are written in octal; our own paths have none.
            let point = words[4]
            let isAbove = path == point || path.hasPrefix(point == "/" ? "/" : point + "/")
            if isAbove, point.utf8.count >= best?.point.utf8.count ?? 0 { best = (point, words[dash + 2]) }
        }
        return best?.source
    }
}
