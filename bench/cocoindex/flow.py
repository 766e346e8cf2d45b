"""Every named node of a directory of Python as a row of Postgres, by CocoIndex."""

import os
import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import asyncpg
import cocoindex as coco
import tree_sitter
import tree_sitter_python
from cocoindex.connectors import localfs, postgres
from cocoindex.resources.file import FileLike, PatternFilePathMatcher

LANGUAGE = tree_sitter.Language(tree_sitter_python.language())
POOL = coco.ContextKey[asyncpg.Pool]("pool")


@dataclass
class Node:
    path: str
    ord: int
    kind: str
    parent: int | None
    start_byte: int
    end_byte: int
    start_line: int
    start_col: int
    end_line: int
    end_col: int


@coco.lifespan
async def lifespan(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["PEER_URL"]) as pool:
        builder.provide(POOL, pool)
        yield


def named_nodes(path: str, text: bytes) -> list[Node]:
    nodes: list[Node] = []
    cursor = tree_sitter.Parser(LANGUAGE).parse(text).walk()
    parents: list[int] = []
    up = False
    while True:
        if not up:
            node = cursor.node
            ord = len(nodes) if node.is_named else (parents[-1] if parents else 0)
            if node.is_named:
                (sl, sc), (el, ec) = node.start_point, node.end_point
                parent = parents[-1] if parents else None
                nodes.append(Node(path, ord, node.type, parent, node.start_byte, node.end_byte, sl, sc, el, ec))
            if cursor.goto_first_child():
                parents.append(ord)
                continue
        if cursor.goto_next_sibling():
            up = False
        elif cursor.goto_parent():
            parents.pop()
            up = True
        else:
            return nodes


@coco.fn(memo=True)
async def process(file: FileLike, table: postgres.TableTarget[Node]) -> None:
    for node in named_nodes(str(file.file_path.path), await file.read()):
        table.declare_row(row=node)


@coco.fn
async def main(root: pathlib.Path) -> None:
    table = await postgres.mount_table_target(
        POOL,
        table_name="nodes",
        table_schema=await postgres.TableSchema.from_class(Node, primary_key=["path", "ord"]),
    )
    files = localfs.walk_dir(root, recursive=True, path_matcher=PatternFilePathMatcher(included_patterns=["**/*.py"]))
    await coco.mount_each(process, files.items(), table)


app = coco.App(coco.AppConfig(name="Peer"), main, root=pathlib.Path(os.environ["PEER_ROOT"]))
