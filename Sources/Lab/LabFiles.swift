import Foundation
import Glibc
package import Store
import OperatingSystem

/// Where the lab and its recipes are.
package struct LabFiles: Sendable {
    /// Everything of the private host that is on disk; gone after `lab down`.
    let directory: String
    /// Root file systems that were built once; kept.
    let cache: String

    /// Name of the lab's cgroup in every hierarchy: one lab for each state directory.
    let group: LabGroup

    /// Who powers nodes on or off, or takes the lab down, holds it: one after the other.
    private let turn: String

    package init(_ state: StateDirectory) {
        directory = state.path + "/lab"
        turn = state.lock("lab")
        let digits = String(Self.hash(Array(state.path.utf8)), radix: 16)
        group = LabGroup(name: state.path == StateDirectory.standardPath ? "whatif-lab" : "whatif-lab-\(digits)")
        cache = Self.standardCache
    }

    /// WHATIF_CACHE, or the machine's.
    package static var standardCache: String {
        unsafe getenv("WHATIF_CACHE").map { unsafe String(cString: $0) } ?? "/var/cache/whatif"
    }

    package var host: PrivateHost { PrivateHost(directory: directory, name: group.name, cache: cache) }
    var image: String { directory + "/volume.img" }
    /// Mount point of the volume, in the host's mount namespace only.
    var volume: String { directory + "/volume" }

    /// The process that holds the host's namespaces, when the lab is up.
    package var holder: Int32? { host.holder }

    /// The folder `Sandbox` of the project: WHATIF_SANDBOX, or found upwards of the program.
    static func recipes() throws(LabError) -> String {
        if let path = unsafe getenv("WHATIF_SANDBOX") { return unsafe String(cString: path) }
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var searched: [String] = []
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("Sandbox").path
            if FileManager.default.fileExists(atPath: candidate + "/lab/node-start") { return candidate }
            searched.append(folder.path)
            folder.deleteLastPathComponent()
        }
        throw .recipesMissing(searched: searched)
    }

    /// The cached root file system for these recipes: another recipe is another file.
    func rootArchive(recipes: String) throws -> String {
        "\(cache)/auction-\(Self.digest(of: ["image", "auction"].map { "\(recipes)/lab/\($0)" })).tar"
    }

    /// Of all files in these folders, for a name.
    static func digest(of folders: [String]) -> String {
        var bytes: [UInt8] = []
        for base in folders {
            for name in (FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []).sorted() {
                let contents = FileManager.default.contents(atPath: "\(base)/\(name)") ?? Data()
                bytes += Array(name.utf8) + contents
            }
        }
        return String(hash(bytes), radix: 16)
    }

    /// FNV-1a, for names only.
    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension LabFiles {
    /// While no other process changes what there is of the lab.
    func alone<T>(_ interrupt: InterruptSignal, _ body: () throws -> T) throws -> T {
        var lock = try FileLock.take(turn)
        while lock == nil {
            if interrupt.wait(seconds: 0.1) == .interrupted { throw LabError.hostFailed("interrupted") }
            lock = try FileLock.take(turn)
        }
        return try withExtendedLifetime(lock) { try body() }
    }
}

extension LabFiles {
    /// Enters the private host, as one would log in to a machine. Throws when the lab is not up.
    package func enter() throws {
        guard ProcessIdentity.isRoot else { throw LabError.notRoot }
        guard let holder else { throw LabError.notUp }
        try Namespaces.enter(of: holder)
    }
}

extension LabFiles {
    /// As `enter`, and `lab down` ends the calling process with the rest of the lab.
    package func enterForLoad() throws {
        guard holder != nil else { throw LabError.notUp }
        try group.join()
        try enter()
    }
}
