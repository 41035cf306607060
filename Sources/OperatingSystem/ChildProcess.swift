import CLinux
import Glibc

/// A program that was started, its exit status and what it printed.
package struct ProgramResult: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
}

/// A program that is missing or that failed, with its own last words.
package struct ProgramError: Error, CustomStringConvertible, Sendable {
    package let command: [String]
    package let reason: String

    package init(command: [String], reason: String) {
        self.command = command
        self.reason = reason
    }

    package var description: String { "'\(command.joined(separator: " "))' failed: \(reason)" }
}

/// Child processes: one way to start, wait for and end them.
package final class ChildProcess: Sendable {
    package let command: [String]
    package let pid: Int32

    /// Starts `command[0]`, searched in PATH, in a session of its own, so that a Ctrl-C meant for us does not reach it.
    ///
    /// `nil` descriptors become /dev/null. The child inherits no other descriptor and no blocked signal.
    package init(_ command: [String], input: CInt? = nil, output: CInt? = nil, errors: CInt? = nil) throws(ProgramError)
    {
        self.command = command
        // Whoever started us may have had no interest in children: then the kernel would keep no status of ours.
        signal(SIGCHLD, SIG_DFL)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in [(CInt(0), input), (1, output), (2, errors)] {
            if let source {
                unsafe posix_spawn_file_actions_adddup2(&actions, source, target)
            } else {
                unsafe posix_spawn_file_actions_addopen(
                    &actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0)
            }
        }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        // We ignore SIGPIPE; programs expect it to end them.
        var pipe = sigset_t()
        unsafe sigemptyset(&pipe)
        unsafe sigaddset(&pipe, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &pipe)
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Int16(WHATIF_SPAWN_SETSID))

        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var child: pid_t = 0
        let code = unsafe posix_spawnp(&child, command[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else {
            throw ProgramError(command: command, reason: unsafe String(cString: strerror(code)))
        }
        pid = child
    }

    /// Waits for the end: the exit status, or 128 + the signal that ended it.
    @discardableResult
    package func wait() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) == -1 && errno == EINTR {}
        return Self.code(status)
    }

    private static func code(_ status: Int32) -> Int32 {
        status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }

    /// TERM, then KILL after `grace`, then reaped.
    package func end(grace: Duration = .seconds(2)) {
        kill(pid, SIGTERM)
        let clock = SteadyClock()
        let deadline = clock.now + Int64(grace.components.seconds) * 1_000_000_000
        var status: Int32 = 0
        while clock.now < deadline {
            let result = unsafe waitpid(pid, &status, WNOHANG)
            if result == pid || (result == -1 && errno == ECHILD) { return }
            usleep(5_000)
        }
        kill(pid, SIGKILL)
        wait()
    }

    /// This process becomes the program, searched in PATH.
    package static func become(_ command: [String]) throws(ProgramError) -> Never {
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe command.map { unsafe strdup($0) } + [nil]
        _ = unsafe execvp(command[0], &arguments)
        let reason = unsafe String(cString: strerror(errno))
        unsafe arguments.forEach { unsafe free($0) }
        throw ProgramError(command: command, reason: reason)
    }

    /// Runs a program to its end and takes what it printed.
    package static func run(_ command: [String], input: String = "") throws(ProgramError) -> ProgramResult {
        do {
            let standardInput = try temporary(containing: input)
            let output = try temporary(containing: "")
            let errors = try temporary(containing: "")
            let child = try ChildProcess(command, input: standardInput.raw, output: output.raw, errors: errors.raw)
            let status = child.wait()
            return ProgramResult(status: status, output: try contents(of: output), errors: try contents(of: errors))
        } catch let error as ProgramError {
            throw error
        } catch {
            throw ProgramError(command: command, reason: "\(error)")
        }
    }

    /// As `run`, and a status other than 0 is an error that carries the last line of the program's complaint.
    @discardableResult
    package static func succeed(_ command: [String], input: String = "") throws(ProgramError) -> String {
        let result = try run(command, input: input)
        guard result.status == 0 else {
            let words = (result.errors.isEmpty ? result.output : result.errors).split(separator: "\n").suffix(3)
            throw ProgramError(command: command, reason: "exit \(result.status): \(words.joined(separator: "; "))")
        }
        return result.output
    }

    private static func temporary(containing text: String) throws(SystemError) -> Descriptor {
        let file = Descriptor(
            owning: try check("make a memory file") { unsafe memfd_create("whatif", UInt32(WHATIF_MFD_CLOEXEC)) })
        try file.writeAll(Array(text.utf8))
        lseek(file.raw, 0, SEEK_SET)
        return file
    }

    private static func contents(of file: Descriptor) throws(SystemError) -> String {
        lseek(file.raw, 0, SEEK_SET)
        var bytes: [UInt8] = []
        while true {
            let more = try file.readSome()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }
}

extension ChildProcess {
    /// Whether it has ended; reaps it then.
    package var hasEnded: Bool {
        var status: Int32 = 0
        let result = unsafe waitpid(pid, &status, WNOHANG)
        return result == pid || (result == -1 && errno == ECHILD)
    }

    /// As `wait`, if it has ended; else nil. Not to be asked again behind the end.
    package func poll() -> Int32? {
        var status: Int32 = 0
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
        return Self.code(status)
    }
}
