//! Expressions.

use super::Parser;
use super::scan::{Kind, Token};
use super::tree::{Call, Expression, For, Form, Item, Operator, Step};
use crate::document::Span;
use crate::parse::SyntaxError;

const OPERATORS: [(&str, Operator); 13] = [
    ("||", Operator::Or),
    ("&&", Operator::And),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    ("+", Operator::Add),
    ("-", Operator::Subtract),
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("%", Operator::Modulo),
];

impl Parser<'_, '_> {
    /// An expression, the conditional operator included.
    pub(super) fn expression(&mut self) -> Result<Expression, SyntaxError> {
        let condition = self.operation()?;
        if !self.eat("?") {
            return Ok(condition);
        }
        self.nested(|parser| {
            let accepted = parser.expression()?;
            parser.expect(":")?;
            let refused = parser.expression()?;
            let span = join(condition.span, refused.span);
            parser.make(span, Form::Conditional(Box::new([condition, accepted, refused])))
        })
    }

    fn make(&mut self, span: Span, form: Form) -> Result<Expression, SyntaxError> {
        self.count()?;
        Ok(Expression { span, form })
    }

    /// Operands and the operators between them.
    fn operation(&mut self) -> Result<Expression, SyntaxError> {
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator() {
            self.next();
            rest.push((operator, self.operand()?));
        }
        Ok(grouped(first, rest, 0))
    }

    fn operator(&mut self) -> Option<Operator> {
        let token = self.peek();
        let text = self.slice(&token);
        let operator = OPERATORS.iter().find(|(symbol, _)| token.kind == Kind::Symbol && *symbol == text);
        operator.map(|(_, operator)| *operator)
    }

    /// A term with the steps behind it.
    fn operand(&mut self) -> Result<Expression, SyntaxError> {
        let term = self.term()?;
        let steps = self.steps()?;
        if steps.is_empty() {
            return Ok(term);
        }
        let span = join(term.span, self.span(self.at..self.at));
        self.make(span, Form::Traversal(Box::new(term), steps))
    }

    fn steps(&mut self) -> Result<Vec<Step>, SyntaxError> {
        let mut steps = Vec::new();
        loop {
            if self.eat(".") {
                self.count()?;
                match self.attribute_step()? {
                    Some(step) => steps.push(step),
                    None => {
                        let mut inner = Vec::new();
                        while self.eat(".") {
                            self.count()?;
                            inner.push(self.attribute_step()?.ok_or_else(|| self.error(self.at, "`.*` stands twice"))?);
                        }
                        steps.push(Step::Splat(inner));
                    }
                }
            } else if self.eat("[") {
                self.count()?;
                if self.eat("*") {
                    self.expect("]")?;
                    steps.push(Step::Splat(self.nested(Self::steps)?));
                    return Ok(steps);
                }
                let key = self.bracketed(false, |parser| {
                    let key = parser.expression()?;
                    parser.expect("]")?;
                    Ok(key)
                })?;
                steps.push(Step::Index(Box::new(key)));
            } else {
                return Ok(steps);
            }
        }
    }

    /// What is behind a point: a name or a number; `None` for a splat.
    fn attribute_step(&mut self) -> Result<Option<Step>, SyntaxError> {
        let token = self.peek();
        match token.kind {
            Kind::Identifier => {
                self.next();
                Ok(Some(Step::Attribute(self.slice(&token).into())))
            }
            // Of several such indexes the number would be a fraction.
            Kind::Number if self.slice(&token).contains('.') => Err(self.expected("one index in brackets")),
            Kind::Number => Ok(Some(Step::Index(Box::new(self.number()?)))),
            _ if self.eat("*") => Ok(None),
            _ => Err(self.expected("the name of an attribute")),
        }
    }

    fn number(&mut self) -> Result<Expression, SyntaxError> {
        let token = self.next();
        let text: Box<str> = self.slice(&token).into();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let is_number = mantissa.matches('.').count() <= 1 && !exponent.contains(['.', 'e', 'E']);
        if !is_number {
            return Err(self.error(token.range.start, format!("`{text}` is no number")));
        }
        let span = self.span(token.range);
        self.make(span, Form::Number(text))
    }

    fn term(&mut self) -> Result<Expression, SyntaxError> {
        let token = self.peek();
        let start = token.range.start;
        match token.kind {
            Kind::Number => return self.number(),
            Kind::Identifier => return self.named(),
            Kind::Quote | Kind::Heredoc => {
                self.next();
                let parts = self.nested(|parser| match token.kind {
                    Kind::Quote => parser.quoted(),
                    _ => parser.heredoc(&token),
                })?;
                let span = self.span(start..self.at);
                return self.make(span, Form::Template(parts));
            }
            _ => {}
        }
        let form = if self.eat("(") {
            self.bracketed(false, |parser| {
                let inner = parser.expression()?;
                parser.expect(")")?;
                Ok(Form::Parentheses(Box::new(inner)))
            })?
        } else if self.eat("-") {
            Form::Negative(Box::new(self.nested(Self::operand)?))
        } else if self.eat("!") {
            Form::Not(Box::new(self.nested(Self::operand)?))
        } else if self.eat("[") {
            self.bracketed(false, Self::tuple)?
        } else if self.eat("{") {
            self.object()?
        } else {
            return Err(self.expected("an expression"));
        };
        let span = self.span(start..self.at);
        self.make(span, form)
    }

    /// A literal, a reference or a call.
    fn named(&mut self) -> Result<Expression, SyntaxError> {
        let token = self.next();
        if self.at_symbol("(") || self.at_symbol("::") {
            let call = self.call(&token)?;
            let span = self.span(token.range.start..self.at);
            return self.make(span, Form::Call(call));
        }
        let form = match self.slice(&token) {
            "null" => Form::Null,
            "true" => Form::Bool(true),
            "false" => Form::Bool(false),
            name => Form::Name(name.into()),
        };
        let span = self.span(token.range);
        self.make(span, form)
    }

    fn call(&mut self, token: &Token) -> Result<Call, SyntaxError> {
        let mut name = self.slice(token).to_owned();
        while self.eat("::") {
            let part = self.identifier()?;
            name.push_str("::");
            name.push_str(self.slice(&part));
            self.count()?;
        }
        self.expect("(")?;
        let (arguments, expands) = self.bracketed(false, Self::arguments)?;
        Ok(Call { name: name.into(), arguments, expands })
    }

    /// Arguments up to the bracket, and whether the last one is expanded.
    fn arguments(&mut self) -> Result<(Vec<Expression>, bool), SyntaxError> {
        let mut arguments = Vec::new();
        while !self.eat(")") {
            arguments.push(self.expression()?);
            if self.eat("...") {
                self.expect(")")?;
                return Ok((arguments, true));
            }
            if !self.at_symbol(")") && !self.eat(",") {
                return Err(self.expected("`,` or `)`"));
            }
        }
        Ok((arguments, false))
    }

    fn tuple(&mut self) -> Result<Form, SyntaxError> {
        if self.at_word("for") {
            return self.for_expression("]");
        }
        let mut items = Vec::new();
        while !self.eat("]") {
            items.push(self.expression()?);
            if !self.at_symbol("]") && !self.eat(",") {
                return Err(self.expected("`,` or `]`"));
            }
        }
        Ok(Form::Tuple(items))
    }

    /// An object or, whatever lines it stands on, a `for` in braces.
    fn object(&mut self) -> Result<Form, SyntaxError> {
        self.newlines.push(false);
        let is_for = self.at_word("for");
        self.newlines.pop();
        if is_for {
            return self.bracketed(false, |parser| parser.for_expression("}"));
        }
        self.bracketed(true, |parser| {
            let mut items = Vec::new();
            loop {
                while parser.peek().kind == Kind::Newline {
                    parser.next();
                }
                if parser.eat("}") {
                    return Ok(Form::Object(items));
                }
                let key = parser.expression()?;
                if !parser.eat("=") && !parser.eat(":") {
                    return Err(parser.expected("`=` or `:`"));
                }
                items.push(Item { key, value: parser.expression()? });
                if parser.peek().kind == Kind::Newline {
                    parser.next();
                } else if !parser.at_symbol("}") && !parser.eat(",") {
                    return Err(parser.expected("`,`, `}` or a new line"));
                }
            }
        })
    }

    fn for_expression(&mut self, closer: &str) -> Result<Form, SyntaxError> {
        self.next();
        let Intro { key_name, value_name, collection } = self.for_intro()?;
        self.expect(":")?;
        let first = self.expression()?;
        let (key, value) = match closer {
            "}" => {
                self.expect("=>")?;
                (Some(first), self.expression()?)
            }
            _ => (None, first),
        };
        let groups = closer == "}" && self.eat("...");
        let condition = if self.at_word("if") {
            self.next();
            Some(self.expression()?)
        } else {
            None
        };
        self.expect(closer)?;
        Ok(Form::For(Box::new(For { key_name, value_name, collection, key, value, groups, condition })))
    }

    /// `key, value in collection` behind `for`.
    pub(super) fn for_intro(&mut self) -> Result<Intro, SyntaxError> {
        let first = self.identifier()?;
        let first: Box<str> = self.slice(&first).into();
        let (key_name, value_name) = if self.eat(",") {
            let second = self.identifier()?;
            (Some(first), self.slice(&second).into())
        } else {
            (None, first)
        };
        if !self.at_word("in") {
            return Err(self.expected("`in`"));
        }
        self.next();
        Ok(Intro { key_name, value_name, collection: self.expression()? })
    }
}

/// What a loop begins with.
pub(super) struct Intro {
    pub key_name: Option<Box<str>>,
    pub value_name: Box<str>,
    pub collection: Expression,
}

/// The precedence of the operators that bind strongest is below this.
const PRECEDENCES: u8 = 6;

/// Puts operands together: at operators of a precedence, what lies between them by those that bind more strongly.
fn grouped(first: Expression, rest: Vec<(Operator, Expression)>, precedence: u8) -> Expression {
    if rest.is_empty() || precedence >= PRECEDENCES {
        return first;
    }
    let mut rest = rest.into_iter().peekable();
    let stronger = |rest: &mut std::iter::Peekable<std::vec::IntoIter<(Operator, Expression)>>| {
        std::iter::from_fn(|| rest.next_if(|(operator, _)| operator.precedence() > precedence)).collect()
    };
    let head = grouped(first, stronger(&mut rest), precedence + 1);
    let mut tail = Vec::new();
    while let Some((operator, operand)) = rest.next() {
        tail.push((operator, grouped(operand, stronger(&mut rest), precedence + 1)));
    }
    match tail.last() {
        Some((_, last)) => {
            let span = join(head.span, last.span);
            Expression { span, form: Form::Binary(Box::new(head), tail) }
        }
        None => head,
    }
}

/// From the start of one place to the end of another.
fn join(first: Span, last: Span) -> Span {
    Span { end: last.end, ..first }
}
