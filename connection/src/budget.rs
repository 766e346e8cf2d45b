//! How many attempts may be made again, so that a store that fails is not given several times the
//! load that made it fail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many attempts may be made again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetSettings {
    /// Retries for each call, in the long run.
    pub ratio: f64,
    /// Retries a second that are always allowed, for stores that are seldom called.
    pub per_second: f64,
    /// Retries that can be saved up.
    pub most: f64,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { ratio: 0.2, per_second: 1.0, most: 10.0 }
    }
}

/// A retry budget, as Finagle has it: calls pay in, retries take out. Clones share it.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    settings: BudgetSettings,
    balance: Arc<Mutex<Balance>>,
}

#[derive(Debug)]
struct Balance {
    retries: f64,
    at: Instant,
}

impl RetryBudget {
    /// A full budget.
    pub fn new(settings: BudgetSettings) -> Self {
        let balance = Balance { retries: settings.most, at: Instant::now() };
        Self { settings, balance: Arc::new(Mutex::new(balance)) }
    }

    /// A call is made for the first time.
    pub fn pay_in(&self) {
        self.with_balance(|retries| *retries += self.settings.ratio);
    }

    /// Takes out a retry. Where there is none left, says when there will be.
    ///
    /// # Errors
    /// How long to wait, where there is none left.
    pub fn take(&self) -> Result<(), Duration> {
        self.with_balance(|retries| {
            if *retries >= 1.0 {
                *retries -= 1.0;
                return Ok(());
            }
            let seconds = (1.0 - *retries) / self.settings.per_second;
            Err(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        })
    }

    fn with_balance<T>(&self, change: impl FnOnce(&mut f64) -> T) -> T {
        let BudgetSettings { per_second, most, .. } = self.settings;
        let mut balance = self.balance.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let regained = now.duration_since(balance.at).as_secs_f64() * per_second;
        balance.at = now;
        balance.retries = (balance.retries + regained).min(most);
        let value = change(&mut balance.retries);
        balance.retries = balance.retries.min(most);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BudgetSettings = BudgetSettings { ratio: 0.25, per_second: 0.5, most: 3.0 };

    fn spent() -> RetryBudget {
        let budget = RetryBudget::new(SETTINGS);
        for _ in 0..3 {
            budget.take().expect("saved up");
        }
        budget
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_spent_is_gone_until_time_brings_it_back() {
        let budget = spent();
        assert_eq!(budget.take(), Err(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(budget.take(), Err(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(budget.take(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_pay_for_a_part_of_a_retry() {
        let budget = spent();
        for _ in 0..4 {
            assert!(budget.take().is_err());
            budget.pay_in();
        }
        assert_eq!(budget.take(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_saved_than_the_most() {
        let budget = RetryBudget::new(SETTINGS);
        (0..100).for_each(|_| budget.pay_in());
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!((0..10).filter(|_| budget.take().is_ok()).count(), 3);
    }
}
