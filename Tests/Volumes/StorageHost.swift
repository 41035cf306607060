import Foundation
import Glibc
import OperatingSystem
import Testing
import Volumes

/// A machine of the tests' own, in namespaces that end with it: btrfs on a loop device, room for images, and beside it the
/// storage guest with LVM. Nothing of it is seen, or left, outside.
struct StorageHost: Sendable {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let program = root + "/.build/debug/whatif-storage"

    /// One for the suites of a run, which follow each other.
    @TaskLocal static var current: StorageHost?

    /// Seen only inside, on a file system in memory.
    let directory: String
    /// Such as to be put before a command that is to run inside.
    private let entrance: [String]
    /// What hangs is a failure, too.
    private static let bound = ["timeout", "30"]

    private static let script = """
        set -e
        ip link set lo up
        "$2/Sandbox/storage/start" "$1/guest" 192 -- 7000:7000 7001:7001 3260:3260 10809:10809 < /dev/null &
        mount -t tmpfs -o size=320m none "$1/inside"
        cd "$1/inside"
        truncate -s 192M btrfs
        mkfs.btrfs -q btrfs > /dev/null 2>&1
        mkdir volume images
        mount -o loop,noatime btrfs volume
        mount -t tmpfs -o size=96m none images
        touch up
        # Whoever holds the other end of standard input needs this machine.
        cat > /dev/null
        # In order, and nothing else: mounts whose place is removed under them would hold each other for ever.
        kill -9 -1
        cd /
        until umount "$1/inside/volume"; do busybox usleep 10000; done
        umount --recursive "$1/inside"
        rm -r "$1"
        """

    /// Brings one up for as long as `body` takes.
    static func with(_ body: (StorageHost) async throws -> Void) async throws {
        let directory = "/tmp/whatif-storage-tests-\(ProcessIdentity.current)"
        try FileManager.default.createDirectory(atPath: directory + "/inside", withIntermediateDirectories: true)
        var isStarted = false
        defer { if !isStarted { try? FileManager.default.removeItem(atPath: directory) } }
        // Here, as it may have to be fetched: inside there is no way out.
        try ChildProcess.succeed([root + "/Sandbox/storage/build", program, directory + "/guest"])
        var ends: [CInt] = [-1, -1]
        try check("make a pipe") { unsafe pipe(&ends) }
        let input = Descriptor(owning: ends[0])
        // It closes when the tests are killed, too.
        var lifeline: Descriptor? = Descriptor(owning: ends[1])
        try check("make a pipe") { fcntl(ends[1], F_SETFD, FD_CLOEXEC) }
        let log = try Descriptor.open("\(directory)/log", O_RDWR | O_CREAT)
        let outer = try ChildProcess(
            [
                "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                "private", "--", "sh", "-c", script, "sh", directory, root,
            ], input: input.raw, output: log.raw, errors: log.raw)
        isStarted = true
        defer {
            _ = lifeline.take()
            if !wait(seconds: 10, until: { outer.hasEnded }) { outer.end() }
        }
        let host = try StorageHost(directory: directory, inside: outer, log: log)
        try host.prepareGuest()
        try await body(host)
    }

    private init(directory: String, inside outer: ChildProcess, log: Descriptor) throws {
        self.directory = directory + "/inside"
        var entrance: [String] = []
        let isUp = wait(seconds: 60) {
            let children = "/proc/\(outer.pid)/task/\(outer.pid)/children"
            guard let child = try? String(contentsOfFile: children, encoding: .utf8).split(separator: " ").first else {
                return false
            }
            entrance = ["nsenter", "--target", "\(child)", "--net", "--mount", "--pid", "--"]
            let console = try? String(contentsOfFile: "\(directory)/guest/console", encoding: .utf8)
            return console?.contains("storage: ready") == true
                && FileManager.default.fileExists(atPath: "/proc/\(child)/root\(directory)/inside/up")
        }
        self.entrance = entrance
        let words = try log.read(at: 0, count: 65_536)
        try #require(isUp, "the storage guest does not come up: \(String(decoding: words, as: UTF8.self))")
    }

    /// Two volumes, a thin pool and two thin volumes, all of 8 MiB.
    private func prepareGuest() throws {
        try guest(
            """
            for disk in 0 1; do volumes lvcreate -Wn -Zn -L 8M -n classic$disk data; done
            volumes lvcreate -Wn -Zn -L 48M -T data/pool
            for disk in 0 1; do volumes lvcreate -Wn -V 8M -T data/pool -n thin$disk; done
            """)
    }

    // MARK: - Inside

    /// Runs a shell script on this machine.
    @discardableResult
    func shell(_ script: String) throws -> String {
        try ChildProcess.succeed(entrance + Self.bound + ["sh", "-e", "-c", script]).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    func command(_ command: [String]) -> [String] { entrance + command }

    /// Runs a shell script in the guest.
    @discardableResult
    func guest(_ script: String) throws -> String {
        let end = "the script has succeeded"
        let output = try ChildProcess.run(
            entrance + Self.bound + ["busybox", "nc", "127.0.0.1", "7001"],
            input: "(set -e; exec 2>&1\n\(script)\n) && echo '\(end)'\nexit\n"
        ).output.trimmingCharacters(in: .whitespacesAndNewlines)
        try #require(output.hasSuffix(end), "the guest on '\(script)': \(output)")
        return output.dropLast(end.count).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The volumes of this machine, and those of the guest.
    var volumes: RemoteVolumes { RemoteVolumes(through: command([Self.program])) }
    var guestVolumes: RemoteVolumes { RemoteVolumes(through: command(["busybox", "nc", "127.0.0.1", "7000"])) }
}

/// Waits until a condition holds; false when it does not within `seconds`.
func wait(seconds: Double, until condition: () throws -> Bool) rethrows -> Bool {
    let clock = SteadyClock()
    let deadline = clock.now + Int64(seconds * 1e9)
    while clock.now < deadline {
        if try condition() { return true }
        usleep(5_000)
    }
    return false
}

struct StorageHostTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await StorageHost.with { host in
            try await StorageHost.$current.withValue(host) { try await function() }
        }
    }
}

extension Trait where Self == StorageHostTrait {
    static var storageHost: Self { StorageHostTrait() }
}

/// All that need the machine, one after the other on the same one.
@Suite(.serialized, .storageHost) struct VolumeTests {}
