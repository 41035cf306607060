import Testing
import Volumes

/// What every kind of volume keeps. The program that does it is `whatif-storage`, here or in the guest.
extension VolumeTests {
    @Suite(.serialized) struct ContractTests {
        @Test(arguments: Kind.allCases) func aSnapshotHoldsItsMomentAndTheOriginalIsItsOwn(_ kind: Kind) throws {
            let ground = try Ground(kind)
            try ground.write("A", to: .original(0))
            let before = try ground.checksum(.original(0))
            let snapshot = try ground.make("whatif-moment")
            #expect(try ground.checksum(.snapshot(snapshot)) == before)

            try ground.write("B", at: 256, to: .original(0))
            let original = try ground.checksum(.original(0))
            #expect(original != before)
            #expect(try ground.checksum(.snapshot(snapshot)) == before, "the original shows through")

            try ground.write("C", at: 128, to: .snapshot(snapshot))
            #expect(try ground.checksum(.snapshot(snapshot)) != before, "it cannot be written")
            #expect(try ground.checksum(.original(0)) == original, "the original was changed")

            try ground.volumes.remove(snapshot.identifier)
            #expect(try ground.checksum(.original(0)) == original)
        }

        @Test(arguments: Kind.allCases) func whatHasNoRoomIsRefusedBeforeAnythingIsMade(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let before = try ground.inventory()
            #expect(throws: VolumeError.self) {
                try ground.volumes.plan([try ground.request("whatif-huge", room: 1 << 40)])
            }
            // As much as there is, less what one snapshot leaves free, is too much for two.
            var free: Int64 = 0
            do {
                _ = try ground.volumes.plan([try ground.request("whatif-huge", room: 1 << 40)])
            } catch VolumeError.noRoom(_, let there, let needed, let wayOut) {
                free = there
                #expect(needed == 1 << 40 && !wayOut.isEmpty)
            }
            let share = free / 4 * 3 / (4 << 20) * (4 << 20)
            #expect(try ground.volumes.plan([try ground.request("whatif-one", room: share)]).count == 1)
            #expect {
                try ground.volumes.plan([
                    try ground.request("whatif-one", room: share),
                    try ground.request("whatif-two", disk: 1, room: share),
                ])
            } throws: {
                guard case VolumeError.noRoom(_, free, 2 * share, _) = $0 else { return false }
                return true
            }
            #expect(try ground.inventory() == before)
        }

        @Test(arguments: Kind.allCases) func whatIsNotThereOrThereAlreadyIsRefused(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let source: VolumeSource =
                switch kind {
                case .subvolume: .subvolume(path: ground.path(7))
                case .rawImage: .image(path: ground.path(7), .raw)
                case .qcow2Image: .image(path: ground.path(7), .qcow2)
                case .classic, .thin: .logicalVolume(try #require(LogicalVolume("data/nothing")))
                }
            let request = SnapshotRequest(source, name: try #require(VolumeName("whatif-of-nothing")), room: 1)
            #expect {
                try ground.volumes.plan([request])
            } throws: {
                if case VolumeError.missing = $0 { true } else { false }
            }

            let snapshot = try ground.make("whatif-there")
            #expect {
                try ground.volumes.plan([try ground.request("whatif-there", disk: 1)])
            } throws: {
                if case VolumeError.nameTaken = $0 { true } else { false }
            }
            // Twice in one breath is no better.
            #expect {
                try ground.volumes.plan([
                    try ground.request("whatif-twice"), try ground.request("whatif-twice", disk: 1),
                ])
            } throws: {
                if case VolumeError.nameTaken = $0 { true } else { false }
            }
            try ground.volumes.remove(snapshot.identifier)
        }

        /// The second's name is taken between plan and make: the first goes, and the other's snapshot stays.
        @Test(arguments: Kind.allCases) func allOrNoneAreMade(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let planned = try ground.volumes.plan([
                try ground.request("whatif-first"), try ground.request("whatif-second", disk: 1),
            ])
            let other = try ground.make("whatif-second", disk: 1)
            let before = try ground.inventory()
            #expect(throws: VolumeError.self) { try ground.volumes.make(planned) }
            #expect(try ground.inventory() == before)
            try ground.volumes.remove(other.identifier)
        }

        /// A service writes the same letter to both disks, again and again; while it pauses, one call snapshots both.
        @Test(arguments: Kind.allCases) func twoAtOnceAreOfOneMoment(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let folder = try ground.shell("mktemp -d")
            try ground.shell(
                """
                (
                count=0
                while [ ! -e \(folder)/end ]; do
                    for letter in A B C D E F G H; do
                        \(ground.writing(kibibytes: 1, to: .original(0)))
                        \(ground.writing(kibibytes: 1, to: .original(1)))
                        count=$((count + 1))
                        while [ -e \(folder)/pause ]; do
                            echo $letter $count > \(folder)/paused.part
                            mv \(folder)/paused.part \(folder)/paused
                            busybox usleep 2000
                        done
                    done
                done
                rm -r \(folder)
                ) < /dev/null > /dev/null 2>&1 &
                """)
            defer { _ = try? ground.shell("touch \(folder)/end; while [ -e \(folder) ]; do busybox usleep 2000; done") }
            func pause() throws -> (letter: String, count: Int) {
                let words = try ground.shell(
                    """
                    touch \(folder)/pause
                    while [ ! -e \(folder)/paused ]; do busybox usleep 2000; done
                    cat \(folder)/paused
                    """
                ).split(separator: " ")
                try #require(words.count == 2)
                return (String(words[0]), try #require(Int(words[1])))
            }
            func goOn() throws { try ground.shell("rm \(folder)/pause; busybox usleep 20000; rm \(folder)/paused") }

            let planned = try ground.volumes.plan([
                try ground.request("whatif-one"), try ground.request("whatif-two", disk: 1),
            ])
            let moment = try pause()
            try ground.freeze()
            try ground.volumes.make(planned)
            try goOn()
            let later = try pause()
            #expect(later.count > moment.count, "the service did not go on")
            #expect(planned.map(\.source) == [try ground.source(0), try ground.source(1)])
            for snapshot in planned {
                #expect(try ground.mark(.snapshot(snapshot)) == moment.letter)
            }
            for disk in 0...1 { #expect(try ground.mark(.original(disk)) == later.letter) }
            try goOn()
            for snapshot in planned { try ground.volumes.remove(snapshot.identifier) }
        }

        @Test(arguments: Kind.allCases) func itFillsAsItIsWritten(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let snapshot = try ground.make("whatif-fill")
            let before = try #require(try ground.volumes.fill(of: [snapshot.identifier]).first)
            try ground.write("D", kibibytes: 4096, to: .snapshot(snapshot))
            if !kind.isInGuest { try ground.shell("sync --file-system \(snapshot.path)") }
            let after = try #require(try ground.volumes.fill(of: [snapshot.identifier]).first)
            #expect(after.used - before.used >= 3 << 20 && after.share > before.share && !after.isInvalid)
            #expect(before.share >= 0 && after.share < 1 && after.room == before.room)
            try ground.volumes.remove(snapshot.identifier)
            #expect {
                try ground.volumes.fill(of: [snapshot.identifier])
            } throws: {
                if case VolumeError.missing = $0 { true } else { false }
            }
        }

        @Test(arguments: Kind.allCases) func removingIsRepeatedWithoutHarmAndTouchesNothingElse(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let before = try ground.inventory()
            let snapshot = try ground.make("whatif-again")
            try ground.volumes.remove(snapshot.identifier)
            try ground.volumes.remove(snapshot.identifier)
            let original: SnapshotIdentifier =
                switch kind {
                case .subvolume: .subvolume(path: ground.path(0))
                case .rawImage, .qcow2Image: .overlay(path: ground.path(0))
                case .classic, .thin:
                    .logicalVolume(try #require(LogicalVolume("data/\(kind.rawValue)0")), origin: "none")
                }
            #expect(throws: VolumeError.notOurs("\(original)")) { try ground.volumes.remove(original) }
            #expect(try ground.inventory() == before)
        }

        @Test(arguments: Kind.allCases) func whatIsInUseStaysUntilItIsFree(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let before = try ground.inventory()
            let snapshot = try ground.make("whatif-used")
            let with = try ground.inventory()
            let holder = try ground.hold(snapshot)
            #expect {
                try ground.volumes.remove(snapshot.identifier)
            } throws: {
                guard case VolumeError.inUse(_, let holders) = $0 else { return false }
                return holders == ["sleep (process \(holder))"]
            }
            #expect(try ground.inventory() == with)
            try ground.shell("kill \(holder)")
            try ground.removeWhenFree(snapshot.identifier)
            #expect(try ground.inventory() == before)
        }

        /// Killed before, within and behind the making, by time, and where LVM is at work before every change that it has the kernel make,
        /// while making and removing: its identifier alone is enough, and the original goes on.
        @Test(arguments: Kind.allCases) func whatAKilledProcessLeftIsFoundAndRemoved(_ kind: Kind) throws {
            let ground = try Ground(kind)
            let before = try ground.inventory(whole: true)
            let planned = try ground.volumes.plan([try ground.request("whatif-killed")])
            try ground.freeze()
            let text = "\(try #require(planned.first).identifier)"
            let identifier = try #require(SnapshotIdentifier(text))
            for step in 0..<4 {
                try ground.kill(.make(planned), after: kind.isInGuest ? 100_000 * step : 5_000 * step)
                try ground.removeWhenFree(identifier)
                #expect(try ground.inventory(whole: true) == before, "step \(step)")
                // Nor is the original left standing.
                try ground.write(step % 2 == 0 ? "X" : "Y", kibibytes: 1, to: .original(0))
                #expect(try ground.mark(.original(0)) == (step % 2 == 0 ? "X" : "Y"))
            }
            guard kind.isInGuest else { return }
            var moment = 1
            while try ground.isKilled(.make(planned), at: moment) {
                try ground.removeWhenFree(identifier)
                #expect(try ground.inventory(whole: true) == before, "made until \(moment)")
                moment += 1
            }
            #expect(moment > 2)
            moment = 1
            while try ground.isKilled(.remove(identifier), at: moment) {
                try ground.removeWhenFree(identifier)
                #expect(try ground.inventory(whole: true) == before, "removed until \(moment)")
                try ground.volumes.make(planned)
                moment += 1
            }
            #expect(moment > 2)
            #expect(try ground.inventory(whole: true) == before)
            try ground.write("Z", kibibytes: 1, to: .original(0))
            #expect(try ground.mark(.original(0)) == "Z")
        }
    }
}
