import Testing

@testable import Proxies

@Suite struct SCRAMTests {
    /// RFC 7677, section 3.
    private enum Example {
        static let nonce = "rOprNGfwEbeRWgbNEkqO"
        static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
        static let serverFirst =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        static let final =
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    }

    private func make(_ user: String = "user", password: String = "pencil") -> SCRAM {
        SCRAM(user: user, password: password, nonce: Array(Example.nonce.utf8), salted: SaltedPassword())
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func theExampleOfTheRFC() throws {
        var scram = make()
        #expect(text(scram.first) == Example.first)
        #expect(text(try scram.answer(Array(Example.serverFirst.utf8))) == Example.final)
        try scram.verify(Array(Example.serverFinal.utf8))
        // Once only.
        #expect(throws: SCRAM.Failure.malformed) { try scram.verify(Array(Example.serverFinal.utf8)) }
    }

    /// RFC 5802, section 5.1: "," and "=" in a name.
    @Test func namesAreQuoted() { #expect(text(make("a,b=c").first).hasSuffix("n=a=2Cb=3Dc,r=\(Example.nonce)")) }

    @Test(arguments: [
        ("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SCRAM.Failure.unverified), ("v=", .unverified),
        ("v=AAAA", .unverified), ("e=other-error", .refused), ("", .malformed), ("v=?", .malformed),
        ("x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", .malformed),
    ]) func theServerMustProveItself(_ serverFinal: String, _ expected: SCRAM.Failure) throws {
        var scram = make()
        _ = try scram.answer(Array(Example.serverFirst.utf8))
        #expect(throws: expected) { try scram.verify(Array(serverFinal.utf8)) }
    }

    @Test(arguments: [
        // Not the client's nonce, or nothing added to it.
        ("r=other%x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SCRAM.Failure.malformed),
        ("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .malformed),
        // An extension that must be understood.
        ("m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .malformed),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", .malformed), ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", .malformed),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-1", .malformed), ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z", .malformed),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=2000000000", .tooManyIterations), ("", .malformed), (",,", .malformed),
    ]) func aChallengeThatIsNone(_ serverFirst: String, _ expected: SCRAM.Failure) {
        var scram = make()
        #expect(throws: expected) { try scram.answer(Array(serverFirst.utf8)) }
    }

    @Test func noncesDiffer() {
        #expect(SCRAM.makeNonce() != SCRAM.makeNonce())
        #expect(SCRAM.makeNonce().count == 24)
    }

    /// What was derived for one password is not used for another, nor for another salt.
    @Test func theDerivedKeyIsKeptForItsOwnPasswordOnly() throws {
        let kept = SaltedPassword()
        func value(_ password: String, _ salt: UInt8, _ iterations: Int = 2) throws -> [UInt8] {
            try kept.value(of: Array(password.utf8), salt: [salt], iterations: iterations)
        }
        let first = try value("a", 1)
        #expect(try value("a", 1) == first)
        #expect(try value("b", 1) != first)
        #expect(try value("a", 2) != first)
        #expect(try value("a", 1, 3) != first)
        #expect(try value("a", 1) == first)
    }
}
