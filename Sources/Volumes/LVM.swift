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

    private final class Command: Sendable {
        let text: String
        let answer = Mutex<(code: CInt, output: String, errors: [String])?>(nil)
        let answered: WakeUp

        init(_ text: String) throws(SystemError) {
            self.text = text
            answered = try WakeUp()
        }
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
    private struct Words {
        var output = ""
        var errors: [String] = []
    }

    private static let words = Mutex(Words())

    private static func serve(_ commands: Mailbox<Command>) {
        unsafe lvm2_log_fn { level, _, _, _, message in
            guard let message = unsafe message else { return }
            let text = unsafe String(cString: message)
            LVM.words.withLock { words in
                // Above the level stand flags.
                switch level & 7 {
                case LVM2_LOG_FATAL, LVM2_LOG_ERROR: words.errors.append(text)
                case LVM2_LOG_PRINT: words.output += text + "\n"
                default: break
                }
            }
        }
        let handle = unsafe lvm2_init()
        unsafe lvm2_log_level(handle, LVM2_LOG_PRINT)
        while true {
            commands.wakeUp.wait(milliseconds: -1)
            for command in commands.takeAll() {
                words.withLock { $0 = Words() }
                let code = unsafe handle == nil ? LVM2_INIT_FAILED : unsafe lvm2_run(handle, command.text)
                let said = words.withLock { $0 }
                command.answer.withLock { $0 = (code, said.output, said.errors) }
                command.answered.signal()
            }
        }
    }

    /// Runs a command to its end and returns what it printed. The words must not hold spaces: LVM splits there.
    ///
    /// `doing` and `path` are for the error, whose reason is LVM's own.
    func run(_ words: [String], doing: String, path: String) throws(VolumeError) -> String {
        let command: Command
        do {
            command = try Command((words + Self.setting).joined(separator: " "))
        } catch {
            throw .failed(doing: doing, path: path, reason: error.reason, code: error.code)
        }
        // Nobody listens only if the thread was never started.
        _ = commands.put(contentsOf: [command])
        var answer: (code: CInt, output: String, errors: [String])?
        while answer == nil {
            command.answered.wait(milliseconds: -1)
            answer = command.answer.withLock { $0 }
        }
        guard let answer else { return "" }
        guard answer.code == LVM2_COMMAND_SUCCEEDED else {
            let reason = answer.errors.joined(separator: "; ")
            throw .failed(
                doing: doing, path: path, reason: reason.isEmpty ? "LVM failed with code \(answer.code)" : reason,
                code: answer.code)
        }
        return answer.output
    }

    /// Where no udev runs nobody would make the nodes below /dev, and LVM would wait for them in vain.
    private static let setting: [String] = {
        guard unsafe access("/run/udev/control", F_OK) != 0 else { return [] }
        let settings = [
            "devices{obtain_device_list_from_udev=0}", "devices{use_devicesfile=0}", "activation{udev_sync=0}",
            "activation{udev_rules=0}", "activation{monitoring=0}",
        ]
        return ["--config", settings.joined()]
    }()
}
