import Model
import Proxies

/// From the logs of an experiment to its figures. Pure.
struct Tally {
    private(set) var samples: [ResponseSample] = []
    var account = RequestAccount()
    /// Answers that came within the window: a clone that falls behind must not be credited with what it answers later.
    private(set) var answeredInTime = 0

    /// `window` is the clone's: requests due in it count. `end` is when the experiment stopped waiting. `originals` are the
    /// on-line requests of those that are copies.
    init(
        replayed: [ReplayedRequest], onLine: OnLineLog.Window, window: Range<Timestamp>, end: Timestamp,
        originals: [RequestKey: RequestKey] = [:]
    ) {
        let expected = Dictionary(onLine.exchanges.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        account.captured = onLine.captured
        account.lost = onLine.lost
        for request in replayed where window.contains(request.due) {
            let onLine = expected[originals[request.key] ?? request.key]
            account.add(request, expectedStatus: onLine?.status, wasError: onLine?.isError ?? false)
            guard let response = request.responseTime(until: end) else { continue }
            // What still waits for its connection was duplicated all the same.
            if request.sent == nil { account.sent += 1 }
            if case .answered(_, _, let time) = request.outcome, time < window.upperBound { answeredInTime += 1 }
            samples.append(ResponseSample(due: request.due, response: response))
        }
    }

    /// The clone's figures over those of the on-line domain.
    func ratios(to onLine: [ResponseSample]) -> [ResponseStatistic: Estimate] {
        let ratios = ResponseStatistic.allCases.compactMap { statistic in
            RunStatistics.ratio(statistic, of: samples, to: onLine).map { (statistic, $0) }
        }
        return Dictionary(uniqueKeysWithValues: ratios)
    }

    /// The part of a window in which the clone was as fast as it is once it has warmed up.
    static func steady(
        _ replayed: [ReplayedRequest], window: Range<Timestamp>, end: Timestamp
    ) -> Range<Timestamp> {
        let samples = replayed.compactMap { request in
            window.contains(request.due)
                ? request.responseTime(until: end).map { ResponseSample(due: request.due, response: $0) } : nil
        }.sorted { $0.due < $1.due }
        let first = SteadyState.beginning(of: samples)
        return first == 0 ? window : samples[first].due..<window.upperBound
    }

    /// Requests that were due before `start` and have no reply. Clones that keep state lack what these have done.
    static func missed(_ replayed: [ReplayedRequest], before start: Timestamp) -> Int {
        replayed.count { request in
            if case .answered = request.outcome { return false }
            return request.due < start
        }
    }

    /// What may have made a cell invalid; nil when the clones missed nothing.
    static func remark(missed: Int, bootTime: Duration) -> String? {
        guard missed > 0 else { return nil }
        return "the clones missed \(missed) requests since their snapshot; a 'time-shift' above the "
            + "\(Format.duration(bootTime)) that they took to boot lets them see all"
    }

    /// Of a node that is itself virtual.
    static func stolen(_ share: Double, _ specification: CampaignSpecification) -> String {
        "\(Format.percent(share)) of the processor time wanted on the node was not given by its own host (steal, limit "
            + "\(Format.percent(specification.stolenLimit))): others use that machine"
    }

    /// Why a cell with these figures must not be used; empty when it may.
    static func invalidity(
        _ account: RequestAccount, _ answers: AnswerAccount, _ specification: CampaignSpecification
    ) -> Invalidity {
        var invalidity = Invalidity()
        let share = { (part: Int, whole: Int) in whole == 0 ? 0 : Double(part) / Double(whole) }
        let lost = share(account.lost, account.captured + account.lost)
        if lost > specification.lostLimit {
            invalidity.ofOthers.append(
                "\(account.lost) requests lost (\(Format.percent(lost)), limit \(Format.percent(specification.lostLimit)))"
            )
        }
        if share(account.unseen.dropped, account.captured) > specification.lostLimit {
            invalidity.ofOthers.append("the kernel dropped \(account.unseen.dropped) packets of the capture")
        }
        if account.dropped > 0 {
            invalidity.ofAllocation.append("\(account.dropped) requests were not sent: the clone did not take them")
        }
        if account.captured != account.sent + account.dropped {
            invalidity.ofOthers.append("\(account.captured) requests captured and \(account.sent) sent")
        }
        let late = share(account.late, account.sent)
        if late > specification.lateLimit {
            invalidity.ofOthers.append(
                "\(account.late) requests left late (\(Format.percent(late)), limit "
                    + "\(Format.percent(specification.lateLimit))): the machine is too busy")
        }
        let mismatched = share(account.mismatched, account.answered)
        if mismatched > specification.unmatchedLimit {
            invalidity.ofAllocation.append(
                "\(account.mismatched) replies with another status than on-line (\(Format.percent(mismatched)))")
        }
        let unmatched = share(answers.unmatched, answers.total)
        if unmatched > specification.unmatchedLimit {
            invalidity.ofAllocation.append(
                "\(answers.unmatched) of the clone's queries without a recorded answer (\(Format.percent(unmatched)), limit "
                    + "\(Format.percent(specification.unmatchedLimit)))")
        }
        let failed = share(account.failed, account.sent)
        if failed > 0.01 {
            invalidity.ofAllocation.append("\(account.failed) requests failed on the clone (\(Format.percent(failed)))")
        }
        return invalidity
    }
}

/// Why a cell must not be used.
struct Invalidity: Hashable {
    /// What another allocation might not have: the clone did not take, did not answer, or answered otherwise.
    var ofAllocation: [String] = []
    /// What says nothing of the allocation: the machine, the capture, the visitors.
    var ofOthers: [String] = []

    var isEmpty: Bool { reasons.isEmpty }
    var reasons: [String] { ofAllocation + ofOthers }
    var isSpoilt: Bool { ofAllocation.isEmpty && !ofOthers.isEmpty }

    /// What may have led to the other reasons.
    mutating func remark(_ text: String) {
        if isSpoilt { ofOthers.append(text) } else { ofAllocation.append(text) }
    }
}
