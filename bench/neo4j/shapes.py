"""Writes the same elements to Neo4j by statements of several shapes, through the official driver.

shapes.py PORT PIDFILE ELEMENTS SHAPE...: prints, by shape, the elements and the seconds on the wall, of the
server's CPU and of the client's. A line of ELEMENTS is a batch: units, nodes, children, symbols, edges. Each
shape locks the units first, as whoever replaces them has to.

  one     one statement, labels and types as values, what it makes is bound
  groups  a statement for each label and kind and each type; nodes are found by their internal ids
  keyed   the same; nodes are found by a property that has an index
  rows    a statement for each node and relationship (of the first tenth of a batch)
"""

import json
import sys
import time

from neo4j import GraphDatabase

NODE = ("{ord: r[1], last: r[2], flags: r[3], name: r[4], start_byte: r[5], end_byte: r[6], start_line: r[7], "
        "start_col: r[8], end_line: r[9], end_col: r[10], field: r[11], text: r[12], properties: r[13]}")
EDGE = ("{ord: r[3], flags: r[4], start_byte: r[5], end_byte: r[6], start_line: r[7], start_col: r[8], "
        "properties: r[9]}")
SYMBOL = ("MERGE (s:PeerSymbol {symbol_id: r[0]}) "
          "ON CREATE SET s.symbol = r[1], s.kind = r[2], s.name = r[3]")
LOCK = ("UNWIND $ids AS id MERGE (u:PeerUnit {unit_id: id}) SET u.writing = true "
        "RETURN id, u.generation, u.deleted, u.repo, u.path, u.layer")
UNIT = "MATCH (u:PeerUnit {unit_id: r[0]}) USING INDEX u:PeerUnit(unit_id) SET u = r[2], u.written = randomUUID()"
INDEXES = ["CONSTRAINT peer_unit IF NOT EXISTS FOR (u:PeerUnit) REQUIRE u.unit_id IS UNIQUE",
           "CONSTRAINT peer_symbol IF NOT EXISTS FOR (s:PeerSymbol) REQUIRE s.symbol_id IS UNIQUE",
           "INDEX peer_path IF NOT EXISTS FOR (u:PeerUnit) ON (u.path)",
           "INDEX peer_name IF NOT EXISTS FOR (s:PeerSymbol) ON (s.name)",
           "INDEX peer_key IF NOT EXISTS FOR (n:Peer) ON (n.key)"]


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def grouped(rows, key):
    groups = {}
    for at, row in enumerate(rows):
        groups.setdefault(key(row), []).append((at, row))
    return groups.items()


def lock(tx, batch):
    list(tx.run(LOCK, ids=sorted(unit[0] for unit in batch["units"])))


def one(tx, batch):
    lock(tx, batch)
    tx.run(f"""
CALL () {{ UNWIND range(0, size($units) - 1) AS at WITH at, $units[at] AS r {UNIT}, u:$(r[1])
           WITH u ORDER BY at RETURN collect(u) AS us }}
CALL () {{ UNWIND $nodes AS r CREATE (n:$($labels[r[0]]) {NODE}) RETURN collect(n) AS made }}
CALL () {{ UNWIND $symbols AS r {SYMBOL} RETURN collect(s) AS ss }}
WITH us + made AS ns, ss
CALL (ns) {{ UNWIND $children AS r WITH ns[r[0]] AS a, ns[r[1]] AS b CREATE (a)-[:HAS_CHILD]->(b) }}
CALL (ns, ss) {{ UNWIND $edges AS r WITH ns[r[0]] AS a, ss[r[1]] AS b, r CREATE (a)-[:$($types[r[2]]) {EDGE}]->(b) }}
""", **(batch | {"labels": [["Peer"] + labels for labels in batch["labels"]]})).consume()


def groups(tx, batch):
    lock(tx, batch)
    units = f"UNWIND range(0, size($rows) - 1) AS at WITH at, $rows[at] AS r {UNIT}, u:$(r[1])"
    ids = tx.run(f"{units} WITH u ORDER BY at RETURN collect(id(u))", rows=batch["units"]).single()[0]
    ids += [None] * len(batch["nodes"])
    for number, rows in grouped(batch["nodes"], lambda n: n[0]):
        label, kind = batch["labels"][number]
        made = tx.run(f"UNWIND $rows AS r CREATE (n:Peer:{quoted(label)}:{quoted(kind)} {NODE}) RETURN collect(id(n))",
                      rows=[row for _, row in rows]).single()[0]
        for (at, _), made_id in zip(rows, made):
            ids[len(batch["units"]) + at] = made_id
    symbols = tx.run(f"UNWIND $rows AS r {SYMBOL} RETURN collect(id(s))", rows=batch["symbols"]).single()[0]
    match = "UNWIND $rows AS r MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1]"
    tx.run(f"{match} CREATE (a)-[:HAS_CHILD]->(b)", rows=[[ids[a], ids[b]] for a, b in batch["children"]]).consume()
    for number, rows in grouped(batch["edges"], lambda e: e[2]):
        rows = [[ids[e[0]], symbols[e[1]]] + e[2:] for _, e in rows]
        kind = quoted(batch["types"][number])
        tx.run(f"{match} CREATE (a)-[:{kind} {EDGE}]->(b)", rows=rows).consume()


KEYS = iter(range(0, 1 << 60, 1 << 20))


def keyed(tx, batch):
    lock(tx, batch)
    base, first = next(KEYS), len(batch["units"])
    node = NODE[:-1] + ", key: r[14]}"
    units = [[unit[0], unit[1] + ["Peer"], unit[2] | {"key": base + at}] for at, unit in enumerate(batch["units"])]
    tx.run(f"UNWIND $rows AS r {UNIT}, u:$(r[1])", rows=units).consume()
    for number, rows in grouped(batch["nodes"], lambda n: n[0]):
        label, kind = batch["labels"][number]
        tx.run(f"UNWIND $rows AS r CREATE (n:Peer:{quoted(label)}:{quoted(kind)} {node})",
               rows=[row + [base + first + at] for at, row in rows]).consume()
    tx.run(f"UNWIND $rows AS r {SYMBOL}", rows=batch["symbols"]).consume()
    tx.run("UNWIND $rows AS r MATCH (a:Peer {key: r[0]}) MATCH (b:Peer {key: r[1]}) CREATE (a)-[:HAS_CHILD]->(b)",
           rows=[[base + a, base + b] for a, b in batch["children"]]).consume()
    for number, rows in grouped(batch["edges"], lambda e: e[2]):
        rows = [[base + e[0], batch["symbols"][e[1]][0]] + e[2:] for _, e in rows]
        tx.run("UNWIND $rows AS r MATCH (a:Peer {key: r[0]}) MATCH (b:PeerSymbol {symbol_id: r[1]}) "
               f"CREATE (a)-[:{quoted(batch['types'][number])} {EDGE}]->(b)", rows=rows).consume()


def rows(tx, batch):
    lock(tx, batch)
    unit, node, edge = (text.replace("r[", "$r[") for text in (UNIT, NODE, EDGE))
    ids = [tx.run(f"{unit} RETURN id(u)", r=u).single()[0] for u in batch["units"]]
    for n in batch["nodes"]:
        label, kind = batch["labels"][n[0]]
        ids.append(tx.run(f"CREATE (n:Peer:{quoted(label)}:{quoted(kind)} {node}) RETURN id(n)", r=n).single()[0])
    symbols = [tx.run(SYMBOL.replace("r[", "$r[") + " RETURN id(s)", r=s).single()[0] for s in batch["symbols"]]
    match = "MATCH (a) WHERE id(a) = $a MATCH (b) WHERE id(b) = $b CREATE (a)"
    for a, b in batch["children"]:
        tx.run(f"{match}-[:HAS_CHILD]->(b)", a=ids[a], b=ids[b]).consume()
    for e in batch["edges"]:
        kind = quoted(batch["types"][e[2]])
        tx.run(f"{match}-[:{kind} {edge}]->(b)", a=ids[e[0]], b=symbols[e[1]], r=e).consume()


def first_tenth(batch):
    count = len(batch["units"]) + len(batch["nodes"]) // 10
    edges = [e for e in batch["edges"] if e[0] < count]
    used = sorted({e[1] for e in edges})
    place = {at: to for to, at in enumerate(used)}
    return batch | {
        "nodes": batch["nodes"][:count - len(batch["units"])],
        "children": [c for c in batch["children"] if c[1] < count],
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
        for index in INDEXES:
            session.run(f"CREATE {index}").consume()
        session.run("CALL db.awaitIndexes()").consume()
        for shape in shapes:
            data = [first_tenth(batches[0])] if shape == "rows" else batches
            count = sum(len(b["units"]) + len(b["nodes"]) + len(b["children"]) + len(b["edges"]) for b in data)
            # The first time the server plans the statements.
            for _ in range(2):
                server, wall, client = server_cpu(pid), time.time(), time.process_time()
                for batch in data:
                    session.execute_write(globals()[shape], batch)
                said[shape] = {"elements": count, "wall": time.time() - wall, "server": server_cpu(pid) - server,
                               "client": time.process_time() - client}
                for label in ("Peer", "PeerUnit", "PeerSymbol"):
                    wipe = f"MATCH (n:{label}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 20000 ROWS"
                    session.run(wipe).consume()
        for index in INDEXES:
            session.run("DROP " + " ".join(index.split()[:2])).consume()
    print(json.dumps(said))


main(*sys.argv[1:])
