import Foundation
import Glibc
import Testing
import Volumes

/// The kinds of volumes that keep the contract.
enum Kind: String, CaseIterable, Sendable {
    case subvolume, rawImage, qcow2Image, classic, thin

    var isInGuest: Bool { self == .classic || self == .thin }
}

/// Two originals of 8 MiB of one kind, and how to write, read and hold volumes of that kind.
final class Ground {
    let kind: Kind
    let host: StorageHost
    let volumes: RemoteVolumes
    /// Images that a domain has left for an overlay of its own.
    private var isFrozen = false

    init(_ kind: Kind) throws {
        self.kind = kind
        host = try #require(StorageHost.current)
        volumes = try Self.service(kind)
        if !kind.isInGuest { try shell("rm -rf \(directory)/*") }
        for disk in 0...1 {
            switch kind {
            case .subvolume:
                // A test that failed may have left some.
                try shell("btrfs -q subvolume create \(path(disk)); head -c 8M /dev/zero > \(path(disk))/data")
            case .rawImage, .qcow2Image:
                try shell("qemu-img create -q -f \(format) \(path(disk)) 8M")
            case .classic, .thin: break
            }
        }
    }

    /// A process of its own.
    static func service(_ kind: Kind) throws -> RemoteVolumes {
        let host = try #require(StorageHost.current)
        return kind.isInGuest ? host.guestVolumes : host.volumes
    }

    private var format: String { kind == .rawImage ? "raw" : "qcow2" }
    private var imageFormat: ImageFormat { kind == .rawImage ? .raw : .qcow2 }
    private var directory: String { host.directory + (kind == .subvolume ? "/volume" : "/images") }

    @discardableResult
    func shell(_ script: String) throws -> String { try kind.isInGuest ? host.guest(script) : host.shell(script) }

    func path(_ disk: Int) -> String {
        kind.isInGuest ? "/dev/data/\(kind.rawValue)\(disk)" : "\(directory)/disk\(disk)"
    }

    func source(_ disk: Int = 0) throws -> VolumeSource {
        switch kind {
        case .subvolume: .subvolume(path: path(disk))
        case .rawImage, .qcow2Image: .image(path: path(disk), imageFormat)
        case .classic, .thin:
            .logicalVolume(try #require(LogicalVolume(group: "data", name: "\(kind.rawValue)\(disk)")))
        }
    }

    func request(_ name: String, disk: Int = 0, room: Int64 = 8 << 20) throws -> SnapshotRequest {
        SnapshotRequest(try source(disk), name: try #require(VolumeName(name)), room: room)
    }

    func make(_ name: String, disk: Int = 0, room: Int64 = 8 << 20) throws -> PlannedSnapshot {
        let planned = try volumes.plan([try request(name, disk: disk, room: room)])
        try freeze()
        try volumes.make(planned)
        return try #require(planned.first)
    }

    /// What libvirt's external snapshot does with the images of a running domain: from now on it writes elsewhere.
    func freeze() throws {
        guard kind == .rawImage || kind == .qcow2Image, !isFrozen else { return }
        for disk in 0...1 {
            try shell("qemu-img create -q -f qcow2 -F \(format) -b \(path(disk)) \(path(disk)).live")
        }
        isFrozen = true
    }

    // MARK: - Contents

    enum Volume {
        case original(Int)
        case snapshot(PlannedSnapshot)
    }

    private func place(_ volume: Volume) -> (path: String, format: String) {
        switch volume {
        case .original(let disk):
            isFrozen ? ("\(path(disk)).live", "qcow2") : (path(disk), format)
        case .snapshot(let snapshot): (snapshot.path, "qcow2")
        }
    }

    /// A script that fills some KiB, from a place, with `$letter`.
    func writing(kibibytes: Int = 512, at offset: Int = 0, to volume: Volume) -> String {
        let (path, format) = place(volume)
        return switch kind {
        case .rawImage, .qcow2Image:
            """
            target=\(path); format=\(format)
            if [ -e \(path).live ]; then target=\(path).live; format=qcow2; fi
            code=$(printf %x "'$letter")
            qemu-io -f $format -c "write -P 0x$code \(offset)k \(kibibytes)k" -c flush $target > \(path).out
            """
        case .subvolume, .classic, .thin:
            "head -c \(kibibytes)k /dev/zero | tr '\\0' $letter | "
                + "dd of=\(file(path)) bs=1k seek=\(offset) conv=notrunc,fsync 2> /dev/null"
        }
    }

    func write(_ letter: String, kibibytes: Int = 512, at offset: Int = 0, to volume: Volume) throws {
        try shell("letter=\(letter)\n" + writing(kibibytes: kibibytes, at: offset, to: volume))
    }

    private func file(_ path: String) -> String { kind == .subvolume ? path + "/data" : path }

    func checksum(_ volume: Volume) throws -> String {
        let (path, format) = place(volume)
        switch kind {
        case .rawImage, .qcow2Image:
            return try shell(
                "qemu-img convert -f \(format) -O raw \(path) \(directory)/flat; md5sum < \(directory)/flat")
        case .subvolume: return try shell("md5sum < \(path)/data")
        case .classic, .thin:
            // What the disk says, and not what was read or written before.
            return try shell("sync; echo 3 > /proc/sys/vm/drop_caches; md5sum < \(path)")
        }
    }

    /// The first byte.
    func mark(_ volume: Volume) throws -> String {
        let (path, format) = place(volume)
        switch kind {
        case .rawImage, .qcow2Image:
            return try shell(
                "qemu-img dd -f \(format) -O raw bs=512 count=1 if=\(path) of=\(directory)/first; "
                    + "head -c 1 \(directory)/first")
        case .subvolume: return try shell("head -c 1 \(path)/data")
        case .classic, .thin: return try shell("sync; echo 3 > /proc/sys/vm/drop_caches; head -c 1 \(path)")
        }
    }

    // MARK: - Around it

    /// All that there is, by name; of logical volumes what the kernel has and, if asked, what LVM knows of and which nodes there are.
    func inventory(whole: Bool = false) throws -> String {
        switch kind {
        case .classic, .thin:
            try shell(
                "dmsetup info --columns --noheadings -o name,suspended --sort name"
                    + (whole
                        ? "; volumes lvs --all --noheadings -o lv_name,origin,lv_inactive_table; ls /dev/data /dev/mapper"
                        : ""))
        case .subvolume: try shell("ls \(directory)")
        case .rawImage, .qcow2Image: try shell("ls \(directory) | grep -v -e live -e out -e flat -e first")
        }
    }

    /// A process that uses a snapshot; ended by its number.
    func hold(_ snapshot: PlannedSnapshot) throws -> String {
        let input = kind == .subvolume ? "/dev/null" : snapshot.path
        return try shell(
            """
            cd \(kind == .subvolume ? snapshot.path : "/")
            sleep 600 < \(input) > /dev/null 2>&1 &
            while [ "$(cat /proc/$!/comm)" != sleep ]; do busybox usleep 2000; done
            echo $!
            """)
    }

    /// Starts a program that does a call, and kills it after so many microseconds.
    func kill(_ call: StorageCall, after microseconds: Int) throws {
        let program = kind.isInGuest ? "whatif-storage" : StorageHost.program
        try shell(
            """
            echo '\(call.json.text)' > /tmp/call.$$
            \(program) < /tmp/call.$$ > /dev/null & program=$!
            busybox usleep \(microseconds)
            kill -9 $program || true
            wait $program || true
            rm /tmp/call.$$
            """)
    }

    /// Does a call in a program that is killed at its moment of this number (`FaultPoint`); false where it did not come to that.
    func isKilled(_ call: StorageCall, at moment: Int) throws -> Bool {
        let program = kind.isInGuest ? "whatif-storage" : StorageHost.program
        let status =
            try shell(
                """
                echo '\(call.json.text)' > /tmp/call.$$
                WHATIF_KILL_AT=\(moment) \(program) < /tmp/call.$$ > /tmp/reply.$$ 2> /dev/null && status=0 || status=$?
                cat /tmp/reply.$$
                rm /tmp/call.$$ /tmp/reply.$$
                echo "status $status"
                """
            ).split(separator: "\n")
        if status.last == "status \(128 + SIGKILL)" { return true }
        // What it refuses it has not done.
        let reply = status.first.flatMap { JSONValue(Array($0.utf8)) }.flatMap { StorageReply($0) }
        try #require(status.last == "status 0" && reply == .done, "\(moment): \(status)")
        return false
    }

    /// As callers do: what is in use is asked again.
    func removeWhenFree(_ snapshot: SnapshotIdentifier) throws {
        var refusal: (any Error)?
        let isGone = wait(seconds: 5) {
            do {
                try volumes.remove(snapshot)
                return true
            } catch {
                refusal = error
                return false
            }
        }
        try #require(isGone, "\(snapshot) cannot be removed: \(String(describing: refusal))")
    }
}
