/// What a condition is made of, each with its place.
struct QueryToken: Hashable {
    enum Kind: Hashable {
        case word(String)
        /// What stood between quotes.
        case quoted(String)
        case sign(MatrixQuery.Comparison)
        case open, close, comma
    }

    let kind: Kind
    /// In the characters of the text, from 0 on.
    let range: Range<Int>

    /// `and`, `or`, `not`, `in` and the words of questions, however they are written.
    func isKeyword(_ word: String) -> Bool {
        if case .word(let text) = kind { text.lowercased() == word } else { false }
    }
}

enum QueryTokens {
    private static let special: Set<Character> = ["<", ">", "=", "!", "(", ")", ",", "'", "\""]

    /// - Throws: `QueryError` for a quote without end, or a sign that there is not.
    static func read(_ text: String) throws(QueryError) -> [QueryToken] {
        let characters = Array(text)
        var tokens: [QueryToken] = []
        var index = 0
        while index < characters.count {
            let (start, character) = (index, characters[index])
            if character.isWhitespace {
                index += 1
                continue
            }
            let kind: QueryToken.Kind
            switch character {
            case "(": (kind, index) = (.open, index + 1)
            case ")": (kind, index) = (.close, index + 1)
            case ",": (kind, index) = (.comma, index + 1)
            case "'", "\"":
                guard let end = characters[(index + 1)...].firstIndex(of: character) else {
                    throw QueryError(text, at: start + 1, "a quote begins and does not end; write another \(character)")
                }
                (kind, index) = (.quoted(String(characters[(start + 1)..<end])), end + 1)
            case _ where special.contains(character):
                let rest = String(characters[index...].prefix(2))
                guard let sign = MatrixQuery.Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else {
                    throw QueryError(text, at: start + 1, "'\(character)' is no sign; there are \(QueryParser.signs)")
                }
                (kind, index) = (.sign(sign), index + sign.rawValue.count)
                if sign == .equal, rest == "==" { index += 1 }
            default:
                while index < characters.count, !characters[index].isWhitespace, !special.contains(characters[index]) {
                    index += 1
                }
                kind = .word(String(characters[start..<index]))
            }
            tokens.append(QueryToken(kind: kind, range: start..<index))
        }
        return tokens
    }
}
