import CLibvirt
import OperatingSystem

/// libvirt's events come on a thread that is ours; connections opened after it was started have them.
enum EventLoop {
    /// Runs until the process ends, and rests while there is nothing.
    private static let thread: Result<WorkerThread, SystemError> = {
        virEventRegisterDefaultImpl()
        do throws(SystemError) {
            return .success(try WorkerThread("libvirt-events") { while virEventRunDefaultImpl() == 0 {} })
        } catch {
            return .failure(error)
        }
    }()

    static func start() throws(SystemError) { _ = try thread.get() }
}
