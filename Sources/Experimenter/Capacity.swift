import Model

/// How many experiments a node can stand at once. Pure.
struct Capacity {
    /// Of the node: what clones and the on-line domain can use together.
    let processors: Double
    /// Of each domain that is cloned along, and of each that an out-proxy asks, in cores; nil is unlimited.
    var joined: [Double?] = []
    var behind: [Double?] = []

    /// Whether a sandbox can be run beside others without any taking processors from the others or from the on-line domain.
    /// The only one always can: it has what it was given, as the on-line domain has.
    ///
    /// `onLine`: cores that the on-line domain uses; those of other tiers run in any case, and count as little as all else that the
    /// node does. What has no quota counts as all of its processors.
    func admits(_ next: Allocation, beside running: [Allocation], onLine: Double) -> Bool {
        running.isEmpty || (running + [next]).reduce(onLine) { $0 + cores($1) } <= processors
    }

    /// Of the sandbox with this allocation under test.
    func cores(_ allocation: Allocation) -> Double {
        let most = allocation[.vcpus]?.number ?? processors
        let own = min(allocation[.cpu]?.number ?? most, most)
        return (joined.map { allocation[.withCPU]?.number ?? $0 } + behind).reduce(own) {
            $0 + min($1 ?? processors, processors)
        }
    }
}
