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

    @Test(arguments: ["10.0.0.5:80", "[2001:db8::5]:8080"]) func endpoints(_ text: String) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(Endpoint("\(endpoint)") == endpoint)
    }

    @Test(arguments: ["10.0.0.5", "10.0.0.5:0", "10.0.0.5:65536", "2001:db8::5:80", "[10.0.0.5]:80", ":80", ""])
    func whatIsNoEndpoint(_ text: String) { #expect(Endpoint(text) == nil) }
}
