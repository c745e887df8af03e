//! Units that several runs parse once.

use super::shards::Key;
use crate::parse::{Limits, SyntaxError, Unit};
use crate::sets::{Reading, Role};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What was read, by unit and role.
type Known = HashMap<(Key, Role), Arc<Reading>>;

/// What units were parsed to, by their keys and the roles of their files.
#[derive(Default)]
pub(super) struct Readings(Option<Mutex<Known>>);

impl Readings {
    /// Those that are kept until they are forgotten. The default keeps none.
    pub(super) fn kept() -> Self {
        Self(Some(Mutex::default()))
    }

    /// Parses a unit, unless what it was parsed to is kept.
    pub(super) fn read(
        &self,
        (key, unit): (&Key, &Unit),
        role: Role,
        limits: &Limits,
    ) -> Result<Arc<Reading>, SyntaxError> {
        let known = self.0.as_ref().and_then(|known| known.lock().ok()?.get(&(*key, role)).cloned());
        if let Some(reading) = known {
            return Ok(reading);
        }
        let reading = Arc::new(Reading::new(unit, role, limits)?);
        if let Some(mut known) = self.0.as_ref().and_then(|known| known.lock().ok()) {
            known.insert((*key, role), Arc::clone(&reading));
        }
        Ok(reading)
    }

    /// Forgets all units but some.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&Key) -> bool) {
        if let Some(known) = self.0.as_mut().and_then(|known| known.get_mut().ok()) {
            known.retain(|(key, _), _| is_wanted(key));
        }
    }
}
