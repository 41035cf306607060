import CLibvirt
import Glibc
package import Model

/// One VM or container of libvirt.
/// `@unchecked Sendable`: libvirt guards domain handles by the lock of their connection.
@safe package final class Domain: @unchecked Sendable {
    let handle: virDomainPtr
    /// A domain handle must not outlive its connection.
    let node: Node
    package let name: String

    init(_ handle: virDomainPtr, of node: Node) {
        unsafe self.handle = handle
        self.node = node
        name = unsafe virDomainGetName(handle).map { unsafe String(cString: $0) } ?? "?"
    }

    deinit { unsafe virDomainFree(handle) }

    package func description() throws(HypervisorError) -> DomainDescription {
        try DomainDescription(xml: try xml(), name: name)
    }

    package func xml() throws(HypervisorError) -> String {
        guard let text = unsafe virDomainGetXMLDesc(handle, 0) else {
            throw HypervisorError("read the description of \(name)")
        }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    package var isActive: Bool { unsafe virDomainIsActive(handle) == 1 }

    /// libvirt's number of the running domain; of a container it is the process that holds it.
    package var identifier: UInt32? {
        let number = unsafe virDomainGetID(handle)
        return number == .max ? nil : number
    }

    /// The addresses that the node's DHCP server or its ARP table knows for the domain's interfaces; none when neither
    /// does, or when the driver cannot ask.
    package var leasedAddresses: [IPAddress] {
        for source in [VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP] {
            var list: UnsafeMutablePointer<virDomainInterfacePtr?>?
            let count = unsafe virDomainInterfaceAddresses(handle, &list, source.rawValue, 0)
            guard count > 0, let list = unsafe list else { continue }
            defer { unsafe free(list) }
            var addresses: [IPAddress] = []
            for index in 0..<Int(count) {
                guard let interface = unsafe list[index] else { continue }
                for number in 0..<Int(unsafe interface.pointee.naddrs) {
                    let text = unsafe String(cString: interface.pointee.addrs[number].addr)
                    if let address = IPAddress(text) { addresses.append(address) }
                }
                unsafe virDomainInterfaceFree(interface)
            }
            if !addresses.isEmpty { return addresses }
        }
        return []
    }

    package func start() throws(HypervisorError) {
        guard unsafe virDomainCreate(handle) == 0 else { throw HypervisorError("start the domain \(name)") }
    }

    /// Pulls the plug. A domain that does not run is no error, so that clean-up can be repeated.
    package func destroy() throws(HypervisorError) {
        guard unsafe virDomainDestroy(handle) != 0 else { return }
        let error = HypervisorError("stop the domain \(name)")
        if error.code == Int32(VIR_ERR_OPERATION_INVALID.rawValue) || error.cause == .noDomain { return }
        throw error
    }

    /// CPU time used since the domain started, in seconds.
    package func cpuSeconds() throws(HypervisorError) -> Double {
        var info = virDomainInfo()
        guard unsafe virDomainGetInfo(handle, &info) == 0 else {
            throw HypervisorError("read the CPU time of \(name)")
        }
        return Double(info.cpuTime) / 1e9
    }

    /// The most memory that the domain may be given while it runs, in bytes.
    package func memoryLimit() throws(HypervisorError) -> Int64 {
        var info = virDomainInfo()
        guard unsafe virDomainGetInfo(handle, &info) == 0 else {
            throw HypervisorError("read the memory of \(name)")
        }
        return Int64(info.maxMem) << 10
    }

    /// Bytes that it may use as it is: of a running machine what its balloon leaves it, of a container its limit.
    package func memoryPromised() throws(HypervisorError) -> Int64 {
        var info = virDomainInfo()
        guard unsafe virDomainGetInfo(handle, &info) == 0 else {
            throw HypervisorError("read the memory of \(name)")
        }
        let isRunning = info.state == UInt8(VIR_DOMAIN_RUNNING.rawValue)
        // A container's figure is what it uses just now.
        guard isRunning, try description().isMachine else { return Int64(info.maxMem) << 10 }
        return Int64(info.memory) << 10
    }

    /// Memory that the running domain uses, in bytes; of a virtual machine what it was given.
    package func memoryUsed() throws(HypervisorError) -> Int64 {
        var info = virDomainInfo()
        guard unsafe virDomainGetInfo(handle, &info) == 0 else {
            throw HypervisorError("read the memory of \(name)")
        }
        return Int64(info.memory) << 10
    }
}
