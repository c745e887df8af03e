//! GitHub's expressions, as `X:expression` gives them. The model stands in policies/LANGUAGES.md.

use crate::json::{Kind, View};

/// The contexts that an `:expression` tree names, in lower case: `secrets.deploy_key`, `github.event.issue.title`.
pub fn contexts<'d>(tree: &View<'d>) -> Vec<&'d str> {
    let mut found = Vec::new();
    // Without recursion, since a rule's stack is small.
    let mut open = vec![tree.clone()];
    while let Some(view) = open.pop() {
        let mut children: Vec<View<'d>> = match view.kind() {
            Some(Kind::Array) => view.items().collect(),
            Some(Kind::Object) => view.entries().map(|(_, child)| child).collect(),
            _ => continue,
        };
        found.extend(view.get("context").as_str());
        children.reverse();
        open.append(&mut children);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn contexts_are_found_wherever_they_stand() {
        let text = r#"{"parts":[{"text":"a"},{"call":"format","arguments":[{"literal":"x"},{"context":"github.ref"}]},
            {"context":".b[…]","of":{"call":"fromjson","arguments":[{"context":"env.a"}]},"indices":[{"context":"matrix.c"}]}]}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(contexts(&json.root()), ["github.ref", ".b[…]", "env.a", "matrix.c"]);
        assert!(contexts(&json.root().get("none")).is_empty());
    }
}
