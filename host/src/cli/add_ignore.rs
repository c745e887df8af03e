//! `policy-host add-ignore`: writes comments that lift rules from what they find now, with a reason.

use super::args::AddIgnoreArguments;
use super::config::Configured;
use super::terminal::{errln, outln};
use super::{CommandResult, Context, Exit, judging};
use crate::bundle::Bundle;
use crate::config::ConfigFile;
use crate::discover::{self, STDIN};
use crate::encoding::decode;
use crate::evaluate::{Insertion, Judge, Reason, RunOptions, RunResult};
use crate::evaluate::{insertion, is_excepted, run as evaluate, with_insertion};
use crate::files;
use crate::oci::Reference;
use crate::parse::{Limits, Unit};
use crate::report::write_file;
use crate::sets::{Surroundings, kustomizations_beside};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Bytes that are to have a comment, with the rules that it names: by file, the last first.
type Places = BTreeMap<String, BTreeMap<std::cmp::Reverse<usize>, Place>>;

/// Where a comment is to stand.
struct Place {
    unit: usize,
    file: u16,
    at: usize,
    line: usize,
    rules: BTreeSet<String>,
}

pub(super) fn run(configured: &Configured<AddIgnoreArguments>, mut context: Context) -> CommandResult {
    let arguments = &configured.arguments;
    let reason = Reason::new(&arguments.reason, arguments.owner.as_deref(), arguments.until)
        .map_err(|message| format!("--reason: {message}"))?;
    let today = jiff::Zoned::now().date();
    if Reference::is_meant(&arguments.judged.bundle) {
        return Err("--bundle: a bundle of a registry is not fetched here; pull it, or name a file".into());
    }
    let bundle = Bundle::open(&arguments.judged.bundle, &mut context.library, &context.engine, today)?;
    let bundle = judging::configured_bundle(bundle, configured, &arguments.judged, &context, today)?;
    let rules = rules(arguments, &bundle)?;
    let limits = Limits::default();
    let excluded = judging::exclusion(configured, &arguments.judged)?;
    let discovered = discover::discover_except(&arguments.paths, &bundle.wanted(), &excluded, &limits);
    for problem in &discovered.problems {
        errln!("warning: {}", problem.line(&discovered.units));
    }
    let named = configured.file.as_ref().map(ConfigFile::sets).transpose()?.unwrap_or_default();
    let templates = discovered.passed.iter().map(|passed| passed.path.clone()).collect();
    let kustomizations = kustomizations_beside(&discovered.units, &limits);
    let surroundings = Surroundings { kustomizations, templates, named };
    let bundle = Arc::new(bundle);
    let judge = Judge::new(&context.engine, &bundle);
    let result = evaluate(&judge, &discovered.units, RunOptions { limits: limits.clone(), memo: None, surroundings });
    let places = places(&bundle, &discovered.units, &result, &rules, judging::level(&arguments.judged));
    if places.is_empty() {
        errln!("note: {} found nothing that counts in what was read", arguments.rules);
        return Ok(Exit::NoInput);
    }
    let mut refused = 0;
    for (path, places) in &places {
        refused += write(path, places, &discovered.units, &reason, &limits)?;
    }
    Ok(if refused > 0 { Exit::Findings } else { Exit::Clean })
}

/// The rules that are named, by their present ids, with the kind of finding where one is named: `rule/code`.
fn rules(arguments: &AddIgnoreArguments, bundle: &Bundle) -> Result<Vec<(String, Option<String>)>, String> {
    let rules = arguments.rules.split(',').map(str::trim).map(|name| {
        let (id, code) = name.split_once('/').map_or((name, None), |(id, code)| (id, Some(code.to_owned())));
        match bundle.called(id) {
            Some(rule) => Ok((bundle.rules[usize::from(rule)].id().to_owned(), code)),
            None => {
                let close = crate::suggest::closest(id, bundle.rules.iter().map(|rule| rule.id()));
                let close = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
                Err(format!("the bundle `{}` has no rule `{id}`{close}", bundle.name))
            }
        }
    });
    rules.collect()
}

/// Where findings of some rules start.
fn places(
    bundle: &Bundle,
    units: &[Unit],
    result: &RunResult,
    rules: &[(String, Option<String>)],
    level: crate::bundle::Level,
) -> Places {
    let mut places = Places::new();
    for (unit, document) in &result.documents {
        for (rule, finding) in document.findings() {
            let id = bundle.rules[usize::from(rule)].id();
            let is_named =
                rules.iter().any(|(rule, code)| rule == id && code.as_ref().is_none_or(|code| *code == finding.code));
            if !is_named || !level.includes(finding.severity, finding.confidence) {
                continue;
            }
            let sources = &units[*unit].sources;
            let file = if usize::from(finding.place.file) < sources.len() { finding.place.file } else { 0 };
            let source = &sources[usize::from(file)];
            let at = finding.place.start as usize;
            // Findings on one line share a comment.
            let start = source.text[..at.min(source.text.len())].rfind('\n').map_or(0, |newline| newline + 1);
            let of_file = places.entry(source.path.to_string()).or_default();
            let place = of_file.entry(std::cmp::Reverse(source.offset + start)).or_insert_with(|| Place {
                unit: *unit,
                file,
                at,
                line: source.position(at).line,
                rules: BTreeSet::new(),
            });
            place.rules.insert(id.to_owned());
        }
    }
    places
}

/// Writes the comments of a file, and says how many cannot be written.
fn write(
    path: &str,
    places: &BTreeMap<std::cmp::Reverse<usize>, Place>,
    units: &[Unit],
    reason: &Reason,
    limits: &Limits,
) -> Result<usize, Box<dyn std::error::Error>> {
    let cannot = |place: &Place, why: &str| {
        let rules = place.rules.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        errln!("error: {path}:{}: {rules}: {why}; say it in `exceptions` of policy-host.yaml", place.line);
    };
    if path == STDIN || path.contains('\u{fffd}') {
        places.values().for_each(|place| cannot(place, "it is no file that can be written"));
        return Ok(places.len());
    }
    let (mut text, encoding) = decode(files::read(path.as_ref(), limits.bytes)?)?;
    // From the end on, so that what is before stays where it is.
    let mut changed: BTreeMap<usize, Unit> = BTreeMap::new();
    let mut inserted: BTreeMap<(usize, u16), Vec<Insertion>> = BTreeMap::new();
    let mut refused = 0;
    let mut written = Vec::new();
    for place in places.values() {
        let unit = changed.get(&place.unit).unwrap_or(&units[place.unit]);
        let rules: Vec<&str> = place.rules.iter().map(String::as_str).collect();
        let before = inserted.entry((place.unit, place.file)).or_default();
        let moved = before.iter().fold(place.at, |at, one| if one.at <= at { at + one.text.len() } else { at });
        if is_excepted(unit, (place.file, moved), &rules, limits) {
            // By a comment that stands above more than what it was written for.
            continue;
        }
        match insertion(unit, (place.file, moved), &rules, reason, limits) {
            Ok(insertion) => {
                let offset = unit.sources[usize::from(place.file)].offset;
                text.insert_str(offset + insertion.at, &insertion.text);
                written.push(format!("{path}:{}: {}", place.line, insertion.text.trim()));
                let unit = with_insertion(unit, place.file, &insertion);
                changed.insert(place.unit, unit);
                before.push(insertion);
            }
            Err(why) => {
                cannot(place, &why);
                refused += 1;
            }
        }
    }
    if !written.is_empty() {
        write_file(Path::new(path), &encoding.encode(&text))?;
    }
    written.iter().rev().for_each(|line| outln!("{line}"));
    Ok(refused)
}
