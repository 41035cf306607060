import Foundation
import Model
import Testing

@Suite struct AnswerAccountTests {
    @Test func recordsOfEarlierVersionsAreRead() throws {
        let old = Data(#"{"exact":7,"template":2,"unmatched":1}"#.utf8)
        let account = try JSONDecoder().decode(AnswerAccount.self, from: old)
        #expect(account.exact == 7 && account.template == 2 && account.unmatched == 1)
        #expect(account.forwarded == 0)
        #expect(account.nearest == 0 && account.waited == 0 && account.overrun == 0 && account.total == 10)
    }

    @Test func whatIsWrittenIsRead() throws {
        var account = AnswerAccount()
        (account.exact, account.template, account.nearest) = (1, 2, 3)
        (account.unmatched, account.waited, account.overrun) = (4, 5, 6)
        account.forwarded = 7
        #expect(try JSONDecoder().decode(AnswerAccount.self, from: JSONEncoder().encode(account)) == account)
        #expect(account.total == 17)
    }
}
