//! How much a component would have the compiler do: counted from its bytes, before anything looks at them closer.
//!
//! Compiling cannot be interrupted, and what it costs follows from how many functions, instructions and parts there are
//! rather than from bytes: four megabytes of empty functions take minutes and gigabytes. The bounds are a multiple of what
//! rules have ([`CodeLimits`]); where components may be larger, they may also have more of what grows with code.

use super::gate::GateError;
use super::limits::{CodeLimits, SandboxLimits};
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, FunctionBody, Instance, Operator, Parser, Payload,
};

/// Checks a component's size.
///
/// # Errors
/// Names what there is too much of.
pub(super) fn check(component: &[u8], limits: &SandboxLimits) -> Result<(), GateError> {
    let mut size = Size::new(limits.code());
    for payload in Parser::new(0).parse_all(component) {
        size.add(&payload.map_err(invalid)?)?;
    }
    Ok(())
}

fn invalid(error: BinaryReaderError) -> GateError {
    GateError::Invalid(error.to_string())
}

/// A component that is being read, the outermost or one within.
#[derive(Default)]
struct Frame {
    /// How many instances each component of its index space makes when it is instantiated.
    components: Vec<usize>,
    /// How many it makes itself.
    instances: usize,
}

/// What was counted, over all modules and components of a component.
#[derive(Default)]
struct Size {
    limits: CodeLimits,
    /// What is open, outermost first; `None` for a module.
    open: Vec<Option<Frame>>,
    modules: usize,
    components: usize,
    functions: usize,
    operators: usize,
    joins: usize,
    memories: usize,
    tables: usize,
    parts: usize,
    interface_bytes: usize,
}

impl Size {
    fn new(limits: CodeLimits) -> Self {
        Self { limits, open: vec![Some(Frame::default())], ..Self::default() }
    }

    fn add(&mut self, payload: &Payload<'_>) -> Result<(), GateError> {
        let limits = self.limits.clone();
        match payload {
            Payload::ModuleSection { .. } => {
                self.open.push(None);
                count("modules", &mut self.modules, 1, limits.modules)
            }
            Payload::ComponentSection { .. } => {
                self.open.push(Some(Frame::default()));
                count("components", &mut self.components, 1, limits.components)
            }
            Payload::End(_) => {
                if let Some(Some(closed)) = self.open.pop() {
                    self.define(closed.instances);
                }
                Ok(())
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if matches!(instance.map_err(invalid)?, Instance::Instantiate { .. }) {
                        self.instantiate(0)?;
                    }
                }
                self.interface(section.range())
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance.map_err(invalid)? {
                        self.instantiate(self.component(0, component_index))?;
                    }
                }
                self.interface(section.range())
            }
            Payload::TypeSection(section) => {
                count("parts", &mut self.parts, section.count() as usize, limits.parts)?;
                for function in section.clone().into_iter_err_on_gc_types() {
                    let function = function.map_err(invalid)?;
                    let values = function.params().len().max(function.results().len());
                    count("parameters of a function", &mut 0, values, limits.parameters)?;
                }
                Ok(())
            }
            Payload::MemorySection(section) => {
                count("memories", &mut self.memories, section.count() as usize, limits.memories)
            }
            Payload::TableSection(section) => {
                count("tables", &mut self.tables, section.count() as usize, limits.memories)
            }
            Payload::CodeSectionStart { count: functions, .. } => {
                count("functions", &mut self.functions, *functions as usize, limits.functions)
            }
            Payload::CodeSectionEntry(body) => self.body(body),
            Payload::ImportSection(section) => self.parts(section.count()),
            Payload::GlobalSection(section) => self.parts(section.count()),
            Payload::ExportSection(section) => self.parts(section.count()),
            Payload::ElementSection(section) => self.parts(section.count()),
            Payload::DataSection(section) => self.parts(section.count()),
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias.map_err(invalid)? {
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                            self.define(self.component(count as usize, index));
                        }
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                            self.define(UNKNOWN);
                        }
                        _ => {}
                    }
                }
                self.interface(section.range())
            }
            Payload::ComponentCanonicalSection(section) => self.interface(section.range()),
            Payload::ComponentTypeSection(section) => self.interface(section.range()),
            Payload::CoreTypeSection(section) => self.interface(section.range()),
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if matches!(import.map_err(invalid)?.ty, ComponentTypeRef::Component(_)) {
                        self.define(UNKNOWN);
                    }
                }
                self.interface(section.range())
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export.map_err(invalid)?;
                    if export.kind == ComponentExternalKind::Component {
                        self.define(self.component(0, export.index));
                    }
                }
                self.interface(section.range())
            }
            _ => Ok(()),
        }
    }

    /// The component that is being read.
    fn frame(&mut self) -> Option<&mut Frame> {
        self.open.last_mut()?.as_mut()
    }

    /// Adds a component to the index space.
    fn define(&mut self, instances: usize) {
        if let Some(frame) = self.frame() {
            frame.components.push(instances);
        }
    }

    /// How many instances a component makes: one of this index space, or of one so many levels further out. What is not
    /// there makes none, and is refused when the component is validated.
    fn component(&self, outwards: usize, index: u32) -> usize {
        let frame = self.open.iter().rev().nth(outwards).and_then(Option::as_ref);
        frame.and_then(|frame| frame.components.get(index as usize)).copied().unwrap_or(0)
    }

    /// Counts an instance with those that it makes itself: components that instantiate others twice double with each
    /// level.
    fn instantiate(&mut self, instances: usize) -> Result<(), GateError> {
        let limit = self.limits.instances;
        let added = instances.saturating_add(1);
        self.frame().map_or(Ok(()), |frame| count("instances", &mut frame.instances, added, limit))
    }

    fn parts(&mut self, added: u32) -> Result<(), GateError> {
        count("parts", &mut self.parts, added as usize, self.limits.parts)
    }

    fn interface(&mut self, range: std::ops::Range<usize>) -> Result<(), GateError> {
        count("bytes of interfaces", &mut self.interface_bytes, range.len(), self.limits.interface_bytes)
    }

    /// Counts a function's instructions, and how many values the compiler may have to join: each local where control
    /// flow comes together.
    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), GateError> {
        let mut locals = 0usize;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals = locals.saturating_add(group.map_err(invalid)?.0 as usize);
        }
        count("locals of a function", &mut 0, locals, self.limits.locals)?;
        let (mut operators, mut blocks) = (0usize, 0usize);
        let mut reader = body.get_operators_reader().map_err(invalid)?;
        while !reader.eof() {
            let operator = reader.read().map_err(invalid)?;
            operators += weight(&operator);
            blocks += usize::from(matches!(
                operator,
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::Else
            ));
        }
        count("instructions of a function", &mut 0, operators, self.limits.function_operators)?;
        count("instructions", &mut self.operators, operators, self.limits.operators)?;
        let joins = blocks.saturating_mul(locals);
        count("locals times blocks of a function", &mut 0, joins, self.limits.function_joins)?;
        count("locals times blocks", &mut self.joins, joins, self.limits.joins)
    }
}

/// For how many usual instructions one counts, by what compiling it was measured to cost.
fn weight(operator: &Operator<'_>) -> usize {
    use Operator as O;
    match operator {
        // A check of the deadline, or of a table and a type, with calls for what is rare.
        O::Loop { .. }
        | O::CallIndirect { .. }
        | O::TableGet { .. }
        | O::TableSet { .. }
        | O::TableGrow { .. }
        | O::TableFill { .. }
        | O::TableCopy { .. }
        | O::TableInit { .. }
        | O::RefFunc { .. } => 50,
        // Where control flow comes together again; and calls of the host's own.
        O::If { .. } | O::BrIf { .. } | O::BrTable { .. } => 10,
        O::MemoryGrow { .. } | O::MemoryFill { .. } | O::MemoryCopy { .. } | O::MemoryInit { .. } => 10,
        O::Call { .. } => 5,
        _ => 1,
    }
}

/// Of a component that is only known when the one around it is instantiated: more than any bound.
const UNKNOWN: usize = usize::MAX;

fn count(what: &'static str, counted: &mut usize, added: usize, limit: usize) -> Result<(), GateError> {
    *counted = counted.saturating_add(added);
    if *counted > limit { Err(GateError::TooMuch { what, limit }) } else { Ok(()) }
}
