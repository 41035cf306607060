import CLVM
import Glibc
import OperatingSystem
import Synchronization

/// LVM's commands through its own library (lvm2cmd.h).
///
/// The library keeps its state in globals and changes the priority of the calling thread while devices are suspended: all of
/// it runs on one thread, which lives as long as the process.
final class LVM: Sendable {
    static let shared = Result { () throws(VolumeError) in try LVM() }

    /// LVM's library, begun; its pointer stays on LVM's thread.
    @safe private struct Library {
        private let handle: UnsafeMutableRawPointer?

        init() {
            unsafe handle = lvm2_init()
            unsafe lvm2_log_level(handle, FaultPoint.isArmed ? LVM2_LOG_DEBUG : LVM2_LOG_PRINT)
        }

        func run(_ text: String) -> CInt { unsafe handle == nil ? LVM2_INIT_FAILED : unsafe lvm2_run(handle, text) }
    }

    private final class Command: Sendable {
        let body: @Sendable (Library) -> Void
        let answered: WakeUp

        init(_ body: @escaping @Sendable (Library) -> Void) throws(SystemError) {
            self.body = body
            answered = try WakeUp()
        }
    }

    private final class Slot<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    private let commands: Mailbox<Command>
    private let thread: WorkerThread

    private init() throws(VolumeError) {
        do {
            let commands = try Mailbox<Command>()
            self.commands = commands
            thread = try WorkerThread("lvm") { Self.serve(commands) }
        } catch {
            throw .failed(doing: "start", path: "LVM's thread", reason: error.reason, code: error.code)
        }
    }

    /// Words that LVM says while a command runs. There is no place for a pointer of ours in its call.
    private struct Words: Sendable {
        var output = ""
        var errors: [String] = []
    }

    private static let words = Mutex(Words())

    private static func serve(_ commands: Mailbox<Command>) {
        unsafe lvm2_log_fn { level, _, _, _, message in
            guard let message = unsafe message else { return }
            let text = unsafe String(cString: message)
            LVM.words.withLock { words in
                // Above the level stand flags. Warnings come at the level of what is printed: they would stand in the midst of a
                // report.
                switch level & 7 {
                case LVM2_LOG_FATAL, LVM2_LOG_ERROR: words.errors.append(text)
                case LVM2_LOG_PRINT where !text.hasPrefix("WARNING: "): words.output += text + "\n"
                default: break
                }
            }
            if FaultPoint.isArmed, LVM.isChange(text) { FaultPoint.pass() }
        }
        let library = Library()
        while true {
            commands.wakeUp.wait(milliseconds: -1)
            for command in commands.takeAll() {
                words.withLock { $0 = Words() }
                command.body(library)
                command.answered.signal()
            }
        }
    }

    /// Whether LVM says with this that it is about to have the kernel change a mapped device: between two such changes whoever is
    /// killed leaves what LVM itself has not written down.
    private static func isChange(_ text: String) -> Bool {
        ["create", "reload", "suspend", "resume", "remove", "rename", "clear"].contains {
            text.hasPrefix("dm \($0) ")
        }
    }

    /// Does something on LVM's thread: nobody else may use its libraries, whose words come with the value.
    ///
    /// `doing` and `path` are for the error.
    private func perform<Value: Sendable>(
        doing: String, path: String, _ body: @escaping @Sendable (Library) -> Value
    ) throws(VolumeError) -> (value: Value, words: Words) {
        let slot = Slot<(value: Value, words: Words)>()
        let command: Command
        do {
            command = try Command { library in
                let value = body(library)
                let said = LVM.words.withLock { $0 }
                slot.value.withLock { $0 = (value, said) }
            }
        } catch {
            throw .failed(doing: doing, path: path, reason: error.reason, code: error.code)
        }
        // Nobody listens only if the thread was never started.
        _ = commands.put(contentsOf: [command])
        while true {
            command.answered.wait(milliseconds: -1)
            if let answer = slot.value.withLock({ $0 }) { return answer }
        }
    }

    /// Runs a command to its end and returns what it printed. The words must not hold spaces: LVM splits there.
    ///
    /// `doing` and `path` are for the error, whose reason is LVM's own.
    func run(_ words: [String], doing: String, path: String) throws(VolumeError) -> String {
        let text = (words + Self.setting).joined(separator: " ")
        let (code, said) = try perform(doing: doing, path: path) { $0.run(text) }
        guard code == LVM2_COMMAND_SUCCEEDED else {
            let reason = said.errors.joined(separator: "; ")
            throw .failed(
                doing: doing, path: path, reason: reason.isEmpty ? "LVM failed with code \(code)" : reason, code: code)
        }
        return said.output
    }

    /// The mapped device of this name; nil when there is none.
    func device(_ name: String) throws(VolumeError) -> DeviceMapper.Device? {
        try onDevice("look at the mapped device", name) { name throws(SystemError) in try DeviceMapper.device(name) }
    }

    /// Changes a mapped device behind LVM's back: one that it does not know of, or under its lock (`VolumeGroupLock`).
    func apply(_ change: DeviceMapper.Change, to name: String) throws(VolumeError) {
        try onDevice(change.doing, name) { name throws(SystemError) in try DeviceMapper.apply(change, to: name) }
    }

    private func onDevice<Value: Sendable>(
        _ doing: String, _ name: String, _ body: @escaping @Sendable (String) throws(SystemError) -> Value
    ) throws(VolumeError) -> Value {
        let result = try perform(doing: doing, path: name) { _ in Result { () throws(SystemError) in try body(name) } }
        switch result.value {
        case .success(let value): return value
        case .failure(let error) where error.code == EBUSY:
            throw .inUse("the mapped device \(name)", by: [VolumeError.unseen])
        case .failure(let error): throw .failed(doing: doing, path: name, reason: error.reason, code: error.code)
        }
    }

    /// Whether somebody makes nodes below /dev for mapped devices.
    static var isUdevThere: Bool { unsafe access("/run/udev/control", F_OK) == 0 }

    /// Where no udev runs nobody would make the nodes below /dev, and LVM would wait for them in vain.
    private static let setting: [String] = {
        if isUdevThere { return [] }
        let settings = [
            "devices{obtain_device_list_from_udev=0}", "devices{use_devicesfile=0}", "activation{udev_sync=0}",
            "activation{udev_rules=0}", "activation{monitoring=0}",
        ]
        return ["--config", settings.joined()]
    }()
}
