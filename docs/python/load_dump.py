#!/usr/bin/env python3
"""Prints Python files as units for astload, one JSON object a line.

    python3 load_dump.py REPO FILE… | astload load -

The standard library parses the files; any other parser fits in its place. The nodes are nested
through `children`, as syntax trees usually are, so there is nothing to number. Node 0 is the file.
"""

import ast
import json
import sys


def children(tree):
    """The children of a node that have a place in the file, each with the field that holds it."""
    for field, value in ast.iter_fields(tree):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)):
                continue  # `Load`, `Add` …: one object for the whole program, at no place
            if isinstance(child, ast.AST):
                yield field, child


def span(tree):
    """Lines and columns from 0, columns in bytes of UTF-8; Python counts lines from 1."""
    if not hasattr(tree, "lineno"):
        return {}
    return {
        "start_line": tree.lineno - 1,
        "start_col": tree.col_offset,
        "end_line": tree.end_lineno - 1,
        "end_col": tree.end_col_offset,
    }


def is_definition(tree):
    return isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def is_called(tree):
    return isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)


class Unit:
    """Turns the tree of one file into a unit."""

    def __init__(self, repo, path):
        with open(path, "rb") as file:
            self.source = file.read()
        self.repo, self.path = repo, path
        self.nodes, self.edges, self.symbols = 0, [], {}

    def node(self, tree, field=None, around=0):
        """A node with its children; `around` is the innermost definition around it."""
        ord, self.nodes = self.nodes, self.nodes + 1
        node = {"kind": type(tree).__name__, **span(tree)}
        if field:
            node["field"] = field
        if is_definition(tree):
            node["name"] = tree.name
            node["flags"] = ["named", "definition"]
            self.edge(ord, "DEFINES", tree.name, tree)
            around = ord
        elif isinstance(tree, ast.Name):
            node["text"] = tree.id
        elif is_called(tree):
            self.edge(around, "CALL", tree.func.id, tree)
        node["children"] = [self.node(child, name, around) for name, child in children(tree)]
        return node

    def edge(self, src, kind, name, tree):
        """An edge to a name, which is where files meet."""
        key = f"name python {name}"
        self.symbols[key] = {"symbol": key, "kind": "name", "name": name}
        edge = {"src": src, "kind": kind, "symbol": key}
        # Edges that share all this are told apart by a number.
        edge["ord"] = sum(edge.items() <= other.items() for other in self.edges)
        site = {"start_line": tree.lineno - 1, "start_col": tree.col_offset}
        self.edges.append({**edge, **site})

    def as_dict(self):
        root = self.node(ast.parse(self.source, self.path))
        return {
            "repo": self.repo,
            "path": self.path,
            "language": "python",
            "extractor": "python-ast",
            "size_bytes": len(self.source),
            "nodes": [root],
            "edges": self.edges,
            "symbols": list(self.symbols.values()),
        }


def units(repo, paths):
    return (Unit(repo, path).as_dict() for path in paths)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for unit in units(sys.argv[1], sys.argv[2:]):
        print(json.dumps(unit))
