//! What other tools check, and which rule has it here: `tests/peers` lists every check of some tools, the rules say
//! which they have, and each check that no rule has comes with the reason.

use crate::manifest::Manifest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const PEER_COLUMNS: &str = "code\tname\tversion\tsource";
const CHECK_COLUMNS: &str = "peer\tcheck\treason";

/// The tools whose checks are all listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Peers {
    peers: Vec<Peer>,
}

/// Another tool, in one version.
#[derive(Debug, Clone, PartialEq)]
struct Peer {
    /// What stands before the colon in `peers` of a rule's manifest.
    code: String,
    name: String,
    version: String,
    /// Where its checks were read.
    source: String,
    /// By id.
    checks: BTreeMap<String, Option<Reason>>,
}

/// Why no rule has a check.
#[derive(Debug, Clone, PartialEq)]
enum Reason {
    /// These rules are going to have it.
    Planned(Vec<String>),
    /// None is planned yet.
    NotYet(String),
    /// Nobody is going to make one.
    NotMade(String),
}

impl Reason {
    fn read(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        let (kind, rest) = text.split_once(": ").unwrap_or((text, ""));
        match (kind, rest) {
            (_, "") => Err(format!("`{text}` is no reason")),
            ("planned", rules) => Ok(Some(Self::Planned(rules.split(", ").map(str::to_owned).collect()))),
            ("not yet", why) => Ok(Some(Self::NotYet(why.to_owned()))),
            ("not made", why) => Ok(Some(Self::NotMade(why.to_owned()))),
            _ => Err(format!("a reason begins with `planned: `, `not yet: ` or `not made: `, not with `{kind}`")),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Planned(rules) => {
                let names: Vec<String> = rules.iter().map(|id| format!("`{id}`")).collect();
                format!("not yet: {}", names.join(", "))
            }
            Self::NotYet(why) => format!("not yet: {why}"),
            Self::NotMade(why) => format!("not made: {why}"),
        }
    }
}

/// The rules that have each check, by the check's full name, `KL:latest-tag`: pack and id of each.
type Rules<'m> = BTreeMap<&'m str, Vec<(&'m str, &'m str)>>;

impl Peers {
    /// Reads `peers.tsv` and `checks.tsv` of a folder.
    ///
    /// # Errors
    ///
    /// The first line that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut peers: Vec<Peer> = Vec::new();
        for (place, [code, name, version, source]) in rows(&folder.join("peers.tsv"), PEER_COLUMNS)? {
            if peers.iter().any(|it| it.code == code) {
                return Err(format!("{place}: `{code}` stands twice"));
            }
            peers.push(Peer { code, name, version, source, checks: BTreeMap::new() });
        }
        for (place, [code, check, reason]) in rows(&folder.join("checks.tsv"), CHECK_COLUMNS)? {
            let peer = peers.iter_mut().find(|it| it.code == code);
            let peer = peer.ok_or_else(|| format!("{place}: peers.tsv has no `{code}`"))?;
            let reason = Reason::read(&reason).map_err(|error| format!("{place}: {error}"))?;
            if peer.checks.insert(check.clone(), reason).is_some() {
                return Err(format!("{place}: `{code}:{check}` stands twice"));
            }
        }
        Ok(Self { peers })
    }

    /// What the lists and the rules, each with its pack, say differently.
    pub fn problems<'m>(&self, rules: impl Iterator<Item = (&'m str, &'m Manifest)>) -> Vec<String> {
        let rules: Vec<_> = rules.collect();
        let known: Vec<&str> = rules.iter().map(|(_, manifest)| manifest.id.as_str()).collect();
        let rules = by_check(rules.into_iter());
        let mut problems = Vec::new();
        for (name, by) in &rules {
            let Some((code, check)) = name.split_once(':') else { continue };
            let Some(peer) = self.peers.iter().find(|it| it.code == code) else { continue };
            if !peer.checks.contains_key(check) {
                let ids: Vec<&str> = by.iter().map(|(_, id)| *id).collect();
                problems.push(format!("{}: {} {} has no check `{check}`", ids.join(", "), peer.name, peer.version));
            }
        }
        for peer in &self.peers {
            for (check, reason) in &peer.checks {
                let name = format!("{}:{check}", peer.code);
                let by = rules.get(name.as_str()).and_then(|it| it.first());
                match (by, reason) {
                    (None, None) => problems.push(format!("{name}: no rule names it, and checks.tsv has no reason")),
                    (Some((_, id)), Some(_)) => {
                        problems.push(format!("{name}: `{id}` has it, and checks.tsv still has a reason: remove that"));
                    }
                    (None, Some(Reason::Planned(ids))) => {
                        for id in ids.iter().filter(|id| known.contains(&id.as_str())) {
                            problems.push(format!(
                                "{name}: checks.tsv plans `{id}`, which is there and does not name it: name it in its `peers`, \
                                 or say why it does not have it"
                            ));
                        }
                    }
                    _ => {}
                }
            }
        }
        problems
    }

    /// The part of `policies/README.md`: how many checks of each tool the rules have, and each check with its rules or the
    /// reason.
    pub fn page<'m>(&self, rules: impl Iterator<Item = (&'m str, &'m Manifest)>) -> String {
        let rules = by_check(rules);
        // Writing to a String cannot fail, here and below.
        let mut summary = "# Checks of other tools\n\n| tool | version | checks | covered | not yet | not made |\n\
                           | --- | --- | --: | --: | --: | --: |\n"
            .to_owned();
        let mut tables = String::new();
        for peer in &self.peers {
            let (mut covered, mut not_made) = (0, 0);
            let _ = writeln!(
                tables,
                "\n## {}\n\nVersion {} of {}.\n\n| check | rules, or why none |\n| --- | --- |",
                peer.name, peer.version, peer.source
            );
            for (check, reason) in &peer.checks {
                let name = format!("{}:{check}", peer.code);
                let shown = match (rules.get(name.as_str()), reason) {
                    (Some(by), _) => {
                        covered += 1;
                        let links = by.iter().map(|(pack, id)| format!("[{id}]({pack}/README.md#{id})"));
                        links.collect::<Vec<_>>().join(", ")
                    }
                    (None, Some(reason)) => {
                        not_made += usize::from(matches!(reason, Reason::NotMade(_)));
                        reason.shown()
                    }
                    (None, None) => "not yet".to_owned(),
                };
                let _ = writeln!(tables, "| `{check}` | {shown} |");
            }
            let all = peer.checks.len();
            let _ = writeln!(
                summary,
                "| [{}](#{}) | {} | {all} | {covered} | {} | {not_made} |",
                peer.name,
                peer.name.to_lowercase().replace(' ', "-"),
                peer.version,
                all - covered - not_made,
            );
        }
        summary + &tables
    }
}

fn by_check<'m>(rules: impl Iterator<Item = (&'m str, &'m Manifest)>) -> Rules<'m> {
    let mut checks = Rules::new();
    for (pack, manifest) in rules {
        for peer in &manifest.peers {
            checks.entry(peer).or_default().push((pack, &manifest.id));
        }
    }
    checks
}

/// The lines of a table below its first, which names the columns, each with its place.
fn rows<const N: usize>(path: &Path, columns: &str) -> Result<Vec<(String, [String; N])>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines().enumerate().map(|(index, line)| (format!("{}:{}", path.display(), index + 1), line));
    match lines.next() {
        Some((_, first)) if first == columns => {}
        _ => return Err(format!("{}:1: the columns are `{columns}`", path.display())),
    }
    lines
        .map(|(place, line)| {
            let values: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let count = values.len();
            let values = values.try_into().map_err(|_| format!("{place}: {count} columns instead of {N}"))?;
            Ok((place, values))
        })
        .collect()
}

#[cfg(test)]
mod tests;
