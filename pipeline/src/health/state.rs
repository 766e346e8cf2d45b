//! The states of a backend's health, and which may follow which.

use astload_connection::BreakerState;
use serde::Serialize;

/// How a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Not asked yet.
    Starting,
    /// It answers, and takes what is written.
    Healthy,
    /// It answers, and does not take all that is written, or did not answer once.
    Degraded,
    /// It does not answer.
    Unavailable,
    /// It is given what it still has to get, and nothing after that.
    Draining,
    /// Nobody uses it any more.
    Closed,
}

impl Health {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Healthy,
        Self::Degraded,
        Self::Unavailable,
        Self::Draining,
        Self::Closed,
    ];

    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
            Self::Draining => "draining",
            Self::Closed => "closed",
        }
    }

    /// The states that may follow.
    pub fn successors(self) -> &'static [Self] {
        match self {
            Self::Starting => {
                &[Self::Healthy, Self::Degraded, Self::Unavailable, Self::Draining, Self::Closed]
            }
            Self::Healthy => &[Self::Degraded, Self::Draining, Self::Closed],
            Self::Degraded => &[Self::Healthy, Self::Unavailable, Self::Draining, Self::Closed],
            Self::Unavailable => &[Self::Degraded, Self::Draining, Self::Closed],
            Self::Draining => &[Self::Closed],
            Self::Closed => &[],
        }
    }

    /// The next state on the way to another; `None` where there is no way, or it is the same.
    ///
    /// From healthy to unavailable and back it goes through degraded.
    pub fn step_to(self, target: Self) -> Option<Self> {
        match self {
            same if same == target => None,
            from if from.successors().contains(&target) => Some(target),
            Self::Healthy | Self::Unavailable => {
                Self::Degraded.successors().contains(&target).then_some(Self::Degraded)
            }
            Self::Starting | Self::Degraded | Self::Draining | Self::Closed => None,
        }
    }
}

/// What speaks for and against a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    /// Probes in a row that failed, and how the last one did.
    pub failed_probes: u32,
    /// What its circuit breaker lets through.
    pub breaker: BreakerState,
    /// Writes of its lane that pause.
    pub paused: u32,
}

impl Signs {
    /// How a backend is of which this is known.
    pub fn health(&self) -> Health {
        let writes = self.breaker == BreakerState::Closed;
        match self.failed_probes {
            0 if writes && self.paused == 0 => Health::Healthy,
            0 => Health::Degraded,
            // A probe may be lost on its way; where writes fail, too, it is not the way.
            1 if writes => Health::Degraded,
            _ => Health::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_change_is_in_the_table_and_no_other() {
        use Health::{Closed, Degraded, Draining, Healthy, Starting, Unavailable};
        let legal = [
            (Starting, vec![Healthy, Degraded, Unavailable, Draining, Closed]),
            (Healthy, vec![Degraded, Draining, Closed]),
            (Degraded, vec![Healthy, Unavailable, Draining, Closed]),
            (Unavailable, vec![Degraded, Draining, Closed]),
            (Draining, vec![Closed]),
            (Closed, vec![]),
        ];
        for (from, successors) in legal {
            assert_eq!(from.successors(), successors, "after {from:?}");
        }
    }

    #[test]
    fn every_target_is_reached_by_legal_steps_or_not_at_all() {
        for from in Health::ALL {
            for target in Health::ALL {
                let mut at = from;
                let mut steps = 0;
                while let Some(next) = at.step_to(target) {
                    assert!(at.successors().contains(&next), "{at:?} to {next:?}");
                    at = next;
                    steps += 1;
                    assert!(steps <= 2, "{from:?} to {target:?}");
                }
                let has_way = target != Health::Starting
                    && from != Health::Closed
                    && (from != Health::Draining || target == Health::Closed);
                assert_eq!(at == target, has_way || from == target, "{from:?} to {target:?}");
            }
        }
    }

    #[test]
    fn what_is_seen_decides_how_a_backend_is() {
        use BreakerState::{Closed, HalfOpen, Open};
        let health =
            |failed_probes, breaker, paused| Signs { failed_probes, breaker, paused }.health();
        assert_eq!(health(0, Closed, 0), Health::Healthy);
        for (breaker, paused) in [(Open, 0), (HalfOpen, 0), (Closed, 1), (Closed, 2)] {
            assert_eq!(health(0, breaker, paused), Health::Degraded);
        }
        assert_eq!(health(1, Closed, 0), Health::Degraded);
        assert_eq!(health(1, Open, 0), Health::Unavailable);
        assert_eq!(health(2, Closed, 0), Health::Unavailable);
    }
}
