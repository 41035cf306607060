import Model
import Testing
import Volumes

/// What an operator writes of volumes.
@Suite struct VolumeSiteTests {
    @Test(arguments: [
        ("nbd://10.0.0.5", ExportPlace.nbd(address: "10.0.0.5", ports: 10809...10908)),
        ("nbd://10.0.0.5:10900", .nbd(address: "10.0.0.5", ports: 10900...10900)),
        ("nbd://[fd00::5]:10900-10903", .nbd(address: "fd00::5", ports: 10900...10903)),
        ("iscsi://storage1", .iscsi(address: "storage1", port: 3260)),
        ("iscsi://[fd00::5]:3261", .iscsi(address: "fd00::5", port: 3261)),
    ]) func aPlaceIsRead(_ text: String, _ place: ExportPlace) { #expect(ExportPlace(text) == place) }

    @Test(arguments: [
        "", "nbd", "nbd://", "nbd://:1", "nbd://a:", "nbd://a:0", "nbd://a:2-1", "nbd://a:1-2-3", "nbd://a:65536",
        "nbd://a b", "nbd://-a", "nbd://[fd00::5", "nbd://[fd00::5]x", "nbd://a/b", "iscsi://a:1-2", "ftp://a",
    ]) func whatIsNoneIsRefused(_ text: String) { #expect(ExportPlace(text) == nil) }

    @Test(
        arguments: [
            ("/dev/data/vm1", "data/vm1"), ("/dev/mapper/data-vm1", "data/vm1"),
            ("/dev/mapper/my--data-vm--1", "my-data/vm-1"),
            ("/dev/sda", nil), ("/dev/mapper/control", nil), ("/dev/mapper/a-b-c", nil), ("/srv/data/vm1", nil),
            ("/dev/data/-f", nil),
        ] as [(String, String?)]) func aLogicalVolumeIsKnownByItsDevice(_ device: String, _ name: String?)
    {
        #expect(LogicalVolume(device: device).map { "\($0)" } == name)
    }
}
