//! Which files are Terraform's, by their names, and which of them belong together.

use crate::document::{Source, joined};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Levels of calls that are followed from a module.
pub(super) const CALL_LEVELS: usize = 8;
/// Files of other modules that a module is read with.
const CALLED_FILES: usize = 256;
/// Bytes of files of other modules that a module is read with.
const CALLED_BYTES: usize = 1 << 20;
/// Bytes of files that all modules of a run are read with besides their own. What is beyond stays unknown to them.
const RUN_BYTES: usize = 64 << 20;

/// What a file is to the module in its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A part of the module.
    Configuration {
        /// Whether it overrides what the others say.
        overrides: bool,
        /// Whether it is for OpenTofu, and takes the place of the `.tf` file of its name.
        tofu: bool,
    },
    /// Values of variables.
    Variables {
        /// Whether Terraform reads it without being told to.
        loaded: bool,
    },
}

/// A file's name taken apart.
pub(super) struct Name<'n> {
    /// Without what tells the kind of file.
    pub stem: &'n str,
    pub role: Role,
    pub is_json: bool,
}

impl<'n> Name<'n> {
    /// `None` for a file that is not Terraform's. Of configuration it skips what begins with a dot.
    pub fn of(name: &'n str) -> Option<Self> {
        let (rest, is_json) = strip_suffix(name, ".json").map_or((name, false), |rest| (rest, true));
        if let Some(stem) = strip_suffix(rest, ".tfvars") {
            let loaded = stem == "terraform" || stem.ends_with(".auto");
            return Some(Self { stem, role: Role::Variables { loaded }, is_json });
        }
        let (stem, tofu) = match strip_suffix(rest, ".tofu") {
            Some(stem) => (stem, true),
            None => (strip_suffix(rest, ".tf")?, false),
        };
        if stem.starts_with('.') || stem.is_empty() {
            return None;
        }
        let overrides = stem == "override" || stem.ends_with("_override");
        Some(Self { stem, role: Role::Configuration { overrides, tofu }, is_json })
    }
}

/// A name without its end, in whatever letters that is written.
fn strip_suffix<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

/// Whether a file of this name is one of Terraform or OpenTofu: `*.tf`, `*.tofu`, `*.tfvars`, and these with `.json`.
pub fn is_terraform(name: &str) -> bool {
    Name::of(name).is_some()
}

/// What is read together.
#[derive(Debug, PartialEq)]
pub enum Group {
    /// The files of one directory that make a module, then those of the modules that it calls.
    Module(Vec<Source>),
    /// A file of variables that no module reads by itself.
    Variables(Source),
}

/// Sorts the Terraform files of a run into modules and files of variables.
///
/// A directory is a module if it has configuration; of variables, it has `terraform.tfvars` and `*.auto.tfvars`, for
/// which nobody has to ask. Local modules that it calls come with it, as far as they are in the run and within bounds.
pub fn group(sources: impl IntoIterator<Item = Source>) -> Vec<Group> {
    let mut directories: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for source in sources {
        directories.entry(directory(&source)).or_default().push(source);
    }
    let mut groups = Vec::new();
    let mut run_bytes = RUN_BYTES;
    for (name, files) in &directories {
        let (module, others): (Vec<&Source>, Vec<&Source>) = match files.iter().any(is_configuration) {
            true => files.iter().partition(|source| is_read_unasked(source)),
            false => (Vec::new(), files.iter().collect()),
        };
        if !module.is_empty() {
            let mut module: Vec<Source> = module.into_iter().cloned().collect();
            module.extend(called(name, &directories, &mut run_bytes));
            groups.push(Group::Module(module));
        }
        groups.extend(others.into_iter().cloned().map(Group::Variables));
    }
    groups
}

/// The directory of a file, in the one way of writing it.
pub(super) fn directory(source: &Source) -> String {
    joined(crate::document::directory(&source.path), "")
}

/// The name of a file in its directory.
pub(super) fn file_name(source: &Source) -> &str {
    source.path.rsplit('/').next().unwrap_or_default()
}

fn role(source: &Source) -> Option<Role> {
    Name::of(file_name(source)).map(|name| name.role)
}

fn is_configuration(source: &Source) -> bool {
    // A file that somebody asked for by name may be called anything.
    !matches!(role(source), Some(Role::Variables { .. }))
}

fn is_read_unasked(source: &Source) -> bool {
    !matches!(role(source), Some(Role::Variables { loaded: false }))
}

/// The configuration of the local modules that a module calls, and of those that they call.
fn called(module: &str, directories: &BTreeMap<String, Vec<Source>>, run_bytes: &mut usize) -> Vec<Source> {
    let mut known = BTreeSet::from([module.to_owned()]);
    let mut open = VecDeque::from([(module.to_owned(), 0)]);
    let mut files: Vec<Source> = Vec::new();
    let mut bytes = CALLED_BYTES;
    while let Some((caller, level)) = open.pop_front() {
        if level >= CALL_LEVELS {
            continue;
        }
        let texts = directories.get(&caller).map_or(&[][..], Vec::as_slice).iter();
        for path in texts.filter(|source| is_configuration(source)).flat_map(|source| local_sources(&source.text)) {
            let callee = joined(&caller, path);
            let Some(sources) = directories.get(&callee) else { continue };
            let sources: Vec<&Source> = sources.iter().filter(|source| is_configuration(source)).collect();
            let size: usize = sources.iter().map(|source| source.text.len()).sum();
            let fits = size <= bytes.min(*run_bytes) && files.len() + sources.len() <= CALLED_FILES;
            if sources.is_empty() || !fits || !known.insert(callee.clone()) {
                continue;
            }
            bytes -= size;
            *run_bytes -= size;
            files.extend(sources.into_iter().cloned());
            open.push_back((callee, level + 1));
        }
    }
    files
}

/// The paths that a text seems to call modules by. More than it does costs a look; parsing settles it.
fn local_sources(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("source").filter_map(move |(at, word)| {
        let behind = text.get(at + word.len()..)?;
        let behind = behind.strip_prefix('"').unwrap_or(behind).trim_start();
        let path = behind.strip_prefix(['=', ':'])?.trim_start().strip_prefix('"')?;
        is_local(path).then(|| path.split(['"', '\n']).next())?
    })
}

/// Whether a module's source is a directory beside the caller.
pub(super) fn is_local(source: &str) -> bool {
    source.starts_with("./") || source.starts_with("../")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(files: &[(&str, &str)]) -> Vec<String> {
        let groups = group(files.iter().map(|(path, text)| Source::new(*path, *text)));
        let shown = groups.iter().map(|group| match group {
            Group::Module(sources) => sources.iter().map(|source| &*source.path).collect::<Vec<_>>().join(" "),
            Group::Variables(source) => format!("({})", source.path),
        });
        shown.collect()
    }

    #[test]
    fn names_tell_what_a_file_is() {
        let all = ["a.tf", "a.tf.json", "a.tofu", "a.tofu.json", "a.tfvars", "a.tfvars.json", "A.TF"];
        assert!(all.into_iter().all(is_terraform));
        assert!(
            !["a.json", "tf", "a.tfx", "a.tf.yaml", "a.tfstate", "tfvars.json", ".tf", ".#a.tf"]
                .into_iter()
                .any(is_terraform)
        );
        let overrides = |name| match Name::of(name).map(|name| name.role) {
            Some(Role::Configuration { overrides, .. }) => overrides,
            other => panic!("{other:?}"),
        };
        assert!(["override.tf", "a_override.tf", "override.tf.json", "x_override.tofu"].into_iter().all(overrides));
        assert!(!["overrides.tf", "aoverride.tf", "override_a.tf"].into_iter().any(overrides));
        let loaded = |name| Name::of(name).map(|name| name.role) == Some(Role::Variables { loaded: true });
        assert!(
            ["terraform.tfvars", "terraform.tfvars.json", "a.auto.tfvars", "a.auto.tfvars.json"]
                .into_iter()
                .all(loaded)
        );
        assert!(!["prod.tfvars", "auto.tfvars", "my.terraform.tfvars"].into_iter().any(loaded));
    }

    #[test]
    fn a_directory_is_a_module_if_it_has_configuration() {
        let files = [
            ("a/live.tfvars", ""),
            ("a/main.tf", ""),
            ("a/terraform.tfvars", ""),
            ("b/terraform.tfvars", ""),
            ("main.tf.json", ""),
        ];
        assert_eq!(
            grouped(&files),
            ["main.tf.json", "a/main.tf a/terraform.tfvars", "(a/live.tfvars)", "(b/terraform.tfvars)"]
        );
    }

    #[test]
    fn called_modules_come_with_their_callers() {
        let files = [
            ("live/main.tf", "module \"a\" {\n  source = \"../modules/a\"\n}\n"),
            (
                "modules/a/main.tf",
                "module \"b\" {\n  source=\"./b/\"\n}\nmodule \"up\" {\n source = \"../../live\"\n}\n",
            ),
            ("modules/a/terraform.tfvars", ""),
            ("modules/a/b/main.tf.json", "{\"module\": {\"c\": {\"source\": \"./none\"}}}"),
        ];
        assert_eq!(
            grouped(&files),
            [
                "live/main.tf modules/a/main.tf modules/a/b/main.tf.json",
                "modules/a/main.tf modules/a/terraform.tfvars modules/a/b/main.tf.json live/main.tf",
                "modules/a/b/main.tf.json",
            ]
        );
    }

    #[test]
    fn what_is_called_is_bounded() {
        let big = "#".repeat(CALLED_BYTES);
        let call = |n: usize| format!("module \"m\" {{\n source = \"../m{n}\"\n}}\n");
        let mut files = vec![("big/a.tf".to_owned(), big.clone() + "##"), ("fits/a.tf".to_owned(), big)];
        files.push(("x/a.tf".to_owned(), "module \"a\" {\n source = \"../big\"\n}\n".to_owned()));
        files.push(("y/a.tf".to_owned(), "module \"a\" {\n source = \"../fits\"\n}\n".to_owned()));
        files.extend((0..20).map(|n| (format!("m{n}/a.tf"), call(n + 1))));
        let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let grouped = grouped(&files);
        let of = |start: &str| grouped.iter().find(|group| group.starts_with(start)).cloned().unwrap_or_default();
        assert_eq!(of("x/"), "x/a.tf");
        assert_eq!(of("y/"), "y/a.tf fits/a.tf");
        assert_eq!(of("m0/").split(' ').count(), 1 + CALL_LEVELS);
        let many: Vec<_> =
            (0..200).map(|n| (format!("c{n}/a.tf"), "module \"a\" {\n source = \"../fits\"\n}\n".to_owned())).collect();
        let files: Vec<_> = files.iter().copied().chain(many.iter().map(|(path, text)| (&**path, &**text))).collect();
        let with = super::tests::grouped(&files).iter().filter(|group| group.contains(" fits/")).count();
        assert_eq!(with, RUN_BYTES / CALLED_BYTES);
    }
}
