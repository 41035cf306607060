import CLVM
import Glibc
import OperatingSystem

/// The kernel's mapped devices by name (libdevmapper.h), for those that LVM has left behind and knows nothing of: it writes to the
/// disk what it has done only between setting the tables of its devices and using them.
///
/// Needs root. The library keeps its state in globals: all of this runs on LVM's thread.
enum DeviceMapper {
    struct Device: Sendable, Equatable {
        /// By whom it was made: LVM's begin with `LVM-`.
        let identifier: String
        /// Whoever reads or writes it waits until somebody resumes it.
        let isSuspended: Bool
        /// A second table waits to take the place of the first.
        let hasInactiveTable: Bool
        let isOpen: Bool

        var isLVMs: Bool { identifier.hasPrefix("LVM-") }
    }

    /// Nil where there is no such device.
    static func device(_ name: String) throws(SystemError) -> Device? {
        let task = try Task(DM_DEVICE_INFO, name, doing: "look at the mapped device \(name)")
        try task.run()
        return try task.device()
    }

    enum Change: Sendable {
        /// Fails while it is open; whoever only looks at it, as udev does with what is new, is waited for.
        case remove
        /// Drops the table that waits.
        case clear

        var doing: String {
            switch self {
            case .remove: "remove the mapped device"
            case .clear: "drop the table that waits for the mapped device"
            }
        }
    }

    static func apply(_ change: Change, to name: String) throws(SystemError) {
        FaultPoint.pass()
        let doing = "\(change.doing) \(name)"
        switch change {
        case .clear: try Task(DM_DEVICE_CLEAR, name, doing: doing).run()
        case .remove:
            // Where udev runs it takes the device's node away, and is waited for.
            dm_udev_set_sync_support(LVM.isUdevThere ? 1 : 0)
            defer { dm_task_update_nodes() }
            try Task(DM_DEVICE_REMOVE, name, doing: doing).removeAndWait()
        }
    }

    /// One question or order to the kernel.
    @safe private struct Task: ~Copyable {
        private let task: OpaquePointer
        private let doing: String

        init(_ type: Int, _ name: String, doing: String) throws(SystemError) {
            guard let task = unsafe dm_task_create(CInt(type)) else { throw SystemError(doing, code: errno) }
            guard unsafe dm_task_set_name(task, name) != 0 else {
                unsafe dm_task_destroy(task)
                throw SystemError(doing, code: EINVAL)
            }
            unsafe self.task = task
            self.doing = doing
        }

        deinit { unsafe dm_task_destroy(task) }

        func run() throws(SystemError) {
            guard unsafe dm_task_run(task) != 0 else { throw SystemError(doing, code: unsafe dm_task_get_errno(task)) }
        }

        func removeAndWait() throws(SystemError) {
            var cookie: UInt32 = 0
            guard unsafe dm_task_retry_remove(task) != 0, unsafe dm_task_set_cookie(task, &cookie, 0) != 0 else {
                throw SystemError(doing, code: EIO)
            }
            defer { dm_udev_wait(cookie) }
            try run()
        }

        func device() throws(SystemError) -> Device? {
            var found = dm_info()
            guard unsafe dm_task_get_info(task, &found) != 0 else { throw SystemError(doing, code: EIO) }
            guard found.exists != 0 else { return nil }
            return Device(
                identifier: unsafe dm_task_get_uuid(task).map { unsafe String(cString: $0) } ?? "",
                isSuspended: found.suspended != 0, hasInactiveTable: found.inactive_table != 0,
                isOpen: found.open_count > 0)
        }
    }
}
