//! Terraform modules: their blocks, and who calls them.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The modules that call the subject, a Terraform module, by its path.
    pub Callers {
        inventory: {
            callers: { kinds: ["file/TerraformModule"], scope: "cluster", relation: calls {}, reads: [] },
        },
    }
}

/// A module that calls the subject.
pub fn caller<'d, P: Uses<Callers>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("callers").next()
}

/// The blocks of a type in a module, or in another block.
pub fn blocks<'d>(holder: &View<'d>, kind: &'static str) -> impl Iterator<Item = View<'d>> + use<'d> {
    holder.get("blocks").items().filter(move |block| block.get("type").text() == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn blocks_of_blocks_are_found() {
        let document = r#"{"blocks":[{"type":"provider"},{"type":"terraform","blocks":[{"type":"backend"}]}]}"#;
        let callers = r#"[{"subject":{"name":"infra/prod"},"document":{}}]"#;
        look("", document, Callers::QUERIES, &[callers], |input| {
            let terraform = blocks(&input.document, "terraform").next().unwrap();
            let backends: Vec<String> = blocks(&terraform, "backend").map(|backend| backend.pointer()).collect();
            assert_eq!(backends, ["/blocks/1/blocks/0"]);
            assert_eq!(caller(input).unwrap().name(), "infra/prod");
        });
    }
}
