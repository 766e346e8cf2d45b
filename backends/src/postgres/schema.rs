//! The tables, and the views over them.
//!
//! Rows are keyed by a number of the unit's version, which ascends: a table and its key grow at their
//! end. A unit that is written again gets a new number. Words are stored once. A deleted unit keeps its
//! row, without a number: its tombstone. So there is one row that all writers of a unit meet at.

use super::names::{Names, quoted};
use super::options::PostgresOptions;

/// The version of the schema that this build reads and writes.
pub(super) const VERSION: i32 = 3;

/// Numbers that a writer takes at once.
pub(super) const NUMBERS: i64 = 1 << 16;

/// What is chosen when tables are made.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) tablespace: Option<String>,
    pub(super) unlogged: bool,
    pub(super) partitions: u32,
}

impl Form {
    pub(super) fn of(options: &PostgresOptions) -> Self {
        let PostgresOptions { tablespace, unlogged, partitions, .. } = options;
        Self { tablespace: tablespace.clone(), unlogged: *unlogged, partitions: *partitions }
    }

    fn tablespace(&self) -> String {
        let named = self.tablespace.as_ref();
        named.map_or_else(String::new, |name| format!(" TABLESPACE {}", quoted(name)))
    }

    /// The same for the index of a key.
    fn tablespace_of_key(&self) -> String {
        let space = self.tablespace();
        if space.is_empty() { space } else { format!(" USING INDEX{space}") }
    }
}

/// An index that `settle` builds once the rows are there.
pub(super) struct Index {
    /// Its name, without prefix.
    pub(super) name: &'static str,
    definition: &'static str,
}

/// The keys first: without them a unit cannot be replaced quickly.
pub(super) const INDEXES: [Index; 11] = [
    Index { name: "node_key", definition: "UNIQUE INDEX {} ON {node} (unit, ord)" },
    Index { name: "edge_key", definition: "INDEX {} ON {edge} (unit, src)" },
    Index { name: "vector_key", definition: "UNIQUE INDEX {} ON {vector} (unit, node, model)" },
    Index {
        name: "edge_symbol",
        definition: "INDEX {} ON {edge} (dst_symbol, kind) WHERE dst_symbol IS NOT NULL",
    },
    Index { name: "node_name", definition: "INDEX {} ON {node} (name) WHERE name IS NOT NULL" },
    Index { name: "mention_key", definition: "UNIQUE INDEX {} ON {mention} (unit, symbol)" },
    Index { name: "mention_symbol", definition: "INDEX {} ON {mention} (symbol)" },
    Index {
        name: "mention_name",
        definition: "INDEX {} ON {mention} (name) WHERE name IS NOT NULL",
    },
    Index { name: "symbol_name", definition: "INDEX {} ON {symbol} (name)" },
    // A path may be longer than what a btree takes.
    Index { name: "unit_path", definition: "INDEX {} ON {unit} USING hash (path)" },
    Index { name: "unit_repo", definition: "INDEX {} ON {unit} (repo, layer)" },
];

impl Index {
    pub(super) const fn new(name: &'static str, definition: &'static str) -> Self {
        Self { name, definition }
    }

    /// The statement that makes it.
    pub(super) fn create(&self, names: &Names, form: &Form) -> String {
        let (head, condition) = match self.definition.split_once(" WHERE ") {
            Some((head, condition)) => (head, format!(" WHERE {condition}")),
            None => (self.definition, String::new()),
        };
        // Its name may look like part of a statement: it is put in last. It is made in its table's
        // schema.
        let (kind, table) = head.split_once("{}").unwrap_or((head, ""));
        let (name, table, space) = (names.bare(self.name), names.sql(table), form.tablespace());
        format!("CREATE {kind}IF NOT EXISTS {name}{table}{space}{condition}")
    }
}

/// All statements that make a new store, but for the indexes.
pub(super) fn create(names: &Names, form: &Form) -> Vec<String> {
    let mut statements = vec![format!("CREATE SCHEMA IF NOT EXISTS {}", names.schema())];
    statements.push(names.sql(&format!(
        "CREATE SEQUENCE {{unit_number}} INCREMENT BY {NUMBERS} START WITH {NUMBERS}"
    )));
    for (name, columns) in TABLES {
        // What is emptied together is as if it had never been loaded. What others rely on stays.
        let may_vanish = ["unit", "kind", "node", "mention", "edge", "vector"].contains(&name);
        let kind = if form.unlogged && may_vanish { "UNLOGGED TABLE" } else { "TABLE" };
        let columns = columns.replace("{}", &form.tablespace_of_key());
        let split = form.partitions > 0 && ["node", "edge"].contains(&name);
        let by = if split { " PARTITION BY HASH (unit)" } else { "" };
        // The tablespace of a partitioned table is what its partitions get.
        let made = if split { "TABLE" } else { kind };
        let (table, space) = (names.of(name), form.tablespace());
        statements.push(format!("CREATE {made} {table} ({columns}){by}{space}"));
        for part in 0..if split { form.partitions } else { 0 } {
            let own = names.of(&format!("{name}_{part}"));
            statements.push(format!(
                "CREATE {kind} {own} PARTITION OF {table} \
                 FOR VALUES WITH (MODULUS {}, REMAINDER {part}){space}",
                form.partitions
            ));
        }
    }
    statements.extend(VIEWS.map(|view| names.sql(&format!("CREATE VIEW {view}"))));
    statements.push(names.sql(&format!(
        "INSERT INTO {{store}} (version, epoch, indexed) \
         VALUES ({VERSION}, (random() * 9e15)::bigint, false)"
    )));
    statements
}

/// Everything that [`create`] made, the last first.
pub(super) fn drop(names: &Names) -> Vec<String> {
    let views =
        ["vectors", "edges", "mentions", "symbols", "nodes", "kinds", "units", "repositories"];
    let views = views.map(|view| names.sql(&format!("DROP VIEW IF EXISTS {{{view}}}")));
    let tables = TABLES.iter().rev();
    let tables = tables.map(|(name, _)| names.sql(&format!("DROP TABLE IF EXISTS {{{name}}}")));
    let sequence = names.sql("DROP SEQUENCE IF EXISTS {unit_number}");
    views.into_iter().chain(tables).chain([sequence]).collect()
}

/// In the order in which writers lock them; `{}` is where a key's index says its tablespace. Fixed widths
/// first, so that nothing is lost to alignment. A `uint32` of the model is an `integer` of the same bits.
const TABLES: [(&str, &str); 10] = [
    (
        "store",
        "one boolean PRIMARY KEY{} DEFAULT true CHECK (one), version integer NOT NULL,
         epoch bigint NOT NULL, indexed boolean NOT NULL",
    ),
    (
        "word",
        "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY{},
         word text COLLATE \"C\" NOT NULL UNIQUE{}",
    ),
    (
        "repo",
        "repo integer NOT NULL, layer integer NOT NULL, root text, remote text,
         origin text NOT NULL, generation bigint NOT NULL, written_at timestamptz, revision text,
         loaded_at bigint, PRIMARY KEY (repo, layer){}",
    ),
    (
        "unit",
        "unit_id bigint NOT NULL PRIMARY KEY{}, number bigint UNIQUE{}, generation bigint NOT NULL,
         selection bigint, size_bytes bigint, nodes bigint NOT NULL, edges bigint NOT NULL,
         vectors bigint NOT NULL, repo integer NOT NULL, layer integer NOT NULL, language integer,
         extractor integer NOT NULL, line_count integer, position_encoding smallint NOT NULL,
         flags smallint NOT NULL, path text COLLATE \"C\" NOT NULL, revision text,
         content_hash bytea, properties json",
    ),
    (
        "symbol",
        "symbol_id uuid NOT NULL PRIMARY KEY{}, symbol text NOT NULL,
         name text COLLATE \"C\" GENERATED ALWAYS AS (
             CASE WHEN substr(symbol, 1, 5) = 'name ' AND strpos(substr(symbol, 6), ' ') > 0
             THEN nullif(substr(symbol, 6 + strpos(substr(symbol, 6), ' ')), '') END) STORED",
    ),
    (
        "mention",
        "unit bigint NOT NULL, symbol uuid NOT NULL, kind text COLLATE \"C\",
         name text COLLATE \"C\", package text COLLATE \"C\"",
    ),
    // In slots, so that writers seldom wait for each other.
    (
        "kind",
        "slot integer NOT NULL, kind integer NOT NULL, nodes bigint NOT NULL,
         PRIMARY KEY (slot, kind){}",
    ),
    (
        "node",
        "unit bigint NOT NULL, ord integer NOT NULL, parent integer, last integer NOT NULL,
         label integer NOT NULL, kind integer NOT NULL, field integer, start_byte integer,
         end_byte integer, start_line integer, start_col integer, end_line integer, end_col integer,
         flags smallint NOT NULL, name text COLLATE \"C\", text text, properties json",
    ),
    (
        "edge",
        "unit bigint NOT NULL, src integer NOT NULL, kind integer NOT NULL, dst_node integer,
         ord integer NOT NULL, dst_symbol uuid, start_byte integer, end_byte integer,
         start_line integer, start_col integer, flags smallint NOT NULL, properties json",
    ),
    (
        "vector",
        "unit bigint NOT NULL, node integer NOT NULL, model integer NOT NULL,
         text_hash bytea NOT NULL, vector real[] NOT NULL",
    ),
];

const VIEWS: [&str; 8] = [
    "{repositories} AS
SELECT name.word AS repo, layer.word AS layer, repo.root, repo.remote, repo.revision,
       to_timestamp(repo.loaded_at / 1e6) AS loaded_at, repo.origin, repo.generation
FROM {repo} AS repo
LEFT JOIN {word} AS name ON name.id = repo.repo
LEFT JOIN {word} AS layer ON layer.id = repo.layer",
    "{units} AS
SELECT unit.unit_id, repo.word AS repo, unit.path, layer.word AS layer, unit.revision,
       language.word AS language, encode(unit.content_hash, 'hex') AS content_hash,
       extractor.word AS extractor, unit.generation, unit.size_bytes, unit.line_count,
       unit.position_encoding, unit.flags, unit.properties, unit.nodes, unit.edges, unit.vectors
FROM {unit} AS unit
LEFT JOIN {word} AS repo ON repo.id = unit.repo
LEFT JOIN {word} AS layer ON layer.id = unit.layer
LEFT JOIN {word} AS language ON language.id = unit.language
LEFT JOIN {word} AS extractor ON extractor.id = unit.extractor
WHERE unit.number IS NOT NULL",
    "{kinds} AS
SELECT word.word AS kind, sum(kind.nodes)::bigint AS nodes
FROM {kind} AS kind
JOIN {word} AS word ON word.id = kind.kind
GROUP BY word.word
HAVING sum(kind.nodes) > 0",
    "{nodes} AS
SELECT unit.unit_id, unit.path, node.ord, node.parent, node.last, label.word AS label,
       kind.word AS kind, field.word AS field, node.name, node.text, node.start_byte,
       node.end_byte, node.start_line, node.start_col, node.end_line, node.end_col, node.flags,
       node.properties
FROM {node} AS node
LEFT JOIN {unit} AS unit ON unit.number = node.unit
LEFT JOIN {word} AS label ON label.id = node.label
LEFT JOIN {word} AS kind ON kind.id = node.kind
LEFT JOIN {word} AS field ON field.id = node.field",
    "{symbols} AS
SELECT symbol.symbol_id, symbol.symbol, coalesce(said.kind, 'name') AS kind,
       CASE WHEN said.kind IS NULL THEN symbol.name ELSE said.name END AS name, said.package
FROM {symbol} AS symbol
LEFT JOIN LATERAL (
    SELECT least.kind, least.name, least.package FROM {mention} AS least
    WHERE least.symbol = symbol.symbol_id AND least.kind IS NOT NULL
    ORDER BY least.kind, least.name NULLS FIRST, least.package NULLS FIRST LIMIT 1) AS said ON true",
    "{mentions} AS
SELECT unit.unit_id, unit.path, mention.symbol AS symbol_id, symbol.symbol,
       coalesce(mention.kind, 'name') AS kind,
       CASE WHEN mention.kind IS NULL THEN symbol.name ELSE mention.name END AS name,
       mention.package
FROM {mention} AS mention
LEFT JOIN {unit} AS unit ON unit.number = mention.unit
LEFT JOIN {symbol} AS symbol ON symbol.symbol_id = mention.symbol",
    "{edges} AS
SELECT unit.unit_id, unit.path, edge.src, kind.word AS kind, edge.dst_node, edge.dst_symbol AS
       symbol_id, symbol.symbol, edge.ord, edge.start_byte, edge.end_byte, edge.start_line,
       edge.start_col, edge.flags, edge.properties
FROM {edge} AS edge
LEFT JOIN {unit} AS unit ON unit.number = edge.unit
LEFT JOIN {word} AS kind ON kind.id = edge.kind
LEFT JOIN {symbol} AS symbol ON symbol.symbol_id = edge.dst_symbol",
    "{vectors} AS
SELECT unit.unit_id, unit.path, vector.node, model.word AS model, vector.text_hash, vector.vector
FROM {vector} AS vector
LEFT JOIN {unit} AS unit ON unit.number = vector.unit
LEFT JOIN {word} AS model ON model.id = vector.model",
];
