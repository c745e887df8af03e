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

    /// Bounds on what the compiler is asked for. What grows with code may be more where components may be larger.
    pub fn code(&self) -> CodeLimits {
        let usual = Self::default().component_bytes;
        let scaled = |bound: usize| bound * self.component_bytes.max(usual) / usual;
        CodeLimits {
            modules: 64,
            components: 64,
            instances: 512,
            functions: scaled(10_000),
            operators: scaled(2_000_000),
            function_operators: scaled(80_000),
            locals: 1_000,
            function_joins: 100_000,
            joins: scaled(1_000_000),
            parameters: 64,
            memories: Self::MEMORIES,
            parts: scaled(12_000),
            interface_bytes: 256 << 10,
        }
    }

    /// The usual bounds, for components of another size: up to [`SandboxLimits::MAX_COMPONENT_BYTES`].
    pub fn with_component_bytes(bytes: usize) -> Self {
        Self { component_bytes: bytes.min(Self::MAX_COMPONENT_BYTES), ..Self::default() }
    }
}

/// Bounds on what the compiler is asked for, of all modules of a component together unless it says otherwise. Beside
/// each is what rules have: one in Rust, the interpreter QuickJS, and CPython, which has eighteen megabytes and four times
/// the bounds that grow with code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeLimits {
    /// Core modules: 1, 11, 38.
    pub modules: usize,
    /// Components within the component: 1, 24, 2.
    pub components: usize,
    /// Instances of either that are made: 2, some 100, 40.
    pub instances: usize,
    /// Functions with a body: 200, 1,704, 13,480.
    pub functions: usize,
    /// Instructions, some of which count several times: 92,000, 1,147,000, 5,385,000.
    pub operators: usize,
    /// Instructions of one function: 9,500, 44,000, 167,000.
    pub function_operators: usize,
    /// Locals of one function: 87, 86, 271.
    pub locals: usize,
    /// Locals times blocks of one function: 19,000, 52,000, 67,000.
    pub function_joins: usize,
    /// Locals times blocks, added up over functions: 41,000, 401,000, 1,413,000.
    pub joins: usize,
    /// Parameters, or results, of one type of function: 9, 13, 18.
    pub parameters: usize,
    /// Memories; tables as well: 1, 3, 2.
    pub memories: usize,
    /// Types, imports, exports, globals, and segments of elements and data: 35, 6,103, 10,877.
    pub parts: usize,
    /// Bytes of everything by which the component is put together and shown to the outside: 2,000, 25,000, 50,000.
    pub interface_bytes: usize,
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
