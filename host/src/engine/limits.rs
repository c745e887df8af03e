//! What one evaluation may cost. Each bound has a test with a component that runs into it
//! (`tests/sandbox.rs`).

/// Bounds on one evaluation, and on a component at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLimits {
    /// Wall-clock milliseconds that one evaluation may take. Measured in ticks of
    /// [`SandboxLimits::TICK_MILLIS`], so the actual cut is up to two ticks later.
    pub deadline_millis: u64,
    /// Bytes of linear memory, of all memories of a component together.
    pub memory_bytes: usize,
    /// Bytes that an answer may have when it is lifted.
    pub answer_bytes: usize,
    /// Findings in one answer.
    pub findings: usize,
    /// Bytes of one message, label or path of an answer.
    pub text_bytes: usize,
    /// Bytes of a component. Compiling is not interruptible, so what is compiled is bounded.
    pub component_bytes: usize,
}

impl SandboxLimits {
    /// How often the clock that deadlines are measured with ticks.
    pub const TICK_MILLIS: u64 = 5;
    /// Bytes of guest stack: ten times what the SDK's rules are linked with.
    pub const STACK_BYTES: usize = 512 << 10;
    /// Entries of one table; a Rust rule has a few dozen, CPython six thousand.
    pub const TABLE_ELEMENTS: usize = 16 << 10;
    /// Core instances of one component: a Rust rule has up to four, an interpreter and its parts some dozens.
    pub const INSTANCES: usize = 64;
    /// Memories, and tables, of one component: the stubs around an interpreter have empty ones of their own.
    pub const MEMORIES: usize = 8;
    /// The largest component that can be allowed.
    pub const MAX_COMPONENT_BYTES: usize = 64 << 20;
    /// The most linear memory that can be configured; the pool reserves address space by it.
    pub const MAX_MEMORY_BYTES: usize = 128 << 20;

    /// The usual bounds, for components of another size: up to [`SandboxLimits::MAX_COMPONENT_BYTES`].
    pub fn with_component_bytes(bytes: usize) -> Self {
        Self { component_bytes: bytes.min(Self::MAX_COMPONENT_BYTES), ..Self::default() }
    }
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            deadline_millis: 200,
            memory_bytes: 64 << 20,
            answer_bytes: 4 << 20,
            findings: 1000,
            text_bytes: 16 << 10,
            component_bytes: 8 << 20,
        }
    }
}
