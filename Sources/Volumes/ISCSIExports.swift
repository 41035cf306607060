import Glibc
import OperatingSystem

/// Volumes served over iSCSI by a running tgtd, a target each, whose name ends with the export's.
struct ISCSIExports {
    func make(_ request: ExportRequest, for initiator: String) throws(VolumeError) {
        guard request.format == .raw else {
            throw .unsuitable(
                request.path, reason: "iSCSI serves raw volumes; export a \(request.format.rawValue) over NBD")
        }
        let targets = try Self.targets()
        let name = ExportIdentifier.target(request.name)
        guard !targets.contains(where: { $0.name == name }) else { throw .nameTaken("\(request.identifier)") }
        let number = (1...).first { number in !targets.contains { $0.number == number } } ?? 1
        try Self.tgtadm(["--op", "new", "--mode", "target", "--tid", "\(number)", "--targetname", name], request.path)
        do {
            let unit = ["--mode", "logicalunit", "--tid", "\(number)", "--lun", "1"]
            try Self.tgtadm(["--op", "new"] + unit + ["--backing-store", request.path], request.path)
            if request.isReadOnly {
                try Self.tgtadm(["--op", "update"] + unit + ["--params", "readonly=1"], request.path)
            }
            // Until now nobody could log in.
            try Self.tgtadm(
                ["--op", "bind", "--mode", "target", "--tid", "\(number)", "--initiator-address", initiator],
                request.path)
        } catch {
            try? remove(request.name)
            throw error
        }
    }

    /// A target goes with its tgtd; whether the volume has gone with it says the volume's own removal.
    func remove(_ name: VolumeName) throws(VolumeError) {
        // One that was started before its starter was killed: what it makes would not be seen yet.
        let makers = Holders.programs("tgtadm", with: ExportIdentifier.target(name))
        guard makers.isEmpty else { throw .inUse("the export \(name)", by: makers.map { "tgtadm (process \($0))" }) }
        let targets: [ISCSITarget]
        do {
            targets = try Self.targets()
        } catch {
            guard case .failed(_, _, let reason, _) = error, Self.isWithoutServer(reason) else { throw error }
            return
        }
        guard let target = targets.first(where: { $0.name == ExportIdentifier.target(name) }) else { return }
        guard target.clients.isEmpty else {
            throw .inUse("the export \(name)", by: target.clients.map { "the client \($0)" })
        }
        try Self.tgtadm(["--op", "delete", "--mode", "target", "--tid", "\(target.number)"], "\(name)")
    }

    private static func targets() throws(VolumeError) -> [ISCSITarget] {
        ISCSITarget.all(try tgtadm(["--op", "show", "--mode", "target"], "over iSCSI"))
    }

    @discardableResult
    private static func tgtadm(_ arguments: [String], _ path: String) throws(VolumeError) -> String {
        do {
            FaultPoint.pass()
            let output = try ChildProcess.succeed(["tgtadm", "--lld", "iscsi"] + arguments)
            FaultPoint.pass()
            return output
        } catch {
            throw VolumeError("export", path, error)
        }
    }

    private static func isWithoutServer(_ reason: String) -> Bool { reason.contains("tgt daemon") }
}

/// A target as `tgtadm --op show --mode target` tells it.
struct ISCSITarget: Sendable, Hashable {
    let number: Int
    let name: String
    private(set) var clients: [String] = []

    /// The text is for people: targets stand at the margin, what belongs to them is indented.
    static func all(_ text: String) -> [ISCSITarget] {
        var targets: [ISCSITarget] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("Target "), words.count == 3, let number = Int(words[1].dropLast()) {
                targets.append(ISCSITarget(number: number, name: String(words[2])))
            } else if words.count >= 2, words[0] == "Initiator:", !targets.isEmpty {
                targets[targets.count - 1].clients.append(String(words[1]))
            } else if words.count == 3, words[0] == "IP", words[1] == "Address:", let last = targets.last?.clients.last
            {
                let place = targets[targets.count - 1].clients.count - 1
                targets[targets.count - 1].clients[place] = "\(last) at \(words[2])"
            }
        }
        return targets
    }
}
