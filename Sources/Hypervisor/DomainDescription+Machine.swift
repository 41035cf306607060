import FoundationXML

/// Clones of virtual machines (QEMU with or without KVM).
extension DomainDescription {
    package var isMachine: Bool { ["qemu", "kvm"].contains(type) }

    /// A clone that is to be described.
    package struct MachineClone: Sendable {
        /// Its name; libvirt gives it a UUID.
        package var name: String
        /// In place of the original's, by target; every disk that can be written needs one.
        package var disks: [String: DiskImage]
        /// What the first interface is on, and the name of its end on the node.
        package var bridge: String
        package var device: String
        /// Whether it goes on from a memory image. The image fits only a machine with the same devices, so that further
        /// interfaces are kept, without link, and else left out.
        package var hasMemory: Bool
        /// A copy of the firmware's variables, if the original has such a file.
        package var firmwareVariables: String?
        /// Virtual processors to boot with, if that is said. One that goes on has what its image has.
        package var processors: Int?

        package init(
            name: String, disks: [String: DiskImage], bridge: String, device: String, hasMemory: Bool,
            firmwareVariables: String? = nil, processors: Int? = nil
        ) {
            self.name = name
            self.disks = disks
            self.bridge = bridge
            self.device = device
            self.hasMemory = hasMemory
            self.firmwareVariables = firmwareVariables
            self.processors = processors
        }
    }

    /// Why the machine cannot be cloned, in words for its operator; empty when it can. To be asked before anything is made.
    package func obstacles(withMemory: Bool) -> [String] {
        guard let document = XMLDocument.domain(xml), let domain = document.rootElement() else { return ["no XML"] }
        var found = domain.childElements.compactMap { MachineDevice.obstacle(ofSetting: $0) }
        found += document.devices.compactMap { MachineDevice.obstacle($0) }
        let interfaces = document.elements("/domain/devices/interface")
        if interfaces.isEmpty { found.append("it has no <interface>") }
        if withMemory {
            found += interfaces.filter { ["hostdev", "vdpa"].contains($0["type"]) }.map {
                "its interface \($0.first("mac")?["address"] ?? "?") is a device of the node, which no memory image holds"
            }
        }
        found += disks.filter { $0.isWritable && $0.device != "disk" }.map {
            "\($0.target) is a \($0.device) that can be written: attach it read-only"
        }
        return found
    }

    /// The same machine with another name, on other disks and another bridge, with nothing outside of it that the original
    /// has too. Processor, memory and devices inside are the same, so that a memory image of the original fits.
    package func machineClone(_ clone: MachineClone) throws(HypervisorError) -> String {
        let doing = "describe a clone of \(name)"
        var obstacles = obstacles(withMemory: clone.hasMemory)
        obstacles += disks.filter { $0.isWritable && clone.disks[$0.target] == nil }.map {
            "its disk \($0.target) is to be written, and no other was given in its place"
        }
        if let firmwareVariables, clone.firmwareVariables == nil {
            obstacles.append("its firmware writes \(firmwareVariables), and no copy was given in its place")
        }
        guard isMachine else {
            throw HypervisorError(doing, message: "a domain of type \(type) is no QEMU machine", cause: .unsupported)
        }
        guard obstacles.isEmpty, let document = XMLDocument.domain(xml), let domain = document.rootElement() else {
            throw HypervisorError(doing, message: obstacles.joined(separator: "; "), cause: .unsupported)
        }
        rename(domain, clone.name)
        domain.drop("metadata")
        for setting in domain.childElements { MachineDevice.makePrivate(setting: setting) }
        if let variables = clone.firmwareVariables, let element = domain.first("os")?.first("nvram") {
            element.drop("source")
            element.set("type", nil)
            element.stringValue = variables
        }
        if let processors = clone.processors, !clone.hasMemory { plug(processors, into: domain) }
        for device in document.devices {
            switch device.name {
            case "disk": try replaceImage(of: device, clone.disks)
            case "interface": break
            default: MachineDevice.makePrivate(device)
            }
        }
        connect(document.elements("/domain/devices/interface"), clone)
        return document.xmlString
    }

    private func plug(_ processors: Int, into domain: XMLElement) {
        let vcpu = domain.first("vcpu") ?? XMLElement("vcpu", text: "1")
        if vcpu.parent == nil { domain.addChild(vcpu) }
        vcpu.set("current", "\(processors)")
        vcpu.stringValue = "\(max(processors, vcpu.stringValue.flatMap { Int($0) } ?? 1))"
        // Which of them there are, one by one.
        domain.drop("vcpus")
    }

    private func replaceImage(of disk: XMLElement, _ images: [String: DiskImage]) throws(HypervisorError) {
        let target = disk.first("target")?["dev"] ?? ""
        disk.drop("mirror", "transient", "shareable", "alias")
        guard let image = images[target] else { return }
        guard let source = image.source.element else {
            throw HypervisorError(
                "describe a clone of \(name)", message: "its disk \(target) cannot be on \(image.source)",
                cause: .unsupported)
        }
        disk.drop("source", "backingStore", "encryption", "auth")
        disk.set("type", image.source.type)
        disk.set("snapshot", nil)
        let driver = disk.first("driver") ?? XMLElement("driver", ["name": "qemu"])
        driver.set("type", image.format)
        if driver.parent == nil { disk.addChild(driver) }
        disk.addChild(source)
    }

    private func connect(_ interfaces: [XMLElement], _ clone: MachineClone) {
        for (number, interface) in interfaces.enumerated() {
            guard number == 0 || clone.hasMemory else {
                interface.detach()
                continue
            }
            interface.drop(
                "source", "target", "guest", "alias", "backenddomain", "link", "bandwidth", "virtualport", "vlan",
                "filterref", "ip", "route", "script", "downscript", "backend", "teaming", "port", "portForward")
            interface.set("type", "bridge")
            interface.set("trustGuestRxFilters", nil)
            interface.set("managed", nil)
            interface.addChild(XMLElement("source", ["bridge": clone.bridge]))
            if number == 0 {
                interface.addChild(XMLElement("target", ["dev": clone.device]))
            } else {
                interface.addChild(XMLElement("link", ["state": "down"]))
            }
        }
    }
}
