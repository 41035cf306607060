import Glibc
import Model
import Testing

/// Addresses as people write them; inet_pton is the judge.
@Suite struct EndpointTests {
    @Test(arguments: [
        "10.50.0.20", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1..2.3", "+1.2.3.4", "",
        "::", "::1", "1::", "2001:db8::20", "2001:DB8:0:0:8:800:200C:417A", "::ffff:129.144.52.38", "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":::", ":1", "1:", "12345::", "g::", "::1.2.3",
        "1:2:3:4:5:6:7::",
        "fe80::1%eth0", "::+1",
    ])
    func addresses(_ text: String) throws {
        var v4 = in_addr()
        var v6 = in6_addr()
        let isV4 = unsafe inet_pton(AF_INET, text, &v4) == 1
        let isV6 = unsafe inet_pton(AF_INET6, text, &v6) == 1
        let address = IPAddress(text)
        #expect((address != nil) == (isV4 || isV6))
        guard let address else { return }
        if isV4 {
            #expect(address.v4 == UInt32(bigEndian: v4.s_addr))
        } else {
            let halves = unsafe withUnsafeBytes(of: &v6) { bytes in
                [0, 8].map { offset in
                    (0..<8).reduce(UInt64(0)) { value, index in
                        unsafe value << 8 | UInt64(bytes[offset + index])
                    }
                }
            }
            #expect([address.high, address.low] == halves)
        }
        #expect(IPAddress("\(address)") == address)
    }

    /// inet_ntop writes IPv6 as RFC 5952 wants it, but for addresses with IPv4 in them.
    @Test func theShortForm() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            // Many zeros, and digits that may lead with one.
            let words = (0..<8).map { _ in
                Bool.random(using: &generator) ? 0 : UInt64.random(in: 0...0xffff, using: &generator) & 0x0fff
            }
            if words[..<5].allSatisfy({ $0 == 0 }) { continue }
            let pack = { (part: ArraySlice<UInt64>) in part.reduce(0) { $0 << 16 | $1 } }
            let address = IPAddress(v6High: pack(words[..<4]), low: pack(words[4...]))
            var bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let size = socklen_t(text.count)
            let written = unsafe inet_ntop(AF_INET6, &bytes, &text, size).map { unsafe String(cString: $0) }
            #expect(address.description == written)
        }
    }

    @Test(arguments: [
        ("10.50.0.20", true, false), ("169.254.1.1", true, true), ("127.0.0.1", false, false),
        ("0.0.0.0", false, false),
        ("224.0.0.1", false, false), ("255.255.255.255", false, false), ("fd00:50::20", true, false),
        ("2001:db8::1", true, false), ("fe80::1", true, true), ("::", false, false), ("::1", false, false),
        ("ff02::1", false, false),
    ])
    func kinds(_ text: String, _ isUnicast: Bool, _ isLinkLocal: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isUnicast == isUnicast)
        #expect(address.isLinkLocal == isLinkLocal)
    }

    @Test(arguments: ["10.0.0.5:80", "[2001:db8::5]:8080"]) func endpoints(_ text: String) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(Endpoint("\(endpoint)") == endpoint)
    }

    @Test(arguments: ["10.0.0.5", "10.0.0.5:0", "10.0.0.5:65536", "2001:db8::5:80", "[10.0.0.5]:80", ":80", ""])
    func whatIsNoEndpoint(_ text: String) { #expect(Endpoint(text) == nil) }
}
