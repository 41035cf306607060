import Testing
import Volumes

/// What is LVM's alone.
extension VolumeTests {
    @Suite(.serialized) struct LogicalVolumeTests {
        /// The original is written, the watcher looks each second, and says so while the snapshot is still whole; whoever does
        /// not listen loses it.
        @Test func aClassicSnapshotIsGivenUpBeforeLVMDropsIt() throws {
            let ground = try Ground(.classic)
            let snapshot = try ground.make("whatif-full", room: 4 << 20)
            var watch = FillWatch(limit: 0.8, timeToEnd: .seconds(2))
            var ended: (second: Int, fill: SnapshotFill)?
            var dropped: Int?
            for second in 0..<16 where dropped == nil {
                let fill = try #require(try ground.volumes.fill(of: [snapshot.identifier]).first)
                if ended == nil, watch.observe(fill, at: Double(second)) != .enough { ended = (second, fill) }
                if fill.isInvalid { dropped = second }
                try ground.write("F", kibibytes: 512, at: 512 * second, to: .original(0))
            }
            let end = try #require(ended)
            #expect(!end.fill.isInvalid && end.fill.share < 0.8, "the rate has to be seen before the level")
            #expect(try #require(dropped, "it was never full") >= end.second + 2)
            // Nothing is to be had from it any more, but it can be removed.
            try ground.volumes.remove(snapshot.identifier)
        }

        @Test func aThinPoolWithoutMetadataOrAClassicSnapshotIsNoSource() throws {
            let ground = try Ground(.classic)
            let snapshot = try ground.make("whatif-source")
            let pool = VolumeSource.logicalVolume(try #require(LogicalVolume("data/pool")))
            let copy = VolumeSource.logicalVolume(try #require(LogicalVolume("data/whatif-source")))
            for source in [pool, copy] {
                #expect {
                    try ground.volumes.plan([
                        SnapshotRequest(source, name: try #require(VolumeName("whatif-no")), room: 1 << 20)
                    ])
                } throws: {
                    if case VolumeError.unsuitable = $0 { true } else { false }
                }
            }
            try ground.volumes.remove(snapshot.identifier)
        }

        /// Somebody wants it back in its original, which is open: LVM waits with it, and hides it. Without it the original would be neither.
        @Test func whatIsToBeMergedIsNotRemoved() throws {
            let ground = try Ground(.classic)
            let before = try ground.inventory()
            try ground.write("A", kibibytes: 64, to: .original(0))
            let snapshot = try ground.make("whatif-merged")
            try ground.write("B", kibibytes: 64, to: .original(0))
            let holder = try ground.shell("sleep 600 < \(ground.path(0)) > /dev/null 2>&1 &\necho $!")
            try ground.shell("volumes lvconvert --merge --background data/whatif-merged")
            let waiting = try ground.inventory(whole: true)
            #expect {
                try ground.volumes.remove(snapshot.identifier)
            } throws: {
                "\($0)" == "cannot use logical volume data/whatif-merged: LVM is merging it into its original"
            }
            #expect(try ground.inventory(whole: true) == waiting)
            #expect(try ground.mark(.original(0)) == "B")
            try ground.shell("kill \(holder); volumes lvchange --refresh --poll y data/classic0")
            #expect(wait(seconds: 30) { (try? ground.inventory()) == before })
            #expect(try ground.mark(.original(0)) == "A")
            // Now there is none.
            try ground.volumes.remove(snapshot.identifier)
        }

        /// LVM's own words come through the guest's library, its program and the wire.
        @Test func whatLVMSaysIsInTheError() throws {
            let ground = try Ground(.thin)
            let nowhere = VolumeSource.logicalVolume(try #require(LogicalVolume("nowhere/disk")))
            #expect {
                try ground.volumes.plan([
                    SnapshotRequest(nowhere, name: try #require(VolumeName("whatif-no")), room: 1)
                ])
            } throws: {
                "\($0)" == "cannot read the volume group nowhere: "
                    + "Volume group \"nowhere\" not found; Cannot process volume group nowhere"
            }
        }

        /// A process that dies within LVM's work leaves the original suspended: whoever writes to it hangs.
        @Test func theOriginalOfAKilledProcessGoesOn() throws {
            let ground = try Ground(.classic)
            let before = try ground.inventory(whole: true)
            let planned = try #require(try ground.volumes.plan([try ground.request("whatif-half")]).first)
            // What is to become the snapshot is a volume like others until the original has been suspended.
            try ground.shell("volumes lvcreate -Wn -Zn -L 4M -n whatif-half data; dmsetup suspend data-classic0")
            try ground.volumes.remove(planned.identifier)
            #expect(try ground.inventory(whole: true) == before)
            try ground.write("G", kibibytes: 1, to: .original(0))
            #expect(try ground.mark(.original(0)) == "G")
        }
    }
}
