//! GitHub's expressions, as `X:expression` gives them. The model stands in policies/LANGUAGES.md.

use super::mappings;
use crate::json::View;

/// The contexts that an `:expression` tree names, in lower case: `secrets.deploy_key`, `github.event.issue.title`.
pub fn contexts<'d>(tree: &View<'d>) -> Vec<&'d str> {
    let named = mappings(tree, |view| view.get("context").as_str().is_some());
    named.iter().map(|view| view.get("context").text()).collect()
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
