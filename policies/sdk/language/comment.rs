//! Comments, as `X:comments` gives them. The model stands in policies/LANGUAGES.md.

use crate::json::View;

/// A comment and the value that it belongs to.
#[derive(Clone)]
pub struct Comment<'d>(View<'d>);

/// Where a comment stands beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// On lines of its own before it.
    Above,
    /// Behind it, on one of its lines.
    Behind,
    /// In it or at its end, where nothing of it follows.
    Below,
}

/// The comments of an `X:comments` tree, in the order in which they are written.
pub fn comments<'d>(tree: &View<'d>) -> impl Iterator<Item = Comment<'d>> + use<'d> {
    tree.get("comments").items().map(Comment)
}

impl<'d> Comment<'d> {
    /// What it says, without `#`. Findings point here.
    pub fn text(&self) -> View<'d> {
        self.0.get("text")
    }

    /// Where it stands.
    pub fn stands(&self) -> Stands {
        match self.0.get("stands").text() {
            "above" => Stands::Above,
            "behind" => Stands::Behind,
            _ => Stands::Below,
        }
    }

    /// Whether a blank line is between it and the value below it.
    pub fn is_apart(&self) -> bool {
        self.0.get("apart").is_true()
    }

    /// The value that it belongs to, from the one whose comments were asked for on. It is absent where the rule does not
    /// read it.
    pub fn of(&self, asked: &View<'d>) -> View<'d> {
        self.0.get("path").items().fold(asked.clone(), |view, step| {
            let step = step.text();
            match (view.kind(), step.parse()) {
                (Some(crate::json::Kind::Array), Ok(at)) => view.item(at),
                _ => view.get(step),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn comments_lead_to_their_values() {
        let text = r#"{"uses":"a@0","uses:comments":{"comments":[{"text":"v1","path":[],"stands":"behind"}]},
            "list":[{"a":1},{"a":2}],"list:comments":{"comments":[{"text":"x","path":["1","a"],"stands":"above","apart":true}]}}"#;
        let json = Json::parse(text).unwrap();
        let root = json.root();
        let version = comments(&root.get("uses:comments")).next().unwrap();
        assert_eq!((version.text().text(), version.stands(), version.is_apart()), ("v1", Stands::Behind, false));
        assert_eq!(version.of(&root.get("uses")).text(), "a@0");
        assert_eq!(version.text().pointer(), "/uses:comments/comments/0/text");
        let other = comments(&root.get("list:comments")).next().unwrap();
        assert_eq!(other.of(&root.get("list")).pointer(), "/list/1/a");
        assert!(other.is_apart() && other.stands() == Stands::Above);
        assert!(comments(&root.get("none:comments")).next().is_none());
    }
}
