# What the recipes of servers share. A recipe defines `install`, `start FOLDER` and `stop FOLDER`; `needs`
# names servers that have to run before it, `lacks` says what a machine is to have where `install` fails.

cache=${ASTLOAD_SERVICES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/astload/services}

# fail CODE MESSAGE
fail() {
    echo "tests/services: $2" >&2
    exit "$1"
}

# A port of 127.0.0.1 that is free now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# debian PACKAGE…: installs what is not there, where one may. No server is started by that.
debian() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    [ -e /usr/sbin/policy-rc.d ] || {
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
    }
    mkdir -p "$cache"
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                -o DPkg::Lock::Timeout=300 "${missing[@]}"
    } >"$cache/apt.log" 2>&1 || {
        tail -5 "$cache/apt.log" >&2
        return 1
    }
}

# go_program NAME MODULE@VERSION: builds it into the cache, once.
go_program() {
    [ ! -x "$cache/bin/$1" ] || return 0
    command -v go >/dev/null || return 1
    local built
    built=$(mktemp -d)
    mkdir -p "$cache/bin"
    GOBIN=$built GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go install -trimpath "$2" 2>"$built.log" &&
        mv "$built"/* "$cache/bin/$1"
    [ -x "$cache/bin/$1" ] || tail -5 "$built.log" >&2
    rm -rf "$built" "$built.log"
    [ -x "$cache/bin/$1" ]
}

# java_of VERSION: the path of a Java that is at least so new.
java_of() {
    local java found
    for java in "${JAVA_HOME:-}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
        [ -x "$java" ] || continue
        found=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -1)
        [ "${found:-0}" -lt "$1" ] || { echo "$java" && return; }
    done
    return 1
}

# jdk_of VERSION: the folder of a JDK that is at least so new.
jdk_of() {
    local compiler found
    for compiler in "${JAVA_HOME:-}/bin/javac" /usr/lib/jvm/*/bin/javac "$(readlink -f "$(command -v javac || true)")"; do
        [ -x "$compiler" ] || continue
        found=$("$compiler" -version 2>&1 | sed -n 's/javac \([0-9]*\).*/\1/p')
        [ "${found:-0}" -lt "$1" ] || { dirname "$(dirname "$compiler")" && return; }
    done
    return 1
}

# maven_jars POM FOLDER: what it depends on, once.
maven_jars() {
    command -v mvn >/dev/null || return 1
    rm -rf "$2"
    mkdir -p "$2"
    mvn -q -B -f "$1" dependency:copy-dependencies -DoutputDirectory="$2" -DincludeScope=runtime \
        >"$2.log" 2>&1 && touch "$2/ready" || { tail -5 "$2.log" >&2 && return 1; }
}

# as USER COMMAND…: as that user where we are root, for servers that refuse to be; else as ourselves.
as() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then (cd / && exec runuser -u "$user" -- "$@"); else "$@"; fi
}

# Whether a process runs; one that has ended and was not waited for does not.
runs() {
    local state
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}

# background FOLDER COMMAND…: its id is in FOLDER/pid, what it says in FOLDER/log.
background() {
    local folder=$1
    shift
    setsid "$@" >>"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
}

# answers FOLDER SECONDS COMMAND…: waits until the command succeeds, for as long as the server runs.
answers() {
    local folder=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        runs "$(head -1 "$folder/pid")" || return 1
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# end FOLDER [SIGNAL]: asks the server to end, and after ten seconds no longer asks.
end() {
    local pid at
    pid=$(head -1 "$1/pid" 2>/dev/null) && [ -n "$pid" ] || return 0
    kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
    for ((at = 0; at < 100; at++)); do
        runs "$pid" || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}
