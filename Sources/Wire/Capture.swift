import CPcap
import Glibc
package import Model

/// libpcap's own words about a capture that cannot be had, and what to do.
package struct CaptureError: Error, Sendable, CustomStringConvertible {
    package let source: String
    package let reason: String
    package let isPermission: Bool

    package var description: String {
        "cannot capture on \(source): \(reason)"
            + (isPermission ? "; capturing needs root or the capability CAP_NET_RAW" : "")
    }
}

/// What libpcap and the kernel counted.
package struct CaptureStatistics: Hashable, Sendable {
    package var received = 0
    /// Packets that found the ring full: we were too slow, or the ring is too small.
    package var dropped = 0
    /// Packets that the interface or its driver dropped before.
    package var droppedByInterface = 0

    package init(received: Int = 0, dropped: Int = 0, droppedByInterface: Int = 0) {
        self.received = received
        self.dropped = dropped
        self.droppedByInterface = droppedByInterface
    }

    /// All that was not seen.
    package var lost: Int { dropped + droppedByInterface }

    package static func + (a: CaptureStatistics, b: CaptureStatistics) -> CaptureStatistics {
        CaptureStatistics(
            received: a.received + b.received, dropped: a.dropped + b.dropped,
            droppedByInterface: a.droppedByInterface + b.droppedByInterface)
    }
}

/// How a live capture is set up.
package struct CaptureSetting: Sendable {
    package var filter: CaptureFilter
    /// Size of the ring that kernel and program share (TPACKET_V3): how much may come while we are not looking.
    package var ringBytes = 16 << 20
    /// Bytes of a packet that are kept. Segmentation offload makes packets of up to 64 KiB; what is cut off is a gap.
    package var snapLength = 262_144

    package init(_ filter: CaptureFilter) { self.filter = filter }
}

/// Packets from a live interface or from a file, through libpcap. One owner, used by one thread at a time.
/// The handle never leaves this class.
@safe package final class Capture {
    private let handle: OpaquePointer
    /// The interface's name or the file's path.
    package let source: String
    package let link: LinkType
    private let nanosecondFactor: Int64
    private let isLive: Bool

    private init(_ handle: OpaquePointer, source: String, isLive: Bool) throws(CaptureError) {
        unsafe self.handle = handle
        self.source = source
        self.isLive = isLive
        let number = unsafe pcap_datalink(handle)
        guard let link = LinkType(rawValue: number) ?? (number == DLT_RAW ? .rawIP : nil) else {
            let name = unsafe pcap_datalink_val_to_name(number).map { unsafe String(cString: $0) } ?? "\(number)"
            unsafe pcap_close(handle)
            throw CaptureError(source: source, reason: "link type \(name) is not read", isPermission: false)
        }
        self.link = link
        nanosecondFactor = unsafe pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000
    }

    deinit { unsafe pcap_close(handle) }

    /// Opens an interface of the calling thread's network namespace; `any` is all of them. Needs CAP_NET_RAW.
    package static func live(interface: String, _ setting: CaptureSetting) throws(CaptureError) -> Capture {
        var buffer = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard let handle = unsafe pcap_create(interface, &buffer) else {
            throw CaptureError(source: interface, reason: text(buffer), isPermission: false)
        }
        unsafe pcap_set_snaplen(handle, Int32(clamping: setting.snapLength))
        unsafe pcap_set_promisc(handle, 0)
        // TPACKET_V3 hands packets over in blocks; 10 ms is how long a block may wait to be filled.
        unsafe pcap_set_timeout(handle, 10)
        unsafe pcap_set_buffer_size(handle, Int32(clamping: setting.ringBytes))
        unsafe pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO)
        let status = unsafe pcap_activate(handle)
        guard status >= 0 else {
            let detail = unsafe String(cString: pcap_geterr(handle))
            let name = unsafe String(cString: pcap_statustostr(status))
            unsafe pcap_close(handle)
            throw CaptureError(
                source: interface, reason: detail.isEmpty ? name : "\(name) (\(detail))",
                isPermission: status == PCAP_ERROR_PERM_DENIED)
        }
        let capture = try unsafe Capture(handle, source: interface, isLive: true)
        try capture.setFilter(setting.filter.expression(capture.link))
        // So that `process` returns and its caller can see that it shall end.
        guard unsafe pcap_setnonblock(handle, 1, &buffer) == 0 else {
            throw CaptureError(source: interface, reason: text(buffer), isPermission: false)
        }
        return capture
    }

    /// Opens a pcap or pcapng file; `-` is standard input.
    package static func file(_ path: String, filter: String = "") throws(CaptureError) -> Capture {
        var buffer = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        // Opened here and not by libpcap: with the usual buffer of 4 KiB every few packets are a call of the kernel.
        guard let file = unsafe path == "-" ? fdopen(dup(0), "rb") : fopen(path, "rbe") else {
            let reason = unsafe String(cString: strerror(errno))
            throw CaptureError(source: path, reason: reason, isPermission: errno == EACCES)
        }
        unsafe setvbuf(file, nil, _IOFBF, 1 << 20)
        guard
            let handle = unsafe pcap_fopen_offline_with_tstamp_precision(
                file, UInt32(PCAP_TSTAMP_PRECISION_NANO), &buffer)
        else {
            unsafe fclose(file)
            throw CaptureError(source: path, reason: text(buffer), isPermission: false)
        }
        let capture = try unsafe Capture(handle, source: path, isLive: false)
        if !filter.isEmpty { try capture.setFilter(filter) }
        return capture
    }

    private static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func setFilter(_ expression: String) throws(CaptureError) {
        var program = unsafe bpf_program()
        guard unsafe pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
            throw failure("the filter '\(expression)' is not understood: ")
        }
        defer { unsafe pcap_freecode(&program) }
        guard unsafe pcap_setfilter(handle, &program) == 0 else { throw failure("the filter cannot be set: ") }
    }

    private func failure(_ prefix: String = "") -> CaptureError {
        CaptureError(
            source: source, reason: prefix + (unsafe String(cString: pcap_geterr(handle))), isPermission: false)
    }

    /// A descriptor to poll for packets, for live captures.
    package var descriptor: Int32 { unsafe pcap_get_selectable_fd(handle) }

    /// Hands on the packets that are there, each with its time; false at the end of a file.
    ///
    /// Of a live capture to be called also when nothing seems to be there: that its interface went down is told by its
    /// descriptor once, and that it does not come up again is found here.
    package func process(_ body: (Span<UInt8>, Timestamp) -> Void) throws(CaptureError) -> Bool {
        let unit = nanosecondFactor
        // libpcap calls back through C: the closure goes through as its argument, and outlives the call.
        let count = withoutActuallyEscaping(body) { body in
            var sink = PacketSink(unit: unit, body: body)
            return unsafe withUnsafeMutablePointer(to: &sink) { sink in
                unsafe pcap_dispatch(
                    handle, Self.batch,
                    { context, header, data in
                        guard let context = unsafe context, let header = unsafe header, let data = unsafe data else {
                            return
                        }
                        let sink = unsafe UnsafeRawPointer(context).assumingMemoryBound(to: PacketSink.self)
                        let stamp = unsafe header.pointee.ts
                        let time = unsafe Timestamp(
                            nanoseconds: Int64(stamp.tv_sec) &* 1_000_000_000
                                &+ Int64(stamp.tv_usec) &* sink.pointee.unit)
                        let bytes = unsafe UnsafeBufferPointer(start: data, count: Int(header.pointee.caplen))
                        unsafe sink.pointee.body(Span(_unsafeElements: bytes), time)
                    }, UnsafeMutableRawPointer(sink).assumingMemoryBound(to: UInt8.self))
            }
        }
        guard count >= 0 else { throw failure() }
        return isLive || count > 0
    }

    private static let batch: Int32 = 4096

    private struct PacketSink {
        let unit: Int64
        let body: (Span<UInt8>, Timestamp) -> Void
    }

    package func statistics() -> CaptureStatistics {
        guard isLive else { return CaptureStatistics() }
        var counters = pcap_stat()
        guard unsafe pcap_stats(handle, &counters) == 0 else { return CaptureStatistics() }
        return CaptureStatistics(
            received: Int(counters.ps_recv), dropped: Int(counters.ps_drop), droppedByInterface: Int(counters.ps_ifdrop)
        )
    }
}
