import Glibc
import Synchronization

/// A moment at which it would be worst to be killed: before and after each word in the journal, between which stands each
/// single step of making and removing, and between the parts of the longer steps. A test that ends this process at every
/// one of them in turn has been at all of them, also those of later years.
///
/// In builds for release there are none.
package enum FaultPoint {
    #if DEBUG
        private static let passed = Atomic(0)
        /// The number of the moment at which this process is killed; 0 is none.
        private static let last = unsafe getenv("WHATIF_KILL_AT").flatMap { unsafe Int(String(cString: $0)) } ?? 0

        /// Whether this process is to be killed.
        package static var isArmed: Bool { last > 0 }

        package static func pass() {
            guard isArmed, passed.add(1, ordering: .relaxed).newValue == last else { return }
            kill(getpid(), SIGKILL)
            while true { pause() }
        }
    #else
        package static var isArmed: Bool { false }
        package static func pass() {}
    #endif
}
