import Glibc

/// An address and a port, as the kernel takes them. Addresses are numbers in host order, as 10.50.0.1 = 0x0a320001.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    private enum Host: Sendable, Hashable {
        case v4(UInt32)
        case v6(high: UInt64, low: UInt64)
    }

    private let host: Host
    private let port: UInt16

    package init(v4 address: UInt32, _ port: UInt16) {
        host = .v4(address)
        self.port = port
    }

    package init(v6High high: UInt64, low: UInt64, _ port: UInt16) {
        host = .v6(high: high, low: low)
        self.port = port
    }

    /// As the kernel tells it; nil when it fails, or tells of another family.
    init?(_ tell: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt) {
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        // Of IPv6's size, which IPv4's begins as.
        let short: sockaddr_in? = unsafe withUnsafeMutablePointer(to: &name) { pointer in
            let result = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe tell($0, &size) }
            guard result == 0 else { return nil }
            return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe $0.pointee }
        }
        guard let short else { return nil }
        port = UInt16(bigEndian: short.sin_port)
        switch CInt(short.sin_family) {
        case AF_INET: host = .v4(UInt32(bigEndian: short.sin_addr.s_addr))
        case AF_INET6:
            let (high, low) = unsafe withUnsafeBytes(of: &name.sin6_addr) {
                unsafe ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
            }
            host = .v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
        default: return nil
        }
    }

    /// The address alone, if it is one of IPv4.
    package var v4: UInt32? { if case .v4(let address) = host { address } else { nil } }

    /// The address alone, if it is one of IPv6.
    package var v6: (high: UInt64, low: UInt64)? {
        if case .v6(let high, let low) = host { (high, low) } else { nil }
    }

    var family: CInt {
        switch host {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch host {
        case .v4(let address):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = address.bigEndian
            return unsafe Self.pass(&name, body)
        case .v6(let high, let low):
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &name.sin6_addr) {
                unsafe $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                unsafe $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return unsafe Self.pass(&name, body)
        }
    }

    private static func pass<Name, Result>(
        _ name: inout Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Name>.size))
            }
        }
    }

    package var description: String {
        switch host {
        case .v4(let address):
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255):\(port)"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in
                stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
            }
            return "[\(groups.joined(separator: ":"))]:\(port)"
        }
    }
}
