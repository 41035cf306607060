import Cloning
import Hypervisor
import Testing

/// Which definitions clones of a domain can be made from.
@Suite struct CloneVariantTests {
    private static let machine = """
        <domain type='kvm'><name>vm1</name>
          <devices>
            <disk type='file' device='disk'><source file='/srv/vm1.qcow2'/><target dev='hda' bus='ide'/></disk>
            <disk type='file' device='cdrom'><source file='/srv/cd.iso'/><target dev='hdb'/><readonly/></disk>
            <interface type='bridge'><mac address='52:54:00:00:50:40'/><source bridge='br0'/></interface>
          </devices>
        </domain>
        """
    private static let container = """
        <domain type='lxc'><name>app1</name>
          <devices>
            <filesystem type='mount'><source dir='/volume/app1'/><target dir='/'/></filesystem>
            <interface type='bridge'><mac address='52:54:00:00:50:20'/><source bridge='br0'/></interface>
          </devices>
        </domain>
        """

    private func obstacles(_ xml: String, _ from: String, _ to: String) throws -> [String] {
        #expect(from.isEmpty || xml.contains(from))
        let variant = from.isEmpty ? xml : xml.replacing(from, with: to)
        return CloneVariant.obstacles(
            try DomainDescription(xml: variant, name: "a"), of: try DomainDescription(xml: xml, name: "a"))
    }

    /// Another bus and name of the disk, another processor, other devices.
    @Test(arguments: [
        ("", ""), ("dev='hda' bus='ide'", "dev='vda' bus='virtio'"), ("type='kvm'", "type='qemu'"),
        ("/srv/cd.iso", "/srv/other.iso"), ("52:54:00:00:50:40'/>", "52:54:00:00:50:40'/><model type='virtio'/>"),
        ("<devices>", "<cpu mode='host-passthrough'/><vcpu>4</vcpu><devices>"),
    ])
    func anotherMachineOnTheSameDisks(_ from: String, _ to: String) throws {
        #expect(try obstacles(Self.machine, from, to) == [])
    }

    @Test(arguments: [
        (machine, "type='kvm'", "type='lxc'", "its type is lxc, and that of the domain kvm"),
        (machine, "50:40", "50:41", "has the MAC address 52:54:00:00:50:41, and the domain's 52:54:00:00:50:40"),
        (
            machine, "/srv/vm1.qcow2", "/srv/vm2.qcow2",
            "it writes to /srv/vm2.qcow2, which is none of the domain's disks"
        ),
        (
            container, "<interface",
            "<filesystem type='mount'><source dir='/srv'/><target dir='/srv'/></filesystem><interface",
            "it would share with production: the mount of /srv"
        ),
    ])
    func whatWouldTouchProductionIsRefused(_ xml: String, _ from: String, _ to: String, _ words: String) throws {
        let obstacles = try obstacles(xml, from, to)
        #expect(obstacles.count == 1 && obstacles[0].contains(words), "\(obstacles)")
    }

    /// As tc of iproute2 6.1 says it.
    @Test func ratesOfTokenBucketsAreRead() {
        let bucket = """
            [{"kind":"tbf","handle":"80ea:","root":true,"refcnt":3,\
            "options":{"rate":1048576,"burst":131072,"lat":99999}}]
            """
        #expect(TokenBucket.rate(in: bucket) == 1_048_576)
        #expect(TokenBucket.rate(in: #"[{"kind":"noqueue","root":true,"options":{}}]"#) == nil)
        #expect(TokenBucket.rate(in: "") == nil)
    }
}
