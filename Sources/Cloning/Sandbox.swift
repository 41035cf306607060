import Glibc
package import Hypervisor
package import Model
import OperatingSystem
package import Store
import Volumes

/// Things that could not be removed; they stay in the journal for the next try.
package struct RemovalError: Error, Sendable, CustomStringConvertible {
    package let failures: [String]
    package var description: String {
        "not everything could be removed; run 'whatif sandbox gc' again: " + failures.joined(separator: "; ")
    }
}

/// What the journal says exists, and its removal.
package enum Sandbox {
    /// Those campaigns that have ended, however they ended: nobody holds their lock.
    package static func ended(_ owners: Set<String>, in state: StateDirectory) throws -> Set<String> {
        try owners.filter { try FileLock.take(state.lock($0)) != nil }
    }

    /// Entries whose owner has ended, and which nobody has asked to keep beyond `now`.
    package static func abandoned(
        _ entries: [JournalEntry], in state: StateDirectory, _ journal: Journal, at now: Timestamp
    ) throws -> [JournalEntry] {
        // In this order: an owner is kept before it gives its lock back.
        let ended = try ended(Set(entries.map(\.owner)), in: state)
        let kept = try journal.owners().values.filter { $0.keptUntil.map { $0 > now } ?? false }.map(\.name)
        let owners = ended.subtracting(kept)
        return entries.filter { owners.contains($0.owner) }
    }

    /// Removes entries in the reverse order of their making. What is gone already counts as removed; what fails is kept
    /// and said after the rest was tried. `node` is nil when the node of these entries does not exist any more.
    package static func remove(_ entries: [JournalEntry], node: Node?, journal: Journal) throws {
        var failures: [String] = []
        // Of a domain that cannot be stopped the rules and disks stay, too.
        var living: Set<String> = []
        let volumes = VolumeRemoval()
        for entry in entries.sorted(by: { $0.id > $1.id }) where !living.contains(entry.owner) {
            do {
                if entry.kind == .frequency {
                    // Of this machine, whatever became of the node.
                    try CoreFrequencies().restore(entry.identifier)
                } else if let node {
                    try remove(entry, node, journal, volumes)
                }
                try journal.close(entry)
            } catch {
                failures.append("\(error)")
                if entry.kind == .domain { living.insert(entry.owner) }
            }
        }
        if !failures.isEmpty { throw RemovalError(failures: failures) }
    }

    /// Bytes on volumes that belong to these things alone; nil when none of them is on a volume. Paths are those of the
    /// calling process's mount namespace.
    package static func space(_ entries: [JournalEntry]) throws -> Int64? {
        let sizes = try entries.compactMap { entry -> Int64? in
            switch entry.kind {
            case .subvolume: return try Subvolume.exclusiveBytes(entry.identifier)
            case .overlay, .file: return try allocatedBytes([entry.identifier])
            case .capture:
                return try allocatedBytes(CaptureFiles(text: entry.identifier).files)
            case .snapshot, .export, .namespace, .bridge, .rules, .interface, .domain, .frequency: return nil
            }
        }
        return sizes.isEmpty ? nil : sizes.reduce(0, +)
    }

    /// Bytes used and had of what logical volumes' snapshots are written to, by their identifiers in the journal: of a classic one its
    /// own room in the volume group, of a thin one its pool. Without those whose machine does not answer.
    package static func fills(_ entries: [JournalEntry]) -> [String: (used: Int64, room: Int64)] {
        var fills: [String: (used: Int64, room: Int64)] = [:]
        let snapshots = entries.filter { $0.kind == .snapshot }.compactMap { entry in
            let kept = KeptVolume(text: entry.identifier)
            return SnapshotIdentifier(kept.identifier).map { (entry.identifier, $0, kept.through) }
        }
        for (through, group) in Dictionary(grouping: snapshots, by: \.2) {
            let service = VolumeSite.service(through: through, patience: .seconds(5))
            guard let found = try? service.fill(of: group.map(\.1)) else { continue }
            for ((identifier, _, _), fill) in zip(group, found) { fills[identifier] = (fill.used, fill.room) }
        }
        return fills
    }

    /// What the rules of the calling process's network namespace say of a clone: the outside addresses that it has, and
    /// how many of its frames were dropped. Nil when it has no rules there.
    package static func traffic(of clone: String) throws -> (addresses: [IPAddress], dropped: Int)? {
        let words = try Ruleset.apply("list ruleset bridge").split(whereSeparator: \.isWhitespace)
        // counter dropped_ID { packets N bytes N }
        guard let counter = words.firstIndex(of: Substring(SandboxRules.counter(of: clone))),
            words.indices.contains(counter + 3), let dropped = Int(words[counter + 3])
        else { return nil }
        return (CloneIdentity.outsideAddresses(of: clone).filter { words.contains(Substring("\($0)")) }, dropped)
    }

    private static func allocatedBytes(_ paths: [String]) throws -> Int64 {
        paths.reduce(0) { sum, path in
            var status = stat()
            return unsafe stat(path, &status) == 0 ? sum + Int64(status.st_blocks) * 512 : sum
        }
    }

    /// How long the kernel may take to end the namespace of a link's other end, which takes the link along by itself.
    private static let namespaceEnd = Duration.seconds(5)

    /// A link that is not there is removed. While the kernel ends the namespace of its other end, it refuses to delete it.
    private static func removeLink(_ name: String) throws {
        let clock = SteadyClock()
        let deadline = clock.now + namespaceEnd.nanoseconds
        while true {
            let result = try ChildProcess.run(["ip", "link", "delete", "dev", name])
            if result.status == 0 { return }
            let list = try ChildProcess.succeed(["ip", "-oneline", "link", "show"])
            // `7: wil012345@if2: <BROADCAST…`
            let names = list.split(separator: "\n").compactMap { line in
                line.split(separator: " ").dropFirst().first?.prefix { $0 != ":" && $0 != "@" }
            }
            if !names.contains(Substring(name)) { return }
            guard clock.now < deadline else {
                throw ProgramError(
                    command: ["ip", "link", "delete", name], reason: String(result.errors.prefix { $0 != "\n" }))
            }
            usleep(5_000)
        }
    }

    private static func remove(
        _ entry: JournalEntry, _ node: Node, _ journal: Journal, _ volumes: VolumeRemoval
    ) throws {
        switch entry.kind {
        case .domain:
            if let domain = try node.domain(entry.identifier) {
                try domain.destroy()
            } else {
                StrayContainer.end(named: entry.identifier)
            }
            // libvirt keeps the console of every container, and QEMU's words.
            for driver in ["lxc", "qemu"] { unsafe unlink("/var/log/libvirt/\(driver)/\(entry.identifier).log") }
        case .rules:
            try Ruleset.apply(SandboxRules.remove(entry.identifier))
        case .bridge:
            // It goes with the proxies' namespace, too, but the kernel takes its time for that.
            try removeLink(SandboxIdentity.port(of: entry.clone))
            try removeLink(entry.identifier)
        case .interface: try removeLink(entry.identifier)
        case .namespace:
            let result = try ChildProcess.run(["ip", "netns", "delete", entry.identifier])
            guard result.status != 0 else { return }
            let list = try ChildProcess.succeed(["ip", "netns", "list"])
            if list.split(separator: "\n").contains(where: { $0.prefix { $0 != " " } == entry.identifier }) {
                throw ProgramError(
                    command: ["ip", "netns", "delete", entry.identifier],
                    reason: String(result.errors.prefix { $0 != "\n" }))
            }
        case .frequency: break
        case .subvolume: try volumes.remove(.subvolume(path: entry.identifier))
        case .overlay: try volumes.remove(.overlay(path: entry.identifier))
        case .file:
            if unsafe unlink(entry.identifier) == -1, errno != ENOENT {
                throw SystemError("remove \(entry.identifier)")
            }
        case .snapshot: try volumes.remove(snapshot: KeptVolume(text: entry.identifier))
        case .export: try volumes.remove(export: KeptVolume(text: entry.identifier))
        case .capture:
            let files = CaptureFiles(text: entry.identifier)
            let lock = try journal.lock(domain: entry.original)
            defer { withExtendedLifetime(lock) {} }
            if let original = try node.domain(entry.original) {
                try original.endCapture(memory: files.memory, overlays: files.overlays)
            } else {
                // Its overlay, if it has one, is all that is left of what it wrote last.
                for file in files.overlays.values where unsafe access(file, F_OK) == 0 {
                    throw CloneError.stranded(domain: entry.original, file: file)
                }
                if let memory = files.memory { unsafe unlink(memory) }
            }
        }
    }
}
