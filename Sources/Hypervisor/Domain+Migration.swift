import CLibvirt
import Glibc
import Model

/// How a domain goes to another node while it runs.
package struct MigrationTerms: Hashable, Sendable {
    /// For how long it may stand at the end; nil is the hypervisor's own limit.
    package var pause: Duration?
    /// Bytes a second; nil is unlimited.
    package var bandwidth: Double?
    /// How the memory gets there, such as `tcp://node2` or `unix:///path`; nil is up to libvirt.
    package var transport: String?
    /// The disks are the same on both nodes, also where libvirt cannot see that.
    package var sharesDisks: Bool

    package init(
        pause: Duration? = nil, bandwidth: Double? = nil, transport: String? = nil, sharesDisks: Bool = false
    ) {
        (self.pause, self.bandwidth, self.transport, self.sharesDisks) = (pause, bandwidth, transport, sharesDisks)
    }
}

/// How far a migration has come.
package struct MigrationProgress: Hashable, Sendable {
    package var elapsed: Duration
    /// Of memory, in bytes.
    package var total, sent, remaining: Double
    /// For how long the domain stood; nil before it did.
    package var pause: Duration?
}

extension Domain {
    /// Live, by pre-copy (Clark et al., NSDI 2005); returns when it runs there and is defined there instead of here. On any error it
    /// goes on here. Blocks; another thread may ask `migrationProgress` and call `abortMigration`.
    ///
    /// This process stands between the two libvirts: when it ends before the migration does, they give it up.
    package func migrate(to target: Node, _ terms: MigrationTerms) throws(HypervisorError) -> Domain {
        var parameters: TypedParameters = [:]
        if let bandwidth = terms.bandwidth {
            // libvirt counts whole MiB/s.
            parameters[VIR_MIGRATE_PARAM_BANDWIDTH] = .unsigned(UInt64(max(1, bandwidth / 1_048_576)))
        }
        if let transport = terms.transport { parameters[VIR_MIGRATE_PARAM_URI] = .text(transport) }
        var flags =
            VIR_MIGRATE_LIVE.rawValue | VIR_MIGRATE_PERSIST_DEST.rawValue | VIR_MIGRATE_UNDEFINE_SOURCE.rawValue
            | VIR_MIGRATE_ABORT_ON_ERROR.rawValue
        if terms.sharesDisks { flags |= VIR_MIGRATE_UNSAFE.rawValue }
        if let pause = terms.pause {
            guard unsafe virDomainMigrateSetMaxDowntime(handle, UInt64(max(1, pause.milliseconds)), 0) == 0 else {
                throw HypervisorError("limit the pause of \(name)")
            }
        }
        var moved: virDomainPtr?
        _ = unsafe parameters.withList { list, count in
            unsafe moved = virDomainMigrate3(handle, target.handle, list, UInt32(count), flags)
            return 0
        }
        guard let moved = unsafe moved else { throw HypervisorError("migrate \(name) to \(target.uri)") }
        return unsafe Domain(moved, of: target)
    }

    /// Whether something is under way that takes its time: a migration, a backup, a capture of memory, whoever began it.
    package func isBusy() throws(HypervisorError) -> Bool {
        var info = virDomainJobInfo()
        guard unsafe virDomainGetJobInfo(handle, &info) == 0 else {
            let error = HypervisorError("ask what is under way with \(name)")
            if error.cause == .unsupported { return false }
            throw error
        }
        return info.type != Int32(VIR_DOMAIN_JOB_NONE.rawValue)
    }

    /// Nil while nothing is under way.
    package func migrationProgress() -> MigrationProgress? { jobStatistics(flags: 0) }

    /// Of the last one that came to its end; libvirt tells it once, where the domain is then.
    package func lastMigration() -> MigrationProgress? { jobStatistics(flags: VIR_DOMAIN_JOB_STATS_COMPLETED.rawValue) }

    private func jobStatistics(flags: UInt32) -> MigrationProgress? {
        var kind: Int32 = 0
        var count: Int32 = 0
        var list: virTypedParameterPtr?
        guard unsafe virDomainGetJobStats(handle, &kind, &list, &count, flags) == 0 else { return nil }
        defer { unsafe virTypedParamsFree(list, count) }
        guard kind != Int32(VIR_DOMAIN_JOB_NONE.rawValue) else { return nil }
        let number = { (name: String) -> Double? in
            var value: UInt64 = 0
            return unsafe virTypedParamsGetULLong(list, count, name, &value) == 1 ? Double(value) : nil
        }
        guard let total = number(VIR_DOMAIN_JOB_MEMORY_TOTAL) else { return nil }
        return MigrationProgress(
            elapsed: .milliseconds(Int64(number(VIR_DOMAIN_JOB_TIME_ELAPSED) ?? 0)), total: total,
            sent: number(VIR_DOMAIN_JOB_MEMORY_PROCESSED) ?? 0, remaining: number(VIR_DOMAIN_JOB_MEMORY_REMAINING) ?? 0,
            pause: number(VIR_DOMAIN_JOB_DOWNTIME).map { .milliseconds(Int64($0)) })
    }

    /// The domain goes on where it is. Nothing to abort is no error.
    package func abortMigration() { _ = unsafe virDomainAbortJob(handle) }
}
