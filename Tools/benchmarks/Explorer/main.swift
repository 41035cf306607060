// What ours says of surfaces and splits that it is given; Tools/benchmarks/exploration calls it.
//
//   explorer fill QUESTIONS ANSWERS       interpolates each split's other cells
//   explorer search QUESTIONS ANSWERS     looks for the cheapest cell of each problem that meets its SLA
//
// Both files are JSON: `Questions` in, one answer per question out.

import Exploration
import Foundation
import Model

struct WrongUse: Error {}

struct Questions: Decodable {
    struct Dimension: Decodable {
        var name: String
        /// Numeric when given, else unordered names.
        var values: [Double]?
        var names: [String]?
        var moreHelps: Bool
    }

    struct Surface: Decodable {
        var dimensions: [Dimension]
        var cells: [[Int]]
        var metric: [Double]
        var cost: [Double]?
        /// Whether more of the metric is better.
        var higher: Bool
    }

    struct Split: Decodable {
        var surface: Int
        /// Places in the surface's `cells`.
        var measured: [Int]
        /// What was measured there, where that is not the surface's own, and its relative standard error.
        var values: [Double]?
        var error: Double?
        /// How often intervals are to hold; as they come, without it.
        var confidence: Double?
        var seed: UInt64
    }

    struct Problem: Decodable {
        var surface: Int
        /// By the surface's cells.
        var metric: [Double]
        var higher: Bool
        var limit: Double
        var seed: UInt64
        /// When an answer is this cheap, it is right.
        var enough: Double
        var longest: Int
        /// Ends when it is this sure; without it, when it has found what is enough.
        var confidence: Double?
        /// Measured before it begins.
        var start: [Int]?
    }

    var surfaces: [Surface]
    var splits: [Split]?
    var problems: [Problem]?
}

/// A surface as a space, and where each of its cells stands there.
struct Ground {
    let space: ConfigurationSpace
    let places: [Int]
    let surface: Questions.Surface
    var better: Better { surface.higher ? .higher : .lower }

    init(_ surface: Questions.Surface) throws {
        let dimensions = surface.dimensions.map { dimension in
            let levels: ConfigurationSpace.Dimension.Levels =
                if let values = dimension.values {
                    .numeric(values, (values.first ?? 0) > 0 ? .both : .linear)
                } else {
                    .unordered(dimension.names ?? [])
                }
            return ConfigurationSpace.Dimension(dimension.name, levels, moreHelps: dimension.moreHelps)
        }
        let there = Dictionary(
            surface.cells.enumerated().map { (ConfigurationSpace.Configuration($1), $0) },
            uniquingKeysWith: { a, _ in a })
        var space = try ConfigurationSpace(dimensions) { there[$0] != nil }
        if let cost = surface.cost { space = try space.costing { there[$0].map { cost[$0] } ?? 1 } }
        let order = Dictionary(uniqueKeysWithValues: space.configurations.enumerated().map { ($1, $0) })
        places = surface.cells.compactMap { order[ConfigurationSpace.Configuration($0)] }
        guard places.count == surface.cells.count else { throw WrongUse() }
        self.space = space
        self.surface = surface
    }
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let time = try clock.measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
}

struct Filled: Encodable {
    /// By the surface's own order of cells.
    var value: [Double]
    var lower: [Double]
    var upper: [Double]
    /// The probability that a measurement is further than a tenth from the value.
    var doubt: [Double]
    var method: String
    var seconds: Double
}

func fill(_ questions: Questions, _ method: Interpolation.Method) throws -> [Filled] {
    let grounds = try questions.surfaces.map(Ground.init)
    return try (questions.splits ?? []).map { split in
        let ground = grounds[split.surface]
        let values = split.values ?? split.measured.map { ground.surface.metric[$0] }
        let observations = zip(split.measured, values).map { place, value in
            Observation(cell: ground.places[place], value: value, error: split.error.map { $0 * value })
        }
        var filled: Interpolation?
        let time = try seconds {
            filled = try Interpolation(
                ground.space, observations, better: ground.better, method: method, seed: split.seed)
        }
        guard let filled else { throw WrongUse() }
        let estimates = ground.places.map { place in
            split.confidence.map { filled.estimate(place, confidence: $0) } ?? filled.estimate(place)
        }
        return Filled(
            value: estimates.map { $0?.value ?? .nan }, lower: estimates.map { $0?.lower ?? .nan },
            upper: estimates.map { $0?.upper ?? .nan },
            doubt: ground.places.map { filled.probabilityOfError($0, beyond: 0.1) ?? 1 },
            method: filled.method.rawValue, seconds: time)
    }
}

struct Found: Encodable {
    /// Places in the surface's `cells`, in the order in which they were tried.
    var tried: [Int]
    var slowest: Double
    /// What it says when it ends by itself: how sure it is, and of which place.
    var confidence: Double?
    var answer: Int?
}

func search(_ questions: Questions) throws -> [Found] {
    let grounds = try questions.surfaces.map(Ground.init)
    return try (questions.problems ?? []).map { problem in
        let ground = grounds[problem.surface]
        let back = Dictionary(uniqueKeysWithValues: ground.places.enumerated().map { ($1, $0) })
        let search = Search(
            ground.space, goal: .cheapest(limit: problem.limit), better: problem.higher ? .higher : .lower,
            // Peers do not stop by themselves either, unless it is asked how good stopping is.
            confidence: problem.confidence ?? 2, seed: problem.seed)
        var found = Found(tried: [], slowest: 0)
        var trials = (problem.start ?? []).map { place in
            Trial(cell: ground.places[place], .measured(problem.metric[place]))
        }
        while trials.count < problem.longest {
            var step = SearchStep.wait
            found.slowest = max(
                found.slowest, try seconds { step = try search.next(SearchState(trials: trials)) })
            if case .finish(let end) = step {
                found.confidence = end.confidence
                found.answer = end.answer.flatMap { back[$0] }
            }
            guard case .measure(let suggestions) = step, let cell = suggestions.first?.cell, let place = back[cell]
            else { break }
            let value = problem.metric[place]
            found.tried.append(place)
            trials.append(Trial(cell: cell, .measured(value)))
            let isGood = problem.higher ? value >= problem.limit : value <= problem.limit
            if problem.confidence == nil, isGood, let cost = ground.surface.cost?[place], cost <= problem.enough {
                break
            }
        }
        return found
    }
}

func run(_ words: [String]) throws {
    guard words.count >= 3 else { throw WrongUse() }
    let questions = try JSONDecoder().decode(Questions.self, from: Data(contentsOf: URL(fileURLWithPath: words[1])))
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let answers: Data
    switch words[0] {
    case "fill":
        guard let method = Interpolation.Method(rawValue: words.count > 3 ? words[3] : "auto") else { throw WrongUse() }
        answers = try encoder.encode(fill(questions, method))
    case "search":
        answers = try encoder.encode(search(questions))
    default: throw WrongUse()
    }
    try answers.write(to: URL(fileURLWithPath: words[2]))
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("explorer: \(error)\n".utf8))
    exit(1)
}
