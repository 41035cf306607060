import Glibc
import OperatingSystem

/// Volumes served by qemu-nbd(8), a process each. Its command line bears the export's name, by which it is found again.
struct NBDExports {
    /// Milliseconds that a server gets to end.
    private static let patience = 5_000
    private static let pause = 10

    func make(_ request: ExportRequest) throws(VolumeError) {
        guard Self.servers(of: request.name).isEmpty else { throw .nameTaken("\(request.identifier)") }
        var command = [
            // It goes into the background when it listens, and serves until it is ended.
            "qemu-nbd", "--fork", "--persistent", "--shared=0", "--discard=unmap",
            "--format=\(request.format.rawValue)", Self.argument(request.name),
        ]
        if request.isReadOnly { command.append("--read-only") }
        switch request.transport {
        case .nbd(let address, let port): command += ["--bind=\(address)", "--port=\(port)"]
        case .nbdSocket(let directory):
            command.append("--socket=\(ExportIdentifier.socket(request.name, directory: directory))")
        case .iscsi: return
        }
        FaultPoint.pass()
        do {
            try ChildProcess.succeed(command + [request.path])
            FaultPoint.pass()
        } catch {
            throw VolumeError("export", request.path, error)
        }
    }

    /// `socket` is left behind by a server that was killed.
    func remove(_ name: VolumeName, socket: String?) throws(VolumeError) {
        let servers = Self.servers(of: name)
        let clients = servers.flatMap { SocketPeers.of($0) }
        guard clients.isEmpty else { throw .inUse("the export \(name)", by: clients) }
        var patience = Self.patience
        while case let servers = Self.servers(of: name), !servers.isEmpty {
            guard patience > 0 else { throw .inUse("the export \(name)", by: ["qemu-nbd, which does not end"]) }
            // Again and again: what comes while it starts it forgets.
            for server in servers { kill(server, SIGTERM) }
            usleep(UInt32(Self.pause) * 1000)
            patience -= Self.pause
        }
        FaultPoint.pass()
        if let socket, unsafe unlink(socket) != 0, errno != ENOENT {
            throw VolumeError("remove", socket, SystemError("remove \(socket)"))
        }
    }

    private static func argument(_ name: VolumeName) -> String { "--export-name=\(name)" }

    private static func servers(of name: VolumeName) -> [pid_t] {
        Holders.programs("qemu-nbd", with: argument(name))
    }
}

/// Who is connected with a process, by the kernel's tables of sockets (proc_pid_net(5)).
enum SocketPeers {
    static func of(_ process: pid_t) -> [String] {
        let sockets = Set(
            Directory.names("/proc/\(process)/fd").compactMap { name -> String? in
                guard let link = Directory.link("/proc/\(process)/fd/\(name)"), link.hasPrefix("socket:[") else {
                    return nil
                }
                return String(link.dropFirst("socket:[".count).dropLast())
            })
        let tables = ["tcp", "tcp6"].flatMap { rows("/proc/\(process)/net/\($0)") }
        let remote = tables.compactMap { fields -> String? in
            guard fields.count > 9, fields[3] == "01", sockets.contains(fields[9]) else { return nil }
            return "the client \(address(fields[2]))"
        }
        let local = rows("/proc/\(process)/net/unix").compactMap { fields -> String? in
            guard fields.count > 7, fields[5] == "03", sockets.contains(fields[6]) else { return nil }
            return "a client of \(fields[7])"
        }
        return remote + local
    }

    private static func rows(_ path: String) -> [[String]] {
        (SmallFile.text(path) ?? "").split(separator: "\n").dropFirst().map {
            $0.split(separator: " ").map(String.init)
        }
    }

    /// `0100007F:1F90` is 127.0.0.1:8080: words of four bytes, each in the machine's order.
    static func address(_ text: String) -> String {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16), parts[0].utf8.count % 8 == 0,
            parts[0].utf8.allSatisfy({ $0 < 0x80 })
        else {
            return text
        }
        let digits = Array(parts[0])
        let words = stride(from: 0, to: digits.count, by: 8).compactMap {
            UInt32(String(digits[$0..<$0 + 8]), radix: 16)?.byteSwapped
        }
        func v4(_ word: UInt32) -> String { [24, 16, 8, 0].map { "\(word >> $0 & 255)" }.joined(separator: ".") }
        if words.count == 1 { return "\(v4(words[0])):\(port)" }
        guard words.count == 4 else { return text }
        if words[0] == 0, words[1] == 0, words[2] == 0xffff { return "\(v4(words[3])):\(port)" }
        let groups = words.flatMap { [String($0 >> 16, radix: 16), String($0 & 0xffff, radix: 16)] }
        return "[\(groups.joined(separator: ":"))]:\(port)"
    }
}
