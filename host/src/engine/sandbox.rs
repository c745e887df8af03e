//! The pool of sandboxes, and one call in one of them.

use super::bindings::PolicyRulesPre;
use super::bindings::exports::policy::rule::rules as wire;
use super::code::CodeCache;
use super::gate::{self, GateError};
use super::limits::SandboxLimits;
use crate::manifest::Manifest;

use std::str::Utf8Error;
use std::sync::OnceLock;
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, OutOfMemory, PoolConcurrencyLimitError,
    PoolingAllocationConfig, ResourceLimiter, Store, Trap,
};

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It did not pass the gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The compiler or the loader refused it.
    #[error("it could not be compiled: {0}")]
    Compile(String),
    /// The engine itself could not be made on this machine.
    #[error("the WebAssembly engine could not start: {0}")]
    Start(String),
    /// There is no compiler for a target.
    #[error("there is no compiler for the target `{0}`: {1}")]
    Target(String, String),
    /// Its manifest export failed (only when a component is built).
    #[error("its manifest could not be extracted: {0}")]
    Manifest(#[from] RuleFailure),
}

/// Why an evaluation gave no verdict. None of these harms anything but the one outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum RuleFailure {
    /// Could not be loaded, with the component that it is part of.
    #[error("it could not be loaded: {0}")]
    Load(String),
    /// Took too long.
    #[error("it did not answer within {0} ms")]
    Deadline(u64),
    /// Wanted too much memory.
    #[error("it wanted more than {0} bytes of memory")]
    Memory(usize),
    /// Recursed too deep.
    #[error("it ran out of stack")]
    Stack,
    /// Answered too much.
    #[error("its answer is larger than {0} bytes")]
    Answer(usize),
    /// Executed an illegal instruction, panicked, ….
    #[error("it trapped: {0}")]
    Trap(String),
    /// Said itself that it failed.
    #[error("it failed: {0}")]
    Guest(String),
    /// Answered what the contract does not allow.
    #[error("its answer is malformed: {0}")]
    Malformed(String),
}

/// The engine: compiler, pool and clock.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Guard>,
    limits: SandboxLimits,
    code_cache: Option<CodeCache>,
    compatibility: String,
}

/// A compiler for machines of another target than this one. It runs nothing.
pub struct CrossCompiler {
    engine: wasmtime::Engine,
}

impl CrossCompiler {
    /// Makes a compiler for a target, such as `aarch64-apple-darwin`. Its code is what an [`Engine`] of that target
    /// would make itself.
    ///
    /// # Errors
    /// When the target is not known, or this build has no compiler for its processor: those of other processors than
    /// this machine's need the feature `cross`.
    pub fn new(target: &str) -> Result<Self, EngineError> {
        let engine = config(target, Some(pool())).and_then(|config| wasmtime::Engine::new(&config));
        engine
            .map(|engine| Self { engine })
            .map_err(|error| EngineError::Target(target.to_owned(), format!("{error:#}")))
    }

    /// Machine code of a component, for [`Engine::load_embedded`] on a machine of the target.
    ///
    /// # Errors
    /// When the compiler refuses it.
    pub fn precompile(&self, component: &[u8]) -> Result<Vec<u8>, EngineError> {
        precompile(&self.engine, component)
    }
}

/// A component of rules, ready to run.
pub struct LoadedComponent {
    instance: PolicyRulesPre<Guard>,
}

/// What a component answered: an answer for each ask, in order.
pub type Answers = Vec<wire::Answer>;

/// Bounds a guest's memory and tables, and remembers that it ran into them.
struct Guard {
    memory_bytes: usize,
    /// What all memories have together.
    used_bytes: usize,
    denied: bool,
}

impl ResourceLimiter for Guard {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used_bytes.saturating_add(desired.saturating_sub(current));
        if used > self.memory_bytes {
            self.denied = true;
            return Ok(false);
        }
        self.used_bytes = used;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= SandboxLimits::TABLE_ELEMENTS)
    }

    fn memories(&self) -> usize {
        SandboxLimits::MEMORIES
    }

    fn tables(&self) -> usize {
        SandboxLimits::MEMORIES
    }

    fn instances(&self) -> usize {
        SandboxLimits::INSTANCES
    }
}

/// How many sandboxes may be warm at once. Address space only, until they are used.
const SLOTS: u32 = 1024;

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    /// When this machine cannot run one.
    pub fn new(limits: SandboxLimits, code_cache: Option<CodeCache>) -> Result<Self, EngineError> {
        // Address space may be short (ulimit -v, some containers): then allocate on demand.
        let start = |pool| config(TARGET, pool).and_then(|config| wasmtime::Engine::new(&config));
        let engine =
            start(Some(pool())).or_else(|_| start(None)).map_err(|error| EngineError::Start(format!("{error:#}")))?;
        start_clock(&engine, CLOCK_STACK_BYTES)
            .map_err(|error| EngineError::Start(format!("the clock of deadlines: {error}")))?;
        let compatibility = compatibility(&engine);
        Ok(Self { linker: Linker::new(&engine), engine, limits, code_cache, compatibility })
    }

    /// The bounds in force.
    pub fn limits(&self) -> &SandboxLimits {
        &self.limits
    }

    /// Names this engine's code: what compiled under another name is not loaded.
    pub fn compatibility(&self) -> &str {
        &self.compatibility
    }

    /// Machine code of a component, to be embedded in the binary or kept in the cache.
    ///
    /// # Errors
    /// When the compiler refuses it.
    pub fn precompile(&self, component: &[u8]) -> Result<Vec<u8>, EngineError> {
        precompile(&self.engine, component)
    }

    /// Loads a component that passed the gate. `digest` names it.
    ///
    /// # Errors
    /// When it does not compile, or its export is not what the contract says.
    pub fn load(&self, component: &[u8], digest: &str) -> Result<LoadedComponent, EngineError> {
        self.ready(&self.compiled(component, digest)?)
    }

    /// Loads a component from the machine code that the build of this program made of it, or compiles it
    /// where the code does not fit this machine's configuration.
    ///
    /// # Errors
    /// When it does not compile, or its export is not what the contract says.
    pub fn load_embedded<'b>(
        &self,
        code: &[u8],
        component: impl FnOnce() -> &'b [u8],
        digest: &str,
    ) -> Result<LoadedComponent, EngineError> {
        // SAFETY: the code was made by this project's build from the component and is part of
        // the binary; wasmtime itself refuses what another version or configuration made.
        match unsafe { Component::deserialize(&self.engine, code) } {
            Ok(component) => self.ready(&component),
            Err(_) => self.load(component(), digest),
        }
    }

    fn ready(&self, component: &Component) -> Result<LoadedComponent, EngineError> {
        let instance = self.pre(component)?;
        self.check_types(&instance)?;
        Ok(LoadedComponent { instance })
    }

    fn pre(&self, component: &Component) -> Result<PolicyRulesPre<Guard>, EngineError> {
        let pre = self.linker.instantiate_pre(component).and_then(PolicyRulesPre::new);
        pre.map_err(|error| EngineError::Compile(format!("{error:#}")))
    }

    /// Refuses a component whose export has other types than the contract, which shows when it is
    /// instantiated. One that traps or loops there fails its evaluations instead.
    fn check_types(&self, instance: &PolicyRulesPre<Guard>) -> Result<(), EngineError> {
        let mut store = self.store();
        match instance.instantiate(&mut store) {
            Err(error) if error.downcast_ref::<Trap>().is_none() && !store.data().denied => {
                Err(EngineError::Compile(format!("{error:#}")))
            }
            _ => Ok(()),
        }
    }

    fn compiled(&self, bytes: &[u8], digest: &str) -> Result<Component, EngineError> {
        let code = match &self.code_cache {
            Some(cache) => cache.get_or_compile(digest, self.compatibility(), || self.precompile(bytes))?,
            None => self.precompile(bytes)?,
        };
        // SAFETY: the code was compiled here just now, or read from a file sealed with this user's
        // key under the name of this component and this engine.
        unsafe { Component::deserialize(&self.engine, &code) }
            .map_err(|error| EngineError::Compile(format!("{error:#}")))
    }

    /// Asks a component for the manifests of its rules: done once, when it is built.
    ///
    /// # Errors
    /// When it does not pass the gate, or does not answer.
    pub fn extract_manifests(&self, component: &[u8]) -> Result<Vec<u8>, EngineError> {
        let inspection = gate::inspect(component, &self.limits)?;
        let instance = self.pre(&self.compiled(component, &inspection.digest)?)?;
        let mut store = self.store();
        let answer =
            instance.instantiate(&mut store).and_then(|rules| rules.policy_rule_rules().call_manifests(&mut store));
        let json = answer.map_err(|error| self.failure(&error, store.data()))?;
        Manifest::parse_all(json.as_bytes()).map_err(GateError::from)?;
        Ok(json.into_bytes())
    }

    fn store(&self) -> Store<Guard> {
        let mut store =
            Store::new(&self.engine, Guard { memory_bytes: self.limits.memory_bytes, used_bytes: 0, denied: false });
        store.limiter(|guard| guard);
        store.set_epoch_deadline(self.limits.deadline_millis.div_ceil(SandboxLimits::TICK_MILLIS) + 1);
        store.set_hostcall_fuel(self.limits.answer_bytes);
        store
    }

    /// Makes a fresh sandbox, and throws it away: to be measured.
    ///
    /// # Errors
    /// When the component fails before it is asked anything.
    pub fn instantiate(&self, component: &LoadedComponent) -> Result<(), RuleFailure> {
        let mut store = self.store();
        let made = component.instance.instantiate(&mut store).map(drop);
        made.map_err(|error| self.failure(&error, store.data()))
    }

    /// Calls a component in a fresh sandbox. There are as many answers as asks.
    ///
    /// # Errors
    /// The call failed, and with it every ask; nothing else did.
    pub fn evaluate(&self, component: &LoadedComponent, request: wire::Request<'_>) -> Result<Answers, RuleFailure> {
        self.evaluate_measured(component, request).map(|(answers, _)| answers)
    }

    /// Calls a component, and says how many bytes its memories had in the end.
    ///
    /// # Errors
    /// The call failed, and with it every ask; nothing else did.
    pub fn evaluate_measured(
        &self,
        component: &LoadedComponent,
        request: wire::Request<'_>,
    ) -> Result<(Answers, usize), RuleFailure> {
        let mut store = self.store();
        let asked = request.asks.len();
        let answer = component
            .instance
            .instantiate(&mut store)
            .and_then(|instance| instance.policy_rule_rules().call_evaluate(&mut store, request));
        let answers = answer.map_err(|error| self.failure(&error, store.data()))?;
        if answers.len() != asked {
            let message = format!("{} answers to {asked} asks", answers.len());
            return Err(RuleFailure::Malformed(message));
        }
        Ok((answers, store.data().used_bytes))
    }

    fn failure(&self, error: &wasmtime::Error, guard: &Guard) -> RuleFailure {
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => RuleFailure::Deadline(self.limits.deadline_millis),
            Some(Trap::StackOverflow) => RuleFailure::Stack,
            // A Rust guest aborts when an allocation fails.
            _ if guard.denied => RuleFailure::Memory(self.limits.memory_bytes),
            Some(trap) => RuleFailure::Trap(trap.to_string()),
            None if is_malformed(error) => RuleFailure::Malformed(format!("{error:#}")),
            None => RuleFailure::Answer(self.limits.answer_bytes),
        }
    }
}

/// Whether an error that is no trap says what is wrong with an answer, or that there was no sandbox. Of values wasmtime
/// complains in messages, of text that is no UTF-8 by that error. What is left is that an answer exceeds the store's
/// `hostcall_fuel`: that error's type is private.
fn is_malformed(error: &wasmtime::Error) -> bool {
    let is_message = error.is::<&'static str>() || error.is::<String>();
    is_message || error.is::<Utf8Error>() || error.is::<PoolConcurrencyLimitError>() || error.is::<OutOfMemory>()
}

/// Shortens a text to at most `bytes`, at a character boundary.
pub(crate) fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let mut end = bytes;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

/// What this program is built for.
const TARGET: &str = env!("POLICY_HOST_TARGET");

/// The configuration of an engine whose code runs on the machines of a target.
///
/// # Errors
/// When the target's name is none.
fn config(target: &str, pool: Option<PoolingAllocationConfig>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false) // a call into a component costs less than half without it
        .wasm_relaxed_simd(false)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .memory_may_move(false) // with the default reservation and guard: no bounds checks
        .max_wasm_stack(SandboxLimits::STACK_BYTES)
        .native_unwind_info(target.contains("-windows-")) // Windows walks the stack by it, nobody else needs it
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        // Named, so that the code is for any processor of that architecture: the embedded code travels with the binary.
        // wasmtime loads code only where it is named as the program itself is.
        .target(target)?;
    match pool {
        Some(pool) => config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)),
        // Bounds checks instead of four gigabytes of address space a memory. Embedded code does not fit
        // this; what is compiled for it is kept in the cache under its own name.
        None => config
            .memory_reservation(SandboxLimits::MAX_MEMORY_BYTES as u64)
            .memory_guard_size(64 << 10)
            .memory_reservation_for_growth(0),
    };
    Ok(config)
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(SLOTS)
        .total_core_instances(2 * SLOTS)
        .total_memories(SLOTS)
        .total_tables(SLOTS)
        .max_core_instances_per_component(SandboxLimits::INSTANCES as u32)
        .max_memories_per_component(SandboxLimits::MEMORIES as u32)
        .max_tables_per_component(SandboxLimits::MEMORIES as u32)
        .max_memory_size(SandboxLimits::MAX_MEMORY_BYTES)
        .table_elements(SandboxLimits::TABLE_ELEMENTS)
        // A slot that last held the same rule is reset, not mapped anew.
        .max_unused_warm_slots(SLOTS)
        // What a large document took is given back at once, and not when fifteen more slots are free.
        .decommit_batch_size(1)
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

const CLOCK_STACK_BYTES: usize = 64 << 10;

fn precompile(engine: &wasmtime::Engine, component: &[u8]) -> Result<Vec<u8>, EngineError> {
    let compile = || engine.precompile_component(component).map_err(|error| EngineError::Compile(format!("{error:#}")));
    // Whoever evaluates waits for a component that another compiles. If the compiler shared the threads of those
    // who wait, or its caller took up their work meanwhile, neither would end.
    let pool = compiler_threads()?;
    std::thread::scope(|scope| scope.spawn(|| pool.install(compile)).join())
        .unwrap_or_else(|_| Err(EngineError::Compile("the compiler panicked".into())))
}

/// The compiler's own threads, one for each core.
fn compiler_threads() -> Result<&'static rayon::ThreadPool, EngineError> {
    static THREADS: OnceLock<Result<rayon::ThreadPool, String>> = OnceLock::new();
    THREADS
        .get_or_init(|| {
            let builder = rayon::ThreadPoolBuilder::new().thread_name(|index| format!("compiler-{index}"));
            builder.build().map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| EngineError::Compile(format!("the compiler has no threads: {error}")))
}

/// Advances every deadline, for as long as the engine lives. Without it a deadline would never pass, so an engine
/// does not start without it either.
fn start_clock(engine: &wasmtime::Engine, stack_bytes: usize) -> std::io::Result<()> {
    let engine = engine.weak();
    let clock = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(Duration::from_millis(SandboxLimits::TICK_MILLIS));
        }
    };
    std::thread::Builder::new().name("sandbox-clock".into()).stack_size(stack_bytes).spawn(clock).map(drop)
}

fn compatibility(engine: &wasmtime::Engine) -> String {
    use std::hash::{Hash as _, Hasher as _};
    // The hash names files of one machine only, so its stability across builds does not matter.
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_without_a_clock_does_not_start() {
        let engine = wasmtime::Engine::new(&config(TARGET, None).unwrap()).unwrap();
        assert!(start_clock(&engine, CLOCK_STACK_BYTES).is_ok());
        assert!(start_clock(&engine, 1 << 60).is_err(), "a stack that no machine has");
    }
}
