import Foundation
import Model
package import Wire

/// Traces as JSON. Fields stay what they are; later versions may add some. Times come twice: as text in ISO 8601 with
/// nanoseconds, and as whole nanoseconds since 1970, which many readers of JSON cannot hold exactly.
package struct TraceJSON {
    /// A line of `whatif trace export --format json`.
    private struct Line: Encodable {
        var connection: UInt64
        var number: Int
        var `protocol`: String
        var client: String?
        var server: String?
        /// Of the request's first byte.
        var time: String
        var requestFirst, requestLast, replyFirst, replyLast: Int64
        /// From the request being whole to the reply being whole.
        var responseSeconds: Double
        var requestBytes, replyBytes: Int
        /// 16 hexadecimal digits, equal for requests that ask for the same.
        var key: String
        var status: Int
        var isError, endedByClose: Bool
        var label: String?
        var request, reply: Payload?
    }

    /// Text where the bytes are UTF-8, base64 elsewhere.
    struct Payload: Encodable {
        var encoding: String
        var data: String

        init(_ bytes: some Collection<UInt8>) {
            if let text = String(validating: bytes, as: UTF8.self) {
                (encoding, data) = ("utf8", text)
            } else {
                (encoding, data) = ("base64", Data(bytes).base64EncodedString())
            }
        }
    }

    private let encoder = JSONEncoder()
    private let withPayload: Bool

    /// Label and bytes, which are a user's, are only there `withPayload`.
    package init(withPayload: Bool) {
        self.withPayload = withPayload
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// One line, without its end.
    package func line(_ id: ConnectionID, _ exchange: Exchange, _ connection: TraceConnection?) throws -> String {
        let (request, reply) = (exchange.request, exchange.reply)
        let key = String(request.key, radix: 16)
        var line = Line(
            connection: id, number: request.number, protocol: exchange.protocolName.rawValue,
            client: connection.map { "\($0.client)" }, server: connection.map { "\($0.server)" },
            time: TimeText.iso(request.passage.firstByte), requestFirst: request.passage.firstByte.nanoseconds,
            requestLast: request.passage.lastByte.nanoseconds, replyFirst: reply.passage.firstByte.nanoseconds,
            replyLast: reply.passage.lastByte.nanoseconds, responseSeconds: exchange.responseTime.seconds,
            requestBytes: request.passage.byteCount, replyBytes: reply.passage.byteCount,
            key: String(repeating: "0", count: 16 - key.count) + key, status: reply.status, isError: reply.isError,
            endedByClose: reply.endedByClose)
        if withPayload {
            line.label = request.label
            line.request = Payload(request.bytes)
            line.reply = Payload(reply.bytes)
        }
        return String(decoding: try encoder.encode(line), as: UTF8.self)
    }
}

extension TraceJSON {
    private struct Info: Encodable {
        var file, source, created: String
        var version: String
        var isClosed, keepsPayload, keepsPackets: Bool
        var redaction: String?
        var first, last: String?
        var seconds: Double
        var connections, exchanges: Int
        var protocols: [String: Traffic]
        var lost: [String: Int]
        var notSeen: NotSeen
        var packets: Packets
        var unreadBytes: Int64
        var damagedBlocks, unknownBlocks, unknownRecords: Int
    }

    private struct Traffic: Encodable { var exchanges, errors, requestBytes, replyBytes: Int }
    private struct NotSeen: Encodable { var packets, gaps, missingBytes, fragments, evictedConnections: Int }
    private struct Packets: Encodable { var count, bytes: Int }

    /// `whatif trace info --json`, and what `whatif capture --json` ends with.
    package static func info(
        _ path: String, _ header: TraceHeader, _ summary: TraceSummary, reader: TraceReader? = nil
    ) throws -> String {
        let drops = summary.drops
        return try MatrixData.encode(
            Info(
                file: path, source: header.source, created: TimeText.iso(header.created),
                version: "\(TraceFormat.major).\(TraceFormat.minor)", isClosed: reader?.isClosed ?? true,
                keepsPayload: header.keepsPayload, keepsPackets: header.keepsPackets, redaction: header.redaction,
                first: summary.isEmpty ? nil : TimeText.iso(summary.first),
                last: summary.isEmpty ? nil : TimeText.iso(summary.last),
                seconds: summary.isEmpty ? 0 : (summary.last - summary.first).seconds,
                connections: summary.connections, exchanges: summary.exchanges,
                protocols: Dictionary(
                    uniqueKeysWithValues: summary.traffic.map { name, traffic in
                        (
                            name.rawValue,
                            Traffic(
                                exchanges: traffic.exchanges, errors: traffic.errors,
                                requestBytes: traffic.requestBytes, replyBytes: traffic.replyBytes)
                        )
                    }),
                lost: Dictionary(uniqueKeysWithValues: summary.lost.map { ($0.key.rawValue, $0.value) }),
                notSeen: NotSeen(
                    packets: drops.packets, gaps: drops.gaps, missingBytes: drops.missingBytes,
                    fragments: drops.fragments, evictedConnections: drops.evicted),
                packets: Packets(count: summary.packets, bytes: summary.packetBytes),
                unreadBytes: reader?.unread ?? 0, damagedBlocks: reader?.damaged ?? 0,
                unknownBlocks: reader?.unknownBlocks ?? 0, unknownRecords: reader?.unknownRecords ?? 0))
    }
}
