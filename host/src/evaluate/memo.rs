//! Verdicts remembered between runs, by content.
//!
//! A rule is a pure function of what it is told, so its verdict on the same unit, under the same
//! bundle, with the same answers from the inventory, is the same. Places are kept as bytes of the
//! unit, so that it may move in its file.

use super::except::Ignore;
use super::inventory::{Card, Here};
use super::shards::{Bounds, Fresh, Group, Key, MemoUse, Shards};
use super::verdict::{DocumentVerdict, Place, RuleOutcome};
use crate::digest::Hasher;
use crate::parse::{Repeated, Unit};
use crate::sets::{Kustomization, Made, Role};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

const FORMAT: u32 = 8;
/// Units of a file that are kept together. A small file is read and written as a whole; of a large one a change does
/// not rewrite all.
const UNITS_OF_GROUP: usize = 16;

/// Everything that is known of a unit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// What its file is to kustomizations, which decides what it holds.
    pub(super) role: Role,
    /// The kustomization that it is.
    pub(super) kustomization: Option<Kustomization>,
    /// What its objects make that say it, by their positions.
    pub(super) makes: Vec<(u32, Vec<Made>)>,
    /// Its documents with the outcomes of the rules that ask for no inventory.
    pub(super) documents: Vec<DocumentVerdict>,
    /// What they contribute to the inventory.
    pub(super) cards: Vec<Card>,
    /// What the relations of queries ask of each document, so that it is known without it what its rules are told.
    pub(super) here: Vec<Here>,
    /// Outcomes of the rules that ask for an inventory.
    pub(super) related: Vec<RelatedOutcome>,
    /// The exceptions that stand in it.
    pub(super) ignores: Vec<Ignore>,
    /// The keys that stand twice in it.
    pub(super) repeated: Vec<Repeated>,
    /// Fields of another type than they have.
    pub(super) mistyped: Vec<(Place, String)>,
}

/// The outcome of a rule that was told of other documents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RelatedOutcome {
    /// Index of the document in the unit.
    pub(super) document: u32,
    /// Digest of what it was told.
    pub(super) told: [u8; 32],
    /// The outcome.
    pub(super) outcome: RuleOutcome,
}

/// The memo of a repository, for one bundle.
///
/// A record is found by its unit's key. Where it is kept depends on its file's path and its place among the file's
/// units, so that a changed unit's record takes the place of the old one.
pub struct Memo {
    shards: Shards,
    fingerprint: [u8; 32],
    /// Where the records of the run's units are.
    groups: HashMap<Key, Group>,
}

impl Memo {
    /// Opens the memo below the host's cache directory, for the repository in which a bundle checks.
    ///
    /// # Errors
    /// When the directory cannot be trusted or made; see [`crate::sealed::Sealed::open`].
    pub fn open(cache_directory: &Path, repository: &Path, fingerprint: &[u8; 32]) -> std::io::Result<Self> {
        Self::open_bounded(cache_directory, repository, fingerprint, Bounds::default())
    }

    fn open_bounded(
        cache_directory: &Path,
        repository: &Path,
        fingerprint: &[u8; 32],
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let shards = Shards::open(&cache_directory.join("verdicts"), repository, FORMAT, bounds)?;
        Ok(Self { shards, fingerprint: *fingerprint, groups: HashMap::new() })
    }

    /// Says which units a run is about, with all units of each file.
    pub(super) fn begin(&mut self, units: &[Unit], keys: &[Key]) {
        let mut of_file: HashMap<&str, usize> = HashMap::new();
        let grouped = units.iter().zip(keys).map(|(unit, key)| {
            let path = &*unit.sources[0].path;
            let before = of_file.entry(path).or_default();
            let group = self.group(path, *before / UNITS_OF_GROUP);
            *before += 1;
            (*key, group)
        });
        self.groups = grouped.collect();
    }

    fn group(&self, path: &str, number: usize) -> Group {
        let mut hasher = Hasher::default();
        hasher.update(self.fingerprint);
        hasher.part(path);
        hasher.update((number as u64).to_le_bytes());
        let mut group = Group::default();
        let length = group.len();
        group.copy_from_slice(&hasher.finish().bytes()[..length]);
        group
    }

    /// What is known of a unit of the run.
    pub(super) fn get(&self, key: &Key) -> Option<Record> {
        postcard::from_bytes(self.shards.get(self.groups.get(key)?, key)?).ok()
    }

    /// Keeps the records of the run, in the order of its units: those that are given, else those that were known. A
    /// memo that cannot be written costs the next run time, nothing else.
    pub(super) fn store(&self, records: Vec<(Key, Option<Record>)>) -> MemoUse {
        let encoded = records.into_par_iter().filter_map(|(key, record)| {
            let record = record.and_then(|record| postcard::to_stdvec(&record).ok());
            Some((*self.groups.get(&key)?, key, record))
        });
        let encoded: Vec<(Group, Key, Option<Vec<u8>>)> = encoded.collect();
        let mut at: HashMap<Group, usize> = HashMap::new();
        let mut groups: Vec<(Group, Fresh)> = Vec::new();
        for (group, key, record) in encoded {
            let at = *at.entry(group).or_insert_with(|| {
                groups.push((group, Vec::new()));
                groups.len() - 1
            });
            groups[at].1.push((key, record));
        }
        self.shards.store(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::document::{Source, Subject};
    use crate::engine::{Engine, SandboxLimits};
    use crate::evaluate::{Judge, Place, RunOptions, run};
    use crate::parse::Form;
    use proptest::prelude::*;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;

    const BUNDLE: [u8; 32] = [7; 32];

    /// Little room, so that little data fills it.
    const NARROW: Bounds = Bounds { shards: 4, shard_bytes: 2000, repositories: 3, total_bytes: 12_000 };

    /// Units, each with the text of its path and its own.
    fn units(files: &[(String, Vec<String>)]) -> Vec<Unit> {
        let unit = |(path, text): (&String, &String)| Unit::new(Form::Json, Source::new(path.as_str(), text.clone()));
        files.iter().flat_map(|(path, texts)| texts.iter().map(move |text| (path, text))).map(unit).collect()
    }

    /// A record that tells its unit, of about so many bytes.
    fn record(unit: &Unit, bytes: usize) -> Record {
        let base = format!("{} {}", unit.sources[0].path, unit.sources[0].text);
        let verdict = DocumentVerdict {
            subject: Subject::default(),
            place: Place { file: 0, start: 0, end: 0, exact: true },
            base: base.repeat(bytes / base.len() + 1),
            outcomes: Vec::new(),
        };
        Record { documents: vec![verdict], ..Record::default() }
    }

    fn bytes(record: &Record) -> Vec<u8> {
        postcard::to_stdvec(record).unwrap()
    }

    struct Home {
        directory: tempfile::TempDir,
        bounds: Bounds,
    }

    impl Home {
        fn new(bounds: Bounds) -> Self {
            Self { directory: tempfile::tempdir().unwrap(), bounds }
        }

        fn open(&self, repository: &str, bundle: [u8; 32]) -> Memo {
            Memo::open_bounded(self.directory.path(), Path::new(repository), &bundle, self.bounds).unwrap()
        }

        /// One run that checks what is not remembered; gives how many units were, and what that took.
        fn run(&self, repository: &str, bundle: [u8; 32], units: &[Unit], record_bytes: usize) -> (usize, MemoUse) {
            let memo = self.open(repository, bundle);
            self.run_with(memo, bundle, units, record_bytes)
        }

        fn run_with(&self, mut memo: Memo, bundle: [u8; 32], units: &[Unit], record_bytes: usize) -> (usize, MemoUse) {
            let keys: Vec<Key> = units.iter().map(|unit| unit.key(&bundle)).collect();
            memo.begin(units, &keys);
            let mut remembered = 0;
            let judged = units.iter().zip(&keys).map(|(unit, key)| {
                let right = record(unit, record_bytes);
                match memo.get(key) {
                    None => (*key, Some(right)),
                    Some(known) => {
                        assert_eq!(bytes(&known), bytes(&right), "another unit's record");
                        remembered += 1;
                        (*key, None)
                    }
                }
            });
            let judged = judged.collect();
            (remembered, memo.store(judged))
        }

        /// The shards of all repositories.
        fn shards(&self) -> Vec<PathBuf> {
            let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
            let files = entries(self.directory.path().join("verdicts")).flat_map(entries);
            let mut files: Vec<PathBuf> = files.filter(|path| !path.ends_with("seal.key")).collect();
            files.sort();
            files
        }

        fn bytes(&self) -> u64 {
            self.shards().iter().map(|path| path.metadata().unwrap().len()).sum()
        }
    }

    fn files(count: usize, documents: usize) -> Vec<(String, Vec<String>)> {
        let texts = |file: usize| (0..documents).map(|document| format!("{file}.{document}")).collect();
        (0..count).map(|file| (format!("k8s/{file}.yaml"), texts(file))).collect()
    }

    #[test]
    fn one_small_file_costs_one_shard_whatever_ran_before() {
        let home = Home::new(Bounds::default());
        let tree = files(2500, 4);
        // Forty megabytes.
        let (_, whole) = home.run("/r", BUNDLE, &units(&tree), 4000);
        assert_eq!((whole.read_bytes, whole.written), (0, 256));
        assert!(home.bytes() > 40_000_000);
        let (remembered, again) = home.run("/r", BUNDLE, &units(&tree), 4000);
        assert_eq!((remembered, again.opened, again.written), (10_000, 256, 0), "nothing is written anew");

        let one = &tree[17..18];
        let (remembered, read) = home.run("/r", BUNDLE, &units(one), 4000);
        assert_eq!((remembered, read.opened, read.written), (4, 1, 0));
        assert!(read.read_bytes <= 512 << 10, "{read:?}");
        let changed = [(one[0].0.clone(), vec!["changed".to_owned()])];
        let (remembered, read) = home.run("/r", BUNDLE, &units(&changed), 4000);
        assert_eq!((remembered, read.opened, read.written), (0, 1, 1));
        assert!(read.read_bytes <= 512 << 10, "{read:?}");
        // What is of another repository or bundle is nobody else's.
        let (remembered, read) = home.run("/other", BUNDLE, &units(one), 4000);
        assert_eq!((remembered, read.read_bytes, read.written), (0, 0, 1));
        assert_eq!(home.run("/r", [8; 32], &units(one), 4000).0, 0);
        assert_eq!(home.run("/r", BUNDLE, &units(&changed), 4000).0, 1, "the other bundle's run left it alone");
    }

    #[test]
    fn a_run_says_what_of_the_memo_it_used() {
        let home = tempfile::tempdir().unwrap();
        let engine = Arc::new(Engine::new(SandboxLimits::default(), None).unwrap());
        let judge = Judge::new(&engine, &Arc::new(Bundle::of_rules("none", [])));
        let pod = |name: usize| format!(r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}}}}"#);
        let tree: Vec<_> = (0..300).map(|name| (format!("{name}.json"), vec![pod(name)])).collect();
        let judged = |units: &[Unit]| {
            let memo = Memo::open(home.path(), Path::new("/r"), &judge.bundle().fingerprint).unwrap();
            run(&judge, units, RunOptions { memo: Some(memo), ..RunOptions::default() })
        };
        let whole = units(&tree);
        let fresh = judged(&whole);
        assert_eq!((fresh.remembered, fresh.memo.read_bytes), (0, 0));
        assert!(fresh.memo.written > 100);
        let again = judged(&whole);
        assert_eq!((again.remembered, again.memo.opened, again.memo.written), (300, fresh.memo.written, 0));
        assert_eq!(again.documents, fresh.documents);
        let one = judged(&whole[7..8]);
        assert_eq!((one.remembered, one.memo.opened, one.memo.written), (1, 1, 0));
        assert!(one.memo.read_bytes < again.memo.read_bytes / 50);
    }

    #[test]
    fn a_change_takes_the_place_of_what_was_there() {
        let home = Home::new(Bounds::default());
        let mut tree = files(1, 40);
        home.run("/r", BUNDLE, &units(&tree), 100);
        let before = home.bytes();
        tree[0].1[20] = "changed".to_owned();
        let (remembered, read) = home.run("/r", BUNDLE, &units(&tree), 100);
        assert_eq!((remembered, read.written), (39, 1), "one group of sixteen is written anew");
        assert!(home.bytes().abs_diff(before) < 100, "the old record is gone");
        // A document more at the beginning moves the others on by one.
        tree[0].1.insert(0, "first".to_owned());
        assert_eq!(home.run("/r", BUNDLE, &units(&tree), 100).0, 38);
        assert_eq!(home.run("/r", BUNDLE, &units(&tree), 100).0, 41);
    }

    #[test]
    fn what_is_damaged_or_of_another_format_counts_as_empty() {
        let home = Home::new(Bounds::default());
        let units = units(&files(1, 3));
        home.run("/r", BUNDLE, &units, 10);
        let shard = home.shards().remove(0);
        let whole = fs::read(&shard).unwrap();
        let halves = [&whole[..whole.len() / 2], &whole[1..], b"", &[0xff; 900]];
        let flipped = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        let larger = vec![0; 600 << 10];
        for damaged in halves.map(<[u8]>::to_vec).into_iter().chain(flipped).chain([larger]) {
            fs::write(&shard, damaged).unwrap();
            assert_eq!(home.run("/r", BUNDLE, &units, 10).0, 0);
            assert_eq!(fs::read(&shard).unwrap(), whole, "written anew");
        }
        // Sealed as it should be, and yet nothing that can be used.
        let sealed = crate::sealed::Sealed::open(shard.parent().unwrap()).unwrap();
        let name = shard.file_name().unwrap().to_str().unwrap();
        let payload = sealed.read(name, 512 << 10).unwrap();
        for strange in [&b""[..], b"\x04", &payload[..payload.len() - 1], &[&[99], &payload[1..]].concat()] {
            sealed.write(name, strange).unwrap();
            assert_eq!(home.run("/r", BUNDLE, &units, 10).0, 0);
            assert_eq!(fs::read(&shard).unwrap(), whole, "written anew");
        }
    }

    #[test]
    fn of_two_processes_at_once_one_is_remembered() {
        let home = Home::new(NARROW);
        let (one, two) = (units(&files(4, 2)), units(&files(8, 2)[4..]));
        let (first, second) = (home.open("/r", BUNDLE), home.open("/r", BUNDLE));
        // Both have looked at all shards before either writes.
        for (memo, units) in [(&first, &one), (&second, &two)] {
            for unit in units {
                assert!(memo.shards.get(&memo.group(&unit.sources[0].path, 0), &unit.key(&BUNDLE)).is_none());
            }
        }
        home.run_with(first, BUNDLE, &one, 10);
        home.run_with(second, BUNDLE, &two, 10);
        assert_eq!(home.run("/r", BUNDLE, &two, 10).0, two.len());
        home.run("/r", BUNDLE, &one, 10);
        let all = [one, two].concat();
        assert_eq!(home.run("/r", BUNDLE, &all, 10).0, all.len(), "what was lost was judged anew, and stays");
    }

    #[test]
    fn repositories_that_were_not_used_for_the_longest_time_go_first() {
        let home = Home::new(NARROW);
        let tree = units(&files(3, 2));
        let age = |repository: &str, seconds: u64| {
            let directory = home.open(repository, BUNDLE).shards.directory().to_owned();
            let used = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
            fs::File::open(directory).unwrap().set_modified(used).unwrap();
        };
        for (repository, seconds) in [("/a", 50), ("/b", 40), ("/c", 30)] {
            home.run(repository, BUNDLE, &tree, 10);
            age(repository, seconds);
        }
        fs::write(home.directory.path().join("verdicts/0123"), "of an older version").unwrap();
        // Looking is using.
        assert_eq!(home.run("/a", BUNDLE, &tree, 10).0, 6);
        home.run("/d", BUNDLE, &tree, 10);
        let known = |repository: &str| home.run(repository, BUNDLE, &tree[..1], 10).0;
        assert!(!home.directory.path().join("verdicts/0123").exists());
        assert_eq!((known("/a"), known("/c"), known("/d")), (1, 1, 1));
        assert_eq!(known("/b"), 0);
    }

    #[test]
    fn what_a_killed_process_left_goes_after_a_while() {
        let home = Home::new(NARROW);
        let directory = home.open("/r", BUNDLE).shards.directory().to_owned();
        for (name, seconds) in [(".tmpold", 4000), (".tmpnew", 10)] {
            let file = fs::File::create(directory.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
        }
        home.run("/r", BUNDLE, &units(&files(1, 1)), 10);
        assert!(!directory.join(".tmpold").exists() && directory.join(".tmpnew").exists());
    }

    #[test]
    fn what_is_written_does_not_depend_on_the_number_of_threads() {
        let tree = units(&files(40, 3));
        let written = |threads: usize| {
            let home = Home::new(NARROW);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| home.run("/r", BUNDLE, &tree, 60));
            let payload = |path: &PathBuf| {
                let bytes = fs::read(path).unwrap();
                bytes[..bytes.len() - 32].to_vec()
            };
            home.shards().iter().map(payload).collect::<Vec<_>>()
        };
        assert_eq!(written(1), written(5));
    }

    /// Files by number, with the numbers of their documents' texts.
    type Tree = Vec<(u8, Vec<u8>)>;

    fn trees() -> impl Strategy<Value = Vec<(bool, bool, Tree)>> {
        let file = (0..12u8, proptest::collection::vec(0..6u8, 0..40));
        let run = (any::<bool>(), any::<bool>(), proptest::collection::vec(file, 0..8));
        proptest::collection::vec(run, 1..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever ran before: no record is another unit's (`run` checks that), no bound is exceeded, and where there
        /// is room for all, the second of two equal runs checks nothing.
        #[test]
        fn runs_remember_what_is_theirs_within_their_bounds(runs in trees(), record_bytes in 1..700usize) {
            for bounds in [NARROW, Bounds::default()] {
                let home = Home::new(bounds);
                for (repository, bundle, tree) in &runs {
                    let repository = if *repository { "/one" } else { "/two" };
                    let bundle = [u8::from(*bundle); 32];
                    let mut files: Vec<(String, Vec<String>)> = tree
                        .iter()
                        .map(|(path, texts)| (format!("{path}.yaml"), texts.iter().map(u8::to_string).collect()))
                        .collect();
                    files.sort();
                    files.dedup_by(|one, other| one.0 == other.0);
                    let units = units(&files);
                    home.run(repository, bundle, &units, record_bytes);
                    let (remembered, second) = home.run(repository, bundle, &units, record_bytes);
                    prop_assert_eq!(second.written, 0, "equal runs write the same");
                    if bounds.shards > 4 {
                        prop_assert_eq!(remembered, units.len());
                    }
                    for shard in home.shards() {
                        prop_assert!(shard.metadata().unwrap().len() <= bounds.shard_bytes as u64 + 32);
                    }
                    prop_assert!(home.bytes() <= bounds.total_bytes + 32 * home.shards().len() as u64);
                }
            }
        }
    }
}
