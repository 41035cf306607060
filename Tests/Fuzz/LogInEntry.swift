import Model
import Proxies

/// What a server says to a client that logs in. Two bytes set what the client has and how long pieces are.
enum LogInEntry {
    private static let password = "open, sesame"

    private struct Outcome: Equatable {
        /// Not the bytes: an encryption differs each time.
        var sent = 0
        var rest: [UInt8]?
        var failure: LogInFailure?
    }

    static func run(_ name: ApplicationProtocol, _ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let length = Int(input.byte())
        let said = input.rest()
        let credentials = Credentials(
            user: setting & 1 == 0 ? "clerk" : "", password: setting & 2 == 0 ? password : nil,
            database: setting & 4 == 0 ? nil : "shop")
        let whole = try talk(make(name, setting, credentials), [said[...]])
        let cut = try talk(make(name, setting, credentials), said.pieces(of: length))
        // A call that ends the log-in does not hand out what it would have sent to a server that did not wait for it.
        let isOver = whole.failure != nil || whole.rest != nil
        let isSame = whole.failure == cut.failure && whole.rest == cut.rest
        try BrokenInvariant.unless(isSame && (isOver || whole.sent == cut.sent), "the cutting changes the log-in")
        try BrokenInvariant.unless(whole.sent <= 4096, "much is said")
        if let failure = whole.failure?.description {
            let isPlain = failure.utf8.allSatisfy { (0x20...0x7e).contains($0) }
            try BrokenInvariant.unless(isPlain && !failure.contains(password), "a failure repeats what it should not")
        }
    }

    private static func make(
        _ name: ApplicationProtocol, _ setting: UInt8, _ credentials: Credentials
    ) -> any ClientLogIn {
        switch name {
        case .mysql: MySQLLogIn(credentials, options: MySQLLogIn.Options(rawValue: Int(setting >> 3 & 3)))
        case .redis: RedisLogIn(credentials, version: setting & 8 == 0 ? nil : 3)
        default: PostgreSQLLogIn(credentials, nonce: Array("fuzz".utf8))
        }
    }

    private static func talk(
        _ logIn: any ClientLogIn, _ pieces: [ArraySlice<UInt8>]
    ) throws(BrokenInvariant) -> Outcome {
        var logIn = logIn
        var outcome = Outcome()
        outcome.sent = logIn.begin().count
        for (index, piece) in pieces.enumerated() {
            let step: LogInStep
            do throws(LogInFailure) {
                step = try logIn.received(piece.span)
            } catch {
                outcome.failure = error
                break
            }
            switch step {
            case .send(let bytes):
                outcome.sent += bytes.count
                let isShown = String(decoding: bytes, as: UTF8.self).contains(password)
                try BrokenInvariant.unless(!(logIn is MySQLLogIn && isShown), "the password is sent as it is")
            case .done(let rest):
                outcome.rest = rest + pieces[(index + 1)...].joined()
                return outcome
            }
        }
        return outcome
    }
}
