import Volumes

/// The lines between a manager and the storage program: whoever sends them, only names of ours and whole paths come through,
/// and what is read can be said again.
enum StorageEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        guard let json = JSONValue(bytes) else { return }
        try BrokenInvariant.unless(JSONValue(json.text) == json, "written and read, it is another text")
        if let reply = StorageReply(json) {
            try BrokenInvariant.unless(
                JSONValue(reply.json.text).flatMap { StorageReply($0) } == reply, "another reply")
        }
        guard let call = StorageCall(json) else { return }
        try BrokenInvariant.unless(JSONValue(call.json.text).flatMap { StorageCall($0) } == call, "another call")
        for path in paths(call) {
            try BrokenInvariant.unless(path.hasPrefix("/"), "a path that may be an option")
            try BrokenInvariant.unless(path.utf8.allSatisfy { $0 >= 0x20 }, "a path of several lines")
        }
        for identifier in identifiers(call) {
            try BrokenInvariant.unless(SnapshotIdentifier("\(identifier)") == identifier, "another identifier")
        }
    }

    private static func paths(_ call: StorageCall) -> [String] {
        switch call {
        case .plan(let requests): requests.flatMap { paths($0.source) }
        case .make(let snapshots): snapshots.flatMap { paths($0.source) + [$0.path] }
        case .fill, .remove, .removeExport: identifiers(call).flatMap { paths($0) }
        case .export(let request): [request.path]
        }
    }

    private static func paths(_ source: VolumeSource) -> [String] {
        switch source {
        case .subvolume(let path): [path]
        case .logicalVolume(let volume): [volume.path]
        case .image(let path, _, let directory): [path] + (directory.map { [$0] } ?? [])
        case .export(let uri, let directory): [directory] + (uri.contains("://") ? [] : [uri])
        }
    }

    private static func paths(_ identifier: SnapshotIdentifier) -> [String] {
        switch identifier {
        case .subvolume(let path), .overlay(let path): [path]
        case .logicalVolume(let volume, _): [volume.path]
        }
    }

    private static func identifiers(_ call: StorageCall) -> [SnapshotIdentifier] {
        switch call {
        case .make(let snapshots): snapshots.map(\.identifier)
        case .fill(let snapshots): snapshots
        case .remove(let snapshot): [snapshot]
        case .plan, .export, .removeExport: []
        }
    }
}
