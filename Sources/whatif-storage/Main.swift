import Glibc
import OperatingSystem
import Volumes

/// Serves this machine's volumes to whoever holds the other ends of standard input and output: a machine with LVM, btrfs or
/// images does its snapshots itself, for a manager elsewhere.
@main
enum Main {
    private static let usage = """
        whatif-storage: snapshots and exports of this machine's volumes, for What-if on another

        It reads requests from standard input and answers them on standard output, a line each, until its input ends.
        It is not called by hand but through a stream of bytes, such as 'ssh storage1 whatif-storage'. Needs root.

        """

    static func main() {
        if CommandLine.arguments.count > 1 {
            let isAsked = CommandLine.arguments.dropFirst() == ["--help"]
            try? Descriptor(owning: isAsked ? STDOUT_FILENO : STDERR_FILENO).writeAll(Array(usage.utf8))
            exit(isAsked ? 0 : 2)
        }
        // A client that goes away is an error at the write, not the end in the midst of LVM's work.
        signal(SIGPIPE, SIG_IGN)
        do {
            try StorageServer(LocalVolumes()).run(
                reading: Descriptor(owning: STDIN_FILENO), writing: Descriptor(owning: STDOUT_FILENO))
        } catch {
            try? Descriptor(owning: STDERR_FILENO).writeAll(Array("whatif-storage: \(error)\n".utf8))
            exit(1)
        }
    }
}
