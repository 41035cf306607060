import CLinux
import Glibc

/// TCP sockets without blocking.
package enum Sockets {
    /// Lets this process have as many descriptors as its hard limit says: a socket for each connection.
    package static func allowMany() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func make(_ family: CInt) throws(SystemError) -> Descriptor {
        let kind = CInt(SOCK_STREAM.rawValue | UInt32(O_NONBLOCK | O_CLOEXEC))
        return Descriptor(owning: try check("make a socket") { socket(family, kind, 0) })
    }

    private static func set(_ socket: Descriptor, _ level: CInt, _ option: CInt) {
        var one: CInt = 1
        _ = unsafe setsockopt(socket.raw, level, option, &one, socklen_t(MemoryLayout<CInt>.size))
    }

    /// A socket that accepts connections on a local address.
    package static func listen(_ address: SocketAddress) throws(SystemError) -> Descriptor {
        let socket = try make(address.family)
        set(socket, SOL_SOCKET, SO_REUSEADDR)
        try check("listen on \(address)") { unsafe address.withPointer { unsafe bind(socket.raw, $0, $1) } }
        try check("listen on \(address)") { Glibc.listen(socket.raw, 1024) }
        return socket
    }

    /// The same for IPv4.
    package static func listen(_ address: UInt32, _ port: UInt16) throws(SystemError) -> Descriptor {
        try listen(SocketAddress(v4: address, port))
    }

    /// The next connection that waits, or nil.
    package static func accept(_ listener: Descriptor) throws(SystemError) -> Descriptor? {
        let flags = O_NONBLOCK | O_CLOEXEC
        let raw = accept4(listener.raw, nil, nil, flags)
        if raw >= 0 {
            let socket = Descriptor(owning: raw)
            set(socket, CInt(IPPROTO_TCP), TCP_NODELAY)
            return socket
        }
        if [EAGAIN, EINTR, ECONNABORTED].contains(errno) { return nil }
        throw SystemError("accept a connection")
    }

    /// The other side of a connection.
    package static func peer(of socket: Descriptor) -> SocketAddress? {
        unsafe SocketAddress { unsafe getpeername(socket.raw, $0, $1) }
    }

    /// Starts a connection; it is made when the socket turns writable without `error`. `from` sets the source address, of
    /// the same family.
    package static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil
    ) throws(SystemError) -> Descriptor {
        let socket = try make(address.family)
        set(socket, CInt(IPPROTO_TCP), TCP_NODELAY)
        if let source {
            // Without it the port would be chosen at bind, and connections in quick succession would run out of ports.
            set(socket, CInt(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT)
            try check("use the source address \(source)") {
                unsafe source.withPointer { unsafe bind(socket.raw, $0, $1) }
            }
        }
        let result = unsafe address.withPointer { unsafe Glibc.connect(socket.raw, $0, $1) }
        if result == -1 && errno != EINPROGRESS { throw SystemError("connect to \(address)") }
        return socket
    }

    /// The same for IPv4.
    package static func connect(to address: UInt32, _ port: UInt16) throws(SystemError) -> Descriptor {
        try connect(to: SocketAddress(v4: address, port))
    }

    /// Lets the kernel say when it got what is received (timestamping.rst of its documentation).
    package static func stampReceptions(of socket: Descriptor) { whatif_stamp_receptions(socket.raw) }

    /// The error that waits on a socket; 0 is none.
    package static func error(of socket: Descriptor) -> CInt {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        _ = unsafe getsockopt(socket.raw, SOL_SOCKET, SO_ERROR, &code, &size)
        return code
    }

    package enum Received: Sendable {
        /// So many bytes stand at the buffer's start. `stamp` is when the kernel got the last of them from the network,
        /// in nanoseconds of the machine's clock; nil when it did not say.
        case bytes(Int, stamp: Int64?)
        case nothingYet
        /// The other side has closed.
        case ended
        /// The connection was reset, or has failed in another way.
        case failed
    }

    /// Takes what has come, up to the buffer's length.
    package static func receive(_ socket: Descriptor, into buffer: inout [UInt8]) -> Received {
        var stamp: Int64 = 0
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe whatif_receive_stamped(socket.raw, $0.baseAddress, $0.count, &stamp)
        }
        if count > 0 { return .bytes(count, stamp: stamp == 0 ? nil : stamp) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EINTR ? .nothingYet : .failed
    }

    /// Sends what the kernel takes of `bytes` from `start`; nil when the connection is gone.
    package static func send(_ socket: Descriptor, _ bytes: [UInt8], from start: Int) -> Int? {
        let result = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(socket.raw, $0.baseAddress?.advanced(by: start), $0.count - start, CInt(MSG_NOSIGNAL))
        }
        if result >= 0 { return result }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }
}
