import Wire

/// What servers say to a client that logs in, from the first word to the last.
enum LogInSeeds {
    static let all: [(String, [UInt8])] =
        (postgresql + [refusal]).map { ("log-in-postgresql", [4, 3] + $0) }
        + mysql.map { ("log-in-mysql", [4, 5] + $0) }
        + redis.map { ("log-in-redis", [4, 2] + Array($0.utf8)) }

    private static func authentication(_ code: UInt8, _ rest: [UInt8] = []) -> [UInt8] {
        PostgreSQLMessage("R", [0, 0, 0, code] + rest).bytes
    }

    private static let admission =
        authentication(0) + PostgreSQLMessage("S", Array("TimeZone\u{0}UTC\u{0}".utf8)).bytes
        + PostgreSQLMessage("K", [0, 0, 0, 1, 0, 0, 0, 2]).bytes + PostgreSQLMessage("Z", [0x49]).bytes

    private static let refusal = PostgreSQLMessage(
        "E", Array("SFATAL\u{0}VFATAL\u{0}C28P01\u{0}Mpassword authentication failed\u{0}\u{0}".utf8)
    ).bytes

    /// For the fuzzer's own password and nonce.
    private static let postgresql: [[UInt8]] = [
        admission, authentication(3) + admission, authentication(5, [1, 2, 3, 4]) + admission, authentication(7),
        authentication(10, Array("SCRAM-SHA-256-PLUS\u{0}SCRAM-SHA-256\u{0}\u{0}".utf8))
            + authentication(11, Array("r=fuzz+server,s=c2FsdA==,i=2".utf8))
            + authentication(12, Array("v=VAprL+TTPN3g0JPqEtzsmH8YSn2pY38+HZzuOZSviRw=".utf8)) + admission,
    ]

    private static func packet(_ sequence: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [UInt8(payload.count & 0xff), UInt8(payload.count >> 8), 0, sequence] + payload
    }

    private static func greeting(_ plugin: String) -> [UInt8] {
        let head = [10] + Array("8.0\u{0}".utf8) + [1, 0, 0, 0] + (1...8) + [0]
        let flags: [UInt8] = [0xff, 0xff, 45, 2, 0, 0xff, 0xdf, 21] + [UInt8](repeating: 0, count: 10)
        return packet(0, head + flags + (9...20) + [0] + Array(plugin.utf8) + [0])
    }

    private static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]

    private static let key = """
        -----BEGIN PUBLIC KEY-----
        MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK56fmapB3bEUJ0pIK8aAWmtgHm6AtSI
        urqvG8/KskytHiU2V3V3SYv1Bp6QYRuwjnv0nk2xAHpqewvqUzrMJksCAwEAAQ==
        -----END PUBLIC KEY-----

        """

    private static let mysql: [[UInt8]] = [
        greeting("mysql_native_password") + packet(2, ok),
        greeting("caching_sha2_password") + packet(2, [1, 3]) + packet(3, ok),
        greeting("caching_sha2_password") + packet(2, [1, 4]) + packet(4, [1] + Array(key.utf8)) + packet(6, ok),
        greeting("caching_sha2_password")
            + packet(2, [0xfe] + Array("mysql_native_password\u{0}".utf8) + (1...20) + [0]) + packet(4, ok),
        greeting("") + packet(2, [0xfe]), greeting("") + packet(2, [0xff, 0x15, 0x04] + Array("#28000no".utf8)),
    ]

    private static let redis = [
        "+OK\r\n+OK\r\n", "-WRONGPASS invalid username-password pair\r\n", "-NOAUTH no\r\n",
        "*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n+OK\r\n", "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n-ERR index\r\n",
        "!21\r\nSYNTAX invalid syntax\r\n",
    ]
}
