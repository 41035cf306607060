import Glibc
import OperatingSystem
import Synchronization

/// Volumes of another machine: the same service, through a program whose standard input and output lead to `whatif-storage`
/// there, such as `ssh storage1 whatif-storage`.
///
/// The program is started with the first call, and again after it was lost. A call whose answer was lost may have been done:
/// the journal's identifiers find what it made.
package final class RemoteVolumes: VolumeService {
    private let command: [String]
    private let patience: Duration
    private let link = Mutex<Link?>(nil)

    /// `patience` is how long an answer may take.
    package init(through command: [String], patience: Duration = .seconds(60)) {
        self.command = command
        self.patience = patience
    }

    package func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot] {
        guard case .planned(let snapshots) = try ask(.plan(requests)) else { throw strange }
        return snapshots
    }

    package func make(_ snapshots: [PlannedSnapshot]) throws(VolumeError) { try order(.make(snapshots)) }

    package func fill(of snapshots: [SnapshotIdentifier]) throws(VolumeError) -> [SnapshotFill] {
        guard case .fills(let fills) = try ask(.fill(snapshots)), fills.count == snapshots.count else { throw strange }
        return fills
    }

    package func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError) { try order(.remove(snapshot)) }
    package func export(_ request: ExportRequest) throws(VolumeError) { try order(.export(request)) }

    package func removeExport(_ export: ExportIdentifier) throws(VolumeError) { try order(.removeExport(export)) }

    private func order(_ call: StorageCall) throws(VolumeError) {
        guard case .done = try ask(call) else { throw strange }
    }

    private var program: String { command.joined(separator: " ") }
    private var strange: VolumeError { .unreachable(program, reason: "it answers something else than was asked") }

    private func ask(_ call: StorageCall) throws(VolumeError) -> StorageReply {
        let reply = try link.withLock { (link) throws(VolumeError) -> StorageReply in
            do {
                let open = try link ?? Link(command)
                link = open
                return try open.ask(call, patience: patience)
            } catch {
                link = nil
                throw .unreachable(program, reason: "\(error)")
            }
        }
        if case .refused(let error) = reply { throw error }
        return reply
    }
}

/// A running program and the two ends of its streams.
private final class Link: Sendable {
    private struct Lost: Error, CustomStringConvertible { let description: String }

    private let child: ChildProcess
    private let input: Mutex<Descriptor?>
    private let output: Descriptor
    private let errors: Descriptor
    private let lines = Mutex(LineBuffer())

    init(_ command: [String]) throws {
        // A socket, and no pipe: writing to a program that has ended is an error there, and no signal.
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue | UInt32(O_CLOEXEC))
        try check("make a pair of sockets") { unsafe socketpair(AF_UNIX, kind, 0, &ends) }
        let (theirs, ours) = (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
        let (answers, complaints) = (try Descriptor.pipe(), try Descriptor.pipe())
        child = try ChildProcess(
            command, input: theirs.raw, output: answers.writing.raw, errors: complaints.writing.raw)
        input = Mutex(ours)
        output = answers.reading
        errors = complaints.reading
    }

    /// At the end of its input the program ends by itself; `nc` and its kin do not always.
    deinit {
        input.withLock { $0 = nil }
        child.end()
    }

    func ask(_ call: StorageCall, patience: Duration) throws -> StorageReply {
        guard let input = input.withLock({ $0 }) else { throw Lost(description: "it was closed") }
        let bytes = Array(call.json.text.utf8) + [UInt8(ascii: "\n")]
        var sent = 0
        while sent < bytes.count, let more = Sockets.send(input, bytes, from: sent) { sent += more }
        // One that is gone has said why.
        let line = try nextLine(within: patience)
        guard let reply = JSONValue(line).flatMap({ StorageReply($0) }) else {
            throw Lost(description: "it does not speak the language of whatif-storage")
        }
        return reply
    }

    private func nextLine(within patience: Duration) throws -> [UInt8] {
        let clock = SteadyClock()
        let deadline = clock.now + Int64(patience / .nanoseconds(1))
        while true {
            if let line = lines.withLock({ $0.next() }) { return line }
            var polled = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
            let left = max(0, deadline - clock.now) / 1_000_000
            let ready = unsafe poll(&polled, 1, CInt(clamping: left))
            if ready == 0 { throw Lost(description: "nothing for \(patience)") }
            if ready < 0 { continue }
            let bytes = try output.readSome()
            guard !bytes.isEmpty else { throw Lost(description: lastWords) }
            guard lines.withLock({ $0.append(bytes) }) else { throw Lost(description: "its answer has no end") }
        }
    }

    private var lastWords: String {
        let words = (try? errors.readSome()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return words.split(separator: "\n").last.map(String.init) ?? "it has ended"
    }
}
