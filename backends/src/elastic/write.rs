//! Writes a batch: the documents of each version first, then the unit's own, which says that it counts.
//!
//! A unit's own document is written where nobody wrote it since it was looked at, else all of it is looked
//! at again: so an older version never overwrites a newer one, whoever is late. The documents of the
//! version that was there are deleted last.

use std::collections::{BTreeMap, HashMap, HashSet};

use astload_model::{Batch, Op, Said, SymbolId, Unit, canonical_hash};

use super::Store;
use super::bulk::{Bulk, Item};
use super::documents::{Draft, Version, action, node_id, tombstone, unit_document, unit_id};
use super::found::{Found, Standing};
use super::json::Object;
use crate::contract::{Receipt, RowCounts};
use crate::error::{Error, ErrorKind, Result};
use crate::verdict::{Held, Twins, Verdict, of_another, of_tie, verdict};

const WHAT: &str = "writing a batch";

/// Attempts before it is said that others are in the way.
const ATTEMPTS: usize = 8;

/// What a batch is on its way.
struct Write<'a> {
    store: &'a Store,
    batch: &'a Batch,
    /// Of units that are replaced, by position: known when they are needed.
    versions: HashMap<usize, Version>,
    /// Those whose documents are there.
    sent: HashSet<usize>,
    /// Those that count.
    done: Vec<usize>,
    /// The one in which it began.
    epoch: Option<u64>,
    rows: RowCounts,
}

impl Store {
    pub(super) async fn write(&self, batch: &Batch) -> Result<Receipt> {
        self.client.check_open()?;
        let mut write = Write {
            store: self,
            batch,
            versions: HashMap::new(),
            sent: HashSet::new(),
            done: Vec::new(),
            epoch: None,
            rows: RowCounts::default(),
        };
        for _ in 0..ATTEMPTS {
            if let Some(receipt) = write.attempt().await? {
                write.finish().await?;
                return Ok(Receipt { rows: write.rows, ..receipt });
            }
        }
        Err(Error::transient("other loaders write the same units all the time"))
    }
}

impl Write<'_> {
    /// `None` where another writer was in between.
    async fn attempt(&mut self) -> Result<Option<Receipt>> {
        let found = self.store.found(self.batch).await?;
        self.epoch.get_or_insert(found.epoch);
        let (receipt, accepted) = self.judge(&found).await?;
        self.drop_superseded(&accepted, &found).await;
        if accepted.is_empty() {
            return Ok(Some(receipt));
        }
        self.send_documents(&accepted, found.epoch).await?;
        let (done, is_all) = self.complete(&accepted, &found).await?;
        for &at in &done {
            self.count(at);
        }
        self.delete_old(&done, &found).await;
        self.done.extend(done);
        Ok(is_all.then_some(receipt))
    }

    /// Records the repositories. Who collected garbage meanwhile may have taken symbols that were there:
    /// they are made again.
    async fn finish(&self) -> Result<()> {
        let mut epoch = self.epoch;
        loop {
            let now = self.store.put_generations(self.batch).await?;
            if epoch.replace(now) == Some(now) {
                return Ok(());
            }
            let mut bulk = Bulk::default();
            let symbols = self.symbols(&self.done, now, &mut bulk);
            for item in bulk.send(&self.store.client, WHAT).await? {
                if !item.is_done() && !item.is_conflict() {
                    return Err(item.as_error(WHAT));
                }
            }
            self.store.known().add(now, symbols);
        }
    }

    fn unit(&self, at: usize) -> Unit<'_> {
        self.batch.unit(at)
    }

    fn count(&mut self, at: usize) {
        let unit = self.batch.unit(at);
        if unit.op() == Op::Replace {
            self.rows.nodes += unit.nodes().len() as u64;
            self.rows.edges += unit.edges().len() as u64;
            self.rows.vectors += unit.vectors().len() as u64;
        }
        self.sent.remove(&at);
    }

    fn version(&mut self, at: usize) -> &Version {
        let batch = self.batch;
        self.versions
            .entry(at)
            .or_insert_with(|| Draft::of(batch, batch.unit(at), Vec::new()).version)
    }

    /// Clauses 3 to 5 and 8 of the contract.
    async fn judge(&mut self, found: &Found) -> Result<(Receipt, Vec<usize>)> {
        let (twins, mut rejected) = (Twins::of(self.batch), Vec::new());
        let (mut receipt, mut accepted) = (Receipt::default(), Vec::new());
        for unit in self.batch.units() {
            let standing = found.units.get(&unit.id());
            let reason = match standing {
                Some(standing) => clash(&unit, standing),
                None => twins.clash(&unit),
            };
            if let Some(reason) = reason {
                rejected.push((unit.id(), reason));
            }
        }
        if !rejected.is_empty() {
            return Err(Error::refused(rejected));
        }
        for (at, unit) in self.batch.units().enumerate() {
            let standing = found.units.get(&unit.id());
            let known = standing.map(|standing| (standing.generation, standing.held()));
            let mut found = verdict(&unit, known)?;
            if found == Verdict::Tie {
                let content = standing.map(|standing| standing.content.clone()).unwrap_or_default();
                found = match self.version(at).content == content {
                    true => Verdict::Replay,
                    false => {
                        let stored = self.store.read(&[unit.id()]).await?;
                        let stored = stored.units().next().map(|unit| canonical_hash(&unit));
                        of_tie(&unit, stored)
                    }
                };
            }
            found.count(&unit, &mut receipt);
            if found == Verdict::Change {
                accepted.push(at);
            }
        }
        Ok((receipt, accepted))
    }

    /// Documents of versions that came too late are nobody's, unless another writer wrote the same one.
    async fn drop_superseded(&mut self, accepted: &[usize], found: &Found) {
        let late: Vec<usize> =
            self.sent.iter().copied().filter(|at| !accepted.contains(at)).collect();
        let mut bulk = Bulk::default();
        for at in late {
            self.sent.remove(&at);
            let unit = self.batch.unit(at);
            let Some(version) = self.versions.get(&at) else { continue };
            let standing = found.units.get(&unit.id());
            if standing.is_none_or(|standing| standing.version != version.name) {
                let (id, count) = (unit_id(unit.id()), unit.nodes().len());
                self.store.delete_nodes(&mut bulk, &id, &version.name, count, unit.repo());
            }
        }
        self.store.clean_up(bulk, WHAT).await;
    }

    /// Sends the documents of nodes and of symbols.
    async fn send_documents(&mut self, accepted: &[usize], epoch: u64) -> Result<()> {
        let mut bulk = Bulk::default();
        let mut owners: Vec<Option<usize>> = Vec::new();
        let mut buffer = Vec::new();
        for &at in accepted {
            if self.unit(at).op() == Op::Delete || self.sent.contains(&at) {
                continue;
            }
            let draft = Draft::of(self.batch, self.batch.unit(at), buffer);
            draft.push(&mut bulk, &self.store.names, self.store.route_by_repo);
            owners.resize(bulk.len(), Some(at));
            self.versions.insert(at, draft.version);
            buffer = draft.bodies;
        }
        let symbols = self.symbols(accepted, epoch, &mut bulk);
        owners.resize(bulk.len(), None);
        let items = bulk.send(&self.store.client, WHAT).await?;
        for (item, owner) in items.iter().zip(&owners) {
            // A symbol that is there already is there.
            if owner.is_none() && item.status == 201 {
                self.rows.symbols += 1;
            }
        }
        let refused = |(item, owner): (&Item, &Option<usize>)| {
            let is_there = owner.is_none() && item.is_conflict();
            (!item.is_done() && !is_there).then_some((*owner, item.clone()))
        };
        let failed: Vec<(Option<usize>, Item)> =
            items.iter().zip(&owners).filter_map(refused).collect();
        if let Some(error) = self.refusal(&failed) {
            return Err(error);
        }
        self.sent.extend(accepted);
        self.store.known().add(epoch, symbols);
        Ok(())
    }

    /// Adds symbols that may not be there.
    fn symbols(&self, accepted: &[usize], epoch: u64, bulk: &mut Bulk) -> Vec<SymbolId> {
        let (symbols, ids) = (self.batch.symbols(), self.batch.symbol_ids());
        let kept = accepted.iter().map(|&at| self.batch.unit(at));
        let kept = kept.filter(|unit| unit.op() == Op::Replace);
        let mut rows: BTreeMap<SymbolId, usize> = BTreeMap::new();
        for row in kept.flat_map(|unit| unit.symbols()) {
            rows.entry(ids[row]).or_insert(row);
        }
        let mut known = self.store.known();
        rows.retain(|id, _| !known.has(epoch, *id));
        let index = self.store.names.alias("symbols");
        for (id, &row) in &rows {
            bulk.push(|lines| {
                action(lines, "create", &index, &id.to_string(), None);
                let mut object = Object::begin(lines);
                let key = symbols.symbol.at(row);
                let told = Said::by_key(key);
                object.text("symbol", Some(key));
                object.text("kind", Some(told.kind));
                object.text("name", told.name);
                object.end();
                lines.push(b'\n');
            });
        }
        rows.into_keys().collect()
    }

    /// The error for items that are not done: units that the server will never take, or the first that
    /// is something else.
    fn refusal(&self, failed: &[(Option<usize>, Item)]) -> Option<Error> {
        let mut rejected = BTreeMap::new();
        for (owner, item) in failed {
            let error = item.as_error(WHAT);
            match owner {
                Some(at) if error.kind == ErrorKind::Refused => {
                    rejected.entry(*at).or_insert(error.message);
                }
                _ => return Some(error),
            }
        }
        let rejected = rejected.into_iter().map(|(at, reason)| (self.batch.unit(at).id(), reason));
        let rejected: Vec<_> = rejected.collect();
        (!rejected.is_empty()).then(|| Error::refused(rejected))
    }

    /// Says which versions count; gives back those units that were nobody else's meanwhile, and whether
    /// these are all.
    async fn complete(&mut self, accepted: &[usize], found: &Found) -> Result<(Vec<usize>, bool)> {
        let (store, batch) = (self.store, self.batch);
        let index = store.names.alias("units");
        let mut bulk = Bulk::default();
        for &at in accepted {
            let unit = batch.unit(at);
            let id = unit_id(unit.id());
            let document = match unit.op() {
                Op::Replace => unit_document(&unit, self.version(at), store.selection),
                Op::Delete => {
                    let generation = unit.generation().unwrap_or_default();
                    tombstone(&id, unit.repo(), unit.path(), unit.layer(), generation)
                }
            };
            bulk.push(|lines| {
                store.guarded(lines, &index, &id, found.units.get(&unit.id()));
                lines.extend_from_slice(&document);
                lines.push(b'\n');
            });
        }
        let items = bulk.send(&store.client, WHAT).await?;
        let (mut done, mut failed, mut is_all) = (Vec::new(), Vec::new(), true);
        for (&at, item) in accepted.iter().zip(items) {
            match item {
                item if item.is_done() => done.push(at),
                item if item.is_conflict() => is_all = false,
                item => failed.push((Some(at), item)),
            }
        }
        match self.refusal(&failed) {
            Some(error) => Err(error),
            None => Ok((done, is_all)),
        }
    }

    /// The documents of versions that do not count any more.
    async fn delete_old(&self, done: &[usize], found: &Found) {
        let mut bulk = Bulk::default();
        for &at in done {
            let unit = self.batch.unit(at);
            let Some(standing) = found.units.get(&unit.id()) else { continue };
            let version = self.versions.get(&at).map(|version| version.name.as_str());
            if standing.held() == Held::Rows && version != Some(standing.version.as_str()) {
                let (id, count) = (unit_id(unit.id()), standing.nodes as usize);
                self.store.delete_nodes(&mut bulk, &id, &standing.version, count, unit.repo());
            }
        }
        self.store.clean_up(bulk, WHAT).await;
    }
}

impl Store {
    /// An action that is refused where somebody wrote the document since it was looked at.
    pub(super) fn guarded(
        &self,
        lines: &mut Vec<u8>,
        index: &str,
        id: &str,
        standing: Option<&Standing>,
    ) {
        match standing {
            None => action(lines, "create", index, id, None),
            Some(Standing { seq_no, primary_term, .. }) => lines.extend_from_slice(
                format!(
                    "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{id}\",\"if_seq_no\":{seq_no},\
                     \"if_primary_term\":{primary_term}}}}}\n"
                )
                .as_bytes(),
            ),
        }
    }

    pub(super) fn delete_nodes(
        &self,
        bulk: &mut Bulk,
        unit: &str,
        version: &str,
        count: usize,
        repo: &str,
    ) {
        let index = self.names.alias("nodes");
        let routing = self.route_by_repo.then_some(repo);
        for position in 0..count {
            let id = node_id(unit, version, position);
            bulk.push(|lines| action(lines, "delete", &index, &id, routing));
        }
    }

    /// Deletes what nobody writes any more. What is left of it finds `gc`.
    pub(super) async fn clean_up(&self, bulk: Bulk, what: &str) {
        let error = match bulk.send(&self.client, what).await {
            Ok(items) => items
                .iter()
                .find(|item| !(item.is_done() || item.is_gone()))
                .map(|item| item.as_error(what)),
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            tracing::warn!(%error, "documents of older versions are left until `astload gc`");
        }
    }
}

/// Why the unit's id is not its own here.
fn clash(unit: &Unit<'_>, standing: &Standing) -> Option<String> {
    let same = standing.path == unit.path()
        && standing.repo == unit.repo()
        && standing.layer == unit.layer();
    (!same).then(|| of_another(unit, &standing.path))
}
