import Glibc
import OperatingSystem
import Volumes

/// Serves this machine's volumes to whoever holds the other ends of standard input and output: a machine with LVM, btrfs or
/// images does its snapshots itself, for a manager elsewhere.
@main
enum Main {
    static func main() {
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
