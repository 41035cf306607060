import Glibc
import Model
import Testing

@testable import Wire

/// The cost of a message grows with its length and not with the square of it: no byte is copied again for each segment.
@Suite(.serialized) struct ScalingTests {
    /// Processor time of this thread: other tests and other programs do not count.
    private var processorTime: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Seconds for one message of `count` bytes in segments of 256.
    private func seconds(_ protocolName: ApplicationProtocol, _ count: Int) -> Double {
        var place = Place()
        place.protocolName = protocolName
        let head: [UInt8] =
            protocolName == .http
            ? Array("POST / HTTP/1.1\r\nContent-Length: \(count)\r\n\r\n".utf8) : [0x51] + big32(UInt32(count + 4))
        var dissector = Dissector([WatchedServer(place.server, protocolName)])
        let time = Timestamp(nanoseconds: 0)
        func accept(_ flags: TCPSegment.Flags, _ sequence: UInt32, _ payload: [UInt8]) {
            let segment = TCPSegment(
                source: place.client, destination: place.server, sequence: sequence, acknowledged: 0, flags: flags,
                payload: payload.indices)
            dissector.accept(segment, payload.span, at: time) { _ in }
        }
        let part = [UInt8](repeating: 0x78, count: 256)
        let startup = protocolName == .http ? [] : PostgreSQLText.startup()
        let began = processorTime
        accept(.syn, 0, [])
        accept([], 1, startup + head)
        let start = 1 + UInt32(startup.count + head.count)
        for position in stride(from: 0, to: count, by: part.count) { accept([], start + UInt32(position), part) }
        return processorTime - began
    }

    @Test(arguments: ApplicationProtocol.allCases) func largeMessages(_ protocolName: ApplicationProtocol) {
        let (small, large) = (seconds(protocolName, 1 << 20), seconds(protocolName, 1 << 23))
        // Eight times the bytes; the square of that would be sixty-four times.
        #expect(large < small * 24)
    }
}
