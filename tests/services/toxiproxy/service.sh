# Toxiproxy: makes connections slow, cut or dead. Its folder has `port`, that of its HTTP API, through
# which tests make proxies.
lacks='Go, to build it'
version=v2.5.0

install() {
    go_program toxiproxy-server "github.com/Shopify/toxiproxy/v2/cmd/server@$version"
}

start() {
    local port
    port=$(cat "$1/port")
    background "$1" "$cache/bin/toxiproxy-server" -host 127.0.0.1 -port "$port"
    answers "$1" 20 curl -fsS "http://127.0.0.1:$port/version"
}

stop() {
    end "$1"
}
