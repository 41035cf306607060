import Glibc
import OperatingSystem
import Testing
import Volumes

/// Snapshots served to another machine, as QEMU there sees them.
extension VolumeTests {
    @Suite(.serialized) struct ExportTests {
        enum Way: String, CaseIterable, Sendable {
            case nbd, nbdSocket, iscsi

            var kind: Kind { self == .nbdSocket ? .qcow2Image : .classic }

            func request(_ name: String, of path: String, _ ground: Ground, isReadOnly: Bool = false) throws
                -> ExportRequest
            {
                let transport: ExportTransport =
                    switch self {
                    // The guest's ports are those of the machine around it.
                    case .nbd: .nbd(address: "0.0.0.0", port: 10809)
                    case .nbdSocket: .nbdSocket(directory: ground.host.directory)
                    case .iscsi: .iscsi(address: "127.0.0.1", port: 3260, initiator: "ALL")
                    }
                return ExportRequest(
                    try #require(VolumeName(name)), path: path, format: kind == .qcow2Image ? .qcow2 : .raw,
                    isReadOnly: isReadOnly, over: transport)
            }

            /// As a client calls it.
            func uri(_ request: ExportRequest) -> String {
                self == .nbd ? "nbd://127.0.0.1:10809/\(request.name)" : request.uri
            }
        }

        @Test(arguments: Way.allCases) func aSnapshotIsReadAndWrittenFromElsewhere(_ way: Way) throws {
            let ground = try Ground(way.kind)
            try ground.write("R", to: .original(0))
            let original = try ground.checksum(.original(0))
            let snapshot = try ground.make("whatif-served")
            let request = try way.request("whatif-served", of: snapshot.path, ground)
            try ground.volumes.export(request)
            #expect(throws: VolumeError.nameTaken("\(request.identifier)")) { try ground.volumes.export(request) }

            let uri = way.uri(request)
            try ground.host.shell("qemu-io -r -f raw -c 'read -P 0x52 0 512k' '\(uri)' | grep -v 'verification failed'")
            try ground.host.shell("qemu-io -f raw -c 'write -P 0x57 0 64k' -c flush '\(uri)'")
            #expect(throws: (any Error).self, "the volume went from under its export") {
                try ground.volumes.remove(snapshot.identifier)
            }

            // By its name alone, by another process than the one that made it; twice.
            let identifier = try #require(ExportIdentifier("\(request.identifier)"))
            let others = try Ground.service(way.kind)
            try others.removeExport(identifier)
            try others.removeExport(identifier)
            #expect(throws: (any Error).self) { try ground.host.shell("qemu-io -r -f raw -c 'read 0 512' '\(uri)'") }
            #expect(try ground.mark(.snapshot(snapshot)) == "W")
            #expect(try ground.checksum(.original(0)) == original)
            try ground.removeWhenFree(snapshot.identifier)
        }

        @Test(arguments: Way.allCases) func whatHasAClientStaysUntilItIsGone(_ way: Way) throws {
            let ground = try Ground(way.kind)
            let snapshot = try ground.make("whatif-client")
            let request = try way.request("whatif-client", of: snapshot.path, ground)
            try ground.volumes.export(request)
            // A client that stays for as long as it is told nothing.
            let (reading, writing) = (try Descriptor.pipe(), try Descriptor.pipe())
            _ = fcntl(reading.reading.raw, F_SETFL, 0)
            let client = try ChildProcess(
                ground.host.command(["qemu-io", "-f", "raw", way.uri(request)]), input: reading.reading.raw,
                output: writing.writing.raw)
            // Its prompt says that it has opened the disk.
            var words: [UInt8] = []
            #expect(
                try wait(seconds: 10) {
                    words += try writing.reading.readSome()
                    return String(decoding: words, as: UTF8.self).contains("qemu-io>")
                })
            #expect {
                try ground.volumes.removeExport(request.identifier)
            } throws: {
                guard case VolumeError.inUse(_, let clients) = $0 else { return false }
                return clients.count == 1 && clients[0].contains("client")
            }
            try reading.writing.writeAll(Array("quit\n".utf8))
            var status: Int32?
            #expect(
                wait(seconds: 10) {
                    status = client.poll()
                    return status != nil
                })
            #expect(status == 0, "the client was cut off")
            let isGone = wait(seconds: 5) { (try? ground.volumes.removeExport(request.identifier)) != nil }
            #expect(isGone)
            try ground.removeWhenFree(snapshot.identifier)
        }

        @Test(arguments: Way.allCases) func productionIsServedForReadingOnly(_ way: Way) throws {
            let ground = try Ground(way.kind)
            try ground.write("P", to: .original(0))
            let writable = try way.request("whatif-production", of: ground.path(0), ground)
            #expect(throws: VolumeError.notOurs(ground.path(0))) { try ground.volumes.export(writable) }
            let readable = try way.request("whatif-production", of: ground.path(0), ground, isReadOnly: true)
            try ground.volumes.export(readable)
            let uri = way.uri(readable)
            try ground.host.shell("qemu-io -r -f raw -c 'read -P 0x50 0 512k' '\(uri)' | grep -v 'verification failed'")
            let before = try ground.checksum(.original(0))
            _ = try? ground.host.shell("qemu-io -f raw -c 'write -P 0x57 0 64k' -c flush '\(uri)'")
            #expect(try ground.checksum(.original(0)) == before)
            try ground.volumes.removeExport(readable.identifier)
        }

        /// Killed at several times, and at every moment of making and removing: the name alone is enough, and then there is nothing
        /// left that would hold the volume.
        @Test(arguments: Way.allCases) func whatAKilledProcessExportedIsFoundAndEnded(_ way: Way) throws {
            let ground = try Ground(way.kind)
            let snapshot = try ground.make("whatif-lost")
            let request = try way.request("whatif-lost", of: snapshot.path, ground)
            for step in 0..<3 {
                try ground.kill(.export(request), after: (way.kind.isInGuest ? 100_000 : 10_000) * step)
                #expect(wait(seconds: 5) { (try? ground.volumes.removeExport(request.identifier)) != nil })
            }
            let isUnreachable = {
                (try? ground.host.shell("qemu-io -r -f raw -c 'read 0 512' '\(way.uri(request))'")) == nil
            }
            for call in [StorageCall.export(request), .removeExport(request.identifier)] {
                var moment = 1
                while try ground.isKilled(call, at: moment) {
                    #expect(wait(seconds: 5) { (try? ground.volumes.removeExport(request.identifier)) != nil })
                    #expect(isUnreachable(), "\(call), \(moment)")
                    if case .removeExport = call { try ground.volumes.export(request) }
                    moment += 1
                }
                #expect(moment > 1)
                if case .export = call { #expect(!isUnreachable()) }
            }
            try ground.removeWhenFree(snapshot.identifier)
            #expect(isUnreachable())
        }

        /// Its targets are gone with it; what it may still hold says the volume.
        @Test func targetsOfAStoppedTgtdAreGone() throws {
            let ground = try Ground(.classic)
            let snapshot = try ground.make("whatif-stopped")
            let request = try Way.iscsi.request("whatif-stopped", of: snapshot.path, ground)
            try ground.volumes.export(request)
            try ground.shell("kill -9 $(pidof tgtd); while pidof tgtd > /dev/null; do usleep 5000; done")
            try ground.volumes.removeExport(request.identifier)
            try ground.removeWhenFree(snapshot.identifier)
            try ground.shell("tgtd; until tgtadm --op show --mode system > /dev/null 2>&1; do usleep 20000; done")
        }

        /// Also where the program was started by one that ignores its children, as the guest's `nc` does.
        @Test func aPortThatIsTakenIsSaid() throws {
            let ground = try Ground(.classic)
            let snapshot = try ground.make("whatif-taken")
            let request = try Way.nbd.request("whatif-taken", of: snapshot.path, ground)
            try ground.volumes.export(request)
            let other = try Way.nbd.request("whatif-taken-too", of: snapshot.path, ground, isReadOnly: true)
            #expect {
                try ground.volumes.export(other)
            } throws: {
                "\($0)".contains("Address already in use")
            }
            try ground.volumes.removeExport(other.identifier)
            try ground.volumes.removeExport(request.identifier)
            try ground.removeWhenFree(snapshot.identifier)
        }

        @Test func whatIsNotThereIsNotServed() throws {
            let ground = try Ground(.qcow2Image)
            let request = try Way.nbdSocket.request("whatif-none", of: ground.path(7), ground, isReadOnly: true)
            #expect(throws: VolumeError.missing(ground.path(7))) { try ground.volumes.export(request) }
        }
    }
}
