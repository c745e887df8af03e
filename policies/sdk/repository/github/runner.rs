//! What machines run jobs.

use crate::json::{Kind, View};
use crate::language::expression::{Expression, expressions};

/// Where a job runs, as far as its `runs-on` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// A machine of GitHub.
    Hosted,
    /// A machine of one's own: the label `self-hosted`.
    OwnByLabel,
    /// A group, or a label that GitHub does not have: a machine of one's own, or a larger or a vendor's one.
    Named,
    /// An expression decides.
    Unknown,
}

/// The first parts of the labels of GitHub's own machines.
const HOSTED: [&str; 3] = ["ubuntu-", "windows-", "macos-"];

/// Whether a label is one of GitHub's own machines; larger runners have whatever label somebody gave them.
pub fn is_hosted(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    HOSTED.iter().any(|system| {
        let version = label.strip_prefix(system);
        version.is_some_and(|version| {
            version.starts_with("latest")
                || version.starts_with("slim")
                || version.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

/// Where a job runs. `runs-on:expression` and `runs-on[*]:expression` are read beside it, so that the branches of an
/// expression count too.
pub fn of(job: &View<'_>) -> Runner {
    let runs_on = job.get("runs-on");
    let of_all = |labels: Vec<(View<'_>, View<'_>)>| {
        let kinds: Vec<Runner> = labels.iter().map(|(label, tree)| of_label(label.text(), tree)).collect();
        let has = |kind| kinds.contains(&kind);
        match kinds.is_empty() {
            _ if has(Runner::OwnByLabel) => Runner::OwnByLabel,
            true => Runner::Unknown,
            _ if has(Runner::Unknown) => Runner::Unknown,
            _ if has(Runner::Named) => Runner::Named,
            _ => Runner::Hosted,
        }
    };
    match runs_on.kind() {
        Some(Kind::String) => of_label(runs_on.text(), &job.get("runs-on:expression")),
        Some(Kind::Array) => {
            let trees = job.get("runs-on[*]:expression");
            of_all(runs_on.items().enumerate().map(|(at, label)| (label, trees.item(at))).collect())
        }
        Some(Kind::Object) => {
            let labels = runs_on.get("labels");
            let own = labels.text() == "self-hosted" || labels.items().any(|label| label.text() == "self-hosted");
            if own { Runner::OwnByLabel } else { Runner::Named }
        }
        _ => Runner::Unknown,
    }
}

fn of_label(label: &str, tree: &View<'_>) -> Runner {
    if !label.contains("${{") {
        return match label {
            _ if label.eq_ignore_ascii_case("self-hosted") => Runner::OwnByLabel,
            _ if is_hosted(label) => Runner::Hosted,
            _ => Runner::Named,
        };
    }
    // `${{ github.repository == 'a/b' && 'big' || 'ubuntu-latest' }}`: one of the texts.
    let texts: Vec<&str> = expressions(tree).flat_map(|expression| branches(&expression)).collect();
    match texts.iter().any(|text| text.eq_ignore_ascii_case("self-hosted")) {
        true => Runner::OwnByLabel,
        false if !texts.is_empty() && texts.iter().all(|text| is_hosted(text)) => Runner::Hosted,
        false => Runner::Unknown,
    }
}

/// The texts that an expression may come to; empty texts for what is not known.
fn branches<'d>(expression: &Expression<'d>) -> Vec<&'d str> {
    let operands = expression.operands();
    match expression.operator() {
        "&&" => operands.get(1).map(branches).unwrap_or_default(),
        "||" => operands.iter().flat_map(branches).collect(),
        _ => vec![expression.literal().text()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn machines_are_told_by_their_labels() {
        let tree = r#""runs-on:expression":{"parts":[{"operator":"||","operands":[
            {"operator":"&&","operands":[{"context":"x"},{"literal":"A"}]},{"literal":"ubuntu-latest"}]}]}"#;
        let with = |label: &str| format!(r#"{{"runs-on":"${{{{ x }}}}",{}}}"#, tree.replace('A', label));
        for (job, expected) in [
            (r#"{"runs-on":"ubuntu-24.04-arm"}"#.to_owned(), Runner::Hosted),
            (r#"{"runs-on":["windows-latest"]}"#.to_owned(), Runner::Hosted),
            (r#"{"runs-on":"ubuntu-big"}"#.to_owned(), Runner::Named),
            (r#"{"runs-on":["Self-Hosted","linux"]}"#.to_owned(), Runner::OwnByLabel),
            (r#"{"runs-on":{"group":"big"}}"#.to_owned(), Runner::Named),
            (r#"{"runs-on":{"group":"g","labels":["self-hosted"]}}"#.to_owned(), Runner::OwnByLabel),
            (r#"{"runs-on":"${{ matrix.os }}"}"#.to_owned(), Runner::Unknown),
            ("{}".to_owned(), Runner::Unknown),
            (with("self-hosted"), Runner::OwnByLabel),
            (with("macos-15"), Runner::Hosted),
            (with("big"), Runner::Unknown),
        ] {
            assert_eq!(of(&Json::parse(&job).unwrap().root()), expected, "{job}");
        }
    }
}
