/// A difference between tshark's reading and ours that is as it should be.
struct ExplainedDifference {
    var what: String
    var count: Int
}

/// The captures on which tshark and we differ, each with the reason.
struct ExplainedCapture {
    var file: String
    var because: String
    var differences: [ExplainedDifference]

    init(_ file: String, _ differences: [(String, Int)], because: String) {
        self.file = file
        self.because = because
        self.differences = differences.map { ExplainedDifference(what: $0.0, count: $0.1) }
    }

    static let all: [ExplainedCapture] = [
        .init(
            "tcpdump/arcnet-rfc1051-arp-icmp-http.pcap", [("the whole file", 1)],
            because: "ARCNET is not a link type that carries services today; it is refused by name"),
        .init(
            "tcpdump/arcnet-rfc1201-arp-icmp-http.pcap", [("the whole file", 1)],
            because: "ARCNET is not a link type that carries services today; it is refused by name"),
        .init(
            "tcpdump/ipv4_tcp_http_xml.pcap", [("bytes", 1), ("http at 80: only by tshark: reply", 1)],
            because:
                "one packet of a server: without its request there is no exchange, and no connection is opened by a reply"
        ),
        .init(
            "tcpdump/resp_3_malicious.pcap",
            [
                ("redis at 6379: only by tshark: reply", 1), ("redis at 6379: only by tshark: request", 3),
                ("redis at 6379: only by us: request", 7),
            ],
            because: "tshark shows arrays of forged lengths as requests, and no inline command that a reply answered"),
        .init(
            "tcpdump/resp_4_infiniteloop.pcapng", [("redis at 6379: only by tshark: request", 3)],
            because: "forged bytes without a handshake do not begin a connection in step"),
        .init(
            "zeek/http/206_example_b.pcap", [("http at 80: only by us: reply", 1)],
            because:
                "many segments of the first reply came twice: tshark does not put it together"),
        .init(
            "zeek/http/261/variant-01-chunk_2pow64_overflow.pcap", [("http at 80: only by tshark: request", 1)],
            because: "a chunk size beyond 2^60 is malformed: nobody can know where that request ends"),
        .init(
            "zeek/http/261/variant-02-cl_uint64max.pcap", [("http at 80: only by tshark: request", 2)],
            because: "a Content-Length that does not fit is malformed (RFC 9112, section 6.3); what follows is smuggled"
        ),
        .init(
            "zeek/http/261/variant-03-cl_negative.pcap", [("http at 80: only by tshark: request", 2)],
            because: "a negative Content-Length is malformed (RFC 9112, section 6.3); what follows is smuggled"),
        .init(
            "zeek/http/261/variant-09-te_obs_fold.pcap", [("http at 80: only by us: request", 1)],
            because:
                "a folded Transfer-Encoding counts (RFC 9112, section 5.2), so that a second request begins behind the chunks"
        ),
        .init(
            "zeek/http/concurrent-range-requests.pcap", [("http at 80: only by us: reply", 1)],
            because: "the same connections as in 206_example_b"),
        .init(
            "zeek/http/connect-with-smtp.pcap",
            [("http at 8240: only by tshark: reply", 1), ("http at 8240: only by tshark: request", 1)],
            because: "a request line of four words is malformed"),
        .init(
            "zeek/http/content-length-overflow.pcap", [("http at 80: only by tshark: reply", 1)],
            because: "the reply announces more than ever comes: it is cut off, not whole"),
        .init(
            "zeek/http/http-09-content-length-confusion.pcap",
            [("http at 80: only by tshark: reply", 1), ("http at 80: only by tshark: request", 1)],
            because: "a request line without a version is HTTP/0.9, which is not read"),
        .init(
            "zeek/http/http-11-request-then-cruft.pcap", [("http at 80: only by tshark: reply", 1)],
            because: "what follows the request is not HTTP, and so its refusal answers no request"),
        .init(
            "zeek/http/http-bad-request-with-version.pcap", [("http at 80: only by tshark: reply", 1)],
            because: "the request line is malformed; the reply answers no request that could be read"),
        .init(
            "zeek/http/http-desync-request-response-5.pcap", [("http at 8080: only by tshark: reply", 2)],
            because: "replies that no request asked for are no exchanges"),
        .init(
            "zeek/http/methods.pcap",
            [
                ("http at 80: only by tshark: reply", 31), ("http at 80: only by tshark: request", 9),
                ("http at 80: only by us: request", 1),
            ],
            because:
                "made-up methods and request lines without a version are malformed; after each the connection starts afresh, and refusals answer no request"
        ),
        .init(
            "zeek/http/no-uri.pcap",
            [("http at 80: only by tshark: reply", 1), ("http at 80: only by tshark: request", 1)],
            because: "a request line without a target is malformed"),
        .init(
            "zeek/http/putty-upload.pcap", [("http at 8080: only by tshark: reply", 1)],
            because: "the request ends with the capture, before the bytes that it announced"),
        .init(
            "zeek/http/query-method-non-standard-port.pcap", [("http at 4711: only by us: request", 1)],
            because: "the method QUERY is younger than tshark 4.0"),
        .init(
            "zeek/http/query-method.pcap", [("http at 80: only by us: request", 1)],
            because: "the method QUERY is younger than tshark 4.0"),
        .init(
            "zeek/http/zero-length-bodies-with-drops.pcap", [("http at 80: only by tshark: reply", 1)],
            because: "the request that it answers was not captured, so there is no exchange"),
        .init(
            "zeek/mysql/auth.pcap", [("mysql at 3306: only by tshark: reply", 12)],
            because: "the refusal of a login is not an exchange"),
        .init(
            "zeek/mysql/caching_sha2_password.pcap", [("mysql at 3306: only by tshark: reply", 1)],
            because: "the refusal of a login is not an exchange"),
        .init(
            "zeek/mysql/mysql-9.0.0-query-attributes.pcap", [("mysql at 3306: only by us: statement", 1)],
            because: "tshark 4.0 does not read an attribute that is a date, and loses the statement behind it"),
        .init(
            "zeek/mysql/mysql8-navicat-login-failed.pcap", [("mysql at 3306: only by tshark: reply", 1)],
            because: "the refusal of a login is not an exchange"),
        .init(
            "zeek/redis/array-element-object-exhaustion.pcap", [("redis at 6379: only by tshark: reply", 1)],
            because: "tshark shows the array in part and again when it is whole"),
        .init(
            "zeek/redis/client-skip-while-off.pcap", [("redis at 6379: only by tshark: request", 3)],
            because: "commands whose replies the client has switched off are no exchanges"),
        .init(
            "zeek/redis/large-requests-responses.pcap", [("redis at 6379: only by tshark: reply", 1424)],
            because:
                "tshark shows arrays in part and again when they are whole; each of our five requests has its reply"),
        .init(
            "zeek/redis/oss-fuzz-473580107.pcap", [("http at 80: only by tshark: reply", 1)],
            because: "bytes made by a fuzzer: the client says nothing that is HTTP, so that no reply answers a request"),
        .init(
            "zeek/redis/pubsub-resp3.pcap", [("redis at 6379: only by tshark: reply", 11)],
            because: "messages to a subscriber answer no request"),
        .init(
            "zeek/redis/pubsub.pcap", [("redis at 6379: only by tshark: reply", 14)],
            because: "messages to a subscriber answer no request"),
        .init(
            "zeek/redis/reply-off-on-2conn.pcap", [("redis at 6379: only by tshark: request", 4)],
            because: "commands whose replies the client has switched off are no exchanges"),
        .init(
            "zeek/redis/reply-off-on.pcap", [("redis at 6379: only by tshark: request", 4)],
            because: "commands whose replies the client has switched off are no exchanges"),
        .init(
            "zeek/redis/start-with-server.pcapng", [("bytes", 1), ("redis at 6379: only by tshark: reply", 1)],
            because: "the capture begins with a reply: its request was before, and no connection is opened by a reply"),
    ]
}
