import OperatingSystem
import Testing

@testable import Volumes

@Suite struct StorageMessageTests {
    private static let names = ["whatif-a", "whatif-0f3c2a-1"].compactMap { VolumeName($0) }
    private static let sources: [VolumeSource] = [
        .subvolume(path: "/srv/a \"b\"\\c/ü"), .image(path: "/i/base", .raw),
        .image(path: "/i", .qcow2, directory: "/o"), .export(uri: "nbd://[fd00::1]:10809/whatif-a", directory: "/o"),
        LogicalVolume("vg/lv").map { .logicalVolume($0) } ?? .subvolume(path: "/"),
    ]
    private static let requests = sources.map { SnapshotRequest($0, name: names[0], room: 1 << 40) }
    private static let identifiers: [SnapshotIdentifier] =
        [.subvolume(path: "/srv/whatif-a"), .overlay(path: "/i/whatif-a.qcow2")]
        + (LogicalVolume("vg/whatif-a").map { [.logicalVolume($0, origin: "lv")] } ?? [])
    private static let planned = identifiers.map {
        PlannedSnapshot(source: sources[0], kind: .thin, identifier: $0, room: 0)
    }
    private static let exports = [
        ExportTransport.nbd(address: "fd00::1", port: 65535), .nbdSocket(directory: "/run/whatif"),
        .iscsi(address: "10.0.0.1", port: 3260, initiator: "ALL"),
    ].map { ExportRequest(names[1], path: "/dev/vg/whatif-a", format: .raw, isReadOnly: true, over: $0) }

    static let calls: [StorageCall] =
        [.plan(requests), .plan([]), .make(planned), .fill(identifiers)] + identifiers.map { .remove($0) }
        + exports.flatMap { [.export($0), .removeExport($0.identifier)] }

    static let errors: [VolumeError] = [
        .notASubvolume(path: "/a"), .missing("b"), .unsuitable("c", reason: "d\ne\u{1}"), .nameTaken("e"),
        .notOurs("f"),
        .noRoom(place: "g", free: 1, needed: .max, wayOut: "h"), .inUse("i", by: ["j", "k (process 1)"]),
        .unreachable("l", reason: "m"), .failed(doing: "n", path: "o", reason: "p", code: -5),
    ]
    static let replies: [StorageReply] =
        [
            .done, .planned(planned), .fills([SnapshotFill(share: 0.125, used: 1, room: 8, isInvalid: true)]),
            .fills([SnapshotFill(share: 1, used: 0, room: 0)]),
        ] + errors.map { .refused($0) }

    @Test(arguments: calls) func aCallCrossesWhole(_ call: StorageCall) throws {
        let text = call.json.text
        #expect(!text.utf8.contains(UInt8(ascii: "\n")))
        #expect(JSONValue(text).flatMap { StorageCall($0) } == call)
    }

    @Test(arguments: replies) func aReplyCrossesWhole(_ reply: StorageReply) throws {
        let text = reply.json.text
        #expect(!text.utf8.contains(UInt8(ascii: "\n")))
        #expect(JSONValue(text).flatMap { StorageReply($0) } == reply)
    }

    /// Whoever is on the other side: no name, path or address of it becomes an option or a second command.
    @Test(arguments: [
        #"{"version":2,"call":"remove","with":"btrfs:/srv/whatif-a"}"#,
        #"{"call":"remove","with":"btrfs:/srv/whatif-a"}"#,
        #"{"version":1,"call":"remove","with":"btrfs:srv/whatif-a"}"#,
        #"{"version":1,"call":"remove","with":"lvm:--all@x"}"#,
        #"{"version":1,"call":"remove","with":"lvm:vg/whatif-a --force@lv"}"#,
        #"{"version":1,"call":"remove","with":"btrfs:/srv\nb/whatif-a"}"#,
        #"{"version":1,"call":"removeExport","with":"nbd:whatif-a@run"}"#,
        #"{"version":1,"call":"remove","with":"lvm:vg/whatif-a@-x"}"#, #"{"version":1,"call":"erase","with":null}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"subvolume":"a"},"name":"whatif-a","room":1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"subvolume":"/a"},"name":"other","room":1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"subvolume":"/a"},"name":"whatif-a b","room":1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"subvolume":"/a"},"name":"whatif-a","room":-1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"subvolume":"/a\u0000"},"name":"whatif-a","room":1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"export":"/etc/passwd","directory":"/o"},"name":"whatif-a","room":1}]}"#,
        #"{"version":1,"call":"plan","with":[{"source":{"export":"nbd://a b","directory":"/o"},"name":"whatif-a","room":1}]}"#,
        #"{"version":1,"call":"export","with":{"name":"whatif-a","path":"/a","format":"raw","readOnly":true,"#
            + #""over":{"nbd":"-x","port":1}}}"#,
        #"{"version":1,"call":"export","with":{"name":"whatif-a","path":"/a","format":"raw","readOnly":true,"#
            + #""over":{"nbd":"::1","port":65536}}}"#,
        "", "null", "[]", "{",
    ]) func whatIsNoCallIsRefused(_ line: String) {
        #expect(JSONValue(line).flatMap { StorageCall($0) } == nil)
        guard case .refused(.unreachable) = StorageServer(LocalVolumes()).answer(Array(line.utf8)) else {
            Issue.record("it was answered")
            return
        }
    }

    /// Nil when the buffer refuses.
    private static func lines(of pieces: [[UInt8]]) -> [String]? {
        var buffer = LineBuffer()
        var found: [String] = []
        for piece in pieces {
            guard buffer.append(piece) else { return nil }
            while let line = buffer.next() { found.append(String(decoding: line, as: UTF8.self)) }
        }
        return found
    }

    @Test func linesComeInAnyPieces() {
        let bytes = Array("one\n\ntwo\nthree".utf8)
        #expect(Self.lines(of: bytes.map { [$0] }) == ["one", "", "two"])
        #expect(Self.lines(of: [bytes, Array("\nfour\n".utf8)]) == ["one", "", "two", "three", "four"])
    }

    @Test func aLineWithoutEndIsNotKept() {
        let longest = [UInt8](repeating: 0x20, count: LineBuffer.longest)
        #expect(Self.lines(of: [longest]) == [])
        #expect(Self.lines(of: [longest, [0x20]]) == nil)
        #expect(Self.lines(of: [longest, [0x0a]])?.count == 1)
    }

    @Test(arguments: [
        ("{\"a\":[1,-2.5e1,true,null,\"\\u00e9\\ud83d\\ude00\\n\"]}", true), (" 7 ", true), ("[[]]", true),
        ("1 2", false),
        ("[1,]", false), ("{\"a\":1,}", false), ("{a:1}", false), ("\"\\ud83d\"", false), ("\"\\udc00\"", false),
        ("\"\n\"", false), ("01x", false), ("-", false), ("1e999", false), ("tru", false), ("\"", false),
        (String(repeating: "[", count: 100_000), false),
    ]) func jsonIsReadOrRefused(_ text: String, _ isJSON: Bool) {
        #expect((JSONValue(text) != nil) == isJSON, "\(text.prefix(50))")
    }

    @Test func jsonMeansWhatItSays() {
        let value = JSONValue("{\"a\":[1,-2.5e1,true,null,\"\\u00e9\\ud83d\\ude00\\n\"]}")
        #expect(value == .object(["a": .array([.integer(1), .number(-25), .bool(true), .null, .string("é😀\n")])]))
        #expect(value.flatMap { JSONValue($0.text) } == value)
    }
}

@Suite struct RemoteVolumesTests {
    private static let identifier = SnapshotIdentifier.subvolume(path: "/nowhere/whatif-a")

    @Test(arguments: [
        (["sh", "-c", "echo 'no route to storage1' >&2; exit 255"], "no route to storage1"), (["true"], "it has ended"),
        (["sh", "-c", "read line; echo hello"], "it does not speak the language of whatif-storage"),
        (["sh", "-c", "read line; echo '{\"fills\":[]}'"], "it answers something else than was asked"),
        (["sh", "-c", "exec sleep 60"], "nothing for 0.2 seconds"), (["/nowhere/ssh"], "No such file or directory"),
    ]) func whatDoesNotAnswerIsSaid(_ command: [String], _ reason: String) {
        let volumes = RemoteVolumes(through: command, patience: .milliseconds(200))
        #expect {
            try volumes.remove(Self.identifier)
        } throws: {
            guard case VolumeError.unreachable(command.joined(separator: " "), let said) = $0 else { return false }
            return said.contains(reason)
        }
    }

    /// A link that was lost is made again.
    @Test func theNextCallConnectsAgain() throws {
        let volumes = RemoteVolumes(through: ["sh", "-c", "read line; echo '{\"done\":true}'"])
        try volumes.remove(Self.identifier)
        #expect(throws: VolumeError.self) { try volumes.remove(Self.identifier) }
        try volumes.remove(Self.identifier)
    }
}

@Suite struct ToolTextTests {
    /// tgtadm 1.0.85.
    @Test func targetsAndTheirClients() {
        let text = """
            Target 1: iqn.2009-06.local.whatif:whatif-a
                System information:
                    Driver: iscsi
                    State: ready
                I_T nexus information:
                    I_T nexus: 3
                        Initiator: iqn.2008-11.org.linux-kvm alias: none
                        Connection: 0
                            IP Address: 10.0.2.2
                LUN information:
                    LUN: 0
                        Type: controller
                Account information:
                ACL information:
                    ALL
            Target 12: iqn.else:disk
                System information:
                    Driver: iscsi
            """
        #expect(
            ISCSITarget.all(text) == [
                ISCSITarget(
                    number: 1, name: "iqn.2009-06.local.whatif:whatif-a",
                    clients: ["iqn.2008-11.org.linux-kvm at 10.0.2.2"]),
                ISCSITarget(number: 12, name: "iqn.else:disk"),
            ])
    }

    @Test(arguments: [
        ("0100007F:1F90", "127.0.0.1:8080"), ("0000000000000000FFFF00000202000A:C350", "10.0.2.2:50000"),
        ("B80D01200000000000000000010000FF:0050", "[2001:db8:0:0:0:0:ff00:1]:80"), ("x", "x"),
    ]) func addressesOfTheKernelsTables(_ text: String, _ address: String) {
        #expect(SocketPeers.address(text) == address)
    }
}
