import Model
import OperatingSystem

@testable import Wire

/// Redis as Wireshark's dissector tells it: requests by their words, and all values of replies, nested ones too, without
/// their order among the kinds: "+OK", "-ERR", ":1", strings by their length and arrays by their count. It knows RESP2
/// only, and an inline command is to it a line that it cannot read.
extension Tshark {
    static func redis(in file: String, port: UInt16) throws -> [UInt16: Said] {
        let fields = [
            "tcp.srcport", "tcp.dstport", "resp.fragment", "resp.array.length", "resp.bulk_string.length",
            "resp.bulk_string.value", "resp.string", "resp.error", "resp.integer",
        ]
        let output = try ChildProcess.succeed(
            [
                "tshark", "-r", file, "-d", "tcp.port==\(port),resp", "-Y", "resp", "-T", "fields", "-E",
                "aggregator=\u{1f}",
            ] + fields.flatMap { ["-e", $0] })
        var all: [UInt16: Said] = [:]
        for line in output.split(separator: "\n") {
            let values = line.split(separator: "\t", omittingEmptySubsequences: false).map {
                $0.split(separator: "\u{1f}").map(String.init)
            }
            guard values.count == fields.count, let source = values[0].first.flatMap({ UInt16($0) }),
                let destination = values[1].first.flatMap({ UInt16($0) })
            else { throw ProgramError(command: ["tshark"], reason: "a line with other fields than asked for") }
            if source == port {
                all[destination, default: Said()].statuses +=
                    values[6].map { "+" + $0 } + values[7].map { "-" + $0 } + values[8].map { ":" + $0 }
                    + values[4].map { "$" + $0 } + values[3].map { "*" + $0 }
            } else {
                all[source, default: Said()].requests += values[2].map { _ in "inline" }
                var lengths = values[4][...]
                var words = values[5][...]
                for count in values[3].compactMap({ Int($0) }) {
                    // An empty string has a length and no value.
                    let command = lengths.prefix(max(0, count)).map { $0 == "0" ? "" : words.popFirst() ?? "?" }
                    lengths = lengths.dropFirst(max(0, count))
                    all[source, default: Said()].requests.append(command.joined(separator: " "))
                }
            }
        }
        return all.mapValues(\.inOrderOfKinds)
    }
}

extension Heard {
    var redis: [UInt16: Said] {
        var ports: [ConnectionID: UInt16] = [:]
        var all: [UInt16: Said] = [:]
        for event in events {
            switch event {
            case .opened(let id, let client, _, _): ports[id] = client.port
            case .request(let id, let request):
                all[ports[id] ?? 0, default: Said()].requests.append(Self.words(request.bytes))
            case .exchange(let id, let exchange):
                all[ports[id] ?? 0, default: Said()].statuses += Self.values(exchange.reply.bytes)
            case .recognised, .lost, .closed: break
            }
        }
        return all.mapValues(\.inOrderOfKinds)
    }

    /// The arguments in hexadecimal digits.
    private static func words(_ bytes: [UInt8]) -> String {
        guard bytes.first == 0x2a else { return "inline" }
        return strings(bytes).compactMap { $0.text }.joined(separator: " ")
    }

    private static func values(_ bytes: [UInt8]) -> [String] { strings(bytes).map(\.line) }

    /// The lines of a message, and the strings that are behind some.
    private static func strings(_ bytes: [UInt8]) -> [(line: String, text: String?)] {
        var rest = bytes[...]
        var all: [(line: String, text: String?)] = []
        while let end = rest.firstIndex(of: 0x0a) {
            let line = String(decoding: rest[..<(end - 1)], as: UTF8.self)
            rest = rest[(end + 1)...]
            guard let type = line.first, type == "$", let length = Int(line.dropFirst()) else {
                all.append((line, nil))
                continue
            }
            let text = rest.prefix(max(0, length))
            all.append((line, text.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()))
            if length >= 0 { rest = rest.dropFirst(length + 2) }
        }
        return all
    }
}

extension TsharkTests {
    static let redisCases = [
        redis("redis-stream.pcap", agreed: 30),
        // Attributes. The server, which is none, puts an empty line behind each reply: that is told as a loss.
        redis("redis-attr.pcap", agreed: 14, losses: [.malformed, .malformed]),
        // The server closes after the first unbalanced quote, and does not read the second.
        redis("redis-pipeline-quotes.pcap", agreed: 15, losses: [.cutOff]),
        redis(
            "redis-reply-off-on.pcap", agreed: 8,
            only(.tshark, "request inline", 4, "CLIENT REPLY: the client wants no reply, so there is no exchange")),
        redis(
            "redis-pubsub.pcap", agreed: 20,
            ["*3", "$7", "$3", "$11", "*4", "$8", "$2", "$3", "$11", "*4", "$8", "$2", "$12", "$9"].flatMap {
                only(.tshark, "reply \($0)", 1, "a message to a subscriber belongs to no request")
            }),
        redis(
            "resp_3_malicious.pcap", agreed: 33,
            only(.us, "request inline", 7, "to a server a line that is no array is an inline command")
                + only(.tshark, "request ", 2, "an array of -1 or -20 asks nothing")
                + only(.tshark, "request ", 1, "an array of more than a server takes")
                + only(
                    .tshark, "reply -ERR Protocol error: invalid multibulk length", 1,
                    "the request it answers is lost as malformed"),
            losses: [.malformed, .cutOff, .cutOff, .cutOff]),
    ]

    private static func redis(
        _ file: String, agreed: Int, _ differences: [Difference] = [], losses: [LossReason] = []
    ) -> Case {
        Case(file: file, port: 6379, protocolName: .redis, agreed: agreed, differences: differences, losses: losses)
    }

    private static func only(_ reader: Reader, _ what: String, _ count: Int, _ why: String) -> [Difference] {
        [Difference](repeating: Difference(onlyBy: reader, what: what, because: why), count: count)
    }
}

extension Said {
    fileprivate var inOrderOfKinds: Said {
        var copy = self
        copy.statuses = "+-:$*".flatMap { kind in statuses.filter { $0.first == kind } }
        return copy
    }
}
