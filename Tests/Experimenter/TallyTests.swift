import Model
import Proxies
import Testing
import YAML

@testable import Experimenter

@Suite struct TallyTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    private func replayed(_ number: Int, due: Int64, _ outcome: ReplayedRequest.Outcome) -> ReplayedRequest {
        var request = ReplayedRequest(key: RequestKey(connection: 1, number: number), due: at(due))
        request.sent = request.due
        request.outcome = outcome
        return request
    }

    private func onLine(_ statuses: [Int]) -> OnLineLog.Window {
        OnLineLog.Window(
            exchanges: statuses.enumerated().map {
                .init(
                    key: RequestKey(connection: 1, number: $0.offset), asked: at(0), status: $0.element,
                    isError: $0.element >= 500,
                    responseTime: .milliseconds(5))
            }, captured: statuses.count, lost: 0, range: at(0)..<at(100))
    }

    /// Every request that was captured is in exactly one of the counts.
    @Test func everyRequestIsAccountedFor() {
        let tally = Tally(
            replayed: [
                replayed(0, due: 10, .answered(status: 200, isError: false, at: at(15))),
                replayed(1, due: 20, .answered(status: 500, isError: true, at: at(25))),
                replayed(2, due: 30, .cutOff(at: at(31))),
                replayed(3, due: 40, .waiting),
                replayed(4, due: 200, .waiting),
            ], onLine: onLine([200, 200, 200, 200]), window: at(0)..<at(100), end: at(300))
        #expect(tally.account.captured == 4 && tally.account.sent == 4)
        #expect(tally.account.answered == 2 && tally.account.failed == 2 && tally.account.unanswered == 1)
        #expect(tally.account.mismatched == 1)
        // What is still waiting counts with the time waited so far.
        #expect(
            tally.samples.map(\.response) == [.milliseconds(5), .milliseconds(5), .milliseconds(1), .milliseconds(260)])
    }

    /// An error that the on-line system gave too is no failure of the clone.
    @Test func anErrorSeenOnLineIsNoMismatch() {
        let tally = Tally(
            replayed: [replayed(0, due: 10, .answered(status: 503, isError: true, at: at(15)))], onLine: onLine([503]),
            window: at(0)..<at(100), end: at(300))
        #expect(tally.account.mismatched == 0 && tally.account.failed == 0)
    }

    /// The limits are those that hold when a file sets none.
    private var specification: CampaignSpecification {
        get throws {
            let text = """
                service: s
                connect: lxc:///system
                sla: { p95: 1 s }
                tiers: [{ name: a, domains: [a], serves: "http:80", calls: [b] }, { name: b, domains: [b], serves: "http:80" }]
                campaign: { tier: b, axes: { cpu: [10%, 20%] } }
                """
            return try YAMLDecoder.decode(ServiceFile.self, from: text, file: "f").campaign
        }
    }

    @Test func lossBeyondTheLimitMakesACellInvalid() throws {
        let specification = try specification
        var account = RequestAccount()
        (account.captured, account.sent) = (1000, 1000)
        #expect(Tally.invalidity(account, AnswerAccount(), specification).isEmpty)
        account.lost = 3
        #expect(
            Tally.invalidity(account, AnswerAccount(), specification).reasons.first?.hasPrefix("3 requests lost")
                == true)
        account.lost = 0
        account.unseen = Unseen(dropped: 7)
        #expect(
            Tally.invalidity(account, AnswerAccount(), specification).reasons.first?.contains("dropped 7") == true)
        account.sent = 990
        #expect(!Tally.invalidity(account, AnswerAccount(), specification).isEmpty)
    }

    /// What others did tells nothing of the allocation; one reason that is its own is enough to tell something.
    @Test func whatOthersDidSpoilsACellOnly() throws {
        let specification = try specification
        var account = RequestAccount()
        (account.captured, account.sent, account.lost, account.late) = (1000, 1000, 3, 100)
        #expect(Tally.invalidity(account, AnswerAccount(), specification).isSpoilt)
        account.failed = 20
        let both = Tally.invalidity(account, AnswerAccount(), specification)
        #expect(both.reasons.count == 3 && !both.isSpoilt && !Invalidity().isSpoilt)
        (account.lost, account.late) = (0, 0)
        #expect(!Tally.invalidity(account, AnswerAccount(), specification).isSpoilt)
    }

    @Test func queriesWithoutAnAnswerMakeACellInvalid() throws {
        let specification = try specification
        var account = RequestAccount()
        (account.captured, account.sent) = (100, 100)
        var answers = AnswerAccount()
        (answers.exact, answers.unmatched) = (990, 20)
        let invalidity = Tally.invalidity(account, answers, specification)
        #expect(invalidity.reasons.count == 1 && !invalidity.isSpoilt)
    }

    /// Fast because it answers something else, or late because the machine was busy: neither is a measurement.
    @Test func otherAnswersAndLateRequestsMakeACellInvalid() throws {
        let specification = try specification
        var account = RequestAccount()
        (account.captured, account.sent, account.answered) = (1000, 1000, 1000)
        account.mismatched = 20
        #expect(Tally.invalidity(account, AnswerAccount(), specification).reasons.first?.contains("status") == true)
        (account.mismatched, account.late) = (0, 60)
        #expect(Tally.invalidity(account, AnswerAccount(), specification).reasons.first?.contains("late") == true)
        var patient = specification
        patient.lateLimit = 0.06
        #expect(Tally.invalidity(account, AnswerAccount(), patient).isEmpty)
    }

    /// What is answered after the window is no throughput of the window.
    @Test func aCloneThatFallsBehindIsNotCreditedWithLaterAnswers() {
        let tally = Tally(
            replayed: [
                replayed(0, due: 10, .answered(status: 200, isError: false, at: at(15))),
                replayed(1, due: 90, .answered(status: 200, isError: false, at: at(250))),
            ], onLine: onLine([200, 200]), window: at(0)..<at(100), end: at(300))
        #expect(tally.account.answered == 2 && tally.answeredInTime == 1)
    }

    /// Requests without a reply before the window are what clones with state lack.
    @Test func whatClonesMissedWhileTheyBootedIsCounted() {
        let requests = [
            replayed(0, due: 10, .cutOff(at: at(11))), replayed(1, due: 20, .waiting),
            replayed(2, due: 30, .answered(status: 200, isError: false, at: at(35))),
            replayed(3, due: 100, .cutOff(at: at(101))),
        ]
        let missed = Tally.missed(requests, before: at(100))
        #expect(missed == 2)
        #expect(
            Tally.remark(missed: missed, bootTime: .seconds(7))?.contains(
                "missed 2 requests since their snapshot; a 'time-shift' above the 7 s") == true)
        #expect(Tally.remark(missed: 0, bootTime: .seconds(7)) == nil)
    }

    @Test func theLogGivesWhatWasAskedInAWindow() {
        var log = OnLineLog()
        for number in 0..<10 {
            log.request(RequestKey(connection: 1, number: number), asked: at(Int64(number) * 10))
            log.exchange(
                .init(
                    key: RequestKey(connection: 1, number: number), asked: at(Int64(number) * 10), status: 200,
                    isError: false,
                    responseTime: .milliseconds(1)))
        }
        log.lost(2, at: at(35))
        let window = log.window(at(30)..<at(60))
        #expect(window.captured == 3 && window.exchanges.count == 3 && window.lost == 2)
        #expect(window.isAnswered)
        log.request(RequestKey(connection: 2, number: 0), asked: at(59))
        #expect(!log.window(at(30)..<at(60)).isAnswered && log.window(at(30)..<at(59)).isAnswered)
    }
}
