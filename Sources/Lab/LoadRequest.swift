/// The bytes of a planned request.
enum LoadRequest {
    static func bytes(_ page: LoadPage, cookie: String?) -> [UInt8] {
        switch page {
        case .home: get("/", cookie)
        case .browse(let category, let page): get("/browse?category=\(category)&page=\(page)", cookie)
        case .search(let word): get("/search?q=\(word)&page=1", cookie)
        case .item(let id): get("/item/\(id)", cookie)
        case .account: get("/user", cookie)
        case .logIn(let user): post("/login", "user=user\(user)&password=secret\(user)", cookie)
        case .bid(let item, let amount): post("/bid", "item=\(item)&amount=\(amount)", cookie)
        case .sell(let title, let category, let price):
            post("/sell", "title=\(title.replacing(" ", with: "+"))&category=\(category)&price=\(price)", cookie)
        }
    }

    private static func common(_ cookie: String?) -> String {
        "Host: auction.lab\r\nUser-Agent: whatif-load/1\r\nAccept: text/html\r\n"
            + (cookie.map { "Cookie: sid=\($0)\r\n" } ?? "")
    }

    private static func get(_ target: String, _ cookie: String?) -> [UInt8] {
        Array("GET \(target) HTTP/1.1\r\n\(common(cookie))\r\n".utf8)
    }

    private static func post(_ target: String, _ form: String, _ cookie: String?) -> [UInt8] {
        let head =
            "POST \(target) HTTP/1.1\r\n\(common(cookie))Content-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: \(form.utf8.count)\r\n\r\n"
        return Array((head + form).utf8)
    }

    /// The value of `Set-Cookie: sid=…` in a reply's head.
    static func sessionCookie(in reply: [UInt8]) -> String? {
        for line in reply.prefix(4096).split(separator: 0x0a) {
            if line == [0x0d] { return nil }
            let text = String(decoding: line, as: UTF8.self)
            guard text.lowercased().hasPrefix("set-cookie:"), let start = text.firstRange(of: "sid=")?.upperBound else {
                continue
            }
            return String(text[start...].prefix { $0 != ";" && $0 != "\r" })
        }
        return nil
    }
}
