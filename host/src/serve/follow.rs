//! Tags that are followed: looked at now and then, less often while that fails, never by all servers at once.

use super::config::Config;
use crate::oci::Reference;
use std::time::Duration;
use tokio::time::Instant;

/// A look that fails doubles the wait before the next, so many times.
const DOUBLINGS: u32 = 4;

/// A reference whose tag is followed.
struct Followed {
    reference: Reference,
    every: Duration,
    due: Instant,
    failures: u32,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What is served is what the tag stands for.
    Same,
    /// It was replaced.
    Replaced,
    /// It could not be looked at, or what it stands for now cannot be served.
    Failed,
}

/// All that are followed.
pub(super) struct Follower {
    followed: Vec<Followed>,
}

impl Follower {
    pub(super) fn new(config: &Config) -> Self {
        let followed = config.bundles.iter().filter_map(|entry| {
            let every = entry.follow()?.get();
            // A configuration with anything else was refused.
            let reference: Reference = entry.reference().parse().ok()?;
            Some(Followed { reference, every, due: Instant::now() + spread(every), failures: 0 })
        });
        Self { followed: followed.collect() }
    }

    /// When somebody has to look next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.followed.iter().map(|followed| followed.due).min()
    }

    /// Makes everything due.
    pub(super) fn hurry(&mut self) {
        self.followed.iter_mut().for_each(|followed| followed.due = Instant::now());
    }

    /// Has everything looked at that is due by now.
    pub(super) fn look(&mut self, now: Instant, mut look: impl FnMut(&Reference, bool) -> Look) {
        for followed in self.followed.iter_mut().filter(|followed| followed.due <= now) {
            match look(&followed.reference, followed.failures > 0) {
                Look::Failed => followed.failures = (followed.failures + 1).min(DOUBLINGS),
                Look::Same | Look::Replaced => followed.failures = 0,
            }
            followed.due = now + spread(followed.every.saturating_mul(1 << followed.failures));
        }
    }
}

/// A time from nine to eleven tenths of this one.
fn spread(every: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness all come at once, no more.
    let _ = getrandom::fill(&mut byte);
    every.mul_f64(0.9 + f64::from(byte[0]) / 255.0 * 0.2)
}

#[cfg(test)]
mod tests {
    use super::super::config::{BundleEntry, BundleSettings, Span};
    use super::*;
    use crate::decide::{FailureMode, NotEvaluatedMode};

    #[test]
    fn failures_are_looked_at_less_often() {
        let settings = BundleSettings {
            bundle: "oci://h.example/a:1".to_owned(),
            failure_mode: FailureMode::default(),
            not_evaluated: NotEvaluatedMode::default(),
            follow: Some(Span::seconds(60)),
        };
        let config = Config { bundles: vec![BundleEntry::Settings(settings)], ..Config::default() };
        let mut follower = Follower::new(&config);
        for (look, least, most) in [
            (Look::Same, 54, 66),
            (Look::Failed, 108, 132),
            (Look::Failed, 216, 264),
            (Look::Failed, 432, 528),
            (Look::Failed, 864, 1056),
            (Look::Failed, 864, 1056),
            (Look::Replaced, 54, 66),
        ] {
            let now = follower.next().unwrap();
            follower.look(now - Duration::from_secs(1), |_, _| panic!("it is not due"));
            follower.look(now, |_, _| look);
            let wait = follower.next().unwrap() - now;
            assert!((Duration::from_secs(least)..=Duration::from_secs(most)).contains(&wait), "{look:?}: {wait:?}");
        }
        assert!(Follower::new(&Config::default()).next().is_none());
    }
}
