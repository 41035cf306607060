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
        let here = unsafe getcwd(nil, 0)
        defer { unsafe free(here) }
        var opened: [(CInt, Descriptor)] = []
        // The mount namespace comes last: the paths of the others are those of the old one.
        for (name, kind) in [
            ("net", WHATIF_CLONE_NEWNET), ("uts", WHATIF_CLONE_NEWUTS), ("ipc", WHATIF_CLONE_NEWIPC),
            ("cgroup", WHATIF_CLONE_NEWCGROUP),
            ("mnt", WHATIF_CLONE_NEWNS),
        ] {
            opened.append((CInt(kind), try Descriptor.open("/proc/\(pid)/ns/\(name)", O_RDONLY)))
        }
        for (kind, descriptor) in opened {
            try check("enter the namespaces of process \(pid)") { setns(descriptor.raw, kind) }
        }
        if let here = unsafe here { unsafe _ = chdir(here) }
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
}
