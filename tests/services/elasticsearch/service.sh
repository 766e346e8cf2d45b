# Elasticsearch 9.5, one node, without security and without scripts: what a distribution has in modules of
# its own is not published. `GET /` is our own stand-in; `_delete_by_query` there is none. Its folder has
# `port`. ASTLOAD_TEST_ELASTICSEARCH_SETTINGS has settings more. It takes fifteen seconds and 800 MB.
lacks='a JDK of 21 or newer, Maven, unzip and libzstd'
version=9.5.3
home=$cache/elasticsearch-$version

install() {
    local jdk
    jdk=$(jdk_of 21) && command -v unzip >/dev/null || return 1
    [ ! -e "$home/ready" ] || return 0
    maven_jars "$here/elasticsearch/pom.xml" "$home" || return 1
    rm "$home/ready"
    mkdir -p "$home"/{lib,config,modules/transport-netty4,modules/root,plugins,natives,main,out}
    mv "$home"/netty-*.jar "$home"/transport-netty4-*.jar "$home/modules/transport-netty4/"
    mv "$home"/*.jar "$home/lib/"
    # Without the name of its module it is loaded into the unnamed one, as the server is here.
    unzip -p "$home/modules/transport-netty4/transport-netty4-$version.jar" \
        META-INF/es-plugins/transport-netty4/plugin-descriptor.properties |
        grep -v -e '^#' -e '^modulename' -e '^$' >"$home/modules/transport-netty4/plugin-descriptor.properties"
    cat >"$home/modules/root/plugin-descriptor.properties" <<CONF
name=root
description=GET /
version=$version
elasticsearch.version=$version
java.version=21
classname=root.Root
CONF
    "$jdk/bin/javac" -nowarn -cp "$home/lib/*" -d "$home/main" "$here/elasticsearch/Server.java" &&
        "$jdk/bin/javac" -nowarn -cp "$home/lib/*" -d "$home/out" "$here/elasticsearch/Root.java" &&
        "$jdk/bin/jar" cf "$home/modules/root/root.jar" -C "$home/out" . || return 1
    ln -sf "$(ls /usr/lib/*/libzstd.so.1 | head -1)" "$home/natives/libzstd.so"
    cat >"$home/config/log4j2.properties" <<CONF
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
CONF
    touch "$home/ready"
}

start() {
    local folder=$1
    mkdir -p "$folder"/{logs,data,tmp,home}
    # What is the same for every node is shared.
    ln -s "$home"/{lib,modules,plugins} "$folder/home/"
    cp -r "$home/config" "$folder/home/config"
    : >"$folder/home/config/elasticsearch.yml"
    serve "$folder"
}

# serve FOLDER: starts it with what is in its folder.
serve() {
    local folder=$1 jdk
    jdk=$(jdk_of 21)
    ES_TMPDIR=$folder/tmp background "$folder" "$jdk/bin/java" -Xms512m -Xmx1g -XX:+UseG1GC \
        "-Djava.io.tmpdir=$folder/tmp" -Dfile.encoding=UTF-8 -Djna.nosys=true "-Des.nativelibs.path=$home/natives" \
        -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false -Des.distribution.type=tar \
        -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true -Dio.netty.noUnsafe=true \
        -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0 \
        --add-modules=jdk.incubator.vector --add-opens=java.base/java.io=ALL-UNNAMED \
        --enable-native-access=ALL-UNNAMED -cp "$home/main:$home/lib/*" Server "$folder/home" \
        "http.port=$(cat "$folder/port")" "path.data=$folder/data" "path.logs=$folder/logs" \
        cluster.name=test node.name=node1 network.host=127.0.0.1 discovery.type=single-node \
        cluster.routing.allocation.disk.threshold_enabled=false ${ASTLOAD_TEST_ELASTICSEARCH_SETTINGS:-}
    answers "$folder" 120 is_up "$folder"
}

is_up() {
    curl -fsS -m 2 "http://127.0.0.1:$(cat "$1/port")/_cluster/health?filter_path=status" | grep -qE 'green|yellow'
}

stop() {
    end "$1"
}
