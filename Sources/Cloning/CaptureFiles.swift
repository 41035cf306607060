/// The files of a capture, as one text for the journal: enough to undo it.
package struct CaptureFiles: Sendable, Hashable {
    package let memory: String?
    /// By target.
    package let overlays: [String: String]

    package init(memory: String?, overlays: [String: String]) { (self.memory, self.overlays) = (memory, overlays) }

    package var files: [String] { overlays.values + [memory].compactMap(\.self) }

    /// A line for each: `memory`, or the disk's target, and the file.
    package init(text: String) {
        var overlays: [String: String] = [:]
        var memory: String?
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            if parts[0] == "memory" { memory = parts[1] } else { overlays[parts[0]] = parts[1] }
        }
        self.init(memory: memory, overlays: overlays)
    }

    package var text: String {
        (overlays.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" } + (memory.map { ["memory \($0)"] } ?? []))
            .joined(separator: "\n")
    }
}
