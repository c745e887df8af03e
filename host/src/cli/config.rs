//! What the configuration says, as the defaults of flags, so that flags and variables go before it; and
//! `policy-host config`, which shows where every value came from.

use super::args::{Arguments, ConfigArguments, ConfigCommand, EvalArguments, JudgedArguments};
use super::terminal::outln;
use super::{CommandResult, Exit, terminal};
use crate::bundle::{BundleError, Definition, Layers, Library};
use crate::config::{self, Config, ConfigFile};
use crate::document::Pointer;
use crate::located::{Located, LocatedError};
use crate::manifest::properties;
use crate::oci::Reference;
use crate::visible::visible;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Keys of the file that are flags of `eval`, with the flag's name in the code.
const FLAGS: [(&str, &str); 14] = [
    ("paths", "paths"),
    ("bundle", "bundle"),
    ("exclude", "exclude"),
    ("forceExclude", "force_exclude"),
    ("select", "select"),
    ("ignore", "ignore"),
    ("format", "format"),
    ("reports", "report"),
    ("minSeverity", "min_severity"),
    ("minConfidence", "min_confidence"),
    ("failOn", "fail_on"),
    ("baseline", "baseline"),
    ("noIgnores", "no_ignores"),
    ("render", "render"),
];

/// The arguments of a command that checks, with the configuration's values where they say nothing.
pub(super) struct Configured<A = EvalArguments> {
    pub(super) arguments: A,
    pub(super) file: Option<ConfigFile>,
    matches: ArgMatches,
}

/// Reads the configuration that a command line asks for, and the command line again with it.
pub(super) fn configure<A: FromArgMatches>(
    given: &JudgedArguments,
    is_bundle: impl Fn(&str) -> bool,
) -> Result<Configured<A>, Box<dyn std::error::Error>> {
    let file = match &given.config {
        Some(path) => Some(ConfigFile::open(path)?),
        None if given.no_config => None,
        None => ConfigFile::find(&std::env::current_dir()?)?,
    };
    let mut command = Arguments::command();
    if let Some(file) = &file {
        let defaults = defaults(file, is_bundle)?;
        let with_defaults = |mut judging: clap::Command| {
            for (flag, values) in &defaults {
                if judging.get_arguments().any(|argument| argument.get_id() == flag) {
                    judging = judging.mut_arg(*flag, |argument| argument.default_values(values.clone()));
                }
            }
            judging
        };
        command = command.mut_subcommand("eval", with_defaults).mut_subcommand("lsp", with_defaults);
        command = command.mut_subcommand("add-ignore", with_defaults);
        command = command.mut_subcommand("config", |config| config.mut_subcommand("show", with_defaults));
    }
    let mut matches = command.try_get_matches()?;
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    if let Some(file) = &file {
        let is_default = |flag: &str| matches.value_source(flag) == Some(ValueSource::DefaultValue);
        if is_default("bundle") {
            refuse_registry(file)?;
        }
        if is_default("render") {
            refuse_rendering(file)?;
        }
    }
    Ok(Configured { arguments: A::from_arg_matches(&matches)?, file, matches })
}

impl<A> Configured<A> {
    /// Whether the command line itself says what a key says.
    pub(super) fn is_on_command_line(&self, key: &str) -> bool {
        self.matches.value_source(flag(key)) == Some(ValueSource::CommandLine)
    }

    /// The configuration, where it and nothing before it says what a key says.
    pub(super) fn file_that_says(&self, key: &str) -> Option<&ConfigFile> {
        let is_default = self.matches.value_source(flag(key)) == Some(ValueSource::DefaultValue);
        self.file.as_ref().filter(|file| is_default && file.located.says(key))
    }

    /// An error about what a key names, with its place in the configuration where that names it.
    pub(super) fn placed(&self, key: &str, error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
        match self.file_that_says(key) {
            Some(file) => file.located.error(&[key].into_iter().collect(), error.to_string()).into(),
            None => error.into(),
        }
    }

    /// Says what is wrong with a value of a list, where it was written: in the configuration or on the command line.
    pub(super) fn refused(&self, key: &str, index: usize, message: &str) -> Box<dyn std::error::Error> {
        let is_default = self.matches.value_source(flag(key)) == Some(ValueSource::DefaultValue);
        match self.file.as_ref().filter(|_| is_default) {
            Some(file) => {
                let at: Pointer = [key.to_owned(), index.to_string()].into_iter().collect();
                file.located.error(&at, message).into()
            }
            None => format!("--{}: {message}", flag(key).replace('_', "-")).into(),
        }
    }
}

/// Refuses a registry that a file names which nobody named: whoever may change the repository would choose whom a
/// pipeline calls, and with which credentials.
fn refuse_registry(file: &ConfigFile) -> Result<(), LocatedError> {
    let named = file.located.value.bundle.as_deref().filter(|bundle| file.is_found() && Reference::is_meant(bundle));
    let Some(bundle) = named else { return Ok(()) };
    let message = format!(
        "a file that was found may not have a registry called; say `--bundle {bundle}`, or name the file with `--config`"
    );
    Err(file.located.error(&["bundle"].into_iter().collect(), message))
}

/// Refuses to have programs run because a file says so which nobody named.
fn refuse_rendering(file: &ConfigFile) -> Result<(), LocatedError> {
    if !(file.is_found() && file.located.value.render) {
        return Ok(());
    }
    let message = "a file that was found may not have programs run; say `--render`, or name the file with `--config`";
    Err(file.located.error(&["render"].into_iter().collect(), message))
}

/// Flags, by their names in the code, with their values.
type Defaults = Vec<(&'static str, Vec<String>)>;

/// What a file says of flags.
fn defaults(file: &ConfigFile, is_bundle: impl Fn(&str) -> bool) -> Result<Defaults, Box<dyn std::error::Error>> {
    let config = &file.located.value;
    let at = |keys: &[&str]| keys.iter().copied().collect::<Pointer>();
    let resolved = |keys: &[&str], named: &str| {
        let path = file.resolve(named).map_err(|message| file.located.error(&at(keys), message))?;
        path.into_os_string().into_string().map_err(|_| file.located.error(&at(keys), "its path is not UTF-8"))
    };
    let mut defaults = Vec::new();
    if !config.paths.is_empty() {
        let paths = config.paths.iter().enumerate().map(|(index, path)| resolved(&["paths", &index.to_string()], path));
        defaults.push(("paths", paths.collect::<Result<_, _>>()?));
    }
    if !config.exclude.is_empty() {
        let from_here = |glob: &String| match file.directory.as_os_str().is_empty() || glob.starts_with(['/', '!']) {
            true => glob.clone(),
            false => format!("{}/{glob}", globset::escape(&file.directory.to_string_lossy())),
        };
        defaults.push(("exclude", config.exclude.iter().map(from_here).collect()));
    }
    for (key, names) in [("select", &config.select), ("ignore", &config.ignore)] {
        if !names.is_empty() {
            defaults.push((flag(key), names.clone()));
        }
    }
    if let Some(bundle) = &config.bundle {
        let is_name = is_bundle(bundle) || Reference::is_meant(bundle);
        let bundle = if is_name { bundle.clone() } else { resolved(&["bundle"], bundle)? };
        defaults.push(("bundle", vec![bundle]));
    }
    let words = [
        ("format", &config.format),
        ("minSeverity", &config.min_severity),
        ("minConfidence", &config.min_confidence),
        ("failOn", &config.fail_on),
    ];
    for (key, word) in words {
        let Some(word) = word else { continue };
        one_of(&names(key), word).map_err(|message| file.located.error(&at(&[key]), message))?;
        defaults.push((flag(key), vec![word.clone()]));
    }
    let formats = names("format");
    let report = |(format, named): (&String, &String)| {
        let keys = ["reports", format];
        one_of(&formats, format).map_err(|message| file.located.error(&at(&keys), message))?;
        Ok::<_, LocatedError>(format!("{format}={}", resolved(&keys, named)?))
    };
    if !config.reports.is_empty() {
        defaults.push(("report", config.reports.iter().map(report).collect::<Result<_, _>>()?));
    }
    if let Some(baseline) = &config.baseline {
        defaults.push(("baseline", vec![resolved(&["baseline"], baseline)?]));
    }
    if config.force_exclude {
        defaults.push(("force_exclude", vec!["true".to_owned()]));
    }
    if config.no_ignores {
        defaults.push(("no_ignores", vec!["true".to_owned()]));
    }
    if config.render {
        defaults.push(("render", vec!["true".to_owned()]));
    }
    Ok(defaults)
}

fn one_of(known: &[String], word: &String) -> Result<(), String> {
    if known.contains(word) {
        return Ok(());
    }
    let close = crate::suggest::closest(word, known.iter().map(String::as_str));
    let close = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
    Err(format!("`{word}` is none of {}{close}", known.join(", ")))
}

fn flag(key: &str) -> &'static str {
    FLAGS.iter().find(|(known, _)| *known == key).map_or("", |(_, flag)| flag)
}

/// The words that a key takes: those of its flag.
fn names(key: &str) -> Vec<String> {
    let command = Arguments::command();
    let eval = command.find_subcommand("eval");
    let argument = eval.and_then(|eval| eval.get_arguments().find(|argument| argument.get_id() == flag(key)));
    let values = argument.map(clap::Arg::get_possible_values).unwrap_or_default();
    values.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name().to_owned()).collect()
}

/// The schema of the file, as text.
pub(super) fn schema(library: &Library) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&config::schema(names, &known_settings(library)))?;
    text.push('\n');
    Ok(text)
}

/// The settings that rules of a library use, with the schema that the first of them has.
fn known_settings(library: &Library) -> BTreeMap<&str, &Value> {
    let mut known = BTreeMap::new();
    for (name, schema) in library.rules().flat_map(|rule| properties(&rule.manifest.settings)) {
        known.entry(name).or_insert(schema);
    }
    known
}

pub(super) fn run(arguments: &ConfigArguments, library: &Library) -> CommandResult {
    match &arguments.command {
        ConfigCommand::Show(arguments) => {
            let configured = configure(&arguments.judged, |name| library.bundle(name).is_some())?;
            show(&configured, library)?;
        }
        ConfigCommand::Schema => terminal::print(&schema(library)?),
    }
    Ok(Exit::Clean)
}

/// A line for each value: what it is, and where it came from.
fn show(configured: &Configured, library: &Library) -> Result<(), BundleError> {
    let mut rows: Vec<[String; 3]> = FLAGS.iter().map(|(key, flag)| row(configured, key, flag)).collect();
    let reference = &configured.arguments.judged.bundle;
    let layers = if Reference::is_meant(reference) { None } else { Layers::open(reference, library)? };
    let layers: Vec<&Located<Definition>> =
        layers.iter().flat_map(Layers::iter).map(|layer| &layer.located).rev().collect();
    rows.extend(layers.iter().filter_map(|located| {
        let at: Pointer = ["extends"].into_iter().collect();
        Some([format!("{}.extends", located.value.name), located.value.extends.clone()?, located.place(&at)])
    }));
    if let Some(file) = &configured.file {
        let Config { exceptions, .. } = &file.located.value;
        for (index, exception) in exceptions.iter().enumerate() {
            let at: Pointer = ["exceptions".to_owned(), index.to_string()].into_iter().collect();
            rows.push([format!("exceptions[{index}]"), exception.rules.join(", "), file.located.place(&at)]);
        }
    }
    print(&rows);
    outln!("");
    print(&settings(configured, &layers, library));
    Ok(())
}

/// Prints three columns.
fn print(rows: &[[String; 3]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for [one, two, three] in rows {
        outln!("{one:first$}  {two:second$}  {three}");
    }
}

/// The settings, of the configuration, else of the bundle or of what it extends, else their defaults: name, where it
/// came from, and the value, which may be long.
fn settings(configured: &Configured, layers: &[&Located<Definition>], library: &Library) -> Vec<[String; 3]> {
    let file = configured.file.as_ref().map(|file| &file.located);
    let row = |(name, schema): (&str, &Value)| {
        let at: Pointer = ["settings", name].into_iter().collect();
        let of_file = file.and_then(|file| Some((file.value.settings.get(name)?, file.place(&at))));
        let mut of_bundle = layers.iter().filter_map(|file| Some((file.value.settings.get(name)?, file.place(&at))));
        let (value, from) = match of_file.or_else(|| of_bundle.next()) {
            Some((value, from)) => (Some(value), from),
            None => (schema.get("default"), "default".to_owned()),
        };
        let value = value.map_or_else(String::new, |value| visible(&value.to_string()).into_owned());
        [format!("settings.{name}"), from, value]
    };
    known_settings(library).into_iter().map(row).collect()
}

fn row(configured: &Configured, key: &str, flag: &str) -> [String; 3] {
    let matches = &configured.matches;
    let values = matches.get_raw(flag).into_iter().flatten().map(|value| value.to_string_lossy().into_owned());
    let said = |file: &&ConfigFile| file.located.says(key);
    let from = match matches.value_source(flag) {
        Some(ValueSource::CommandLine) => "command line".to_owned(),
        Some(ValueSource::EnvVariable) => format!("POLICY_HOST_{}", flag.to_uppercase()),
        _ => match configured.file.as_ref().filter(said) {
            Some(file) => file.located.place(&[key].into_iter().collect()),
            None => "default".to_owned(),
        },
    };
    [key.to_owned(), values.collect::<Vec<_>>().join(" "), from]
}

/// The schema's place below its directory.
pub(super) fn write_schema(directory: &Path, library: &Library) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(directory)?;
    Ok(std::fs::write(directory.join("policy-host.v1.json"), schema(library)?)?)
}
