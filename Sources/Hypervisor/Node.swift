import CLibvirt
import Glibc

/// A connection to the libvirt of one node. Blocking; any thread may use it (libvirt connections are thread-safe).
/// `@unchecked Sendable`: libvirt guards its connections with their own lock.
@safe package final class Node: @unchecked Sendable {
    package let uri: String
    let handle: virConnectPtr

    /// `lxc:///system`, `qemu+ssh://host/system`, … Needs read and write access to libvirt's socket. With `isWatched`, a node that
    /// does not answer any more is noticed: what waits for it fails within half a minute, as long as its driver can be asked.
    package init(connect uri: String, isWatched: Bool = false) throws(HypervisorError) {
        self.uri = uri
        // Connections that are opened after it was started have it; without it nothing is watched.
        if isWatched { try? EventLoop.start() }
        // libvirt would print every error itself.
        unsafe virSetErrorFunc(nil) { _, _ in }
        guard let handle = unsafe virConnectOpen(uri) else { throw HypervisorError("connect to libvirt at \(uri)") }
        unsafe self.handle = handle
        if isWatched { unsafe virConnectSetKeepAlive(handle, Self.aliveInterval, Self.aliveCount) }
    }

    /// Seconds between questions whether the other end is still there, and how many may stay without an answer.
    private static let aliveInterval: CInt = 5
    private static let aliveCount: CUnsignedInt = 5

    deinit { unsafe virConnectClose(handle) }

    /// Whether its libvirt is on this machine, and can be handed files that are open here.
    package var isLocal: Bool {
        let scheme = uri.prefix { $0 != ":" }
        return uri.dropFirst(scheme.count).hasPrefix(":///") && (!scheme.contains("+") || scheme.hasSuffix("+unix"))
    }

    package var processorCount: Int {
        var info = virNodeInfo()
        return unsafe virNodeGetInfo(handle, &info) == 0 ? Int(info.cpus) : 1
    }

    /// "LXC 6.18.44"
    package var hypervisorVersion: String {
        var version: UInt = 0
        unsafe virConnectGetVersion(handle, &version)
        let kind = unsafe virConnectGetType(handle).map { unsafe String(cString: $0) } ?? "?"
        return "\(kind) \(version / 1_000_000).\(version / 1000 % 1000).\(version % 1000)"
    }

    /// Bytes that it has, whoever uses them.
    package func memory() throws(HypervisorError) -> Double {
        var info = virNodeInfo()
        guard unsafe virNodeGetInfo(handle, &info) == 0 else { throw HypervisorError("read the memory of \(uri)") }
        return Double(info.memory) * 1024
    }

    /// Bytes that could be given to a domain without swapping: free, buffers and what is cached. Nil where the driver does not say.
    package func availableMemory() throws(HypervisorError) -> Double? {
        var count: CInt = 0
        let all = CInt(VIR_NODE_MEMORY_STATS_ALL_CELLS.rawValue)
        guard unsafe virNodeGetMemoryStats(handle, all, nil, &count, 0) == 0 else {
            let error = HypervisorError("read the free memory of \(uri)")
            if error.cause == .unsupported { return nil }
            throw error
        }
        guard count > 0 else { return nil }
        var stats = [virNodeMemoryStats](repeating: virNodeMemoryStats(), count: Int(count))
        guard unsafe virNodeGetMemoryStats(handle, all, &stats, &count, 0) == 0 else {
            throw HypervisorError("read the free memory of \(uri)")
        }
        let counted = ["free", "buffers", "cached"]
        return stats.prefix(Int(count)).reduce(0) { sum, stat in
            let name = unsafe withUnsafeBytes(of: stat.field) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            return counted.contains(name) ? sum + Double(stat.value) * 1024 : sum
        }
    }

    package func domains() throws(HypervisorError) -> [Domain] { try domains(0) }

    /// Those that run or are paused, as libvirt sees them in one moment.
    package func activeDomains() throws(HypervisorError) -> [Domain] {
        try domains(VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue)
    }

    private func domains(_ flags: UInt32) throws(HypervisorError) -> [Domain] {
        var list: UnsafeMutablePointer<virDomainPtr?>?
        let count = unsafe virConnectListAllDomains(handle, &list, flags)
        guard count >= 0, let list = unsafe list else { throw HypervisorError("list the domains of \(uri)") }
        defer { unsafe free(list) }
        return unsafe UnsafeBufferPointer(start: list, count: Int(count)).compactMap { pointer in
            unsafe pointer.map { unsafe Domain($0, of: self) }
        }
    }

    /// Nil when there is none of that name.
    package func domain(_ name: String) throws(HypervisorError) -> Domain? {
        if let pointer = unsafe virDomainLookupByName(handle, name) { return unsafe Domain(pointer, of: self) }
        let error = HypervisorError("look up the domain \(name)")
        if error.cause == .noDomain { return nil }
        throw error
    }

    /// Starts a transient domain: it is gone from libvirt when it stops.
    package func create(_ xml: String) throws(HypervisorError) -> Domain {
        guard let pointer = unsafe virDomainCreateXML(handle, xml, 0) else {
            throw HypervisorError("start the domain")
        }
        return unsafe Domain(pointer, of: self)
    }

    /// Defines a domain so that it outlives its stops, or changes the definition it has.
    package func define(_ xml: String) throws(HypervisorError) -> Domain {
        guard let pointer = unsafe virDomainDefineXML(handle, xml) else { throw HypervisorError("define the domain") }
        return unsafe Domain(pointer, of: self)
    }
}
