import Model
import Proxies
import Testing

/// Redis with a password and users.
enum RedisServer {
    static let script = """
        exec redis-server --port "$2" --bind 127.0.0.1 --dir "$1" --save '' --appendonly no --databases 4 \
            --requirepass secret --user alice on '>wonder' '~*' '+@all' --user caged on '>wonder' '~*' -@all +auth
        """

    @Sendable static func isReady(_ server: TestServer) throws {
        _ = try Dialogue(.redis, server.port, RedisLogIn(Credentials(user: "", password: "secret")))
    }
}

extension Trait where Self == TestServerTrait {
    static var redis: Self { TestServerTrait(script: RedisServer.script, ready: RedisServer.isReady) }
}
