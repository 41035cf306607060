import Cryptography
import Glibc
import OperatingSystem
import Testing

/// Against the openssl command, which makes the keys and decrypts.
@Suite struct RSATests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try ChildProcess.succeed(["mktemp", "--directory"]).filter { $0 != "\n" }
        defer { _ = try? ChildProcess.run(["rm", "-r", folder]) }
        try body(folder)
    }

    @Test func whatIsEncryptedIsReadWithThePrivateKey() throws {
        try withFolder { folder in
            try ChildProcess.succeed(["openssl", "genrsa", "-out", folder + "/private", "2048"])
            let pem = Array(try ChildProcess.succeed(["openssl", "rsa", "-in", folder + "/private", "-pubout"]).utf8)
            let first = try RSA.encrypt(Array("a secret".utf8), key: pem)
            #expect(first.count == 256)
            #expect(try RSA.encrypt(Array("a secret".utf8), key: pem) != first)
            try Descriptor.open(folder + "/text", O_WRONLY | O_CREAT).writeAll(first)
            let decrypted = try ChildProcess.succeed([
                "openssl", "pkeyutl", "-decrypt", "-inkey", folder + "/private", "-in", folder + "/text", "-pkeyopt",
                "rsa_padding_mode:oaep",
            ])
            #expect(decrypted == "a secret")
            #expect(throws: CryptographyError.self) { try RSA.encrypt([UInt8](repeating: 1, count: 300), key: pem) }
        }
    }

    @Test func anotherKindOfKeyIsRefused() throws {
        try withFolder { folder in
            try ChildProcess.succeed(["openssl", "genpkey", "-algorithm", "ed25519", "-out", folder + "/private"])
            let pem = Array(try ChildProcess.succeed(["openssl", "pkey", "-in", folder + "/private", "-pubout"]).utf8)
            #expect(throws: CryptographyError.self) { try RSA.encrypt([1], key: pem) }
        }
    }

    @Test(arguments: [
        "", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        // One that says it is encrypted: nobody is asked for a passphrase.
        """
        -----BEGIN PUBLIC KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,00000000000000000000000000000000

        AAAAAAAAAAAAAAAAAAAAAA==
        -----END PUBLIC KEY-----

        """,
    ]) func whatIsNoKeyIsAnError(_ text: String) {
        let error = #expect(throws: CryptographyError.self) { try RSA.encrypt([1], key: Array(text.utf8)) }
        #expect(error?.description.hasPrefix("cannot read the server's public key") == true)
    }
}
