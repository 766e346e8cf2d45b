# PostgreSQL 15. Its folder has `port`, `ca.crt` (the server's certificate names localhost and
# 127.0.0.1), and a socket on which the superuser `postgres` needs no password. Over TCP: user `app`,
# password `apppw`, owner of database `app`, with TLS only; `plain`, `plainpw`, also without; `cert`
# by the certificate `client.crt` with `client.key`.
# ASTLOAD_TEST_FSYNC=on syncs as in earnest, which benches need.
lacks='Debian packages postgresql-15, postgresql-client-15 and openssl, or root to install them'
programs=/usr/lib/postgresql/15/bin

install() {
    [ -x $programs/initdb ] && command -v psql >/dev/null && command -v openssl >/dev/null ||
        debian postgresql-15 postgresql-client-15 openssl
}

certificates() {
    (
        cd "$1"
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=astload tests' \
            -keyout ca.key -out ca.crt -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >server.ext
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
            -out server.crt -extfile server.ext
        openssl req -newkey rsa:2048 -nodes -subj '/CN=cert' -keyout client.key -out client.csr
        # With an extension it is of version 3, as rustls wants it.
        echo basicConstraints=CA:FALSE >client.ext
        openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
            -out client.crt -extfile client.ext
        chmod 600 server.key client.key
    ) 2>/dev/null
}

start() {
    local folder=$1 port
    port=$(cat "$folder/port")
    certificates "$folder"
    : >"$folder/log"
    [ "$(id -u)" != 0 ] || chown -R postgres "$folder"
    as postgres $programs/initdb -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N \
        >>"$folder/log"
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
ssl = on
ssl_cert_file = '$folder/server.crt'
ssl_key_file = '$folder/server.key'
ssl_ca_file = '$folder/ca.crt'
password_encryption = 'scram-sha-256'
fsync = ${ASTLOAD_TEST_FSYNC:-off}
CONF
    cat >"$folder/data/pg_hba.conf" <<'CONF'
local     all all                trust
hostssl   all cert  127.0.0.1/32 cert
hostssl   all all   127.0.0.1/32 scram-sha-256
hostnossl all plain 127.0.0.1/32 scram-sha-256
CONF
    as postgres $programs/pg_ctl -D "$folder/data" -l "$folder/log" -w -t 60 start >/dev/null || return 1
    psql -h "$folder" -p "$port" -U postgres -qAt -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
create role app login password 'apppw';
create role plain login password 'plainpw';
create role cert login;
create database app owner app;
grant create on database app to plain;
SQL
    # By the way that tests take.
    PGPASSWORD=apppw psql -qAt -c 'select 1' >/dev/null \
        "host=localhost hostaddr=127.0.0.1 port=$port user=app dbname=app sslmode=verify-full sslrootcert=$folder/ca.crt"
}

stop() {
    [ ! -e "$1/data/postmaster.pid" ] || as postgres $programs/pg_ctl -D "$1/data" -m immediate -w stop >/dev/null
}
