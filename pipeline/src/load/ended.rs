//! What the stores are told at the end: when it was, and which revision was read.
//!
//! A lane records it once its backend has all of the load, and not where the backend refused some of it.

use astload_backends::{Ended, LastLoad, RepoClaim};

use super::{Input, Load};
use crate::source::stream::StreamInput;

/// The revision that units of a stream name, as far as it is one.
#[derive(Debug, Default)]
pub(super) enum Named {
    /// No unit was met so far.
    #[default]
    Nothing,
    /// All name this one.
    One(String),
    /// One names none, or another.
    Several,
}

impl Named {
    pub(super) fn meet(&mut self, revision: Option<&str>) {
        match (&*self, revision) {
            (Self::Nothing, Some(revision)) => *self = Self::One(revision.to_owned()),
            (Self::One(known), Some(revision)) if known == revision => {}
            _ => *self = Self::Several,
        }
    }

    fn take(&mut self) -> Option<String> {
        match std::mem::take(self) {
            Self::One(revision) => Some(revision),
            Self::Nothing | Self::Several => None,
        }
    }
}

impl Load<'_> {
    /// Tells that all of a repository was sent that this load has of it.
    pub(super) async fn end(&self, claim: RepoClaim, ended: Ended) {
        // A store that did not say what it holds was sent nothing of it.
        let is_unread = self.targets.iter().any(|target| target.unread.is_some());
        if let Some(sender) = self.sender()
            && !is_unread
        {
            // Where nobody takes it, the lanes say why.
            sender.send_claim(RepoClaim { ended: Some(ended), ..claim }).await.ok();
        }
    }

    /// The same of what streams had, if they were read to their end.
    pub(super) async fn end_streams(&mut self, inputs: &[Input]) {
        let is_replay = |input: &Input| matches!(input, Input::Stream(StreamInput::Lines(_)));
        let has_all = !self.report.broken && self.report.refused_units == 0;
        if !has_all || self.cancelled.is_cancelled() || inputs.iter().any(is_replay) {
            return;
        }
        let mut ended = Vec::new();
        for known in self.repos.values_mut() {
            if let Some(claim) = known.claim.take() {
                ended.push((claim, LastLoad::now(known.named.take())));
            }
        }
        for (claim, load) in ended {
            self.end(claim, Ended::Whole(load)).await;
        }
    }
}
