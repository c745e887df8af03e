//! TOML, with the place of every value.

use super::tree::{Tree, without_mark};
use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use std::ops::Range;
use toml_edit::{Document, Formatted, Item, TableLike};

/// Parses a TOML text. Dates and times are their texts; infinity and NaN are, too, since JSON has none.
///
/// # Errors
/// At the byte where the text stops being TOML, or a bound is exceeded. The parser itself nests no deeper than 80 levels.
pub fn parse(text: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let (bare, mark) = without_mark(text);
    let document = Document::parse(bare).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        SyntaxError::new(at + mark, error.message())
    })?;
    let mut builder = Builder { tree: Tree::new(limits), text, mark };
    builder.table(document.as_table(), 0..text.len(), 0)
}

struct Builder<'t, 'l> {
    tree: Tree<'l>,
    text: &'t str,
    mark: usize,
}

impl Builder<'_, '_> {
    /// A place in the whole text; what the parser gives none is where its parent is.
    fn place(&self, span: Option<Range<usize>>, parent: &Range<usize>) -> Range<usize> {
        span.map_or_else(|| parent.clone(), |span| span.start + self.mark..span.end + self.mark)
    }

    fn table(&mut self, table: &dyn TableLike, at: Range<usize>, depth: usize) -> Result<Node, SyntaxError> {
        self.tree.nest(depth, at.start)?;
        let mut entries = Vec::with_capacity(table.len());
        for (key, item) in table.iter() {
            let span = table.key(key).and_then(toml_edit::Key::span);
            let key_at = self.place(span, &at);
            if let Some(value) = self.item(item, &key_at, depth + 1)? {
                entries.push(Entry::new(key, Span::new(key_at.start, key_at.end), value));
            }
        }
        self.tree.node(Value::Object(entries), at)
    }

    fn item(&mut self, item: &Item, key: &Range<usize>, depth: usize) -> Result<Option<Node>, SyntaxError> {
        let at = self.place(item.span(), key);
        match item {
            Item::None => Ok(None),
            Item::Value(value) => self.value(value, key, depth).map(Some),
            Item::Table(table) => self.table(table, at, depth).map(Some),
            Item::ArrayOfTables(tables) => {
                let mut items = Vec::with_capacity(tables.len());
                for table in tables {
                    let at = self.place(table.span(), key);
                    items.push(self.table(table, at, depth + 1)?);
                }
                self.tree.list(items, at).map(Some)
            }
        }
    }

    fn value(&mut self, value: &toml_edit::Value, key: &Range<usize>, depth: usize) -> Result<Node, SyntaxError> {
        use toml_edit::Value as Toml;
        let at = self.place(value.span(), key);
        self.tree.nest(depth, at.start)?;
        let value = match value {
            Toml::String(text) => Value::String(text.value().as_str().into()),
            Toml::Integer(number) => Value::Number(number.value().to_string().into()),
            Toml::Float(number) => self.float(number, &at),
            Toml::Boolean(flag) => Value::Bool(*flag.value()),
            Toml::Datetime(time) => Value::String(time.value().to_string().into()),
            Toml::Array(array) => {
                let items = array.iter().map(|item| self.value(item, &at, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Toml::InlineTable(table) => return self.table(table, at, depth),
        };
        self.tree.node(value, at)
    }

    fn float(&self, number: &Formatted<f64>, at: &Range<usize>) -> Value {
        match serde_json::Number::from_f64(*number.value()) {
            Some(number) => Value::Number(number.to_string().into()),
            None => Value::String(self.text.get(at.clone()).unwrap_or_default().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_have_their_places() {
        let text = "\u{feff}[package]\nname = \"shop\" # a\nauthors = [ 'a', \"b\\n\" ]\na.b.c = 1\n[[bin]]\nname = 'x'\n[[bin]]\n\
                    [dependencies]\nserde = { version = \"1\", features = [] }\n[t]\nat = 2024-01-02T03:04:05Z\nf = 1.50\ni = inf\nh = 0xff\n";
        let root = parse(text, &Limits::default()).unwrap();
        assert_eq!(
            root.to_value(),
            json!({
                "package": { "name": "shop", "authors": ["a", "b\n"], "a": { "b": { "c": 1 } } },
                "bin": [{ "name": "x" }, {}],
                "dependencies": { "serde": { "version": "1", "features": [] } },
                "t": { "at": "2024-01-02T03:04:05Z", "f": 1.5, "i": "inf", "h": 255 },
            })
        );
        let at = |path: &[&str]| &text[root.path(path).unwrap().span.range()];
        assert_eq!(at(&["package", "name"]), "\"shop\"");
        assert_eq!(at(&["dependencies", "serde", "version"]), "\"1\"");
        assert_eq!(at(&["package", "a", "b", "c"]), "1");
        let key = root.get("package").unwrap().entry("name").unwrap().key_span;
        assert_eq!(&text[key.range()], "name");
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        assert_eq!(parse("a = 1\nb = \n", &Limits::default()).unwrap_err().at, 10);
        assert!(parse("a = 1\na = 2\n", &Limits::default()).is_err());
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(parse(&deep, &Limits::default()).is_err());
        let few = Limits { nodes: 3, ..Limits::default() };
        assert!(parse("a = [1, 2, 3]", &few).unwrap_err().message.contains("limit `nodes`"));
        let flat = Limits { depth: 3, ..Limits::default() };
        assert!(parse("a.b.c.d.e = 1", &flat).unwrap_err().message.contains("limit `depth`"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c=\\[\\]{}.,\"'#\\n 0-2tru\\\\€-]{0,60}") {
            if let Ok(root) = parse(&text, &Limits::default()) {
                check(&root, &text);
            }
        }

        #[test]
        fn tables_are_what_they_were_made_of(numbers in prop::collection::btree_map("[a-z]{1,4}", any::<i64>(), 0..6)) {
            let text: String = numbers.iter().map(|(key, number)| format!("{key} = {number}\n")).collect();
            let root = parse(&text, &Limits::default()).unwrap();
            check(&root, &text);
            prop_assert_eq!(root.to_value(), json!(numbers));
        }
    }
}
