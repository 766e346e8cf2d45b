//! What is asked of the graph to read units back.

pub(super) const UNITS: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
{lock}
WITH unit WHERE unit.deleted IS NULL AND unit.generation IS NOT NULL
RETURN [unit.unit_id, unit.written, unit.repo, unit.path, unit.layer, unit.revision, unit.language,
  unit.content_hash, unit.extractor, unit.generation, unit.size_bytes, unit.line_count,
  unit.position_encoding, unit.unit_flags, unit.unit_properties, unit.nodes, unit.edges,
  unit.vectors] AS row";

pub(super) const NODES: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
MATCH (unit)-[:HAS_CHILD*0..]->(node)
WITH DISTINCT id, node
RETURN [id, node.ord, node.last, labels(node), node.kind, node.field, node.name, node.text,
  node.start_byte, node.end_byte, node.start_line, node.start_col, node.end_line, node.end_col,
  node.flags, node.properties] AS row";

/// Relationships that others made have no number.
pub(super) const EDGES: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
MATCH (unit)-[:HAS_CHILD*0..]->(node)
WITH DISTINCT id, node
MATCH (node)-[edge]->(end)
WHERE edge.ord IS NOT NULL
RETURN [id, node.ord, type(edge), end.ord, end.symbol_id, edge.ord, edge.start_byte, edge.end_byte,
  edge.start_line, edge.start_col, edge.flags, edge.properties] AS row";

pub(super) const VECTORS: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
WHERE unit.vectors > 0
MATCH (unit)-[:HAS_CHILD*0..]->(node)
WITH DISTINCT id, node
MATCH (node)-[:HAS_VECTOR]->(vector:{Vector})
RETURN [id, node.ord, vector.model, vector.text_hash, vector.vector] AS row";

pub(super) const SYMBOLS: &str = "
UNWIND $ids AS id
MATCH (symbol:{SharedSymbol} {symbol_id: id})
USING INDEX symbol:{SharedSymbol}(symbol_id)
RETURN [id, symbol.symbol] AS row";

pub(super) const MENTIONS: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
MATCH (unit)-[mention:HAS_MENTION]->(symbol)
RETURN [id, 0, symbol.symbol_id, mention.kind, mention.name, mention.package] AS row";

pub(super) const STILL: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
RETURN [id, unit.written] AS row";
