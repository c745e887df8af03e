//! What a change touches, as git tells it: the files and lines that differ from where a branch left another one.

use crate::document::Source;
use crate::evaluate::{Outcome, RunResult};
use crate::parse::Unit;
use crate::problem::InputProblem;
use crate::{root, system};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why it is not known what a change touches.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// git could not be started.
    #[error("`--since` asks git, which cannot be started: {0}")]
    Start(std::io::Error),
    /// git said no.
    #[error("git {command}: {message}")]
    Git {
        /// The command.
        command: String,
        /// What git said.
        message: String,
    },
    /// There is no such commit.
    #[error("`{0}` is no commit here; a shallow clone may lack it (git fetch --unshallow)")]
    NoCommit(String),
}

/// Files that differ, from the file system's root, each with the lines that do.
#[derive(Debug, Default)]
pub struct Changes {
    top: PathBuf,
    files: HashMap<PathBuf, Vec<RangeInclusive<usize>>>,
}

impl Changes {
    /// What differs, in the working tree, from the merge base of a reference and `HEAD`. Files that git does not know
    /// yet and does not ignore are new.
    ///
    /// # Errors
    /// When git is not there, this is no repository, or there is no such commit.
    pub fn since(reference: &str) -> Result<Self, ChangesError> {
        let top = system::path(&line(&["rev-parse", "--show-toplevel"])?);
        // Only what git itself gave goes to its further commands.
        let commit = format!("{reference}^{{commit}}");
        let commit = line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .ok()
            .and_then(object)
            .ok_or_else(|| ChangesError::NoCommit(reference.to_owned()))?;
        let base = line(&["merge-base", &commit, "HEAD"])?;
        let base = object(base).ok_or_else(|| ChangesError::NoCommit(reference.to_owned()))?;
        let mut changes = Self { top, files: HashMap::new() };
        changes.differences(&base)?;
        let untracked = output(git(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"]))?;
        for name in untracked.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            changes.files.insert(changes.top.join(system::path(name)), vec![0..=usize::MAX]);
        }
        Ok(changes)
    }

    fn differences(&mut self, base: &str) -> Result<(), ChangesError> {
        let mut command = git(&[
            "diff",
            "--unified=0",
            "--find-renames",
            "--diff-filter=d",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-relative",
            "--ignore-submodules=all",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            base,
            "--",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(ChangesError::Start)?;
        let mut reader = PatchReader::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                reader.line(&line.map_err(ChangesError::Start)?);
            }
        }
        let status = child.wait().map_err(ChangesError::Start)?;
        if !status.success() {
            return Err(ChangesError::Git { command: "diff".to_owned(), message: status.to_string() });
        }
        let files = reader.files.into_iter().map(|(name, lines)| (self.top.join(system::path(&name)), lines));
        self.files.extend(files);
        Ok(())
    }

    /// Whether any line of a text differs. What is not in the repository counts as new.
    fn touches(&self, source: &Source) -> bool {
        let Some(path) = root::absolute(Path::new(&*source.path)).filter(|path| path.starts_with(&self.top)) else {
            return true;
        };
        let first = source.lines_before + 1;
        let last = source.lines_before + source.text.lines().count().max(1);
        let lines = self.files.get(&path).map_or(&[][..], Vec::as_slice);
        lines.iter().any(|lines| *lines.start() <= last && first <= *lines.end())
    }

    /// Leaves of a run what the change touches: YAML documents with a line that differs, other files as wholes, of a
    /// Terraform module the findings in files that differ. Returns how many findings are left out.
    pub fn narrow(&self, units: &[Unit], result: &mut RunResult, problems: &mut Vec<InputProblem>) -> usize {
        let touched: Vec<Vec<bool>> =
            units.iter().map(|unit| unit.sources.iter().map(|source| self.touches(source)).collect()).collect();
        let mut left_out = 0;
        problems.retain(|problem| {
            let stays = problem.place.is_none_or(|place| touched[place.unit].contains(&true));
            left_out += usize::from(!stays && !problem.known);
            stays
        });
        result.documents.retain_mut(|(unit, document)| {
            let touched = &touched[*unit];
            let standing = document.findings().count();
            document.outcomes.retain_mut(|outcome| {
                let Outcome::Fail(findings) = &mut outcome.outcome else { return true };
                findings.retain(|finding| touched.get(usize::from(finding.place.file)) == Some(&true));
                !findings.is_empty()
            });
            left_out += standing - document.findings().count();
            touched.contains(&true)
        });
        left_out
    }
}

/// Reads a patch without context, line by line.
#[derive(Default)]
struct PatchReader {
    files: Vec<(Vec<u8>, Vec<RangeInclusive<usize>>)>,
    /// Lines of a hunk that are still to come: they are content, whatever they look like.
    content: usize,
}

impl PatchReader {
    fn line(&mut self, line: &[u8]) {
        if self.content > 0 && matches!(line.first(), Some(b'+' | b'-')) {
            self.content -= 1;
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            self.files.extend(file_name(name).map(|name| (name, Vec::new())));
        } else if let Some((hunk, (_, lines))) = hunk(line).zip(self.files.last_mut()) {
            self.content = hunk.old + hunk.new;
            // Where lines are gone, their neighbours are touched.
            lines.push(if hunk.new == 0 { hunk.at..=hunk.at + 1 } else { hunk.at..=hunk.at + hunk.new - 1 });
        }
    }
}

struct Hunk {
    old: usize,
    at: usize,
    new: usize,
}

/// `@@ -3,2 +3 @@`
fn hunk(line: &[u8]) -> Option<Hunk> {
    let text = std::str::from_utf8(line.strip_prefix(b"@@ -")?.split(|byte| *byte == b'@').next()?).ok()?;
    let (old, new) = text.trim_end().split_once(" +")?;
    let range = |text: &str| {
        let (at, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((at.parse::<usize>().ok()?, count.parse::<usize>().ok()?))
    };
    let (at, new) = range(new)?;
    Some(Hunk { old: range(old)?.1, at, new })
}

/// The name in a `+++` line, without its prefix: quoted as in C when it has bytes out of the ordinary.
fn file_name(shown: &[u8]) -> Option<Vec<u8>> {
    let shown = shown.strip_suffix(b"\t").unwrap_or(shown);
    let name = match shown.strip_prefix(b"\"") {
        Some(quoted) => unquote(quoted.strip_suffix(b"\"")?)?,
        None => shown.to_vec(),
    };
    name.strip_prefix(b"b/").map(<[u8]>::to_vec)
}

fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            name.push(byte);
            continue;
        }
        name.push(match bytes.next()? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            digit @ b'0'..=b'3' => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                    value = value * 8 + (digit - b'0');
                }
                value
            }
            other => other,
        });
    }
    Some(name)
}

/// An object's name, and nothing else.
fn object(line: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(line).ok()?;
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

/// git, where nothing that a repository may set makes it run another program or write names differently.
fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "--no-pager"]).args(arguments);
    command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> Result<Vec<u8>, ChangesError> {
    let output = command.output().map_err(ChangesError::Start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let name = command.get_args().nth(5).unwrap_or_default().to_string_lossy().into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    let message = said.lines().next().unwrap_or("it failed").trim_start_matches("fatal: ").to_owned();
    Err(ChangesError::Git { command: name, message })
}

fn line(arguments: &[&str]) -> Result<Vec<u8>, ChangesError> {
    let mut output = output(git(arguments))?;
    output.pop_if(|last| *last == b'\n');
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hunks_are_lines_and_their_content_is_none() {
        let patch = "diff --git a/x b/x\n--- a/x\n+++ b/x y\t\n@@ -3,2 +3 @@ kind\n-a\n-b\n+++ b/no\n@@ -9 +8,0 @@\n\
                     --- c\n--- a/z\n+++ \"b/\\303\\244\\n\\\"\"\n@@ -0,0 +1,2 @@\n+@@ -1 +1 @@\n+x\n\\ No newline\n";
        let mut reader = PatchReader::default();
        patch.lines().for_each(|line| reader.line(line.as_bytes()));
        assert_eq!(reader.files, [(b"x y".to_vec(), vec![3..=3, 8..=9]), ("ä\n\"".into(), vec![1..=2])]);
    }

    proptest! {
        #[test]
        fn no_patch_panics(lines in proptest::collection::vec("(\\+\\+\\+ |@@ -|\\+|-|)[\"b/0-9,+ @\\\\a-z]{0,16}", 0..8)) {
            let mut reader = PatchReader::default();
            lines.iter().for_each(|line| reader.line(line.as_bytes()));
        }
    }
}
