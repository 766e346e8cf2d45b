//! A store that is read unit by unit.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Access, Backend, Error, Reader, Registry, RepoState, StoredUnit, Terms, UnitFilter,
};
use astload_model::{Batch, Selection, UnitId};
use tokio_util::sync::CancellationToken;

use crate::load::TargetSpec;

/// Nodes of the units that are read at once.
const NODES_AT_ONCE: u64 = 50_000;

/// Units that are read at once, however small.
const UNITS_AT_ONCE: usize = 2_000;

/// A store that is read.
#[derive(Debug)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// What of the units it holds.
    pub selection: Selection,
    backend: Arc<dyn Backend>,
    terms: Terms,
}

impl Side {
    /// Connects to a store in order to read it.
    ///
    /// # Errors
    /// Where it cannot be reached in time, or its type cannot be read.
    pub async fn connect(
        registry: &Registry,
        spec: &TargetSpec,
        patience: Duration,
        stopping: &CancellationToken,
    ) -> Result<Self, Error> {
        let terms = spec.terms(patience, stopping);
        let backend = spec.connect(registry, Access::Read, &terms).await?;
        let side =
            Self { name: spec.name.clone(), selection: spec.selection.clone(), backend, terms };
        match side.reader() {
            Ok(_) => Ok(side),
            Err(error) => {
                side.close().await;
                Err(error)
            }
        }
    }

    fn reader(&self) -> Result<&dyn Reader, Error> {
        let cannot = || Error::misconfigured(format!("{} cannot be read back", self.name));
        self.backend.reader().ok_or_else(cannot)
    }

    /// What it knows of repositories.
    ///
    /// # Errors
    /// As the store says, when patience is at its end.
    pub async fn repos(&self) -> Result<Vec<RepoState>, Error> {
        let reader = self.reader()?;
        self.terms.patiently("reading", || reader.repos()).await
    }

    /// Its units, without their rows.
    ///
    /// # Errors
    /// As the store says, when patience is at its end.
    pub async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>, Error> {
        let reader = self.reader()?;
        self.terms.patiently("reading", || reader.units(filter)).await
    }

    /// These units with their rows.
    ///
    /// # Errors
    /// As the store says, when patience is at its end.
    pub async fn read(&self, ids: &[UnitId]) -> Result<Batch, Error> {
        let reader = self.reader()?;
        self.terms.patiently("reading", || reader.read_units(ids)).await
    }

    /// Lets go of it.
    pub async fn close(&self) {
        if let Err(error) = self.backend.close().await {
            tracing::warn!(backend = self.name, %error, "closing a backend");
        }
    }
}

/// Units in parts that may be held in memory, each with its nodes.
pub(super) fn parts(units: &[StoredUnit]) -> impl Iterator<Item = &[StoredUnit]> {
    let mut rest = units;
    std::iter::from_fn(move || {
        let mut nodes = 0;
        let fits = |unit: &&StoredUnit| {
            let before = nodes;
            nodes += unit.nodes;
            before == 0 || nodes <= NODES_AT_ONCE
        };
        let count = rest.iter().take(UNITS_AT_ONCE).take_while(fits).count();
        let (part, others) = rest.split_at(count);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use astload_model::UnitName;

    use super::*;

    fn units(nodes: &[u64]) -> Vec<StoredUnit> {
        let unit = |(at, &nodes): (usize, &u64)| StoredUnit {
            id: UnitId::of("r", &at.to_string(), "ast"),
            name: UnitName { repo: "r".into(), path: at.to_string(), layer: "ast".into() },
            generation: 1,
            content_hash: None,
            extractor: "e".into(),
            selection: None,
            language: None,
            nodes,
            size_bytes: None,
        };
        nodes.iter().enumerate().map(unit).collect()
    }

    #[test]
    fn a_part_holds_what_fits_and_a_large_unit_alone() {
        let lengths = |nodes: &[u64]| parts(&units(nodes)).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[20_000, 20_000, 20_000]), [2, 1]);
        assert_eq!(lengths(&[1, NODES_AT_ONCE * 9, 1]), [1, 1, 1]);
        assert_eq!(lengths(&vec![0; UNITS_AT_ONCE + 1]), [UNITS_AT_ONCE, 1]);
    }
}
