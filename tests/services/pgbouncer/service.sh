# PgBouncer with transaction pooling, two connections to `app` of the PostgreSQL beside it. Its folder
# has `port`; user and password are the server's.
needs=postgres
lacks='Debian package pgbouncer, or root to install it'

install() {
    [ -x /usr/sbin/pgbouncer ] || debian pgbouncer
}

start() {
    local folder=$1 port
    port=$(cat "$folder/port")
    cat >"$folder/ini" <<CONF
[databases]
app = host=127.0.0.1 port=$(cat "$ASTLOAD_TEST_POSTGRES/port") dbname=app user=app password=apppw
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
server_tls_sslmode = require
logfile = $folder/log
pidfile = $folder/pid
CONF
    echo '"app" "apppw"' >"$folder/users"
    [ "$(id -u)" != 0 ] || chown -R postgres "$folder"
    as postgres /usr/sbin/pgbouncer -d -q "$folder/ini"
    PGPASSWORD=apppw answers "$folder" 20 \
        psql -qAt "host=127.0.0.1 port=$port user=app dbname=app" -c 'select 1'
}

stop() {
    end "$1" INT
}
