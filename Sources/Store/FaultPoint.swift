import Glibc
import Synchronization

/// A moment before or after a word in the journal. Between two of them stands each single step of making and removing, so
/// that a test which ends this process at every one of them in turn has been at all of them, also those of later years.
///
/// In builds for release there are none.
enum FaultPoint {
    #if DEBUG
        private static let passed = Atomic(0)
        /// The number of the moment at which this process is killed; 0 is none.
        private static let last = unsafe getenv("WHATIF_KILL_AT").flatMap { unsafe Int(String(cString: $0)) } ?? 0

        static func pass() {
            guard last > 0, passed.add(1, ordering: .relaxed).newValue == last else { return }
            kill(getpid(), SIGKILL)
            while true { pause() }
        }
    #else
        static func pass() {}
    #endif
}
