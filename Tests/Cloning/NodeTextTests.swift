import Cloning
import Hypervisor
import Model
import Testing

/// What the node's own tools and tables say.
@Suite struct NodeTextTests {
    @Test func addressesOfADevice() {
        let text = """
            3: br0    inet 10.50.0.1/24 brd 10.50.0.255 scope global br0\\       valid_lft forever preferred_lft forever
            3: br0    inet 192.0.2.7/32 scope global br0\\       valid_lft forever preferred_lft forever
            3: br0    inet6 fd00:50::1/64 scope global nodad \\       valid_lft forever preferred_lft forever
            3: br0    inet6 fe80::5054:ff:fe00:5001/64 scope link \\       valid_lft forever preferred_lft forever
            """
        #expect(
            NodeAddresses.addresses(in: text).map(\.description)
                == ["10.50.0.1", "192.0.2.7", "fd00:50::1", "fe80::5054:ff:fe00:5001"])
        #expect(NodeAddresses.addresses(in: "").isEmpty)
    }

    @Test func neighboursByMAC() {
        let text = """
            10.50.0.10 dev br0 lladdr 52:54:00:00:50:10 REACHABLE
            10.50.0.40 dev br0 lladdr 52:54:00:00:50:40 STALE
            10.50.0.41 dev br0 FAILED
            fd00:50::41 dev br0 lladdr 52:54:00:00:50:40 STALE
            fd00:50::40 dev br0 lladdr 52:54:00:00:50:40 router REACHABLE
            """
        #expect(
            NodeAddresses.neighbours("52:54:00:00:50:40", in: text).map(\.description)
                == ["fd00:50::40", "10.50.0.40", "fd00:50::41"])
        #expect(NodeAddresses.neighbours("52:54:00:00:50:4F", in: text).isEmpty)
    }

    @Test(arguments: [
        ("/var/lib/lab/volume/web1", "/dev/loop3"), ("/var/lib/lab/volume", "/dev/loop4"), ("/var/lib/lab", "/dev/vda"),
        ("/var/lib/laboratory/volume", "/dev/vda"), ("/run/x", "tmpfs"),
    ])
    func theDeviceOfAPath(_ path: String, _ device: String) {
        let table = """
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            30 22 0:26 / /run rw - tmpfs tmpfs rw
            41 22 0:40 / /var/lib/lab/volume rw,noatime - btrfs /dev/loop2 rw
            42 41 0:41 / /var/lib/lab/volume rw,noatime shared:7 master:1 - btrfs /dev/loop4 rw
            43 42 0:42 /web1 /var/lib/lab/volume/web1 rw - btrfs /dev/loop3 rw
            """
        #expect(MountTable.source(of: path, in: table) == device)
    }

    @Test func theFilesOfACaptureAreFoundAgain() {
        for files in [
            CaptureFiles(
                memory: "/a b/whatif-1.save", overlays: ["vda": "/a b/whatif-1-vda.qcow2", "sdb": "/x.qcow2"]),
            CaptureFiles(memory: nil, overlays: ["vda": "/y"]), CaptureFiles(memory: nil, overlays: [:]),
        ] {
            #expect(CaptureFiles(text: files.text) == files)
        }
    }
}
