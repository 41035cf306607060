/// What LVM says of a logical volume (lvs(8)).
package struct LogicalVolumeReport: Sendable {
    package let volume: LogicalVolume
    /// Bytes; of a classic snapshot those of its own area.
    let size: Int64
    /// The segment type: `linear`, `thin`, `thin-pool`.
    let type: String
    let origin: String?
    let pool: String?
    /// Used share of a classic snapshot's area, or of a pool.
    let fill: Double?
    let metadataFill: Double?
    let groupFree: Int64
    let extent: Int64
    let device: BlockDevice?
    /// It goes back into its original, now or when that is opened next (lvconvert(8), `--merge`).
    let isMerging: Bool
    private let attributes: [UInt8]

    /// More bytes than any volume has (an exbibyte).
    private static let largest: Int64 = 1 << 60

    static let fields = [
        "vg_name", "lv_name", "lv_attr", "lv_size", "origin", "pool_lv", "segtype", "data_percent", "metadata_percent",
        "vg_free", "vg_extent_size", "lv_kernel_major", "lv_kernel_minor", "lv_merging",
    ]

    /// The volumes of a report in JSON with these fields and sizes in bytes; nil when it is something else.
    package static func all(_ text: String) -> [LogicalVolumeReport]? {
        guard let reports = JSONValue(text)?["report"]?.array else { return nil }
        var all: [LogicalVolumeReport] = []
        for row in reports.flatMap({ $0["lv"]?.array ?? [] }) {
            guard let report = LogicalVolumeReport(row) else { return nil }
            // A volume of several segments has several rows.
            if all.last?.volume != report.volume { all.append(report) }
        }
        return all
    }

    private init?(_ row: JSONValue) {
        func text(_ name: String) -> String? { row[name]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        func bytes(_ name: String) -> Int64? {
            text(name).flatMap { Int64($0) }.flatMap { (0...Self.largest).contains($0) ? $0 : nil }
        }
        func share(_ name: String) -> Double? {
            text(name).flatMap { Double($0) }.flatMap { (0...100).contains($0) ? $0 / 100 : nil }
        }
        guard let group = text("vg_name"), let name = text("lv_name"),
            let volume = LogicalVolume(group: group, name: Self.plain(name)), let size = bytes("lv_size"),
            let attributes = text("lv_attr"), attributes.utf8.count >= 6, let type = text("segtype"),
            let groupFree = bytes("vg_free"), let extent = bytes("vg_extent_size"), extent > 0
        else { return nil }
        self.volume = volume
        self.size = size
        self.type = type
        self.groupFree = groupFree
        self.extent = extent
        self.attributes = Array(attributes.utf8)
        origin = text("origin").map(Self.plain)
        isMerging = text("lv_merging") != nil
        pool = text("pool_lv")
        fill = share("data_percent")
        metadataFill = share("metadata_percent")
        // Both are -1 while it is not active.
        let numbers = ["lv_kernel_major", "lv_kernel_minor"].compactMap { text($0).flatMap { UInt32($0) } }
        device = numbers.count == 2 ? BlockDevice(major: numbers[0], minor: numbers[1]) : nil
    }

    /// LVM puts what it keeps to itself into brackets.
    private static func plain(_ name: String) -> String {
        name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
    }

    /// How full the snapshot `copy` is, or the pool that it is in; nil when it is not among `volumes`.
    package static func fill(of copy: LogicalVolume, in volumes: [LogicalVolumeReport]) -> SnapshotFill? {
        guard let found = volumes.first(where: { $0.volume == copy }) else { return nil }
        guard let pool = volumes.first(where: { $0.volume.name == found.pool }) else {
            let share = found.isInvalid ? 1 : found.fill ?? 1
            return SnapshotFill(share: share, used: found.bytes(share), room: found.size, isInvalid: found.isInvalid)
        }
        let share = pool.fill ?? 1
        return SnapshotFill(
            share: max(share, pool.metadataFill ?? 1), used: pool.bytes(share), room: pool.size,
            isInvalid: found.isInvalid)
    }

    /// What is left of a pool, in bytes.
    package var free: Int64 { size - bytes(fill ?? 1) }

    private func bytes(_ share: Double) -> Int64 { Int64(share * Double(size)) }

    var isSnapshot: Bool { attributes[0] == UInt8(ascii: "s") || attributes[0] == UInt8(ascii: "S") }
    /// A classic snapshot that LVM has given up.
    var isInvalid: Bool { "IS".utf8.contains(attributes[4]) || attributes[0] == UInt8(ascii: "S") }
    var isSuspended: Bool { "sS".utf8.contains(attributes[4]) }
    var isActive: Bool { "asIS".utf8.contains(attributes[4]) }
    var isOpen: Bool { attributes[5] == UInt8(ascii: "o") }
}
