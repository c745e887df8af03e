//! Compiled code: made once per component and engine, kept sealed, never accepted from outside.

use super::sandbox::{Engine, EngineError};
use crate::sealed::Sealed;
use std::path::Path;

/// How many components' code is kept.
const MAX_COMPONENTS: usize = 4096;

/// Keeps compiled code between runs.
pub struct CodeCache {
    sealed: Sealed,
}

impl CodeCache {
    /// Opens the cache below the host's cache directory.
    ///
    /// # Errors
    /// When the directory cannot be trusted or made; see [`Sealed::open`].
    pub fn open(cache_directory: &Path) -> std::io::Result<Self> {
        Ok(Self { sealed: Sealed::open(&cache_directory.join("code"))? })
    }

    /// The code kept for a component, else compiles it and keeps it. A cache that cannot be
    /// written costs the next run a compilation, nothing else.
    pub(super) fn get_or_compile(
        &self,
        engine: &Engine,
        digest: &str,
        component: &[u8],
    ) -> Result<Vec<u8>, EngineError> {
        let name = format!("{}-{}.cwasm", digest.replace(':', "-"), engine.compatibility());
        if let Some(code) = self.sealed.read(&name) {
            return Ok(code);
        }
        let code = engine.precompile(component)?;
        let _ = self.sealed.write(&name, &code);
        self.sealed.prune(MAX_COMPONENTS);
        Ok(code)
    }
}
