# Neo4j 5.26, community edition. Its folder has `port`, that of Bolt, and `http`; user `neo4j`, password
# `testpassword`. It takes ten seconds and 400 MB.
lacks='Java 17 or newer and Maven'
version=5.26.30
jars=$cache/neo4j-$version

install() {
    [ -e "$jars/ready" ] && java_of 17 >/dev/null && return
    java_of 17 >/dev/null && maven_jars "$here/neo4j/pom.xml" "$jars"
}

start() {
    local folder=$1 java
    java=$(java_of 17)
    free_port >"$folder/http"
    mkdir -p "$folder/conf" "$folder/logs" "$folder/data"
    cat >"$folder/conf/neo4j.conf" <<CONF
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:$(cat "$folder/port")
server.http.listen_address=127.0.0.1:$(cat "$folder/http")
server.https.enabled=false
server.directories.data=$folder/data
server.directories.logs=$folder/logs
server.memory.pagecache.size=256m
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.preallocate=false
dbms.usage_report.enabled=false
CONF
    NEO4J_HOME=$folder NEO4J_CONF=$folder/conf "$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$jars/*" \
        org.neo4j.server.startup.Neo4jAdminCommand dbms set-initial-password testpassword >>"$folder/log" 2>&1
    serve "$folder"
}

# serve FOLDER: starts it with what is in its folder.
serve() {
    local folder=$1 java
    java=$(java_of 17)
    background "$folder" "$java" -Xms128m -Xmx1g -XX:+UseG1GC \
        --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
        --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
        --enable-native-access=ALL-UNNAMED -Dio.netty.tryReflectionSetAccessible=true \
        -Dlog4j2.disable.jmx=true -Dfile.encoding=UTF-8 -cp "$jars/*" \
        org.neo4j.server.CommunityEntryPoint --home-dir="$folder" --config-dir="$folder/conf"
    # The first question takes seconds: it is asked here.
    answers "$folder" 90 query "$folder" 'RETURN 1'
}

# query FOLDER CYPHER: whether it is answered without an error.
query() {
    curl -fsS -m 10 -u neo4j:testpassword -H 'Content-Type: application/json' \
        -d "{\"statements\":[{\"statement\":\"$2\"}]}" \
        "http://127.0.0.1:$(cat "$1/http")/db/neo4j/tx/commit" | grep -q '"errors":\[\]'
}

stop() {
    end "$1"
}
