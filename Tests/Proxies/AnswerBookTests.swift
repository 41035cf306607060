import Model
import Proxies
import Testing
import Wire

@Suite struct AnswerBookTests {
    /// `GET path` answered with `body`.
    private func get(_ path: String, at milliseconds: Int64, says body: String, number: Int = 0) -> Exchange {
        let asked = Recorded.at(milliseconds)
        let request = Array("GET \(path) HTTP/1.1\r\n\r\n".utf8)
        return Exchange(
            .http,
            request: Request(
                number: number, passage: Passage(firstByte: asked, lastByte: asked, byteCount: request.count), key: 0,
                bytes: request),
            reply: Reply(
                passage: Passage(firstByte: asked, lastByte: asked + .milliseconds(2), byteCount: body.utf8.count),
                bytes: Array(body.utf8)))
    }

    private func question(_ path: String) throws -> Question {
        try #require(HTTPQuestions.question(Array("GET \(path) HTTP/1.1\r\n\r\n".utf8)))
    }

    private func text(_ answer: RecordedAnswer?) -> String? { answer.map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// The same question gets the recorded answers in their order; the last one is repeated.
    @Test func repeatedQuestionsGetTheAnswersInOrder() throws {
        var book = AnswerBook()
        for (time, price) in [(10, "5"), (20, "6"), (30, "7")] {
            book.add(get("/price/1", at: Int64(time), says: price), of: 1)
        }
        let asked = try question("/price/1")
        #expect((0..<4).map { _ in text(book.exactAnswer(asked, present: Recorded.at(40))) } == ["5", "6", "7", "7"])
    }

    @Test func otherValuesGetTheNearestOfTheSameTemplate() throws {
        var book = AnswerBook()
        book.add(get("/price/1?c=x", at: 10, says: "a"), of: 1)
        book.add(get("/price/2?c=y", at: 500, says: "b"), of: 1, history: true)
        let asked = try question("/price/9?c=z")
        #expect(book.exactAnswer(asked, present: Recorded.at(450)) == nil)
        #expect(text(book.templateAnswer(asked, present: Recorded.at(450))) == "b")
        #expect(book.templateAnswer(try question("/stock/9?c=z"), present: Recorded.at(0)) == nil)
    }

    @Test func historyAnswersOnlyWhatNothingNewerDoes() throws {
        var book = AnswerBook()
        let asked = try question("/1")
        book.add(get("/1", at: 10, says: "old"), of: 1, history: true)
        #expect(text(book.exactAnswer(asked, present: Recorded.at(100))) == "old")
        book.add(get("/1", at: 90, says: "new"), of: 1)
        #expect(text(book.exactAnswer(asked, present: Recorded.at(100))) == "new")
    }

    /// What lies further back than the reach is given only when there is nothing else.
    @Test func answersFromLongAgoArePassedOver() throws {
        var book = AnswerBook()
        book.add(get("/1", at: 0, says: "long ago"), of: 1)
        book.add(get("/1", at: 90_000, says: "lately"), of: 1)
        #expect(text(book.exactAnswer(try question("/1"), present: Recorded.at(91_000))) == "lately")
    }

    /// A session goes on behind the exchange it matched last, on the connection where that was heard.
    @Test func theNearestIsTheNextOfItsKindOnTheSameConnection() throws {
        var book = AnswerBook()
        for (number, path) in ["/a", "/b", "/c"].enumerated() {
            book.add(get(path, at: Int64(number), says: path, number: number), of: 7)
        }
        let asked = try question("/unknown")
        let behindFirst = RequestKey(connection: 7, number: 0)
        #expect(text(book.nearestAnswer(asked, behind: behindFirst, present: Recorded.at(0))) == "/b")
        let behindLast = RequestKey(connection: 7, number: 2)
        #expect(book.nearestAnswer(asked, behind: behindLast, present: Recorded.at(0)) == nil)
        // A connection that matched nothing yet is one that was opened.
        #expect(text(book.nearestAnswer(asked, behind: nil, present: Recorded.at(9))) == "/a")
        let post = Question(exact: 1, template: 2, kind: 3)
        #expect(book.nearestAnswer(post, behind: behindFirst, present: Recorded.at(0)) == nil)
    }

    /// However much is recorded, no more than the limit is kept; the oldest go first, rare questions last.
    @Test func whatIsKeptIsBounded() throws {
        var book = AnswerBook(AnswerBook.Limits(answers: 100, bytes: 1 << 20))
        book.add(get("/rare", at: 0, says: "rare"), of: 1)
        for number in 0..<10_000 {
            book.add(get("/often/\(number % 7)x", at: Int64(number), says: "\(number)", number: number), of: 2)
        }
        #expect(book.count <= 100)
        #expect(text(book.exactAnswer(try question("/rare"), present: Recorded.at(9_000))) == "rare")
        #expect(text(book.exactAnswer(try question("/often/3x"), present: Recorded.at(0))) == "9901")
        for number in 0..<300 { book.add(get("/once/x\(number)", at: 20_000, says: "once"), of: 3) }
        #expect(book.count <= 100)
        // By memory too.
        let large = String(repeating: "x", count: 300_000)
        for number in 0..<50 { book.add(get("/large/\(number)", at: 30_000, says: large), of: 4) }
        #expect(book.count <= 3 + 100 / 4)
        #expect(text(book.templateAnswer(try question("/large/x7"), present: Recorded.at(0))) == nil)
        #expect(text(book.templateAnswer(try question("/large/777"), present: Recorded.at(0)))?.count == 300_000)
    }

    @Test func anAnswerMayComeUntilTheRecordingHasComeToThePresent() {
        var book = AnswerBook()
        #expect(book.couldBring(Recorded.at(5)))
        book.add(get("/", at: 10, says: ""), of: 1)
        #expect(!book.couldBring(Recorded.at(12)) && book.couldBring(Recorded.at(13)))
        book.noteHeard(Recorded.at(20))
        #expect(!book.couldBring(Recorded.at(20)))
    }

    /// The figure that a busy recording needs: adding and finding take microseconds, also when the book is full.
    @Test func aFullBookStaysQuick() throws {
        var book = AnswerBook(AnswerBook.Limits(answers: 5_000))
        let clock = ContinuousClock()
        let exchanges = (0..<2_000).map { get("/items/\($0 % 50)", at: Int64($0), says: "x", number: $0) }
        let asked = try question("/items/3")
        let time = clock.measure {
            for round in 0..<10 {
                for exchange in exchanges {
                    book.add(exchange, of: UInt64(round % 3))
                    _ = book.exactAnswer(asked, present: exchange.request.passage.lastByte)
                }
            }
        }
        #expect(time < .seconds(10))
    }
}

@Suite struct TemplateTests {
    @Test(arguments: [
        ("SELECT * FROM t1 WHERE a=5 AND b='x''y'", "SELECT * FROM t1 WHERE a=? AND b=?"),
        ("SELECT $1, \"col 1\", 1.5", "SELECT $1, \"col 1\", ?"),
        ("INSERT INTO t VALUES(-3)", "INSERT INTO t VALUES(-?)"),
        ("SELECT 'open", "SELECT ?"), ("SELECT \"open", "SELECT \"open"), ("", ""), ("é1", "é1"),
    ])
    func statementsForgetValuesAndKeepNames(_ sql: String, _ template: String) {
        #expect(SQLTemplate.of(sql) == template)
    }

    @Test(arguments: [
        ("select 1", "SELECT"), ("  /* a */ -- b\n(With x AS", "WITH"), ("/* open", ""), ("", ""), ("--", ""),
        ("12", ""),
    ])
    func verbsStandBehindComments(_ sql: String, _ verb: String) { #expect(SQLTemplate.verb(of: sql) == verb) }

    @Test(arguments: [
        ("/v1/items/17", "/v1/items/?"), ("/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/?/x"),
        ("/blob/deadbeef01", "/blob/?"), ("/defaced/facade", "/defaced/facade"), ("/", "/"), ("", ""),
        ("/a-17-b", "/a-?-b"),
    ])
    func pathsForgetNumbers(_ path: String, _ template: String) {
        #expect(WordTemplate.of(Array(path.utf8).span) == Array(template.utf8))
    }

    @Test(arguments: [
        ("user:17:cart", "user:?:cart"), ("item42", "item?"), ("s{a1b2c3d4e5}", "s{?}"), ("a1b2", "a?b?"),
    ])
    func keysForgetNumbersInsideWords(_ key: String, _ template: String) {
        #expect(WordTemplate.of(Array(key.utf8).span, insideWords: true) == Array(template.utf8))
    }
}
