import Model
import Proxies
import Testing
import Wire

/// PostgreSQL with a role and a line of pg_hba.conf for each method of logging in.
enum PostgreSQLServer {
    static let script = """
        bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
        "$bin/initdb" --pgdata="$1/data" --username=postgres --no-sync --locale=C --encoding=UTF8 --auth=trust
        {
            echo 'host all postgres,open 127.0.0.1/32 trust'
            echo 'host all plain 127.0.0.1/32 password'
            echo 'host all digest 127.0.0.1/32 md5'
            echo 'host all outside 127.0.0.1/32 reject'
            echo 'host all all 127.0.0.1/32 scram-sha-256'
        } > "$1/data/pg_hba.conf"
        exec "$bin/postgres" -D "$1/data" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
            -c fsync=off -c shared_buffers=8MB -c autovacuum=off -c dynamic_shared_memory_type=mmap
        """

    private static let roles = [
        "CREATE ROLE open LOGIN", "CREATE ROLE plain LOGIN PASSWORD 'in the clear'", "CREATE ROLE outside LOGIN",
        "SET password_encryption = 'md5'", "CREATE ROLE digest LOGIN PASSWORD 'hashed'",
        "SET password_encryption = 'scram-sha-256'", "CREATE ROLE scram LOGIN PASSWORD 'salted'",
        "CREATE ROLE \"o'dd, =one\" LOGIN PASSWORD 'p\u{e4}ssw\u{f6}rd \u{2713}'",
        "CREATE ROLE locked PASSWORD 'salted'", "CREATE ROLE full LOGIN CONNECTION LIMIT 0 PASSWORD 'salted'",
        "REVOKE CONNECT ON DATABASE template1 FROM public",
    ]

    @Sendable static func prepare(_ server: TestServer) throws {
        let logIn = PostgreSQLLogIn(Credentials(user: "postgres"))
        var dialogue = try Dialogue(.postgresql, server.port, logIn)
        for role in roles {
            let exchange = try dialogue.ask(query(role))
            #expect(exchange.allSatisfy { !$0.reply.isError }, "\(role)")
        }
    }

    static func query(_ sql: String) -> [UInt8] { PostgreSQLMessage("Q", Array(sql.utf8) + [0]).bytes }
}

extension Trait where Self == TestServerTrait {
    static var postgresql: Self { TestServerTrait(script: PostgreSQLServer.script, ready: PostgreSQLServer.prepare) }
}
