//! The tables, and the views over them.
//!
//! Rows are keyed by a local, ascending unit number: SQLite appends, which is twice as fast as
//! inserting at random. Numbers are never reused and no view shows one. Words are stored once.
//! What a unit says of a symbol beyond what its key tells is a row of `mention`; what the view `symbols`
//! shows of it is the least that the units say. Of a row without a kind that is what the key tells. The
//! least is kept with the symbol, by triggers: only one writes at a time, so nobody waits for it.
//! How many nodes there are of each kind is kept in `kind`, in the transaction that changes it.
//! The views join, by `LEFT JOIN`, what is looked up by its word, path or key: SQLite makes inner joins
//! of those that a `WHERE` needs. What is only shown is a scalar subquery, which costs nothing where it
//! is not asked for. A view over one table may stand to the right of a `LEFT JOIN`; one that joins is
//! worked out whole there.

/// The version of the schema that this build reads and writes.
pub(super) const VERSION: i64 = 3;

/// Says that a file is ours: `astl`.
pub(super) const APPLICATION_ID: i64 = 0x6173_746c;

/// What `settle` builds once the rows are there; names, for what a user looks up by name.
pub(super) const INDEXES: [&str; 7] = [
    "CREATE INDEX IF NOT EXISTS node_name ON node(name) WHERE name IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS edge_symbol ON edge(dst_symbol, kind) WHERE dst_symbol IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS symbol_name ON symbol(name)",
    "CREATE INDEX IF NOT EXISTS symbol_shown ON symbol(shown)",
    MENTION_SYMBOL,
    "CREATE INDEX IF NOT EXISTS mention_name ON mention(name) WHERE name IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS unit_path ON unit(path)",
];

/// What is needed before the first unit with mentions is removed.
pub(super) const MENTION_SYMBOL: &str =
    "CREATE INDEX IF NOT EXISTS mention_symbol ON mention(symbol, kind, name, package)";

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

CREATE TABLE kind(
    kind INTEGER PRIMARY KEY,
    nodes INTEGER NOT NULL
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
        THEN nullif(substr(symbol, 6 + instr(substr(symbol, 6), ' ')), '') END) VIRTUAL,
    said_kind TEXT,
    said_name TEXT,
    said_package TEXT,
    shown TEXT GENERATED ALWAYS AS (
        CASE WHEN said_kind IS NULL THEN name ELSE said_name END) VIRTUAL
) STRICT;

CREATE TABLE mention(
    unit INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    kind TEXT,
    name TEXT,
    package TEXT,
    PRIMARY KEY(unit, symbol)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER mention_said AFTER INSERT ON mention WHEN new.kind IS NOT NULL BEGIN
    UPDATE symbol
    SET said_kind = new.kind, said_name = new.name, said_package = new.package
    WHERE number = new.symbol AND (said_kind IS NULL OR
        (new.kind, new.name IS NOT NULL, coalesce(new.name, ''),
         new.package IS NOT NULL, coalesce(new.package, ''))
        < (said_kind, said_name IS NOT NULL, coalesce(said_name, ''),
           said_package IS NOT NULL, coalesce(said_package, '')));
END;

CREATE TRIGGER mention_unsaid AFTER DELETE ON mention WHEN old.kind IS NOT NULL BEGIN
    UPDATE symbol
    SET (said_kind, said_name, said_package) =
        (SELECT kind, name, package FROM mention
         WHERE symbol = old.symbol AND kind IS NOT NULL
         ORDER BY kind, name, package LIMIT 1)
    WHERE number = old.symbol AND said_kind = old.kind AND said_name IS old.name
      AND said_package IS old.package;
END;

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
SELECT unit.unit_id, (SELECT word FROM word WHERE id = unit.repo) AS repo, unit.path,
       (SELECT word FROM word WHERE id = unit.layer) AS layer, unit.revision,
       (SELECT word FROM word WHERE id = unit.language) AS language,
       lower(hex(unit.content_hash)) AS content_hash,
       (SELECT word FROM word WHERE id = unit.extractor) AS extractor, unit.generation,
       unit.size_bytes, unit.line_count, unit.position_encoding, unit.flags, unit.properties,
       unit.nodes, unit.edges, unit.vectors
FROM unit;

CREATE VIEW kinds AS
SELECT (SELECT word FROM word WHERE id = kind.kind) AS kind, kind.nodes
FROM kind
WHERE kind.nodes > 0;

CREATE VIEW nodes AS
SELECT unit.unit_id, unit.path, node.ord, node.parent, node.last,
       (SELECT word FROM word WHERE id = node.label) AS label, kind.word AS kind,
       (SELECT word FROM word WHERE id = node.field) AS field, node.name, node.text,
       node.start_byte, node.end_byte, node.start_line, node.start_col, node.end_line,
       node.end_col, node.flags, node.properties
FROM node
LEFT JOIN unit ON unit.number = node.unit
LEFT JOIN word AS kind ON kind.id = node.kind;

CREATE VIEW symbols AS
SELECT symbol.symbol_id, symbol.symbol, coalesce(symbol.said_kind, 'name') AS kind,
       symbol.shown AS name, symbol.said_package AS package
FROM symbol;

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
SELECT unit.unit_id, unit.path, vector.node,
       (SELECT word FROM word WHERE id = vector.model) AS model, vector.text_hash, vector.vector
FROM vector
LEFT JOIN unit ON unit.number = vector.unit;
";
