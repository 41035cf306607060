import Glibc
import OperatingSystem

/// Resumes a domain that we have suspended when this process ends before it has done so itself: killed, or crashed.
///
/// A shell that waits for a line on a pipe. The kernel closes the pipe with this process, whatever ended it; then virsh
/// resumes the domain, which does nothing if it runs.
final class ResumeGuard {
    private let process: ChildProcess
    private let line: Descriptor
    private var isOver = false

    init(_ domain: Domain) throws(HypervisorError) {
        do {
            let pipe = try Descriptor.pipe()
            // The shell's end has to wait.
            try check("set up a pipe") { fcntl(pipe.reading.raw, F_SETFL, 0) }
            process = try ChildProcess(
                [
                    "sh", "-c", "read -r line || exec virsh --quiet --connect \"$0\" resume \"$1\"", domain.node.uri,
                    domain.name,
                ], input: pipe.reading.raw)
            line = pipe.writing
        } catch {
            throw HypervisorError("guard the pause of \(domain.name)", message: "\(error)", cause: .other)
        }
    }

    /// The domain runs again.
    func end() {
        guard !isOver else { return }
        isOver = true
        try? line.writeAll(Array("done\n".utf8))
        process.wait()
    }

    deinit { end() }
}
