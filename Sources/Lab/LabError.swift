/// What keeps the lab from being what was asked, and what to do.
package enum LabError: Error, Sendable, CustomStringConvertible {
    case notUp
    case alreadyUp
    case notRoot
    case recipesMissing(searched: [String])
    case programMissing(String)
    case hostFailed(String)
    case serviceFailed(String)
    case inUse(pids: [Int32])
    case unknownNode(String, known: [String])
    case leftBehind(String)
    case stillRuns(String)

    package var description: String {
        switch self {
        case .notUp: "the lab is not up; bring it up with 'whatif lab up'"
        case .alreadyUp: "the lab is up already; 'whatif lab status' shows it, 'whatif lab down' takes it down"
        case .notRoot: "the lab needs root: it makes namespaces, cgroups and mounts of its own"
        case .recipesMissing(let searched):
            "the folder Sandbox with the lab's recipes was not found (looked in \(searched.joined(separator: ", "))); "
                + "set WHATIF_SANDBOX to it"
        case .programMissing(let path): "there is no \(path); build it (swift build)"
        case .hostFailed(let reason): "the lab's private host did not start: \(reason)"
        case .serviceFailed(let reason): "the lab's auction service did not start: \(reason)"
        case .inUse(let pids):
            "the lab is in use by process \(pids.map { "\($0)" }.joined(separator: ", ")); end it (a campaign ends by "
                + "Ctrl-C) and run 'whatif lab down' again"
        case .unknownNode(let name, let known):
            "the lab has no node '\(name)'; "
                + (known.isEmpty
                    ? "bring it up with some: 'whatif lab up --nodes 3'" : "it has \(known.joined(separator: ", "))")
        case .stillRuns(let name):
            "what runs on \(name) did not end; try again, or take the lab down with 'whatif lab down'"
        case .leftBehind(let what): "the lab is down, but this is left: \(what); run 'whatif lab down' again"
        }
    }
}
