//! What a lane needs the repositories to be that it writes to.
//!
//! Somebody may remove a repository while it is loaded. That ends its claim, and what is written
//! afterwards belongs to nobody: so a lane makes its claims once more when everything is written, and
//! learns then, too, where somebody else has claimed the repository meanwhile. What it was told of the
//! load's end is recorded with that, if the backend has all of the load.

use std::collections::BTreeMap;

use astload_backends::{Backend, Error, OtherRoot, RepoClaim};

use super::{Carrying, Limit};

/// The last claim of each (repository, layer).
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<(String, String), RepoClaim>);

impl Carrying {
    /// Makes a claim, but for one that says that the load of the repository has ended: that is not true
    /// yet of this backend.
    pub(super) async fn claim(&mut self, claim: &RepoClaim) -> Result<(), Error> {
        if claim.ended.is_none() {
            self.make(claim).await?;
        }
        let key = (claim.repo.clone(), claim.layer.clone());
        self.claims.0.insert(key, claim.clone());
        Ok(())
    }

    pub(super) async fn claim_again(&mut self) -> Result<(), Error> {
        let has_all = self.report.refused.is_empty() && self.report.lost.is_empty();
        for (_, claim) in std::mem::take(&mut self.claims.0) {
            let other_root = match claim.other_root {
                // It has moved by now, and must not move back.
                OtherRoot::Refuse | OtherRoot::RefuseUnlessSameRemote | OtherRoot::Replace => {
                    OtherRoot::Refuse
                }
                OtherRoot::Keep => OtherRoot::Keep,
            };
            let ended = claim.ended.clone().filter(|_| has_all);
            self.make(&RepoClaim { other_root, ended, ..claim }).await?;
        }
        Ok(())
    }

    async fn make(&self, claim: &RepoClaim) -> Result<(), Error> {
        let backend = self.lane.backend.clone();
        let Some(admin) = backend.admin() else { return Ok(()) };
        self.persist("claiming a repository", Limit::Patience, || admin.claim_repo(claim)).await
    }
}
