import CLibvirt

/// Bounds of what a domain moves; 0 is no bound.
package struct IOLimits: Sendable, Hashable {
    package var readBytes = 0
    package var writeBytes = 0
    package var readOperations = 0
    package var writeOperations = 0

    package init(readBytes: Int = 0, writeBytes: Int = 0, readOperations: Int = 0, writeOperations: Int = 0) {
        self.readBytes = readBytes
        self.writeBytes = writeBytes
        self.readOperations = readOperations
        self.writeOperations = writeOperations
    }

    fileprivate func named(_ names: [String]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: zip(names, [readBytes, writeBytes, readOperations, writeOperations]))
    }
}

/// Limits of disks and networks of a running domain.
extension Domain {
    private static let live = UInt32(VIR_DOMAIN_AFFECT_LIVE.rawValue)
    private static let diskNames = ["read_bytes_sec", "write_bytes_sec", "read_iops_sec", "write_iops_sec"]
    private static let deviceNames = [
        "device_read_bytes_sec", "device_write_bytes_sec", "device_read_iops_sec", "device_write_iops_sec",
    ]

    /// Of a machine's disk, a second, which QEMU keeps to itself.
    package func diskLimits(_ target: String) throws(HypervisorError) -> IOLimits {
        let values = unsafe TypedParameters.read { list, count in
            unsafe virDomainGetBlockIoTune(handle, target, list, count, Self.live)
        }
        guard let values else { throw HypervisorError("read the limits of \(target) of \(name)") }
        let number = { (name: String) in Int(values[name]?.number ?? 0) }
        return IOLimits(
            readBytes: number(Self.diskNames[0]), writeBytes: number(Self.diskNames[1]),
            readOperations: number(Self.diskNames[2]), writeOperations: number(Self.diskNames[3]))
    }

    package func setDiskLimits(_ target: String, _ limits: IOLimits) throws(HypervisorError) {
        let parameters = limits.named(Self.diskNames).mapValues { TypedParameter.unsigned(UInt64(max(0, $0))) }
        let status = unsafe parameters.withList {
            unsafe virDomainSetBlockIoTune(handle, target, $0, $1, Self.live)
        }
        guard status == 0 else { throw HypervisorError("limit \(target) of \(name)") }
    }

    /// Of all that the domain moves to and from a block device of the node, a second, which the kernel keeps it to: the
    /// way for containers.
    package func deviceLimits(_ device: String) throws(HypervisorError) -> IOLimits {
        let values = unsafe TypedParameters.read { list, count in
            unsafe virDomainGetBlkioParameters(
                handle, list, count, Self.live | UInt32(VIR_TYPED_PARAM_STRING_OKAY.rawValue))
        }
        guard let values else { throw HypervisorError("read the limits of \(name) on \(device)") }
        // path,value,path,value
        let number = { (name: String) -> Int in
            guard case .text(let text) = values[name] else { return 0 }
            let words = text.split(separator: ",")
            guard let place = words.firstIndex(where: { $0 == device }), place + 1 < words.count else { return 0 }
            return Int(words[place + 1]) ?? 0
        }
        return IOLimits(
            readBytes: number(Self.deviceNames[0]), writeBytes: number(Self.deviceNames[1]),
            readOperations: number(Self.deviceNames[2]), writeOperations: number(Self.deviceNames[3]))
    }

    package func setDeviceLimits(_ device: String, _ limits: IOLimits) throws(HypervisorError) {
        let parameters = limits.named(Self.deviceNames).mapValues { TypedParameter.text("\(device),\(max(0, $0))") }
        let status = unsafe parameters.withList { unsafe virDomainSetBlkioParameters(handle, $0, $1, Self.live) }
        guard status == 0 else { throw HypervisorError("limit \(name) on \(device)") }
    }
}

/// What may pass an interface of a domain on average, in KiB a second; 0 is no bound.
package struct NetworkRate: Sendable, Hashable {
    /// To the guest.
    package var inbound: Int
    package var outbound: Int

    package init(inbound: Int, outbound: Int) { (self.inbound, self.outbound) = (inbound, outbound) }
}

extension Domain {
    /// `interface` is its MAC address or its name on the node.
    package func networkRate(_ interface: String) throws(HypervisorError) -> NetworkRate {
        let values = unsafe TypedParameters.read { list, count in
            unsafe virDomainGetInterfaceParameters(handle, interface, list, count, Self.live)
        }
        guard let values else { throw HypervisorError("read the rate of \(interface) of \(name)") }
        return NetworkRate(
            inbound: Int(values["inbound.average"]?.number ?? 0), outbound: Int(values["outbound.average"]?.number ?? 0)
        )
    }

    package func setNetworkRate(_ interface: String, _ rate: NetworkRate) throws(HypervisorError) {
        let parameters: TypedParameters = [
            "inbound.average": .unsigned32(UInt32(clamping: rate.inbound)),
            "outbound.average": .unsigned32(UInt32(clamping: rate.outbound)),
        ]
        let status = unsafe parameters.withList {
            unsafe virDomainSetInterfaceParameters(handle, interface, $0, $1, Self.live)
        }
        guard status == 0 else { throw HypervisorError("limit the rate of \(interface) of \(name)") }
    }
}
