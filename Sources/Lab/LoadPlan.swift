import Glibc
import Model

/// What one request of the load asks for.
package enum LoadPage: Hashable, Sendable {
    case home
    case browse(category: Int, page: Int)
    case search(String)
    case item(Int)
    case logIn(user: Int)
    case account
    case bid(item: Int, amount: Int)
    case sell(title: String, category: Int, price: Int)

    /// Whether it needs the session's cookie.
    package var needsLogIn: Bool {
        switch self {
        case .account, .bid, .sell: true
        default: false
        }
    }
}

/// One planned request of a session.
package struct PlannedRequest: Hashable, Sendable {
    package let session: UInt64
    package let number: Int
    /// From the start of the load.
    package let offset: Duration
    package let page: LoadPage
    /// The visitor leaves after it.
    package let isLast: Bool
}

/// The auction service's visitors, after RUBiS: sessions begin whatever the service does, each looks at a few pages with
/// pauses between, and some log in to bid or to sell. Pure: the same seed gives the same visitors.
///
/// Starts are stratified: one at a random moment of each interval of 1/rate. Within a second the load is as irregular as
/// real visitors; over the tens of seconds of an experiment its rate is the same, so that experiments can be compared.
package struct LoadPlan: Sendable {
    /// Requests of a session on average; what `sessions a second` is made from.
    static let meanLength = 6.5
    private static let meanPause = 0.7
    private static let words = [
        "antique", "bright", "classic", "elegant", "handmade", "painted", "rustic", "vintage", "bamboo", "brass",
        "copper",
        "crystal", "leather", "marble", "silver", "walnut", "teapot", "lamp", "compass", "goblet",
    ]

    private var random: SplitMix64
    private let sessionRate: Double
    private var nextInterval: Double
    private var nextSession: UInt64 = 1

    /// `rate` in requests a second.
    package init(rate: Double, seed: UInt64) {
        random = SplitMix64(seed: seed)
        sessionRate = rate / Self.meanLength
        // The sessions that would be under way had the load begun before.
        nextInterval = (-12 * sessionRate).rounded(.down)
    }

    /// The sessions that begin before `horizon`, as requests in any order.
    package mutating func requests(startingBefore horizon: Duration) -> [PlannedRequest] {
        var requests: [PlannedRequest] = []
        while nextInterval / sessionRate < horizon.seconds {
            requests += session(at: (nextInterval + random.unit()) / sessionRate).filter { $0.offset >= .zero }
            nextInterval += 1
        }
        return requests
    }

    private mutating func exponential(_ mean: Double) -> Double { -log(1 - random.unit()) * mean }

    private mutating func session(at start: Double) -> [PlannedRequest] {
        var pages: [LoadPage] = [.home]
        // 5 to 8 pages, 6.5 on average.
        let length = 5 + random.below(4)
        let isMember = random.unit() < 0.25
        if isMember { pages.append(.logIn(user: 1 + random.below(1000))) }
        while pages.count < length { pages.append(page(isMember: isMember)) }
        let id = nextSession
        nextSession += 1
        var time = start
        return pages.enumerated().map { number, page in
            defer { time += min(5, 0.05 + exponential(Self.meanPause - 0.05)) }
            return PlannedRequest(
                session: id, number: number, offset: .nanoseconds(Int64(time * 1e9)), page: page,
                isLast: number == pages.count - 1)
        }
    }

    private mutating func page(isMember: Bool) -> LoadPage {
        let item = 1 + random.below(4000)
        let dice = random.unit()
        if isMember {
            if dice < 0.12 { return .account }
            // Above every price of the seed, so that the bid is taken the first time.
            if dice < 0.27 { return .bid(item: item, amount: 700 + random.below(9000)) }
            if dice < 0.32 {
                let title =
                    "\(Self.words[random.below(Self.words.count)]) \(Self.words[random.below(Self.words.count)])"
                return .sell(title: title, category: 1 + random.below(20), price: 5 + random.below(500))
            }
        }
        let choice = random.unit()
        if choice < 0.40 { return .item(item) }
        if choice < 0.75 { return .browse(category: 1 + random.below(20), page: 1 + random.below(6)) }
        if choice < 0.92 { return .search(Self.words[random.below(Self.words.count)]) }
        return .home
    }
}

extension SplitMix64 {
    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
}
