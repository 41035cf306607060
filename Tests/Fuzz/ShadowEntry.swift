import Model
import Proxies
import Wire

/// What a server says to a shadow that has asked it one thing: whatever it is, the answer does not depend on how it is cut,
/// and a shadow that has given up says nothing more. The first byte says how long pieces are.
enum ShadowEntry {
    static func run(_ name: ApplicationProtocol, _ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let length = Int(input.byte()) + 1
        let said = input.rest()
        let whole = try answer(name, [said[...]])
        let cut = try answer(name, said.pieces(of: length))
        try BrokenInvariant.unless(whole == cut, "the cutting changes the answer")
    }

    private static func answer(
        _ name: ApplicationProtocol, _ pieces: [ArraySlice<UInt8>]
    ) throws(BrokenInvariant) -> Shadow.Answer {
        let now = Timestamp(nanoseconds: 0)
        var shadow = Shadow(Shadow.Setting(name, logIn: name == .mysql ? Credentials(user: "clerk") : nil))
        let number = shadow.forward(.message(question(name), .once), at: now) ?? -1
        shadow.connected(at: now)
        for word in name == .mysql ? [greeting, [7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]] : [] {
            shadow.received(word.span, at: now)
        }
        try BrokenInvariant.unless(shadow.isIn, "the log-in has failed")
        for piece in pieces { shadow.received(piece.span, at: now) }
        shadow.ended(at: now)
        if name != .http { try BrokenInvariant.unless(!shadow.isIn && shadow.isDone, "it does not see the end") }
        _ = shadow.takeActions()
        try BrokenInvariant.unless(shadow.isIn || shadow.takeActions().isEmpty, "it goes on behind the end")
        return shadow.answer(to: number)
    }

    private static func question(_ name: ApplicationProtocol) -> [UInt8] {
        switch name {
        case .http, .tcp: Array("GET / HTTP/1.1\r\n\r\n".utf8)
        case .redis: Array("*2\r\n$3\r\nGET\r\n$1\r\na\r\n".utf8)
        case .mysql: [9, 0, 0, 0, 3] + Array("SELECT 1".utf8)
        case .postgresql:
            [("P", [0x73, 0, 0x53, 0, 0, 0]), ("D", [0x53, 0x73, 0]), ("E", [0, 0, 0, 0, 0]), ("H", [])]
                .flatMap { PostgreSQLMessage($0, $1).bytes }
        }
    }

    private static let greeting: [UInt8] = {
        let head: [UInt8] = [10, 0x38, 0, 1, 0, 0, 0] + [UInt8](repeating: 0x41, count: 8) + [0]
        let flags: [UInt8] = [0xff, 0xf7, 45, 2, 0, 0xff, 0x00, 21]
        let payload = head + flags + [UInt8](repeating: 0, count: 10) + [UInt8](repeating: 0x42, count: 12) + [0]
        let whole = payload + Array("mysql_native_password".utf8) + [0]
        return [UInt8(whole.count), 0, 0, 0] + whole
    }()
}
