import CLinux
import Glibc

/// The Linux namespaces of a private host, entered as one would log in to a machine.
package enum Namespaces {
    /// Moves the whole process into the network, mount, UTS, IPC and cgroup namespaces of `pid`, keeping the working
    /// directory by its path.
    ///
    /// Needs CAP_SYS_ADMIN, and a process that has not started a second thread: a mount namespace cannot be changed by
    /// one thread of several (setns(2)).
    package static func enter(of pid: Int32) throws(SystemError) {
        try NamespaceSet(of: "\(pid)").enter()
    }

    /// Gives the calling thread a network namespace of its own. It goes, with every interface in it and their peers
    /// outside, when the thread and its children have ended: nothing is left behind by a crash.
    package static func leaveNetwork() throws(SystemError) {
        try check("make a network namespace") { unshare(CInt(WHATIF_CLONE_NEWNET)) }
    }

}

/// This process.
package enum ProcessIdentity {
    package static var current: Int32 { getpid() }
    package static var isRoot: Bool { geteuid() == 0 }

    /// Who asked for what it does: its user, and who that was before sudo, as sudo says.
    package static var requester: String {
        let user = unsafe getpwuid(getuid()).map { unsafe String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
        guard let asked = unsafe getenv("SUDO_USER").map({ unsafe String(cString: $0) }), asked != user else {
            return user
        }
        return "\(asked) as \(user)"
    }
}

/// The namespaces of a process, held open so that they can be entered, or come back to, later.
package struct NamespaceSet: Sendable {
    // The mount namespace comes last: the paths before it are those of the old one.
    private static let kinds = [
        ("net", WHATIF_CLONE_NEWNET), ("uts", WHATIF_CLONE_NEWUTS), ("ipc", WHATIF_CLONE_NEWIPC),
        ("cgroup", WHATIF_CLONE_NEWCGROUP), ("mnt", WHATIF_CLONE_NEWNS),
    ]

    private let opened: [(kind: CInt, descriptor: Descriptor)]
    private let owner: String

    /// `pid` as text; `self` is the calling process.
    package init(of pid: String) throws(SystemError) {
        var opened: [(CInt, Descriptor)] = []
        for (name, kind) in Self.kinds {
            opened.append((CInt(kind), try Descriptor.open("/proc/\(pid)/ns/\(name)", O_RDONLY)))
        }
        self.opened = opened
        owner = pid
    }

    /// As `Namespaces.enter`.
    package func enter() throws(SystemError) {
        let here = unsafe getcwd(nil, 0)
        defer { unsafe free(here) }
        for (kind, descriptor) in opened {
            try check("enter the namespaces of process \(owner)") { setns(descriptor.raw, kind) }
        }
        if let here = unsafe here { unsafe _ = chdir(here) }
    }
}
