import Glibc
import Model
import OperatingSystem
import TestSupport
import Testing

@testable import Wire

/// A place for one test's files, gone with it.
final class TraceFixture {
    let directory = "/tmp/whatif-trace-tests-\(getpid())-\(UInt64.random(in: 0 ... .max))"

    init() throws { try check("make a directory") { unsafe mkdir(directory, 0o700) } }

    deinit { _ = try? ChildProcess.run(["rm", "-r", directory]) }

    func path(_ name: String) -> String { directory + "/" + name + ".wtrace" }

    static let header = TraceHeader(created: Timestamp(nanoseconds: 1_700_000_000_000_000_000), source: "a test")

    /// Writes records, a block for each of `blocks`, and closes the trace unless told not to.
    @discardableResult
    func write(
        _ name: String, _ blocks: [[TraceRecord]], _ header: TraceHeader = TraceFixture.header, closes: Bool = true
    ) throws -> String {
        let path = path(name)
        let writer = try TraceWriter.create(path, header, replacing: true)
        for records in blocks {
            for record in records { try writer.write(record) }
            try writer.flush()
        }
        if closes { try writer.close() }
        return path
    }

    func write(_ name: String, bytes: [UInt8]) throws -> String {
        let path = path(name)
        try Descriptor.create(path, replacing: true).writeAll(bytes)
        return path
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let file = try Descriptor.open(path, O_RDONLY)
        return try file.read(at: 0, count: Int(try file.fileSize()))
    }
}

extension TraceReader {
    /// All records but the repeated names of connections.
    func all() throws(TraceError) -> [TraceRecord] {
        var result: [TraceRecord] = []
        while let record = try next() {
            if case .connection(_, isOpened: false) = record { continue }
            result.append(record)
        }
        return result
    }
}

/// Random but plausible records: connections open, exchange, lose and close.
struct TraceScript {
    private var random: SeededGenerator
    private var open: [ConnectionID] = []
    private var last: ConnectionID = 0
    private var time: Int64 = 1_700_000_000_000_000_000
    private let longest: Int

    init(_ seed: UInt64, longest: Int = 300) {
        random = SeededGenerator(seed)
        self.longest = longest
    }

    mutating func records(_ count: Int) -> [TraceRecord] { (0..<count).map { _ in record() } }

    private mutating func record() -> TraceRecord {
        time += Int64.random(in: -1000...20_000_000, using: &random)
        let now = Timestamp(nanoseconds: time)
        guard let id = open.randomElement(using: &random), !random.once(in: 5) else {
            last += 1
            open.append(last)
            return .connection(
                TraceConnection(
                    id: last, client: endpoint(), server: endpoint(),
                    protocolName: ApplicationProtocol.allCases.randomElement(using: &random) ?? .http, opened: now),
                isOpened: true)
        }
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            open.removeAll { $0 == id }
            return .closed(id, now)
        case 1:
            return .lost(id, count: 3, LossReason.allCases.randomElement(using: &random) ?? .gap, now)
        case 2:
            var drops = TraceDrops()
            drops.packets = 5
            drops.missingBytes = 1_000_000
            return .drops(drops, now)
        default:
            return .exchange(id, exchange())
        }
    }

    private mutating func endpoint() -> Endpoint {
        let address =
            random.once(in: 2)
            ? IPAddress(v4: UInt32.random(in: 0 ... .max, using: &random))
            : IPAddress(v6High: random.next(), low: random.next())
        return Endpoint(address, UInt16.random(in: 0 ... .max, using: &random))
    }

    private mutating func bytes() -> [UInt8] {
        (0..<Int.random(in: 0...longest, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private mutating func exchange() -> Exchange {
        let times = (0..<4).map { _ in Timestamp(nanoseconds: time + Int64.random(in: -5...5000, using: &random)) }
        return Exchange(
            ApplicationProtocol.allCases.randomElement(using: &random) ?? .http,
            request: Request(
                number: Int.random(in: 0...1_000_000, using: &random),
                passage: Passage(
                    firstByte: times[0], lastByte: times[1], byteCount: Int.random(in: 0 ... .max, using: &random)),
                key: random.next(), label: "GET /ä/\(random.next())", bytes: bytes()),
            reply: Reply(
                passage: Passage(
                    firstByte: times[2], lastByte: times[3], byteCount: Int.random(in: 0...1000, using: &random)),
                status: Int.random(in: .min ... .max, using: &random), isError: random.once(in: 2),
                endedByClose: random.once(in: 2), bytes: bytes()))
    }
}
