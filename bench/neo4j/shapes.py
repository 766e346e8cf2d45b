"""Writes the same elements to Neo4j by statements of several shapes, through the official driver.

shapes.py PORT PIDFILE ELEMENTS SHAPE...: prints, by shape, the elements and the seconds on the wall, of the
server's CPU and of the client's. A line of ELEMENTS is a batch: nodes, children, symbols, edges.

  one     one statement, labels and types as values, what it makes is bound
  groups  a statement for each label and kind and each type; nodes are found by their internal ids
  keyed   the same; nodes are found by a property that has an index
  rows    a statement for each node and relationship (of the first tenth of a batch)
"""

import json
import sys
import time

from neo4j import GraphDatabase

NODE = ("{ord: r[2], last: r[3], flags: r[4], name: r[5], start_byte: r[6], end_byte: r[7], start_line: r[8], "
        "start_col: r[9], end_line: r[10], end_col: r[11], field: r[12], text: r[13], properties: r[14]}")
EDGE = ("{ord: r[3], flags: r[4], start_byte: r[5], end_byte: r[6], start_line: r[7], start_col: r[8], "
        "properties: r[9]}")
SYMBOL = "MERGE (s:PeerSymbol {symbol: r[0]}) ON CREATE SET s.kind = r[1], s.name = r[2]"


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def grouped(rows, key):
    groups = {}
    for at, row in enumerate(rows):
        groups.setdefault(key(row), []).append((at, row))
    return groups.items()


def one(tx, batch):
    nodes = [[["Peer", n[0], n[1]], None] + n[2:] for n in batch["nodes"]]
    tx.run(f"""
CALL () {{ UNWIND $nodes AS r CREATE (n:$(r[0]) {NODE}) RETURN collect(n) AS ns }}
CALL () {{ UNWIND $symbols AS r {SYMBOL} RETURN collect(s) AS ss }}
CALL (ns) {{ UNWIND $children AS r WITH ns[r[0]] AS a, ns[r[1]] AS b CREATE (a)-[:HAS_CHILD]->(b) }}
CALL (ns, ss) {{ UNWIND $edges AS r WITH ns[r[0]] AS a, ss[r[1]] AS b, r CREATE (a)-[:$(r[2]) {EDGE}]->(b) }}
""", nodes=nodes, symbols=batch["symbols"], children=batch["children"], edges=batch["edges"]).consume()


def groups(tx, batch):
    ids = [None] * len(batch["nodes"])
    for (label, kind), rows in grouped(batch["nodes"], lambda n: (n[0], n[1])):
        made = tx.run(f"UNWIND $rows AS r CREATE (n:Peer:{quoted(label)}:{quoted(kind)} {NODE}) RETURN collect(id(n))",
                      rows=[row for _, row in rows]).single()[0]
        for (at, _), made_id in zip(rows, made):
            ids[at] = made_id
    symbols = tx.run(f"UNWIND $rows AS r {SYMBOL} RETURN collect(id(s))", rows=batch["symbols"]).single()[0]
    match = "UNWIND $rows AS r MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1]"
    tx.run(f"{match} CREATE (a)-[:HAS_CHILD]->(b)", rows=[[ids[a], ids[b]] for a, b in batch["children"]]).consume()
    for kind, rows in grouped(batch["edges"], lambda e: e[2]):
        rows = [[ids[e[0]], symbols[e[1]]] + e[2:] for _, e in rows]
        tx.run(f"{match} CREATE (a)-[:{quoted(kind)} {EDGE}]->(b)", rows=rows).consume()


KEYS = iter(range(0, 1 << 60, 1 << 20))


def keyed(tx, batch):
    base = next(KEYS)
    node = NODE[:-1] + ", key: r[15]}"
    for (label, kind), rows in grouped(batch["nodes"], lambda n: (n[0], n[1])):
        tx.run(f"UNWIND $rows AS r CREATE (n:Peer:{quoted(label)}:{quoted(kind)} {node})",
               rows=[row + [base + at] for at, row in rows]).consume()
    tx.run(f"UNWIND $rows AS r {SYMBOL}", rows=batch["symbols"]).consume()
    tx.run("UNWIND $rows AS r MATCH (a:Peer {key: r[0]}) MATCH (b:Peer {key: r[1]}) CREATE (a)-[:HAS_CHILD]->(b)",
           rows=[[base + a, base + b] for a, b in batch["children"]]).consume()
    for kind, rows in grouped(batch["edges"], lambda e: e[2]):
        rows = [[base + e[0], batch["symbols"][e[1]][0]] + e[2:] for _, e in rows]
        tx.run("UNWIND $rows AS r MATCH (a:Peer {key: r[0]}) MATCH (b:PeerSymbol {symbol: r[1]}) "
               f"CREATE (a)-[:{quoted(kind)} {EDGE}]->(b)", rows=rows).consume()


def rows(tx, batch):
    node, edge = NODE.replace("r[", "$r["), EDGE.replace("r[", "$r[")
    ids = [tx.run(f"CREATE (n:Peer:{quoted(n[0])}:{quoted(n[1])} {node}) RETURN id(n)", r=n).single()[0]
           for n in batch["nodes"]]
    symbols = [tx.run(SYMBOL.replace("r[", "$r[") + " RETURN id(s)", r=s).single()[0] for s in batch["symbols"]]
    match = "MATCH (a) WHERE id(a) = $a MATCH (b) WHERE id(b) = $b CREATE (a)"
    for a, b in batch["children"]:
        tx.run(f"{match}-[:HAS_CHILD]->(b)", a=ids[a], b=ids[b]).consume()
    for e in batch["edges"]:
        tx.run(f"{match}-[:{quoted(e[2])} {edge}]->(b)", a=ids[e[0]], b=symbols[e[1]], r=e).consume()


def first_tenth(batch):
    count = len(batch["nodes"]) // 10
    edges = [e for e in batch["edges"] if e[0] < count]
    used = sorted({e[1] for e in edges})
    place = {at: to for to, at in enumerate(used)}
    return {"nodes": batch["nodes"][:count], "children": [c for c in batch["children"] if c[1] < count],
            "symbols": [batch["symbols"][at] for at in used],
            "edges": [[e[0], place[e[1]]] + e[2:] for e in edges]}


def server_cpu(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main(port, pidfile, elements, *shapes):
    with open(pidfile) as file:
        pid = file.read().strip()
    with open(elements) as file:
        batches = [json.loads(line) for line in file]
    said = {}
    driver = GraphDatabase.driver(f"bolt://127.0.0.1:{port}", auth=("neo4j", "testpassword"),
                                  notifications_min_severity="OFF")
    with driver, driver.session() as session:
        session.run("CREATE CONSTRAINT peer_symbol IF NOT EXISTS FOR (s:PeerSymbol) REQUIRE s.symbol IS UNIQUE").consume()
        session.run("CREATE INDEX peer_key IF NOT EXISTS FOR (n:Peer) ON (n.key)").consume()
        session.run("CALL db.awaitIndexes()").consume()
        for shape in shapes:
            data = [first_tenth(batches[0])] if shape == "rows" else batches
            count = sum(len(b["nodes"]) + len(b["children"]) + len(b["edges"]) for b in data)
            # The first time the server plans the statements.
            for _ in range(2):
                server, wall, client = server_cpu(pid), time.time(), time.process_time()
                for batch in data:
                    session.execute_write(globals()[shape], batch)
                said[shape] = {"elements": count, "wall": time.time() - wall, "server": server_cpu(pid) - server,
                               "client": time.process_time() - client}
                for label in ("Peer", "PeerSymbol"):
                    wipe = f"MATCH (n:{label}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 20000 ROWS"
                    session.run(wipe).consume()
        session.run("DROP CONSTRAINT peer_symbol").consume()
        session.run("DROP INDEX peer_key").consume()
    print(json.dumps(said))


main(*sys.argv[1:])
