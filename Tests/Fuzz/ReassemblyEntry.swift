import Model
import Wire

/// One direction of TCP against a model that looks at every byte: the first copy of each wins, what is handed on is in
/// order, and a gap has only bytes that nobody saw.
///
/// The first byte says how far before the end of the sequence space the stream starts. Then steps of five bytes: what
/// happens, where (16 bits), how long, how much of it the snap length cut off.
enum ReassemblyEntry {
    /// Steps are this far from the start of the stream at most.
    private static let extent = 1024

    private struct Model {
        var bytes = [UInt8?](repeating: nil, count: ReassemblyEntry.extent * 2)
        /// Where the stream is: everything before was handed on or lost.
        var next = 0
        var delivered = 0
        var gaps = 0
        var missing = 0
        /// Bytes that were seen and not handed on.
        var waiting = 0
        var problem: String?

        mutating func deliver(_ handed: Span<UInt8>) {
            if handed.isEmpty { problem = "nothing is handed on" }
            for index in handed.indices {
                guard next < bytes.count, bytes[next] == handed[index] else {
                    problem = problem ?? "a byte that is not the first copy"
                    return
                }
                next += 1
                delivered += 1
                waiting -= 1
            }
        }

        mutating func lose(_ count: Int) {
            gaps += 1
            missing += count
            guard count > 0, next + count <= bytes.count, bytes[next..<next + count].allSatisfy({ $0 == nil }) else {
                problem = problem ?? "a gap over bytes that were seen"
                return
            }
            next += count
        }

        /// The first copy wins, of bytes that are not over.
        mutating func see(_ range: Range<Int>, _ value: UInt8) {
            for index in range where index >= next && bytes[index] == nil {
                bytes[index] = value
                waiting += 1
            }
        }
    }

    static func run(_ input: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(input)
        let start = UInt32.max - UInt32(input.byte()) * 4
        var stream = HalfStream()
        stream.synchronise(start)
        var model = Model()
        var number: UInt8 = 0
        while !input.isAtEnd {
            let step = input.byte()
            // A little before the start, too.
            let place = input.big16() % (extent + 64) - 64
            let length = Int(input.byte() % 128)
            let cutOff = Int(input.byte())
            number &+= 1
            let sequence = start &+ UInt32(truncatingIfNeeded: place)
            let time = Timestamp(nanoseconds: Int64(number))
            switch step & 7 {
            case 0, 1, 2:
                let isCut = step & 7 == 2
                let payload = [UInt8](repeating: number, count: length)
                model.see(max(0, place)..<max(0, place + length), number)
                stream.accept(
                    sequence, payload.span, cutOff: isCut ? cutOff : 0, at: time,
                    deliver: { span, _ in model.deliver(span) },
                    gap: { model.lose($0) })
            case 3:
                // Outside the window on either side: nothing happens, whatever it brings.
                let payload = [UInt8](repeating: 255, count: length)
                let distance: UInt32 = step & 8 == 0 ? (1 << 30) + 4096 : 1 << 31
                stream.accept(
                    sequence &+ distance, payload.span, cutOff: 0, at: time,
                    deliver: { span, _ in model.deliver(span) },
                    gap: { model.lose($0) })
            case 4, 5:
                stream.acknowledged(sequence, deliver: { span, _ in model.deliver(span) }, gap: { model.lose($0) })
            case 6:
                stream.giveUpHole(deliver: { span, _ in model.deliver(span) }, gap: { model.lose($0) })
            default:
                // The first FIN says where the end is; a bad one may lie anywhere.
                stream.finish(sequence)
            }
            try check(stream, model, start)
        }
        while stream.waitingBytes > 0 {
            let before = stream.waitingBytes
            stream.giveUpHole(deliver: { span, _ in model.deliver(span) }, gap: { model.lose($0) })
            try BrokenInvariant.unless(stream.waitingBytes < before, "what waits never goes")
            try check(stream, model, start)
        }
        try BrokenInvariant.unless(model.waiting == 0, "bytes that were never handed on")
    }

    private static func check(_ stream: HalfStream, _ model: Model, _ start: UInt32) throws(BrokenInvariant) {
        if let problem = model.problem { throw BrokenInvariant(problem) }
        let account = stream.account
        try BrokenInvariant.unless(stream.next == start &+ UInt32(model.next), "the stream is somewhere else")
        try BrokenInvariant.unless(model.bytes[model.next] == nil, "a byte that is next and waits")
        try BrokenInvariant.unless(account.bytes == model.delivered, "bytes are miscounted")
        try BrokenInvariant.unless(
            account.gaps == model.gaps && account.missingBytes == model.missing, "gaps are miscounted")
        let costs = stream.waitingBytes - model.waiting
        try BrokenInvariant.unless(
            costs >= 0 && costs <= model.waiting * 64 && (costs > 0) == (model.waiting > 0), "waiting is miscounted")
    }
}
