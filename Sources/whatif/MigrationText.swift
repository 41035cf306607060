import Hypervisor
import Manager
import Model

extension MigrationProgress {
    var text: String {
        "  \(Format.duration(elapsed)): \(Format.bytes(Int64(sent))) sent, "
            + "\(Format.bytes(Int64(remaining))) of \(Format.bytes(Int64(total))) left"
    }
}

extension Migration.Report {
    /// "after 3.1 s, and stood for 41 ms"
    var text: String {
        "after \(Format.duration(duration))"
            + (pause.map { ", and stood for \(Format.milliseconds($0.seconds))" } ?? "")
    }
}
