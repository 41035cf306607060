import Model
import OperatingSystem
import Testing
import Wire

@testable import Proxies

/// Sockets towards a server, with the kernel's own: connections to one that listens are there without its doing.
@Suite struct RequestSideTests {
    /// Those who send late look at replies in between: else each late request opens a connection of its own, the server
    /// has ever more of them, and the copy is lost.
    @Test func whatIsLateDoesNotAllGoAtOnce() throws {
        let clock = SteadyClock()
        let port = OutProxy.nextPort()
        let listener = try Sockets.listen(0x7f00_0001, port)
        defer { _ = listener }
        var side = RequestSide(
            InProxySetting(.http), target: Endpoint(IPAddress(v4: 0x7f00_0001), port), source: nil,
            poller: try Poller(), clock: clock)
        let bytes = Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let due = Timestamp(nanoseconds: clock.now) - .seconds(1)
        for number in 0..<150 {
            side.proxy.schedule(
                ReplayItem(
                    connection: 1, due: due + .microseconds(number),
                    kind: .request(RecordedRequest(RequestKey(connection: 1, number: number), bytes))))
        }
        #expect(try side.sendDue())
        #expect(side.proxy.sentCount == 64)
        #expect(try side.sendDue())
        #expect(side.proxy.sentCount == 128)
        #expect(try !side.sendDue())
        #expect(side.proxy.sentCount == 150)
    }
}
