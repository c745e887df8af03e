//! Protocol Buffers: what a file imports, as far as the repository has it.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// What the subject, a file of Protocol Buffers, imports.
    pub Imports {
        reads: ["path", "imports"],
        inventory: {
            proto_imports: {
                kinds: ["file/Protobuf"],
                scope: "cluster",
                relation: called {},
                reads: ["path", "package", "messages", "enums"],
            },
        },
    }
}

/// An import of a file.
pub struct Import<'d> {
    /// Where it stands, and its path as it is written.
    pub place: View<'d>,
    /// The file; `None` where the repository has none of that path, and nothing is known of what it declares.
    pub file: Option<Related<'d>>,
}

impl Import<'_> {
    /// Whether the compiler itself brings the file.
    pub fn is_of_compiler(&self) -> bool {
        self.place.text().starts_with("google/protobuf/")
    }
}

/// The imports of the subject. From which folders the compiler looks for them no file says: where several files have a
/// path that ends so, it is the one that stands nearest.
pub fn imports<'d, P: Uses<Imports>>(input: &Input<'d, P>) -> impl Iterator<Item = Import<'d>> {
    let own = input.document.get("path").text();
    input.document.get("imports").items().map(move |place| {
        let candidates = input.related("proto_imports").filter(|file| ends_with(path(file), place.text()));
        let nearest = candidates.max_by_key(|file| (shared(own, path(file)), std::cmp::Reverse(path(file).len())));
        Import { place, file: nearest }
    })
}

fn path<'d>(file: &Related<'d>) -> &'d str {
    file.document.get("path").text()
}

/// Whether a path is another one, or ends with it behind a folder.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// How many folders two paths share.
fn shared(one: &str, other: &str) -> usize {
    one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn imports_are_files_of_the_repository_or_not_known() {
        let document =
            r#"{"path":"a/api/cart.proto","imports":["shop/money.proto","google/protobuf/any.proto","x.proto"]}"#;
        let related = [r#"[{"document":{"path":"b/shop/money.proto"}},
            {"document":{"path":"a/proto/shop/money.proto"}},{"document":{"path":"a/noshop/money.proto"}}]"#];
        look("shop", document, Imports::QUERIES, &related, |input| {
            let seen: Vec<_> = imports(input)
                .map(|import| (import.place.pointer(), import.file.as_ref().map(path), import.is_of_compiler()))
                .collect();
            let expected = [
                ("/imports/0".to_owned(), Some("a/proto/shop/money.proto"), false),
                ("/imports/1".to_owned(), None, true),
                ("/imports/2".to_owned(), None, false),
            ];
            assert_eq!(seen, expected);
        });
    }
}
