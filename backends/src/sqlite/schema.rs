//! The tables, and the views over them.
//!
//! Rows are keyed by a local, ascending unit number: SQLite appends, which is twice as fast as
//! inserting at random. Numbers are never reused and no view shows one. Words are stored once.
//! What a unit says of a symbol beyond what its key tells is a row of `mention`; what the view `symbols`
//! shows of it is the least that the units say. Of a row without a kind that is what the key tells.
//! The views join by `LEFT JOIN`: SQLite drops those that a query does not need, and makes inner
//! joins of those that a `WHERE` needs.

/// The version of the schema that this build reads and writes.
pub(super) const VERSION: i64 = 3;

/// Says that a file is ours: `astl`.
pub(super) const APPLICATION_ID: i64 = 0x6173_746c;

/// What `settle` builds once the rows are there; names, for what a user looks up by name.
pub(super) const INDEXES: [&str; 6] = [
    "CREATE INDEX IF NOT EXISTS node_name ON node(name) WHERE name IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS edge_symbol ON edge(dst_symbol) WHERE dst_symbol IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS symbol_name ON symbol(name)",
    "CREATE INDEX IF NOT EXISTS mention_symbol ON mention(symbol, kind, name, package)",
    "CREATE INDEX IF NOT EXISTS mention_name ON mention(name) WHERE name IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS unit_path ON unit(path)",
];

/// What makes a new store, but for the indexes.
pub(super) const TABLES_AND_VIEWS: &str = "
CREATE TABLE word(
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE repo(
    repo INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    root TEXT,
    remote TEXT,
    origin TEXT NOT NULL,
    generation INTEGER NOT NULL,
    written_at INTEGER,
    revision TEXT,
    loaded_at INTEGER,
    PRIMARY KEY(repo, layer)
) STRICT, WITHOUT ROWID;

CREATE TABLE unit(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    unit_id INTEGER NOT NULL UNIQUE,
    repo INTEGER NOT NULL,
    path TEXT NOT NULL,
    layer INTEGER NOT NULL,
    revision TEXT,
    language INTEGER,
    content_hash BLOB,
    extractor INTEGER NOT NULL,
    selection INTEGER,
    generation INTEGER NOT NULL,
    size_bytes INTEGER,
    line_count INTEGER,
    position_encoding INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    properties TEXT,
    nodes INTEGER NOT NULL,
    edges INTEGER NOT NULL,
    vectors INTEGER NOT NULL
) STRICT;

CREATE TABLE tombstone(
    unit_id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    path TEXT NOT NULL,
    layer INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;

CREATE TABLE node(
    unit INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    parent INTEGER,
    last INTEGER NOT NULL,
    label INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    field INTEGER,
    name TEXT,
    text TEXT,
    start_byte INTEGER,
    end_byte INTEGER,
    start_line INTEGER,
    start_col INTEGER,
    end_line INTEGER,
    end_col INTEGER,
    flags INTEGER NOT NULL,
    properties TEXT,
    PRIMARY KEY(unit, ord)
) STRICT, WITHOUT ROWID;

CREATE TABLE symbol(
    number INTEGER PRIMARY KEY,
    symbol_id BLOB NOT NULL UNIQUE,
    symbol TEXT NOT NULL,
    name TEXT GENERATED ALWAYS AS (
        CASE WHEN substr(symbol, 1, 5) = 'name ' AND instr(substr(symbol, 6), ' ') > 0
        THEN nullif(substr(symbol, 6 + instr(substr(symbol, 6), ' ')), '') END) VIRTUAL
) STRICT;

CREATE TABLE mention(
    unit INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    kind TEXT,
    name TEXT,
    package TEXT,
    PRIMARY KEY(unit, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge(
    unit INTEGER NOT NULL,
    position INTEGER NOT NULL,
    src INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    dst_node INTEGER,
    dst_symbol INTEGER,
    ord INTEGER NOT NULL,
    start_byte INTEGER,
    end_byte INTEGER,
    start_line INTEGER,
    start_col INTEGER,
    flags INTEGER NOT NULL,
    properties TEXT,
    PRIMARY KEY(unit, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE vector(
    unit INTEGER NOT NULL,
    node INTEGER NOT NULL,
    model INTEGER NOT NULL,
    text_hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY(unit, node, model)
) STRICT, WITHOUT ROWID;

CREATE VIEW repositories AS
SELECT name.word AS repo, layer.word AS layer, repo.root, repo.remote, repo.revision,
       strftime('%Y-%m-%d %H:%M:%f', repo.loaded_at / 1000000.0, 'unixepoch') AS loaded_at,
       repo.origin, repo.generation
FROM repo
LEFT JOIN word AS name ON name.id = repo.repo
LEFT JOIN word AS layer ON layer.id = repo.layer;

CREATE VIEW units AS
SELECT unit.unit_id, repo.word AS repo, unit.path, layer.word AS layer, unit.revision,
       language.word AS language, lower(hex(unit.content_hash)) AS content_hash,
       extractor.word AS extractor, unit.generation, unit.size_bytes, unit.line_count,
       unit.position_encoding, unit.flags, unit.properties, unit.nodes, unit.edges, unit.vectors
FROM unit
LEFT JOIN word AS repo ON repo.id = unit.repo
LEFT JOIN word AS layer ON layer.id = unit.layer
LEFT JOIN word AS language ON language.id = unit.language
LEFT JOIN word AS extractor ON extractor.id = unit.extractor;

CREATE VIEW nodes AS
SELECT unit.unit_id, unit.path, node.ord, node.parent, node.last, label.word AS label,
       kind.word AS kind, field.word AS field, node.name, node.text, node.start_byte,
       node.end_byte, node.start_line, node.start_col, node.end_line, node.end_col, node.flags,
       node.properties
FROM node
LEFT JOIN unit ON unit.number = node.unit
LEFT JOIN word AS label ON label.id = node.label
LEFT JOIN word AS kind ON kind.id = node.kind
LEFT JOIN word AS field ON field.id = node.field;

CREATE VIEW symbols AS
SELECT symbol.symbol_id, symbol.symbol, coalesce(said.kind, 'name') AS kind,
       CASE WHEN said.unit IS NULL THEN symbol.name ELSE said.name END AS name, said.package
FROM symbol
LEFT JOIN mention AS said ON said.symbol = symbol.number AND said.unit =
    (SELECT least.unit FROM mention AS least
     WHERE least.symbol = symbol.number AND least.kind IS NOT NULL
     ORDER BY least.kind, least.name, least.package LIMIT 1);

CREATE VIEW mentions AS
SELECT unit.unit_id, unit.path, symbol.symbol_id, symbol.symbol,
       coalesce(mention.kind, 'name') AS kind,
       CASE WHEN mention.kind IS NULL THEN symbol.name ELSE mention.name END AS name,
       mention.package
FROM mention
LEFT JOIN unit ON unit.number = mention.unit
LEFT JOIN symbol ON symbol.number = mention.symbol;

CREATE VIEW edges AS
SELECT unit.unit_id, unit.path, edge.src, kind.word AS kind, edge.dst_node, symbol.symbol_id,
       symbol.symbol, edge.ord, edge.start_byte, edge.end_byte, edge.start_line, edge.start_col,
       edge.flags, edge.properties
FROM edge
LEFT JOIN unit ON unit.number = edge.unit
LEFT JOIN word AS kind ON kind.id = edge.kind
LEFT JOIN symbol ON symbol.number = edge.dst_symbol;

CREATE VIEW vectors AS
SELECT unit.unit_id, unit.path, vector.node, model.word AS model, vector.text_hash, vector.vector
FROM vector
LEFT JOIN unit ON unit.number = vector.unit
LEFT JOIN word AS model ON model.id = vector.model;
";
