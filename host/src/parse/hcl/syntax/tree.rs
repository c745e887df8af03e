//! What a file says, as a tree with places.

use crate::document::Span;

/// The content of a file or of a block.
#[derive(Debug, Default)]
pub(in crate::parse::hcl) struct Body {
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<Block>,
}

/// `name = value`
#[derive(Debug)]
pub(in crate::parse::hcl) struct Attribute {
    pub name: Box<str>,
    pub name_span: Span,
    pub value: Expression,
}

/// `kind "label" { … }`
#[derive(Debug)]
pub(in crate::parse::hcl) struct Block {
    pub kind: Box<str>,
    pub kind_span: Span,
    pub labels: Vec<Label>,
    pub body: Body,
    /// The whole block.
    pub span: Span,
}

/// A label of a block.
#[derive(Debug)]
pub(in crate::parse::hcl) struct Label {
    pub text: Box<str>,
    /// Where it is written, quotes included.
    pub span: Span,
}

/// An expression.
#[derive(Debug)]
pub(in crate::parse::hcl) struct Expression {
    pub span: Span,
    pub form: Form,
}

/// What kind of expression it is.
#[derive(Debug)]
pub(in crate::parse::hcl) enum Form {
    Null,
    Bool(bool),
    /// As it is written: digits, a fraction and an exponent, without a sign.
    Number(Box<str>),
    /// A quoted string or a here-document.
    Template(Vec<Part>),
    Tuple(Vec<Expression>),
    Object(Vec<Item>),
    /// A name by itself, which a traversal may begin with.
    Name(Box<str>),
    /// An expression, and the way from its value to a part of it.
    Traversal(Box<Expression>, Vec<Step>),
    Call(Call),
    /// Condition, result where it is true, result where it is false.
    Conditional(Box<[Expression; 3]>),
    /// Operands of operators of the same precedence, from left to right.
    Binary(Box<Expression>, Vec<(Operator, Expression)>),
    Negative(Box<Expression>),
    Not(Box<Expression>),
    For(Box<For>),
    Parentheses(Box<Expression>),
}

/// An entry of an object.
#[derive(Debug)]
pub(in crate::parse::hcl) struct Item {
    /// A [`Form::Name`] stands for its own text.
    pub key: Expression,
    pub value: Expression,
}

/// A step into a value.
#[derive(Debug)]
pub(in crate::parse::hcl) enum Step {
    /// `.name`
    Attribute(Box<str>),
    /// `[key]` or, as in old configurations, `.0`
    Index(Box<Expression>),
    /// `[*]` or `.*`, with the steps that are taken from each element.
    Splat(Vec<Step>),
}

/// `name(argument, …)`
#[derive(Debug)]
pub(in crate::parse::hcl) struct Call {
    /// With the `::` of a namespace, where it has one.
    pub name: Box<str>,
    pub arguments: Vec<Expression>,
    /// Whether `...` after the last argument makes its elements arguments.
    pub expands: bool,
}

/// `[for key, value in collection : result if condition]`, or the same in braces with a result key.
#[derive(Debug)]
pub(in crate::parse::hcl) struct For {
    pub key_name: Option<Box<str>>,
    pub value_name: Box<str>,
    pub collection: Expression,
    /// Of an object's entries.
    pub key: Option<Expression>,
    pub value: Expression,
    /// Whether `...` gathers the values of equal keys.
    pub groups: bool,
    pub condition: Option<Expression>,
}

/// A part of a template.
#[derive(Debug)]
pub(in crate::parse::hcl) enum Part {
    Literal(Box<str>),
    /// `${ … }`
    Value(Expression),
    /// `%{ if … } … %{ else } … %{ endif }`
    If(Expression, Vec<Part>, Vec<Part>),
    /// `%{ for … } … %{ endfor }`, whose value is a template.
    For(Box<For>),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parse::hcl) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operator {
    /// How strongly it binds, as in hclsyntax.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And => 1,
            Self::Equal | Self::NotEqual => 2,
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
        }
    }
}
