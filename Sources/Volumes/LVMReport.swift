/// What LVM says of a logical volume (lvs(8)).
struct LogicalVolumeReport: Sendable {
    let volume: LogicalVolume
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
    private let attributes: [UInt8]

    static let fields = [
        "vg_name", "lv_name", "lv_attr", "lv_size", "origin", "pool_lv", "segtype", "data_percent", "metadata_percent",
        "vg_free", "vg_extent_size", "lv_kernel_major", "lv_kernel_minor",
    ]

    /// The volumes of a report in JSON with these fields and sizes in bytes; nil when it is something else.
    static func all(_ text: String) -> [LogicalVolumeReport]? {
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
        guard let group = text("vg_name"), let name = text("lv_name"),
            let volume = LogicalVolume(group: group, name: name), let size = text("lv_size").flatMap({ Int64($0) }),
            let attributes = text("lv_attr"), attributes.utf8.count >= 6, let type = text("segtype"),
            let groupFree = text("vg_free").flatMap({ Int64($0) }),
            let extent = text("vg_extent_size").flatMap({ Int64($0) }), extent > 0
        else { return nil }
        self.volume = volume
        self.size = size
        self.type = type
        self.groupFree = groupFree
        self.extent = extent
        self.attributes = Array(attributes.utf8)
        origin = text("origin")
        pool = text("pool_lv")
        fill = text("data_percent").flatMap { Double($0) }.map { $0 / 100 }
        metadataFill = text("metadata_percent").flatMap { Double($0) }.map { $0 / 100 }
        // Both are -1 while it is not active.
        let numbers = ["lv_kernel_major", "lv_kernel_minor"].compactMap { text($0).flatMap { UInt32($0) } }
        device = numbers.count == 2 ? BlockDevice(major: numbers[0], minor: numbers[1]) : nil
    }

    var isSnapshot: Bool { attributes[0] == UInt8(ascii: "s") || attributes[0] == UInt8(ascii: "S") }
    /// A classic snapshot that LVM has given up.
    var isInvalid: Bool { "IS".utf8.contains(attributes[4]) || attributes[0] == UInt8(ascii: "S") }
    var isSuspended: Bool { "sS".utf8.contains(attributes[4]) }
    var isActive: Bool { "asIS".utf8.contains(attributes[4]) }
    var isOpen: Bool { attributes[5] == UInt8(ascii: "o") }
}
