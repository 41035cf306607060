/// What the storage program is asked: a line of JSON each.
package enum StorageCall: Sendable, Hashable {
    case plan([SnapshotRequest])
    case make([PlannedSnapshot])
    case fill([SnapshotIdentifier])
    case remove(SnapshotIdentifier)
    case export(ExportRequest)
    case removeExport(ExportIdentifier)

    /// Of the language; a program of another version is refused.
    private static let version: Int64 = 1

    package var json: JSONValue {
        let (name, value): (String, JSONValue) =
            switch self {
            case .plan(let requests): ("plan", .array(requests.map(\.json)))
            case .make(let snapshots): ("make", .array(snapshots.map(\.json)))
            case .fill(let snapshots): ("fill", .array(snapshots.map { .string("\($0)") }))
            case .remove(let snapshot): ("remove", .string("\(snapshot)"))
            case .export(let request): ("export", request.json)
            case .removeExport(let export): ("removeExport", .string("\(export)"))
            }
        return .object(["version": .integer(Self.version), "call": .string(name), "with": value])
    }

    package init?(_ json: JSONValue) {
        guard json["version"]?.integer == Self.version, let name = json["call"]?.string, let value = json["with"] else {
            return nil
        }
        let call: StorageCall? =
            switch name {
            case "plan": value.all { SnapshotRequest($0) }.map { .plan($0) }
            case "make": value.all { PlannedSnapshot($0) }.map { .make($0) }
            case "fill": value.all { $0.string.flatMap { SnapshotIdentifier($0) } }.map { .fill($0) }
            case "remove": value.string.flatMap { SnapshotIdentifier($0) }.map { .remove($0) }
            case "export": ExportRequest(value).map { .export($0) }
            case "removeExport": value.string.flatMap { ExportIdentifier($0) }.map { .removeExport($0) }
            default: nil
            }
        guard let call else { return nil }
        self = call
    }
}

/// What the storage program answers: a line of JSON each.
package enum StorageReply: Sendable, Hashable {
    case done
    case planned([PlannedSnapshot])
    case fills([SnapshotFill])
    case refused(VolumeError)

    package var json: JSONValue {
        switch self {
        case .done: .object(["done": .bool(true)])
        case .planned(let snapshots): .object(["planned": .array(snapshots.map(\.json))])
        case .fills(let fills): .object(["fills": .array(fills.map(\.json))])
        case .refused(let error): .object(["error": error.json])
        }
    }

    package init?(_ json: JSONValue) {
        if json["done"]?.bool == true {
            self = .done
        } else if let snapshots = json["planned"]?.all({ PlannedSnapshot($0) }) {
            self = .planned(snapshots)
        } else if let fills = json["fills"]?.all({ SnapshotFill($0) }) {
            self = .fills(fills)
        } else if let error = json["error"].flatMap({ VolumeError($0) }) {
            self = .refused(error)
        } else {
            return nil
        }
    }
}

extension JSONValue {
    /// The elements of an array as values; nil when it is none or one of them does not fit.
    fileprivate func all<Value>(_ value: (JSONValue) -> Value?) -> [Value]? {
        guard let array else { return nil }
        let values = array.compactMap(value)
        return values.count == array.count ? values : nil
    }

    fileprivate var path: String? { string.flatMap { Path.isWhole($0) ? $0 : nil } }

    /// A host's address: digits, or a name.
    fileprivate var address: String? {
        string.flatMap { text in
            let isPlain = text.utf8.allSatisfy {
                0x30...0x39 ~= $0 || 0x61...0x7a ~= $0 | 0x20 || ".:-".utf8.contains($0)
            }
            return isPlain && (1...255).contains(text.utf8.count) && !text.hasPrefix("-") ? text : nil
        }
    }

    fileprivate var port: UInt16? { integer.flatMap { UInt16(exactly: $0) } }
}

extension VolumeSource {
    fileprivate var json: JSONValue {
        switch self {
        case .subvolume(let path): .object(["subvolume": .string(path)])
        case .logicalVolume(let volume): .object(["logicalVolume": .string("\(volume)")])
        case .image(let path, let format, let directory):
            .object([
                "image": .string(path), "format": .string(format.rawValue),
                "directory": directory.map { .string($0) } ?? .null,
            ])
        case .export(let uri, let directory):
            .object(["export": .string(uri), "directory": .string(directory)])
        }
    }

    fileprivate init?(_ json: JSONValue) {
        if let path = json["subvolume"]?.path {
            self = .subvolume(path: path)
        } else if let volume = json["logicalVolume"]?.string.flatMap({ LogicalVolume($0) }) {
            self = .logicalVolume(volume)
        } else if let path = json["image"]?.path,
            let format = json["format"]?.string.flatMap({ ImageFormat(rawValue: $0) }),
            let directory = json["directory"], directory == .null || directory.path != nil
        {
            self = .image(path: path, format, directory: directory.path)
        } else if let uri = json["export"]?.string, ExportRequest.isURI(uri), let directory = json["directory"]?.path {
            self = .export(uri: uri, directory: directory)
        } else {
            return nil
        }
    }
}

extension SnapshotRequest {
    fileprivate var json: JSONValue {
        .object(["source": source.json, "name": .string("\(name)"), "room": .integer(room)])
    }

    fileprivate init?(_ json: JSONValue) {
        guard let source = json["source"].flatMap({ VolumeSource($0) }),
            let name = json["name"]?.string.flatMap({ VolumeName($0) }), let room = json["room"]?.room
        else { return nil }
        self.init(source, name: name, room: room)
    }
}

extension JSONValue {
    /// Bytes of a volume: sums of a few do not overflow.
    fileprivate var room: Int64? { integer.flatMap { (0...1 << 60).contains($0) ? $0 : nil } }
}

extension PlannedSnapshot {
    fileprivate var json: JSONValue {
        .object([
            "source": source.json, "kind": .string(kind.rawValue), "identifier": .string("\(identifier)"),
            "room": .integer(room),
        ])
    }

    fileprivate init?(_ json: JSONValue) {
        guard let source = json["source"].flatMap({ VolumeSource($0) }),
            let kind = json["kind"]?.string.flatMap({ SnapshotKind(rawValue: $0) }),
            let identifier = json["identifier"]?.string.flatMap({ SnapshotIdentifier($0) }),
            let room = json["room"]?.room
        else { return nil }
        self.init(source: source, kind: kind, identifier: identifier, room: room)
    }
}

extension SnapshotFill {
    fileprivate var json: JSONValue {
        .object([
            "share": .number(share), "used": .integer(used), "room": .integer(room), "invalid": .bool(isInvalid),
        ])
    }

    fileprivate init?(_ json: JSONValue) {
        guard let share = json["share"]?.double, let used = json["used"]?.integer, let room = json["room"]?.integer,
            let isInvalid = json["invalid"]?.bool
        else { return nil }
        self.init(share: share, used: used, room: room, isInvalid: isInvalid)
    }
}

extension ExportRequest {
    fileprivate var json: JSONValue {
        let transport: JSONValue =
            switch transport {
            case .nbd(let address, let port): .object(["nbd": .string(address), "port": .integer(Int64(port))])
            case .nbdSocket(let directory): .object(["directory": .string(directory)])
            case .iscsi(let address, let port, let initiator):
                .object([
                    "iscsi": .string(address), "port": .integer(Int64(port)), "initiator": .string(initiator),
                ])
            }
        return .object([
            "name": .string("\(name)"), "path": .string(path), "format": .string(format.rawValue),
            "readOnly": .bool(isReadOnly), "over": transport,
        ])
    }

    fileprivate init?(_ json: JSONValue) {
        guard let name = json["name"]?.string.flatMap({ VolumeName($0) }), let path = json["path"]?.path,
            let format = json["format"]?.string.flatMap({ ImageFormat(rawValue: $0) }),
            let isReadOnly = json["readOnly"]?.bool, let over = json["over"]
        else { return nil }
        let transport: ExportTransport
        if let address = over["nbd"]?.address, let port = over["port"]?.port {
            transport = .nbd(address: address, port: port)
        } else if let directory = over["directory"]?.path {
            transport = .nbdSocket(directory: directory)
        } else if let address = over["iscsi"]?.address, let port = over["port"]?.port,
            let initiator = over["initiator"]?.address
        {
            transport = .iscsi(address: address, port: port, initiator: initiator)
        } else {
            return nil
        }
        self.init(name, path: path, format: format, isReadOnly: isReadOnly, over: transport)
    }
}

extension VolumeError {
    fileprivate var json: JSONValue {
        func object(_ kind: String, _ members: [String: JSONValue]) -> JSONValue {
            .object(members.merging(["kind": .string(kind)]) { first, _ in first })
        }
        return switch self {
        case .notASubvolume(let path): object("notASubvolume", ["what": .string(path)])
        case .missing(let what): object("missing", ["what": .string(what)])
        case .unsuitable(let what, let reason):
            object("unsuitable", ["what": .string(what), "reason": .string(reason)])
        case .nameTaken(let what): object("nameTaken", ["what": .string(what)])
        case .notOurs(let what): object("notOurs", ["what": .string(what)])
        case .noRoom(let place, let free, let needed, let wayOut):
            object(
                "noRoom",
                [
                    "what": .string(place), "free": .integer(free), "needed": .integer(needed),
                    "wayOut": .string(wayOut),
                ])
        case .inUse(let what, let holders):
            object("inUse", ["what": .string(what), "by": .array(holders.map { .string($0) })])
        case .unreachable(let what, let reason):
            object("unreachable", ["what": .string(what), "reason": .string(reason)])
        case .failed(let doing, let path, let reason, let code):
            object(
                "failed",
                [
                    "doing": .string(doing), "what": .string(path), "reason": .string(reason),
                    "code": .integer(Int64(code)),
                ])
        }
    }

    fileprivate init?(_ json: JSONValue) {
        guard let kind = json["kind"]?.string, let what = json["what"]?.string else { return nil }
        let reason = json["reason"]?.string
        switch (kind, reason) {
        case ("notASubvolume", _): self = .notASubvolume(path: what)
        case ("missing", _): self = .missing(what)
        case ("unsuitable", let reason?): self = .unsuitable(what, reason: reason)
        case ("nameTaken", _): self = .nameTaken(what)
        case ("notOurs", _): self = .notOurs(what)
        case ("noRoom", _):
            guard let free = json["free"]?.integer, let needed = json["needed"]?.integer,
                let wayOut = json["wayOut"]?.string
            else { return nil }
            self = .noRoom(place: what, free: free, needed: needed, wayOut: wayOut)
        case ("inUse", _):
            guard let holders = json["by"]?.all({ $0.string }) else { return nil }
            self = .inUse(what, by: holders)
        case ("unreachable", let reason?): self = .unreachable(what, reason: reason)
        case ("failed", let reason?):
            guard let doing = json["doing"]?.string, let code = json["code"]?.integer.flatMap({ Int32(exactly: $0) })
            else { return nil }
            self = .failed(doing: doing, path: what, reason: reason, code: code)
        default: return nil
        }
    }
}
