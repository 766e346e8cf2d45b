//! What is run to write a batch, once its units are locked and cleared.

pub(super) const WRITE: &str = "
CALL () {
  UNWIND range(0, size($units) - 1) AS at
  WITH at, $units[at] AS row
  MATCH (unit:{Unit} {unit_id: row[0]})
  USING INDEX unit:{Unit}(unit_id)
  SET unit = row[2], unit.written = randomUUID(), unit:$(row[1])
  WITH unit ORDER BY at
  RETURN collect(unit) AS units
}
CALL () {
  UNWIND $tombstones AS row
  MATCH (unit:{Unit} {unit_id: row[0]})
  USING INDEX unit:{Unit}(unit_id)
  SET unit = row[1]
}
CALL () {
  UNWIND $untouched AS id
  MATCH (unit:{Unit} {unit_id: id})
  USING INDEX unit:{Unit}(unit_id)
  REMOVE unit.writing
}
CALL () {
  UNWIND $nodes AS row
  CREATE (node:$($labels[row[0]]) {
    ord: row[1], last: row[2], flags: row[3], name: row[4], start_byte: row[5], end_byte: row[6],
    start_line: row[7], start_col: row[8], end_line: row[9], end_col: row[10], field: row[11],
    text: row[12], properties: row[13], kind: row[14]})
  RETURN collect(node) AS made
}
CALL () {
  UNWIND $symbols AS row
  MERGE (symbol:{SharedSymbol} {symbol_id: row[0]})
  ON CREATE SET symbol.symbol = row[1], symbol.kind = row[2], symbol.name = row[3]
  RETURN collect(symbol) AS symbols
}
WITH units + made AS nodes, symbols
CALL (nodes) {
  UNWIND $children AS row
  WITH nodes[row[0]] AS parent, nodes[row[1]] AS child
  CREATE (parent)-[:HAS_CHILD]->(child)
}
CALL (nodes, symbols) {
  UNWIND $mentions AS row
  WITH nodes[row[0]] AS unit, symbols[row[1]] AS symbol, row
  CREATE (unit)-[:HAS_MENTION {kind: row[2], name: row[3], package: row[4]}]->(symbol)
}
CALL (nodes, symbols) {
  UNWIND $uses AS row
  WITH nodes[row[0]] AS node, symbols[row[1]] AS symbol, row
  CREATE (node)-[:$($types[row[2]]) {
    ord: row[3], flags: row[4], start_byte: row[5], end_byte: row[6], start_line: row[7],
    start_col: row[8], properties: row[9]}]->(symbol)
}
CALL (nodes) {
  UNWIND $edges AS row
  WITH nodes[row[0]] AS node, nodes[row[1]] AS other, row
  CREATE (node)-[:$($types[row[2]]) {
    ord: row[3], flags: row[4], start_byte: row[5], end_byte: row[6], start_line: row[7],
    start_col: row[8], properties: row[9]}]->(other)
}
CALL (nodes) {
  UNWIND $vectors AS row
  WITH nodes[row[0]] AS node, row
  CREATE (node)-[:HAS_VECTOR]->(:{Vector} {model: row[1], text_hash: row[2], vector: row[3]})
}";

/// The generation is read once the node is locked.
pub(super) const PUT_REPOS: &str = "
UNWIND $repos AS row
MERGE (repo:{Repo} {repo: row[0], layer: row[1]})
ON CREATE SET repo.origin = 'nobody'
SET repo.written_at = datetime()
SET repo.generation = CASE WHEN repo.generation > row[2] THEN repo.generation ELSE row[2] END";
