# OpenSearch 3.8, one node with all modules, without security. Its folder has `port`.
# ASTLOAD_TEST_OPENSEARCH_SETTINGS has settings more. It takes five seconds and 450 MB.
lacks='a JDK of 21 or newer and Maven'
version=3.8.0
home=$cache/opensearch-$version

install() {
    local jdk
    jdk=$(jdk_of 21) || return 1
    [ ! -e "$home/ready" ] || return 0
    maven_jars "$here/opensearch/pom.xml" "$home" || return 1
    rm "$home/ready"
    "$jdk/bin/javac" -nowarn -cp "$home/*" -d "$home/main" "$here/opensearch/Server.java" && touch "$home/ready"
}

start() {
    mkdir -p "$1/home"
    serve "$1"
}

# serve FOLDER: starts it with what is in its folder.
serve() {
    local folder=$1 jdk
    jdk=$(jdk_of 21)
    background "$folder" "$jdk/bin/java" -Xms512m -Xmx1g -XX:+UseG1GC --add-modules=jdk.incubator.vector \
        --enable-native-access=ALL-UNNAMED -Dlog4j2.disable.jmx=true -cp "$home/main:$home/*" \
        Server "$folder/home" "$(cat "$folder/port")" ${ASTLOAD_TEST_OPENSEARCH_SETTINGS:-}
    answers "$folder" 120 is_up "$folder"
}

is_up() {
    curl -fsS -m 2 "http://127.0.0.1:$(cat "$1/port")/_cluster/health?filter_path=status" | grep -qE 'green|yellow'
}

stop() {
    end "$1"
}
