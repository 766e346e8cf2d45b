#!/usr/bin/env python3
"""Writes Python files as units for astload, as an Arrow IPC stream.

    python3 load_arrow.py REPO FILE… | astload load -

The same units as those of load_dump.py, through pyarrow: from plain dictionaries, with the nodes in
one flat list in the order in which a walk meets them, each with the number of its parent.
"""

import sys

import pyarrow as pa

import load_dump

# A list of flags is a comfort of JSON; here they are bits, the first name being bit 0.
NODE_FLAGS = ["named", "extra", "error", "missing", "definition", "external"]

NODE = {
    "kind": pa.string(),
    "field": pa.string(),
    "name": pa.string(),
    "text": pa.string(),
    "parent": pa.uint32(),
    "flags": pa.uint16(),
    "start_line": pa.uint32(),
    "start_col": pa.uint32(),
    "end_line": pa.uint32(),
    "end_col": pa.uint32(),
}
EDGE = {
    "src": pa.uint32(),
    "kind": pa.string(),
    "dst_symbol": pa.uint32(),
    "ord": pa.uint32(),
    "start_line": pa.uint32(),
    "start_col": pa.uint32(),
}
SYMBOL = {"symbol": pa.string(), "kind": pa.string(), "name": pa.string()}

# pyarrow can infer this, unless a column has no value in the first units.
SCHEMA = pa.schema(
    {
        "repo": pa.string(),
        "path": pa.string(),
        "language": pa.string(),
        "extractor": pa.string(),
        "size_bytes": pa.uint64(),
        "nodes": pa.list_(pa.struct(NODE)),
        "edges": pa.list_(pa.struct(EDGE)),
        "symbols": pa.list_(pa.struct(SYMBOL)),
    }
)


def flat(node, parent=None, into=None):
    """Nested nodes as one list in pre-order."""
    into = [] if into is None else into
    bits = sum(1 << NODE_FLAGS.index(flag) for flag in node.get("flags", []))
    into.append({**node, "parent": parent, "flags": bits})
    ord = len(into) - 1
    for child in node["children"]:
        flat(child, ord, into)
    return into


def row(unit):
    """A unit with flat nodes, and edges that name their symbols by position."""
    position = {symbol["symbol"]: at for at, symbol in enumerate(unit["symbols"])}
    return {
        **unit,
        "nodes": flat(unit["nodes"][0]),
        "edges": [{**edge, "dst_symbol": position[edge["symbol"]]} for edge in unit["edges"]],
    }


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rows = [row(unit) for unit in load_dump.units(sys.argv[1], sys.argv[2:])]
    with pa.ipc.new_stream(sys.stdout.buffer, SCHEMA) as stream:
        stream.write_batch(pa.RecordBatch.from_pylist(rows, SCHEMA))
