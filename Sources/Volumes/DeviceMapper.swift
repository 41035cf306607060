import CLVM
import Glibc
import OperatingSystem

/// The kernel's mapped devices by name (libdevmapper.h), for those that LVM has left behind and knows nothing of: it writes to the
/// disk what it has done only between setting the tables of its devices and using them.
///
/// Needs root. The library keeps its state in globals and shares it with LVM's: all of this runs on LVM's thread.
enum DeviceMapper {
    struct Device: Sendable, Equatable {
        /// By whom it was made: LVM's begin with `LVM-`.
        let identifier: String
        /// Whoever reads or writes it waits until somebody resumes it.
        let isSuspended: Bool
        /// A second table waits to take the place of the first.
        let hasInactiveTable: Bool
        let openCount: Int

        var isLVMs: Bool { identifier.hasPrefix("LVM-") }
    }

    enum Change: Sendable {
        /// Fails while it is open.
        case remove
        /// Drops the table that waits.
        case clear
    }

    /// Nil where there is no such device, or the kernel does not say.
    static func device(_ name: String) -> Device? {
        unsafe task(DM_DEVICE_INFO, name) { task in
            var found = dm_info()
            guard unsafe dm_task_run(task) != 0, unsafe dm_task_get_info(task, &found) != 0, found.exists != 0 else {
                return nil
            }
            let identifier = unsafe dm_task_get_uuid(task).map { unsafe String(cString: $0) } ?? ""
            return Device(
                identifier: identifier, isSuspended: found.suspended != 0, hasInactiveTable: found.inactive_table != 0,
                openCount: Int(found.open_count))
        }
    }

    /// False where it could not be done; the library has said why to LVM's log.
    static func apply(_ change: Change, to name: String) -> Bool {
        FaultPoint.pass()
        let isDone: Bool? =
            switch change {
            case .clear: unsafe task(DM_DEVICE_CLEAR, name) { task in unsafe dm_task_run(task) != 0 }
            case .remove:
                unsafe task(DM_DEVICE_REMOVE, name) { task in
                    // Where udev runs it takes the device's node away, and is waited for.
                    dm_udev_set_sync_support(unsafe access(LVM.udev, F_OK) == 0 ? 1 : 0)
                    var cookie: UInt32 = 0
                    guard unsafe dm_task_set_cookie(task, &cookie, 0) != 0 else { return false }
                    let isRemoved = unsafe dm_task_run(task) != 0
                    return dm_udev_wait(cookie) != 0 && isRemoved
                }
            }
        dm_task_update_nodes()
        return isDone ?? false
    }

    private static func task<Result>(
        _ type: Int, _ name: String, _ body: (OpaquePointer) -> Result?
    ) -> Result? {
        guard let task = unsafe dm_task_create(CInt(type)) else { return nil }
        defer { unsafe dm_task_destroy(task) }
        guard unsafe dm_task_set_name(task, name) != 0 else { return nil }
        return unsafe body(task)
    }
}
