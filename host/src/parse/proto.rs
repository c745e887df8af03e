//! Protocol Buffers, with the place of every value.

use super::tree::{Tree, without_mark};
use super::{Limits, SyntaxError};
use crate::document::{Node, Value};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
};
use std::collections::HashMap;
use std::ops::Range;

/// Parses a file of Protocol Buffers; `path` is what it is called in the document. Imports are not followed.
///
/// # Errors
/// At the byte where the text stops being one, or when a bound is exceeded.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let (bare, mark) = without_mark(text);
    check_depth(bare, mark, limits)?;
    let file = protox_parse::parse(path, bare).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        SyntaxError::new((at + mark).min(text.len()), error.to_string())
    })?;
    let mut builder = Builder { tree: Tree::new(limits), places: places(&file, bare, mark) };
    builder.file(&file, path, text.len())
}

/// Refuses what is nested deeper than a document may be: the parser calls itself for what stands in brackets. Brackets in
/// strings and comments count too, of which no file has so many.
fn check_depth(text: &str, mark: usize, limits: &Limits) -> Result<(), SyntaxError> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits.depth {
            let message = format!("nested deeper than {} levels (limit `depth`)", limits.depth);
            return Err(SyntaxError::new(at + mark, message));
        }
    }
    Ok(())
}

/// Where things are, by the numbers of the fields that lead to them in a descriptor.
type Places = HashMap<Vec<i32>, Range<usize>>;

fn places(file: &FileDescriptorProto, text: &str, mark: usize) -> Places {
    let lines: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
    let byte = |line: i32, column: i32| {
        let line = usize::try_from(line).ok().and_then(|line| lines.get(line)).copied().unwrap_or(text.len());
        mark + (line + usize::try_from(column).unwrap_or(0)).min(text.len())
    };
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let place = |location: &prost_types::source_code_info::Location| {
        let (start, end) = match location.span[..] {
            [line, start, end] => ((line, start), (line, end)),
            [line, start, end_line, end] => ((line, start), (end_line, end)),
            _ => return None,
        };
        Some((location.path.clone(), byte(start.0, start.1)..byte(end.0, end.1)))
    };
    locations.filter_map(place).collect()
}

/// Numbers of fields in descriptors.
mod number {
    pub(super) const NAME: i32 = 1;
    pub(super) const PACKAGE: i32 = 2;
    pub(super) const IMPORT: i32 = 3;
    pub(super) const MESSAGE: i32 = 4;
    pub(super) const ENUM: i32 = 5;
    pub(super) const SERVICE: i32 = 6;
    pub(super) const SYNTAX: i32 = 12;
    /// In a message: its fields, messages and enums.
    pub(super) const FIELD: i32 = 2;
    pub(super) const NESTED: i32 = 3;
    pub(super) const NESTED_ENUM: i32 = 4;
    /// In a field.
    pub(super) const FIELD_NUMBER: i32 = 3;
    pub(super) const TYPE: i32 = 5;
    pub(super) const TYPE_NAME: i32 = 6;
    /// In an enum, or a service: what it consists of.
    pub(super) const MEMBER: i32 = 2;
    /// In a value of an enum, or a method.
    pub(super) const VALUE_NUMBER: i32 = 2;
    pub(super) const INPUT: i32 = 2;
    pub(super) const OUTPUT: i32 = 3;
}

struct Builder<'l> {
    tree: Tree<'l>,
    places: Places,
}

type Built = Result<Node, SyntaxError>;

impl Builder<'_> {
    /// Where a thing is; what has no place of its own is where what holds it is.
    fn place(&self, path: &[i32]) -> Range<usize> {
        (0..=path.len()).rev().find_map(|length| self.places.get(&path[..length]).cloned()).unwrap_or(0..0)
    }

    fn text(&mut self, text: &str, path: &[i32]) -> Built {
        let at = self.place(path);
        self.tree.text(text, at)
    }

    fn number(&mut self, number: i32, path: &[i32]) -> Built {
        let at = self.place(path);
        self.tree.node(Value::Number(number.to_string().into()), at)
    }

    fn flag(&mut self, flag: bool, path: &[i32]) -> Built {
        let at = self.place(path);
        self.tree.node(Value::Bool(flag), at)
    }

    /// A list of what stands under a number of `path`.
    fn list<T>(
        &mut self,
        items: &[T],
        path: &[i32],
        under: i32,
        build: impl Fn(&mut Self, &T, &[i32]) -> Result<Option<Node>, SyntaxError>,
    ) -> Built {
        let mut nodes = Vec::with_capacity(items.len());
        for (item, index) in items.iter().zip(0..) {
            nodes.extend(build(self, item, &below(path, &[under, index]))?);
        }
        let at = match (nodes.first(), nodes.last()) {
            (Some(first), Some(last)) => first.span.start as usize..last.span.end as usize,
            _ => self.place(path),
        };
        self.tree.list(nodes, at)
    }

    fn file(&mut self, file: &FileDescriptorProto, path: &str, length: usize) -> Built {
        let syntax = file.syntax.as_deref().filter(|syntax| !syntax.is_empty()).unwrap_or("proto2");
        let fields = [
            ("path", Some(self.tree.text(path, 0..0)?)),
            ("syntax", Some(self.text(syntax, &[number::SYNTAX])?)),
            ("package", file.package.as_deref().map(|package| self.text(package, &[number::PACKAGE])).transpose()?),
            (
                "imports",
                Some(self.list(&file.dependency, &[], number::IMPORT, |builder, import, path| {
                    builder.text(import, path).map(Some)
                })?),
            ),
            ("messages", Some(self.list(&file.message_type, &[], number::MESSAGE, Self::message)?)),
            ("enums", Some(self.list(&file.enum_type, &[], number::ENUM, Self::enumeration)?)),
            ("services", Some(self.list(&file.service, &[], number::SERVICE, Self::service)?)),
        ];
        self.tree.record(fields, 0..length)
    }

    /// A message; `None` for one that stands for a map.
    fn message(&mut self, message: &DescriptorProto, path: &[i32]) -> Result<Option<Node>, SyntaxError> {
        if is_map_entry(message) {
            return Ok(None);
        }
        let field =
            |builder: &mut Self, field: &FieldDescriptorProto, path: &[i32]| builder.field(field, message, path);
        let fields = [
            ("name", Some(self.text(message.name(), &below(path, &[number::NAME]))?)),
            ("fields", Some(self.list(&message.field, path, number::FIELD, field)?)),
            ("messages", Some(self.list(&message.nested_type, path, number::NESTED, Self::message)?)),
            ("enums", Some(self.list(&message.enum_type, path, number::NESTED_ENUM, Self::enumeration)?)),
        ];
        let at = self.place(path);
        self.tree.record(fields, at).map(Some)
    }

    fn field(
        &mut self,
        field: &FieldDescriptorProto,
        message: &DescriptorProto,
        path: &[i32],
    ) -> Result<Option<Node>, SyntaxError> {
        let of_map =
            || message.nested_type.iter().find(|nested| is_map_entry(nested) && nested.name() == field.type_name());
        let (kind, repeated) = match of_map() {
            Some(entry) => {
                let part = |index: usize| entry.field.get(index).map(type_of).unwrap_or_default();
                (format!("map<{}, {}>", part(0), part(1)), false)
            }
            None => (type_of(field), field.label == Some(Label::Repeated as i32)),
        };
        let type_at = if field.type_name.is_some() { number::TYPE_NAME } else { number::TYPE };
        let optional = field.proto3_optional() || field.label == Some(Label::Optional as i32) && self.has_label(path);
        let fields = [
            ("name", Some(self.text(field.name(), &below(path, &[number::NAME]))?)),
            ("number", Some(self.number(field.number(), &below(path, &[number::FIELD_NUMBER]))?)),
            ("type", Some(self.text(&kind, &below(path, &[type_at]))?)),
            ("repeated", Some(self.flag(repeated, path)?)),
            ("optional", Some(self.flag(optional, path)?)),
        ];
        let at = self.place(path);
        self.tree.record(fields, at).map(Some)
    }

    /// Whether a field's label is written.
    fn has_label(&self, path: &[i32]) -> bool {
        const LABEL: i32 = 4;
        self.places.contains_key(&below(path, &[LABEL]))
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptorProto, path: &[i32]) -> Result<Option<Node>, SyntaxError> {
        let values = self.list(&enumeration.value, path, number::MEMBER, |builder, value, path| {
            let fields = [
                ("name", Some(builder.text(value.name(), &below(path, &[number::NAME]))?)),
                ("number", Some(builder.number(value.number(), &below(path, &[number::VALUE_NUMBER]))?)),
            ];
            let at = builder.place(path);
            builder.tree.record(fields, at).map(Some)
        })?;
        let name = self.text(enumeration.name(), &below(path, &[number::NAME]))?;
        let at = self.place(path);
        self.tree.record([("name", Some(name)), ("values", Some(values))], at).map(Some)
    }

    fn service(&mut self, service: &ServiceDescriptorProto, path: &[i32]) -> Result<Option<Node>, SyntaxError> {
        let methods = self.list(&service.method, path, number::MEMBER, |builder, method, path| {
            let fields = [
                ("name", Some(builder.text(method.name(), &below(path, &[number::NAME]))?)),
                ("input", Some(builder.text(method.input_type(), &below(path, &[number::INPUT]))?)),
                ("output", Some(builder.text(method.output_type(), &below(path, &[number::OUTPUT]))?)),
                ("client_streaming", Some(builder.flag(method.client_streaming(), path)?)),
                ("server_streaming", Some(builder.flag(method.server_streaming(), path)?)),
            ];
            let at = builder.place(path);
            builder.tree.record(fields, at).map(Some)
        })?;
        let name = self.text(service.name(), &below(path, &[number::NAME]))?;
        let at = self.place(path);
        self.tree.record([("name", Some(name)), ("methods", Some(methods))], at).map(Some)
    }
}

fn below(path: &[i32], more: &[i32]) -> Vec<i32> {
    [path, more].concat()
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

/// A type as a file writes it.
fn type_of(field: &FieldDescriptorProto) -> String {
    match (&field.type_name, field.r#type.and_then(|kind| Type::try_from(kind).ok())) {
        (Some(name), _) => name.clone(),
        (None, Some(kind)) => kind.as_str_name().trim_start_matches("TYPE_").to_ascii_lowercase(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn messages_and_services_are_read() {
        let text = "\u{feff}syntax = \"proto3\";\npackage shop.v1;\nimport \"é.proto\";\nmessage Order {\n  string id = 1; // é\n  \
                    repeated Item items = 2;\n  map<string, int32> counts = 3;\n  optional bool gift = 4;\n  message Item {}\n  \
                    enum State { NEW = 0; }\n}\nservice Shop {\n  rpc Watch(Order) returns (stream Order);\n}\n";
        let root = parse(text, "shop.proto", &Limits::default()).unwrap();
        let field = |name: &str, number: i32, kind: &str, repeated: bool, optional: bool| json!({ "name": name, "number": number, "type": kind, "repeated": repeated, "optional": optional });
        assert_eq!(
            root.to_value(),
            json!({
                "path": "shop.proto", "syntax": "proto3", "package": "shop.v1", "imports": ["é.proto"], "enums": [],
                "messages": [{
                    "name": "Order",
                    "fields": [
                        field("id", 1, "string", false, false), field("items", 2, "Item", true, false),
                        field("counts", 3, "map<string, int32>", false, false), field("gift", 4, "bool", false, true),
                    ],
                    "messages": [{ "name": "Item", "fields": [], "messages": [], "enums": [] }],
                    "enums": [{ "name": "State", "values": [{ "name": "NEW", "number": 0 }] }],
                }],
                "services": [{ "name": "Shop", "methods": [{
                    "name": "Watch", "input": "Order", "output": "Order", "client_streaming": false, "server_streaming": true,
                }] }],
            })
        );
        check(&root, text);
        let order = &root.get("messages").unwrap().items()[0];
        assert_eq!(&text[order.get("fields").unwrap().items()[1].get("name").unwrap().span.range()], "items");
        assert_eq!(&text[root.get("package").unwrap().span.range()], "package shop.v1;");
    }

    #[test]
    fn mistakes_and_bounds_are_told() {
        assert_eq!(parse("message A {\n  x\n}\n", "a.proto", &Limits::default()).unwrap_err().at, 16);
        let deep = "message a {".repeat(100_000);
        assert!(parse(&deep, "a.proto", &Limits::default()).unwrap_err().message.contains("limit `depth`"));
        let few = Limits { nodes: 3, ..Limits::default() };
        assert!(parse("message A {}", "a.proto", &few).unwrap_err().message.contains("limit `nodes`"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((syntax|message|enum|service|rpc|a|=|1|;|[{]|[}]|[(]|[)]|\"proto3\"|map<a,b>|é|//)[ \\n]){0,20}") {
            if let Ok(root) = parse(&text, "a.proto", &Limits::default()) {
                check(&root, &text);
            }
        }
    }
}
