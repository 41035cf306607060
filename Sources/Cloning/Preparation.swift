import Hypervisor
import Model
package import OperatingSystem

/// Makes a clone ready before it gets requests: a shell command of the operator's, run inside of it. It is tried again until
/// it succeeds, as a server inside may take its time to start, and not longer than `limit`.
package struct Preparation: Sendable {
    private let tier: String
    private let command: String
    private let limit: Duration
    /// What must not be told, should it stand in the command or in what it says.
    private let secret: String?

    private static let pauseBetween = 0.2
    /// As much of what the command complains about is kept.
    private static let kept = 4096
    /// A shell's words for a command that is not there, or is none: the next time it will not be there either.
    private static let hopeless: [Int32] = [126, 127]

    package init(tier: String, command: String, limit: Duration, secret: String?) {
        self.tier = tier
        self.command = command
        self.limit = limit
        self.secret = secret
    }

    /// `pause` waits for so many seconds, and may throw to end it all. Needs root.
    package func run(in clone: Clone, clock: SteadyClock, pause: (Double) throws -> Void) throws {
        let deadline = clock.now + limit.nanoseconds
        var told: (status: Int32?, complaint: String)?
        while true {
            let attempt =
                if let root = clone.root {
                    try attempt(clone, root, clock, deadline, pause)
                } else {
                    try attempt(clone, clock, deadline, pause)
                }
            if attempt.status == 0 { return }
            // Of an attempt that the limit cut off, the one before says more.
            if told == nil || attempt.status != nil { told = attempt }
            let isLate = clock.now + Int64(Self.pauseBetween * 1e9) >= deadline
            // An agent that does not answer yet is no reason to give up.
            let isHopeless = attempt.status.map { Self.hopeless.contains($0) } ?? (clone.root != nil)
            if isHopeless || isLate { break }
            try pause(Self.pauseBetween)
        }
        throw CloneError.notPrepared(
            tier: tier, command: hide(command), status: told?.status, within: limit,
            complaint: hide(told?.complaint ?? ""))
    }

    private func hide(_ text: String) -> String {
        guard let secret, !secret.isEmpty else { return text }
        return text.replacing(secret, with: "…")
    }

    /// Its exit status, nil when the time was over before, and the last line of its complaint.
    private func attempt(
        _ clone: Clone, _ root: String, _ clock: SteadyClock, _ deadline: Int64, _ pause: (Double) throws -> Void
    ) throws -> (status: Int32?, complaint: String) {
        guard let identifier = clone.domain.identifier else { return (126, "the clone does not run any more") }
        let pipe = try Descriptor.pipe()
        let child = try ChildProcess(
            ["sh", "-c", Self.entering, "sh", "\(identifier)", root, command], errors: pipe.writing.raw)
        var end: [UInt8] = []
        let listen = {
            // Not all of it at once: it may complain without end.
            for _ in 0..<16 {
                let more = try pipe.reading.readSome()
                if more.isEmpty { break }
                end = Array((end + more).suffix(Self.kept))
            }
        }
        do {
            while clock.now < deadline {
                if let status = child.poll() {
                    try listen()
                    return (status, Self.lastLine(end))
                }
                try listen()
                try pause(0.02)
            }
        } catch {
            child.end()
            throw error
        }
        child.end()
        return (nil, Self.lastLine(end))
    }

    /// The same in a virtual machine, by QEMU's guest agent in it, which answers when the guest has booted.
    private func attempt(
        _ clone: Clone, _ clock: SteadyClock, _ deadline: Int64, _ pause: (Double) throws -> Void
    ) throws -> (status: Int32?, complaint: String) {
        let left = Duration.nanoseconds(max(1, deadline - clock.now))
        do {
            let result = try clone.domain.runInGuest(command, within: left, pause: pause)
            return (result.status ?? 128, Self.lastLine(Array(result.errors.utf8)))
        } catch let error as HypervisorError {
            return (nil, error.message)
        }
    }

    private static func lastLine(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) } ?? ""
        return String(line.prefix(200).filter { !$0.isNewline && $0 != "\u{1b}" })
    }

    /// Runs $3 inside the container of the domain with the id $1, whose root directory is $2: in its control groups and all
    /// of its namespaces, with no more capabilities than it has and an environment of its own. libvirt's id is the process
    /// that holds the container, and that one's child is the container's first.
    private static let entering = """
        read -r pid rest < "/proc/$1/task/$1/children"
        # Whatever went wrong, nothing is ever run outside of the clone.
        if [ -z "$pid" ] || ! [ "/proc/$pid/root" -ef "$2" ]; then
            echo "process $pid is not the clone's" >&2
            exit 126
        fi
        while IFS=: read -r number controllers path; do
            for group in "/sys/fs/cgroup/${controllers#name=}$path" "/sys/fs/cgroup/unified$path"; do
                if [ "${group#/sys/fs/cgroup/unified}" = "$group" ] || [ -z "$controllers" ]; then
                    [ ! -e "$group/cgroup.procs" ] || echo 0 > "$group/cgroup.procs" || exit 126
                fi
            done
        done < "/proc/$pid/cgroup"
        bounds=$(sed -n 's/^CapBnd:[[:space:]]*//p' "/proc/$pid/status")
        last=$(cat /proc/sys/kernel/cap_last_cap)
        number=0
        dropped=
        while [ "$number" -le "$last" ]; do
            [ $((0x$bounds >> number & 1)) = 1 ] || dropped=$dropped,-cap_$number
            number=$((number + 1))
        done
        exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
            setpriv ${dropped:+--bounding-set "${dropped#,}"} nsenter --target "$pid" --all -- /bin/sh -c "$3"
        """
}
