import Proxies
import Testing
import Wire

@Suite struct MySQLStatementMapTests {
    private func number(_ value: UInt32) -> [UInt8] { [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// COM_STMT_PREPARE_OK of a statement without parameters and columns.
    private func prepared(_ value: UInt32) -> [UInt8] {
        MySQLPacket.make([0] + number(value) + [0, 0, 0, 0, 0, 0, 0], sequence: 1)
    }

    private let refused = MySQLPacket.make([0xff, 0x28, 0x04] + Array("#42000no".utf8), sequence: 1)

    private func map(_ pairs: [UInt32: UInt32]) -> MySQLStatementMap {
        var map = MySQLStatementMap()
        for (recorded, clone) in pairs { map.learn(recorded: prepared(recorded), clone: prepared(clone)) }
        return map
    }

    @Test(arguments: [MySQLCommand.execute, .bulkExecute, .fetch, .resetStatement, .sendLongData, .closeStatement])
    func commandsGetTheClonesNumber(_ command: MySQLCommand) {
        var map = map([0x0102_0304: 0xa0b0_c0d0])
        let rest: [UInt8] = [9, 1, 0, 0, 0]
        let result = map.rewrite(MySQLPacket.make(command, number(0x0102_0304) + rest))
        #expect(result.bytes == MySQLPacket.make(command, number(0xa0b0_c0d0) + rest))
        #expect(result.unknownCount == 0)
    }

    /// Statements' texts may look like anything.
    @Test(arguments: [MySQLCommand.query, .prepare, .initDatabase, .ping, .fieldList, .changeUser, .setOption])
    func otherCommandsStay(_ command: MySQLCommand) {
        var map = map([1: 2])
        let request = MySQLPacket.make(command, number(1) + number(1))
        #expect(map.rewrite(request) == MySQLStatementMap.Rewritten(bytes: request))
    }

    @Test func severalCommandsInOneRequest() {
        var map = map([1: 11, 2: 12])
        let request =
            MySQLPacket.make(.closeStatement, number(2)) + MySQLPacket.make(.sendLongData, number(1) + [0, 0, 23, 1])
            + MySQLPacket.query("SELECT 1") + MySQLPacket.make(.execute, number(1) + [0, 1, 0, 0, 0])
        let expected =
            MySQLPacket.make(.closeStatement, number(12)) + MySQLPacket.make(.sendLongData, number(11) + [0, 0, 23, 1])
            + MySQLPacket.query("SELECT 1") + MySQLPacket.make(.execute, number(11) + [0, 1, 0, 0, 0])
        #expect(map.rewrite(request) == MySQLStatementMap.Rewritten(bytes: expected))
        // A closed one is no more.
        #expect(map.rewrite(MySQLPacket.make(.resetStatement, number(2))).unknownCount == 1)
    }

    /// Prepared before the recording, refused by the clone, or refused on-line.
    @Test func whatIsNotKnownGetsANumberThatNoStatementHas() {
        var map = map([1: 11])
        map.learn(recorded: prepared(2), clone: refused)
        map.learn(recorded: refused, clone: prepared(5))
        map.learn(recorded: [], clone: prepared(6))
        for unknown: UInt32 in [2, 3, 5, 6] {
            let result = map.rewrite(MySQLPacket.make(.execute, number(unknown) + [0, 1, 0, 0, 0]))
            #expect(result.bytes == MySQLPacket.make(.execute, number(0) + [0, 1, 0, 0, 0]))
            #expect(result.unknownCount == 1)
        }
    }

    /// A number that the clone does not have any more is not used when a statement of that number is refused later.
    @Test func aLaterStatementReplacesAnEarlierOne() {
        var map = map([1: 11])
        map.learn(recorded: prepared(1), clone: prepared(21))
        #expect(map.rewrite(MySQLPacket.make(.fetch, number(1) + number(5))).bytes[5] == 21)
        map.learn(recorded: prepared(1), clone: refused)
        #expect(map.rewrite(MySQLPacket.make(.fetch, number(1) + number(5))).unknownCount == 1)
    }

    /// MariaDB's -1, and packets that begin no command: a file's, and the second of a long one.
    @Test func whatNamesNoStatementStays() {
        var map = map([1: 11])
        let last = MySQLPacket.make(.execute, number(.max) + [0, 1, 0, 0, 0])
        #expect(map.rewrite(last) == MySQLStatementMap.Rewritten(bytes: last))
        let file = MySQLPacket.query("LOAD DATA LOCAL") + MySQLPacket.make([0x17] + number(1), sequence: 2)
        #expect(map.rewrite(file).bytes == file)
        let round = MySQLPacket.make([1], sequence: 255) + MySQLPacket.make([0x17] + number(1), sequence: 0)
        #expect(map.rewrite(round).bytes == round)
        let long =
            [0xff, 0xff, 0xff, 0] + [0x03] + [UInt8](repeating: 0x20, count: MySQLPackets.longest - 1)
            + MySQLPacket.make([0x17] + number(1), sequence: 0)
        #expect(map.rewrite(long).bytes == long)
    }

    @Test func crumbsStay() {
        var map = map([1: 11])
        let request = MySQLPacket.make(.execute, number(1) + [0, 1, 0, 0, 0])
        for length in 0..<9 {
            let crumb = Array(request.prefix(length))
            #expect(map.rewrite(crumb).bytes == crumb)
        }
        #expect(map.rewrite([]).bytes.isEmpty)
    }
}
