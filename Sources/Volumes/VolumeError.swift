/// What can go wrong with a volume; each case says what to do about it. It crosses the wire whole.
package enum VolumeError: Error, Sendable, Hashable, CustomStringConvertible {
    case notASubvolume(path: String)
    /// There is no such thing.
    case missing(String)
    /// It is there, and cannot be used so.
    case unsuitable(String, reason: String)
    case nameTaken(String)
    /// Its name does not begin with ours: it is somebody else's.
    case notOurs(String)
    /// `place` is what is short of room, `wayOut` what makes it larger.
    case noRoom(place: String, free: Int64, needed: Int64, wayOut: String)
    /// Somebody holds it: asked again later, it may go.
    case inUse(String, by: [String])
    /// The program that serves volumes on another machine does not answer, or not in its language.
    case unreachable(String, reason: String)
    case failed(doing: String, path: String, reason: String, code: Int32)

    static let unseen = "somebody that does not show (the kernel, or a process that ends)"

    package var description: String {
        switch self {
        case .notASubvolume(let path):
            "\(path) is not a btrfs subvolume; a clone needs the domain's root file system on one "
                + "(btrfs subvolume create, then copy the root there)"
        case .missing(let what): "there is no \(what)"
        case .unsuitable(let what, let reason): "cannot use \(what): \(reason)"
        case .nameTaken(let what):
            "\(what) is there already; remove it if a run has left it behind (whatif sandbox gc), or choose another name"
        case .notOurs(let what):
            "\(what) is not touched: its name does not begin with '\(VolumeName.prefix)', so it was not made by What-if"
        case .noRoom(let place, let free, let needed, let wayOut):
            "\(place) has \(free >> 20) MiB free and a clone needs at least \(needed >> 20) MiB; "
                + "free some space, or \(wayOut)"
        case .inUse(let what, let holders):
            "\(what) is in use by \(holders.joined(separator: ", ")); end that first, then try again"
        case .unreachable(let program, let reason): "no answer from '\(program)': \(reason)"
        case .failed(let doing, let path, let reason, _):
            "cannot \(doing) \(path): \(reason)"
        }
    }
}
