/// Where the logical volumes of a tier's domains are, where the node cannot tell; what is nil or missing is as usual.
package struct TierStorage: Hashable, Sendable {
    /// A shell's command that leads to `whatif-storage` on the machine that has the volumes.
    package var ask: String?
    /// Where that machine serves snapshots.
    package var export: ExportPlace?
    /// `group/name` by the disk's target.
    package var volumes: [String: String] = [:]
    /// Bytes that the domain may write while its clones live.
    package var room: Int64?
}

/// `{ ask: "ssh storage1 whatif-storage", export: "nbd://10.0.0.5:10900-10999", volumes: { vda: data/vm1 }, room: 256 MiB }`
extension TierStorage: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case ask, export, volumes, room }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        ask = try fields.decodeIfPresent(String.self, forKey: .ask)
        if ask?.contains("\n") == true { throw fields.refusal(of: .ask, "expected one line") }
        volumes = try fields.decodeIfPresent([String: String].self, forKey: .volumes) ?? [:]
        for (disk, name) in volumes where name.split(separator: "/", omittingEmptySubsequences: false).count != 2 {
            throw fields.refusal(of: .volumes, "found '\(name)' for \(disk), expected GROUP/NAME, such as data/vm1")
        }
        if fields.contains(.export) {
            export = try fields.value(.export) { (text) throws(UnitError) in
                guard let place = ExportPlace(text) else {
                    throw UnitError(found: text, expected: ExportPlace.expected)
                }
                return place
            }
        }
        if fields.contains(.room) { room = try fields.value(.room, Units.bytes) }
        if ask != nil, export == nil { throw fields.refusal(of: .ask, "say where it serves snapshots, too: export: …") }
        if ask == nil, export != nil { throw fields.refusal(of: .export, "say how that machine is asked, too: ask: …") }
    }
}

/// Where a machine with volumes serves them.
package enum ExportPlace: Sendable, Hashable {
    /// Each export has a port of its own.
    case nbd(address: String, ports: ClosedRange<UInt16>)
    case iscsi(address: String, port: UInt16)

    package static let expected = "nbd://ADDRESS[:PORT[-PORT]] or iscsi://ADDRESS[:PORT]"

    /// `nbd://10.0.0.5:10900-10999`, `iscsi://[fd00::5]`. Nil for anything else.
    package init?(_ text: String) {
        guard let mark = text.firstRange(of: "://") else { return nil }
        var rest = text[mark.upperBound...]
        let address: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            address = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            address = rest.prefix { $0 != ":" }
            rest = rest[address.endIndex...]
        }
        let isPlain = address.utf8.allSatisfy {
            0x30...0x39 ~= $0 || 0x61...0x7a ~= $0 | 0x20 || ".:-".utf8.contains($0)
        }
        guard !address.isEmpty, isPlain, !address.hasPrefix("-"), rest.isEmpty || rest.hasPrefix(":") else {
            return nil
        }
        let ends = rest.dropFirst().split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        let ports: [UInt16]? =
            rest.isEmpty ? [] : ends.contains(nil) || ends.contains(0) ? nil : ends.compactMap(\.self)
        switch (text[..<mark.lowerBound], ports) {
        case ("nbd", .some([])): self = .nbd(address: String(address), ports: 10809...10908)
        case ("nbd", .some(let ports)) where ports.count == 1:
            self = .nbd(address: String(address), ports: ports[0]...ports[0])
        case ("nbd", .some(let ports)) where ports.count == 2 && ports[0] <= ports[1]:
            self = .nbd(address: String(address), ports: ports[0]...ports[1])
        case ("iscsi", .some([])): self = .iscsi(address: String(address), port: 3260)
        case ("iscsi", .some(let ports)) where ports.count == 1: self = .iscsi(address: String(address), port: ports[0])
        default: return nil
        }
    }

    package var address: String {
        switch self {
        case .nbd(let address, _), .iscsi(let address, _): address
        }
    }
}
