import CLibvirt
import FoundationXML
import Glibc
import OperatingSystem

extension Domain {
    /// Makes the files of overlays before the guest stands, which else were most of the pause. False leaves them to libvirt:
    /// over images that are neither file nor block device, and on nodes that are not this machine.
    private func prepareOverlays(_ files: [String: String]) throws(HypervisorError) -> Bool {
        let disks = try description().disks.filter { files[$0.target] != nil }
        let below = disks.compactMap { disk -> String? in
            switch disk.image?.source {
            case .file(let path), .block(let path): path
            default: nil
            }
        }
        guard node.isLocal, below.count == disks.count else { return false }
        for (disk, below) in zip(disks, below) {
            guard let file = files[disk.target], let format = disk.image?.format else { continue }
            let doing = "make the overlay \(file)"
            var info = virDomainBlockInfo()
            guard unsafe virDomainGetBlockInfo(handle, disk.target, &info, 0) == 0 else { throw HypervisorError(doing) }
            do {
                // Nobody else may read it; and what is there already is not ours.
                _ = try Descriptor.create(file)
                // The image below is the machine's own just now: it is named, and not opened.
                try ChildProcess.succeed([
                    "qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", format, "-b", below, file,
                    "\(info.capacity)",
                ])
            } catch {
                throw HypervisorError(doing, message: "\(error)", cause: .other)
            }
        }
        return true
    }

    /// A snapshot that is ready to be taken.
    struct Snapshot {
        fileprivate let xml: String
        fileprivate let flags: UInt32
    }

    /// Of the disks that get overlays, and of the memory if a file for it is given. Makes what can be made before.
    func prepareSnapshot(_ files: [String: String], memory: String? = nil) throws(HypervisorError) -> Snapshot {
        // libvirt would keep books about it: this is none of the operator's snapshots.
        var flags = [VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA, VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC]
        flags.append(memory == nil ? VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY : VIR_DOMAIN_SNAPSHOT_CREATE_LIVE)
        let xml = try snapshotXML(files, memory: memory)
        if try prepareOverlays(files) { flags.append(VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT) }
        return Snapshot(xml: xml, flags: flags.reduce(0) { $0 | $1.rawValue })
    }

    /// Turns the machine over to the overlays, all disks or none, and saves its memory while it runs if that was asked for.
    func take(_ snapshot: Snapshot, _ doing: String) throws(HypervisorError) {
        guard let snapshot = unsafe virDomainSnapshotCreateXML(handle, snapshot.xml, snapshot.flags) else {
            throw HypervisorError(doing)
        }
        unsafe virDomainSnapshotFree(snapshot)
    }

    /// Every disk is named: what is not would be snapshot, too, next to its file.
    private func snapshotXML(_ files: [String: String], memory: String?) throws(HypervisorError) -> String {
        let snapshot = XMLElement("domainsnapshot")
        let memoryElement = XMLElement("memory", ["snapshot": memory == nil ? "no" : "external"])
        memoryElement.set("file", memory)
        snapshot.addChild(memoryElement)
        let list = XMLElement("disks")
        for disk in try description().disks {
            guard let file = files[disk.target] else {
                list.addChild(XMLElement("disk", ["name": disk.target, "snapshot": "no"]))
                continue
            }
            let element = XMLElement("disk", ["name": disk.target, "snapshot": "external", "type": "file"])
            element.addChild(XMLElement("driver", ["type": "qcow2"]))
            element.addChild(XMLElement("source", ["file": file]))
            list.addChild(element)
        }
        snapshot.addChild(list)
        return snapshot.xmlString
    }

    /// Refuses files that are not named as ours or that are there already, and disks that there are not, before anything is
    /// made: what is removed after a failure has to be what was made here.
    func checkFiles(memory: String? = nil, overlays files: [String: String], _ doing: String) throws(HypervisorError) {
        let targets = Set(try description().disks.filter(\.isWritable).map(\.target))
        if let target = files.keys.sorted().first(where: { !targets.contains($0) }) {
            throw HypervisorError(doing, message: "it has no disk \(target) that is written to", cause: .unsupported)
        }
        for file in files.values.sorted() + (memory.map { [$0] } ?? []) {
            guard Self.isOurs(file) else {
                throw HypervisorError(doing, message: "the file \(file) is not named whatif-…", cause: .unsupported)
            }
            if node.isLocal, unsafe access(file, F_OK) == 0 {
                throw HypervisorError(doing, message: "the file \(file) is there already", cause: .other)
            }
        }
    }
}
