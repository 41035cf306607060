import Model
import Proxies
import Testing
import Wire

/// MariaDB with a user for each method of logging in.
enum MariaDBServer {
    /// The system tables as its installer makes them, without InnoDB, whose files take a second to write.
    static let script = """
        mkdir -p "$1/data/mysql"
        options="--no-defaults --datadir=$1/data --tmpdir=$1 --skip-innodb --default-storage-engine=Aria"
        options="$options --lc-messages-dir=/usr/share/mysql --aria-pagecache-buffer-size=8M"
        {
            echo 'USE mysql;'
            cat /usr/share/mysql/mysql_system_tables.sql /usr/share/mysql/mysql_system_tables_data.sql
            echo "
        FLUSH PRIVILEGES;
        DELETE FROM global_priv WHERE User = '';
        FLUSH PRIVILEGES;
        CREATE DATABASE shop;
        CREATE DATABASE closed;
        CREATE USER native IDENTIFIED VIA mysql_native_password USING PASSWORD('hashed');
        CREATE USER bare;
        CREATE USER old IDENTIFIED VIA mysql_old_password USING '0123456789abcdef';
        CREATE USER locked IDENTIFIED BY 'hashed' ACCOUNT LOCK;
        GRANT ALL ON shop.* TO native, bare;
        " | tr -s '\\n'
        } | mariadbd $options --bootstrap
        exec mariadbd $options --port="$2" --bind-address=127.0.0.1 --socket="$1/socket" --skip-name-resolve --skip-secure-auth
        """

    @Sendable static func isReady(_ server: TestServer) throws {
        _ = try Dialogue(.mysql, server.port, MySQLLogIn(Credentials(user: "native", password: "hashed")))
    }
}

extension Trait where Self == TestServerTrait {
    static var mariadb: Self { TestServerTrait(script: MariaDBServer.script, ready: MariaDBServer.isReady) }
}
