import Glibc
import OperatingSystem

/// Resumes a domain that we have suspended when this process ends before it has done so itself: killed, or crashed.
///
/// A shell that waits for a line on a pipe. The kernel closes the pipe with this process, whatever ended it; then virsh
/// resumes the domain, which does nothing if it runs.
final class ResumeGuard {
    /// It is tried again, as libvirt may be at work on the domain for its dead client a while yet.
    private static let script = """
        trap '' HUP INT TERM
        read -r line && exit
        for number in $(seq 120); do
            virsh --quiet --connect "$0" resume "$1" && exit
            [ "$(virsh --quiet --connect "$0" domstate "$1")" != running ] || exit
            sleep 1
        done
        """

    private let process: ChildProcess
    private let line: Descriptor
    private var isOver = false

    init(_ domain: Domain) throws(HypervisorError) {
        do {
            let pipe = try Descriptor.pipe()
            // The shell's end has to wait.
            try check("set up a pipe") { fcntl(pipe.reading.raw, F_SETFL, 0) }
            process = try ChildProcess(
                ["sh", "-c", Self.script, domain.node.uri, domain.name], input: pipe.reading.raw)
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

    // Without a word, the end of the pipe tells the shell to do it.
}
