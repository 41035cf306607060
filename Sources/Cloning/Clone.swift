package import Hypervisor
import Model
package import Volumes

/// Why a clone could not be made.
package enum CloneError: Error, Sendable, CustomStringConvertible {
    case unsupported(domain: String, String)
    case noVolume(disk: String, String)
    /// A file that a machine wrote to since its capture; the machine is not defined on the node any more.
    case stranded(domain: String, file: String)
    /// What its snapshot lives in is about to be full.
    case full(snapshot: String, FillWatch.Reason)
    case doesNotBoot(domain: String, within: Duration, lastWords: String)
    /// `status` is nil when the time was over before it ended.
    case notPrepared(tier: String, command: String, status: Int32?, within: Duration, complaint: String)

    package var description: String {
        switch self {
        case .unsupported(let domain, let reason): "cannot clone \(domain): \(reason)"
        case .stranded(let domain, let file):
            "cannot end the capture of \(domain): it is not defined here any more, and what it wrote last is in \(file); if it "
                + "runs on another node, commit that file there (virsh blockcommit --active --pivot --shallow), else keep it "
                + "elsewhere, and run this again"
        case .noVolume(let disk, let name): "'\(name)' of disk \(disk) is no name of a logical volume; write GROUP/NAME"
        case .full(let snapshot, let reason):
            "ended before it would have been full: \(snapshot): \(reason); give more room (--room), or try when the original "
                + "writes less"
        case .doesNotBoot(let domain, let limit, let words):
            "the clone of \(domain) did not answer within \(Format.duration(limit)); raise 'boot-limit' in the service file "
                + "if it is merely slow"
                + (words.isEmpty ? "" : "; its console ends with: \(words)")
        case .notPrepared(let tier, let command, let status, let limit, let complaint):
            "the clone of tier \(tier) was not prepared within \(Format.duration(limit)): '\(command)' "
                + (status.map { "ended with exit code \($0)" } ?? "did not end; raise 'boot-limit' if it is merely slow")
                + (complaint.isEmpty ? "" : "; it said last: \(complaint)")
        }
    }
}

/// A clone that exists, and how to be rid of it.
package struct Clone: Sendable {
    package let identity: CloneIdentity
    /// The name of the domain it was made from.
    package let original: String
    package let domain: Domain
    /// The directory that is a container's `/`.
    package let root: String?
    /// What a machine's clone was made from, if the original had to stand for it.
    package let capture: MachineCapture?
}

/// A clone to be made.
package struct ClonePlan: Sendable {
    package let identity: CloneIdentity
    package let original: DomainDescription
    /// In place of the original's definition.
    let variant: DomainDescription?
    let beginning: Beginning
    /// Of a machine's disks that are no files.
    let site: VolumeSite
    /// How its memory is to be taken; nil chooses.
    let way: CaptureWay?

    enum Beginning: Sendable, Hashable {
        /// A snapshot of this subvolume.
        case container(subvolume: String)
        case machine(MachineBeginning)
    }

    /// The root of a container's clone: beside what it is a snapshot of.
    var root: String? {
        guard case .container(let subvolume) = beginning else { return nil }
        return Path.folder(of: subvolume) + identity.subvolume
    }
}

/// Paths, as text.
enum Path {
    /// With the slash at its end.
    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }
}

/// Clones to be made. That of the campaign's tier and those that are joined with it share a bridge; each of those that only
/// the proxies ask has one of its own.
package struct SandboxPlan: Sendable {
    package let front: ClonePlan
    /// In the order in which they start.
    package let joined: [ClonePlan]
    /// Behind the proxies.
    package let behind: [ClonePlan]

    package var identity: SandboxIdentity {
        SandboxIdentity(front: front.identity, joined: joined.map(\.identity))
    }

    /// What each bridge is named after.
    var networks: [(identity: SandboxIdentity, owner: ClonePlan)] {
        [(identity, front)] + behind.map { (SandboxIdentity(front: $0.identity), $0) }
    }
}

/// The clones of one sandbox.
package struct ClonedTiers: Sendable {
    package let front: Clone
    package let joined: [Clone]
    package let behind: [Clone]
    package var all: [Clone] { behind + joined + [front] }
}
