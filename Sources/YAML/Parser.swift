import CYAML

/// From text to nodes through libyaml's events. Aliases, anchors and several documents are refused: nothing that people
/// write here needs them, and an alias can make a small file grow without bound.
struct Parser {
    private enum Event {
        case scalar(String)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case documentEnd, streamEnd
        case other
        case refused(String)
    }

    private static let depthLimit = 64

    private let file: String

    static func parse(_ text: String, file: String) throws(YAMLError) -> Node {
        try Parser(file: file).run(Array(text.utf8))
    }

    private func failure(_ mark: Node.Mark, _ reason: String) -> YAMLError {
        YAMLError(file: file, line: mark.line, column: mark.column, reason: reason)
    }

    private func run(_ bytes: [UInt8]) throws(YAMLError) -> Node {
        let events = try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(YAMLError) in
            try unsafe self.events(of: buffer)
        }
        var position = 0
        while position < events.count, case .other = events[position].0 { position += 1 }
        guard position < events.count else { throw failure(.init(line: 1, column: 1), "the file is empty") }
        let root = try node(events, &position, depth: 0)
        while position < events.count {
            if case .other = events[position].0 {
                throw failure(events[position].1, "a second document; one file holds one")
            }
            position += 1
        }
        return root
    }

    private func events(of buffer: UnsafeBufferPointer<UInt8>) throws(YAMLError) -> [(Event, Node.Mark)] {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) == 1 else {
            throw failure(.init(line: 1, column: 1), "no memory for the parser")
        }
        defer { unsafe yaml_parser_delete(&parser) }
        unsafe yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
        var events: [(Event, Node.Mark)] = []
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(&parser, &event) == 1 else {
                let mark = unsafe parser.problem_mark
                let reason = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not YAML"
                throw failure(.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1), reason)
            }
            defer { unsafe yaml_event_delete(&event) }
            let mark = unsafe Node.Mark(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
            let kind = unsafe self.kind(of: event)
            if case .streamEnd = kind { return events }
            if case .refused(let reason) = kind { throw failure(mark, reason) }
            if case .documentEnd = kind { continue }
            events.append((kind, mark))
        }
    }

    private func kind(of event: yaml_event_t) -> Event {
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            return unsafe .scalar(
                String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self))
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT: return .mappingStart
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_ALIAS_EVENT: return .refused("an alias; write the value out")
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_END_EVENT: return .streamEnd
        default: return .other
        }
    }

    private func node(
        _ events: [(Event, Node.Mark)], _ position: inout Int, depth: Int
    ) throws(YAMLError) -> Node {
        let (event, mark) = events[position]
        guard depth < Self.depthLimit else { throw failure(mark, "nested too deeply") }
        position += 1
        switch event {
        case .scalar(let text):
            return Node(content: .scalar(text), mark: mark)
        case .sequenceStart:
            var items: [Node] = []
            while true {
                if case .sequenceEnd = events[position].0 { break }
                items.append(try node(events, &position, depth: depth + 1))
            }
            position += 1
            return Node(content: .sequence(items), mark: mark)
        case .mappingStart:
            var pairs: [(key: Node, value: Node)] = []
            while true {
                if case .mappingEnd = events[position].0 { break }
                let key = try node(events, &position, depth: depth + 1)
                guard case .scalar(let name) = key.content else { throw failure(key.mark, "a key that is not a word") }
                for pair in pairs {
                    if case .scalar(name) = pair.key.content {
                        throw failure(key.mark, "the key '\(name)' stands twice")
                    }
                }
                pairs.append((key, try node(events, &position, depth: depth + 1)))
            }
            position += 1
            return Node(content: .mapping(pairs), mark: mark)
        default:
            throw failure(mark, "a value was expected here")
        }
    }
}
