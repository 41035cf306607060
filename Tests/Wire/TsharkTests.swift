import Model
import Testing

@testable import Wire

/// Captures of real programs, read by us and by tshark.
@Suite(.enabled(if: Tshark.isInstalled, "tshark is not installed (apt install tshark)"))
struct TsharkTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var file: String
        var port: UInt16
        var protocolName: ApplicationProtocol
        /// Requests, replies and statements on which both agree.
        var agreed: Int
        var differences: [Difference] = []
        var losses: [LossReason] = []

        var testDescription: String { file }
    }

    /// Something that only one of the two says, and why that is right.
    struct Difference: Sendable {
        var onlyBy: Reader
        var what: String
        var because: String
    }

    enum Reader: String { case us, tshark }

    static let cases = httpAndPostgreSQLCases + redisCases

    private static let httpAndPostgreSQLCases = [
        http("get.pcap", agreed: 2),
        http("post.pcap", agreed: 2),
        http("pipelined-requests.pcap", agreed: 10),
        // A CONNECT over IPv6 on the loopback of a Mac; what follows it is not HTTP and read by neither.
        http("connect-with-header.pcap", agreed: 2),
        // HEAD, 101, 204 and chunks, three connections.
        http("docker-http-upgrade.pcap", port: 2375, agreed: 12),
        // 206 on three connections at once.
        http("concurrent-range-requests-complete.pcap", port: 8080, agreed: 6),
        // pcapng.
        http("zeek-image-1080-80-x.pcapng", agreed: 2),
        // Without the handshake.
        http("get_nosyn.pcap", agreed: 2),
        // A part of the reply was not captured: the request is told, the exchange is lost, and tshark shows no status.
        http("entity_gap.pcap", agreed: 1, losses: [.gap]),
        http(
            "zero-length-bodies-with-drops.pcap", agreed: 14,
            [
                .init(
                    onlyBy: .tshark, what: "reply 200",
                    because: "the request it answers was not captured, so there is no exchange")
            ], losses: [.gap, .gap, .gap]),
        http(
            "http-desync-request-response-5.pcap", port: 8080, agreed: 10,
            [
                .init(onlyBy: .tshark, what: "reply 200", because: "the server answers one request three times"),
                .init(onlyBy: .tshark, what: "reply 200", because: "the server answers one request three times"),
            ]),
        // HTTP/0.9 has no version: tshark does not take it for requests either.
        http("http_09.pcap", agreed: 0, losses: [.malformed, .malformed, .malformed, .malformed, .malformed]),
        // Raw IPv4, and a server that never answers.
        http("variant-07-expect_100_cl0.pcap", agreed: 2, losses: [.cutOff, .cutOff]),
        http(
            "variant-09-te_obs_fold.pcap", agreed: 1,
            [
                .init(
                    onlyBy: .us, what: "request GET /smuggled-obsfold",
                    because: "tshark does not unfold Transfer-Encoding (RFC 9112, section 5.2) and takes it for a body")
            ], losses: [.cutOff, .cutOff]),
        http(
            "query-method.pcap", agreed: 1,
            [.init(onlyBy: .us, what: "request QUERY /users", because: "the method is younger than tshark 4.0")]),
        postgreSQL("psql-create-insert-select-delete-drop.pcap", agreed: 7),
        postgreSQL("psql-select-now.pcap", agreed: 1),
        postgreSQL("psql-insert-fail-drop-fail.pcap", agreed: 5),
        postgreSQL("psql-login-no-sslrequest.pcap", agreed: 0),
        postgreSQL("psql-login-fail.pcap", agreed: 0),
        postgreSQL("psql-aws-ssl-require.pcap", agreed: 0, losses: [.encrypted]),
        mySQL("mysql.pcap", agreed: 30),
        mySQL("change-user-success.pcap", agreed: 7),
        mySQL("change-user-error.pcap", agreed: 3),
        mySQL(
            "mysql-9.0.0-query-attributes.pcap", agreed: 2,
            [.init(onlyBy: .us, what: "statement 0", because: "tshark 4.0 does not read an attribute that is a date")]),
        mySQL(
            "mysql8-navicat-login-failed.pcap", agreed: 0,
            [.init(onlyBy: .tshark, what: "reply error 1045", because: "a login is no exchange")]),
        mySQL("encrypted.pcap", agreed: 0, losses: [.encrypted]),
    ]

    private static func http(
        _ file: String, port: UInt16 = 80, agreed: Int, _ differences: [Difference] = [], losses: [LossReason] = []
    ) -> Case {
        Case(file: file, port: port, protocolName: .http, agreed: agreed, differences: differences, losses: losses)
    }

    private static func postgreSQL(_ file: String, agreed: Int, losses: [LossReason] = []) -> Case {
        Case(file: file, port: 5432, protocolName: .postgresql, agreed: agreed, losses: losses)
    }

    private static func mySQL(
        _ file: String, agreed: Int, _ differences: [Difference] = [], losses: [LossReason] = []
    ) -> Case {
        Case(
            file: file, port: 3306, protocolName: .mysql, agreed: agreed, differences: differences, losses: losses)
    }

    @Test(arguments: cases) func agrees(_ item: Case) throws {
        let path = CapturedPackets.directory + item.file
        let events = try CapturedPackets(path: path).events(port: item.port, item.protocolName)
        let comparison = Comparison(
            events.said(item.protocolName), try Tshark.said(in: path, port: item.port, item.protocolName))
        #expect(comparison.differences == item.differences.map { "only by \($0.onlyBy): \($0.what)" }.sorted())
        #expect(comparison.agreed == item.agreed)
        #expect(events.losses == item.losses)
    }

    /// What two readers agree on, in order, and what only one of them says.
    struct Comparison {
        private(set) var agreed = 0
        private(set) var differences: [String] = []

        init(_ ours: [UInt16: Said], _ theirs: [UInt16: Said]) {
            for port in Set(ours.keys).union(theirs.keys) {
                let (our, their) = (ours[port] ?? Said(), theirs[port] ?? Said())
                compare("request", our.requests, their.requests)
                compare("reply", our.statuses, their.statuses)
                // A statement is a user's payload: its place is told, and not its text.
                compare("statement", our.statements, their.statements, tells: false)
            }
            differences.sort()
        }

        private mutating func compare(_ kind: String, _ ours: [String], _ theirs: [String], tells: Bool = true) {
            let changes = ours.difference(from: theirs)
            for change in changes {
                switch change {
                case .insert(let place, let what, _):
                    differences.append("only by \(Reader.us): \(kind) \(tells ? what : "\(place)")")
                case .remove(let place, let what, _):
                    differences.append("only by \(Reader.tshark): \(kind) \(tells ? what : "\(place)")")
                }
            }
            agreed += ours.count - changes.insertions.count
        }
    }
}
