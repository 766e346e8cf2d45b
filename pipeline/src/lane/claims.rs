//! What a lane needs the repositories to be that it writes to.
//!
//! Somebody may remove a repository while it is loaded. That ends its claim, and what is written
//! afterwards belongs to nobody: so a lane makes its claims once more when everything is written, and
//! learns then, too, where somebody else has claimed the repository meanwhile.

use std::collections::BTreeMap;

use astload_backends::{Backend, Error, OtherRoot, RepoClaim};

use super::{Carrying, Limit};

/// The last claim of each (repository, layer).
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<(String, String), RepoClaim>);

impl Carrying {
    pub(super) async fn claim(&mut self, claim: &RepoClaim) -> Result<(), Error> {
        self.make(claim).await?;
        let key = (claim.repo.clone(), claim.layer.clone());
        self.claims.0.insert(key, claim.clone());
        Ok(())
    }

    pub(super) async fn claim_again(&mut self) -> Result<(), Error> {
        for (_, claim) in std::mem::take(&mut self.claims.0) {
            let other_root = match claim.other_root {
                // It has moved by now, and must not move back.
                OtherRoot::Refuse | OtherRoot::Replace => OtherRoot::Refuse,
                OtherRoot::Keep => OtherRoot::Keep,
            };
            self.make(&RepoClaim { other_root, ..claim }).await?;
        }
        Ok(())
    }

    async fn make(&self, claim: &RepoClaim) -> Result<(), Error> {
        let backend = self.lane.backend.clone();
        let Some(admin) = backend.admin() else { return Ok(()) };
        self.persist("claiming a repository", Limit::Patience, || admin.claim_repo(claim)).await
    }
}
