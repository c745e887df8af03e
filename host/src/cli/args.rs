//! The arguments.

use super::reports::{Colour, ReportArgument};
use crate::bundle::Enforcement;
use crate::images::{Allowed, Mirror};
use crate::integrate::FailurePolicy;
use crate::manifest::{Confidence, Severity};
use crate::report;
use crate::scaffold::Language;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Checks Kubernetes manifests, Dockerfiles, workflows and Terraform against policy rules.
#[derive(Debug, Parser)]
#[command(name = "policy-host", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Worker threads; as many as there are cores by default
    #[arg(long, global = true, env = "POLICY_HOST_THREADS", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// MiB that a component may have, up to 64: rules of interpreted languages are large
    #[arg(long, global = true, env = "POLICY_HOST_COMPONENT_MIB", default_value_t = 8, value_name = "MIB", hide_short_help = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) component_mib: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge files, directories or standard input
    Eval(Box<EvalArguments>),
    /// Write comments that except what rules find now, each with the reason
    AddIgnore(Box<AddIgnoreArguments>),
    /// Write a gap report from the results of `eval --format json`
    Report(ReportArguments),
    /// List the rules of a bundle
    List(ListArguments),
    /// Explain a rule: what it checks, why, how to fix it, its parameters
    Explain(ExplainArguments),
    /// Show what a component imports, exports and reads, without running it
    Inspect(InspectArguments),
    /// Answer Gatekeeper, Kyverno and the API server
    Serve(Box<ServeArguments>),
    /// Show the configuration, and where each value came from
    Config(ConfigArguments),
    /// Build bundles, send and fetch them, or write the manifests with which engines ask the server
    Bundle(BundleArguments),
    /// Make key pairs that sign bundles
    Key(KeyArguments),
    /// Sign a bundle in a registry
    Sign(SignArguments),
    /// Say something of a bundle in a registry, and sign it: an inventory, a provenance
    Attest(AttestArguments),
    /// Check who signed a bundle in a registry, and what is attested
    Verify(VerifyArguments),
    /// What was fetched from registries
    Store(StoreArguments),
    /// Judge while files are written: a language server on standard input and output
    Lsp(LspArguments),
    /// Begin a rule: a folder that builds and passes its cases
    New(NewArguments),
    /// Make a rule of a built component: check it, ask it for its manifest, put that in
    Component(ComponentArguments),
    /// Measure rules: instantiation, evaluation, memory, size
    Bench(BenchArguments),
    /// Run the cases of rules
    Test(TestArguments),
    /// Print the completions for a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Man(ManArguments),
    /// Write the rule reference
    #[command(hide = true)]
    Docs(DocsArguments),
    /// Write the pack of rules and bundles that the binary embeds
    #[command(hide = true)]
    Pack(PackArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 an error or a rule that could not run, 3 nothing to check."
)]
pub(crate) struct EvalArguments {
    /// Files and directories, `-` for standard input
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) judged: JudgedArguments,
    /// Form of the results on standard output; human by default
    #[arg(long, value_enum, env = "POLICY_HOST_FORMAT")]
    pub(crate) format: Option<report::Format>,
    /// Write the results to this file instead of to standard output
    #[arg(long, short, value_name = "FILE", conflicts_with = "diff")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) detail: DetailArguments,
    /// Write a report of this form, too, to a file, or with `-` to standard output; repeatable
    #[arg(long, value_name = "FORMAT=FILE", conflicts_with = "diff")]
    pub(crate) report: Vec<ReportArgument>,
    /// Fail, with exit code 1, on findings at or above this severity that the bundle enforces by `deny`; `never` fails
    /// only, with exit code 2, on what the program itself could not do
    #[arg(long, value_enum, default_value_t = FailOn::Medium, env = "POLICY_HOST_FAIL_ON")]
    pub(crate) fail_on: FailOn,
    /// Leave out what `exclude` of the configuration matches also where it is named on the command line
    #[arg(long)]
    pub(crate) force_exclude: bool,
    /// Apply fixes to the files, and check the result: safe ones, or with `=unsafe` all
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "safe", value_name = "EXTENT")]
    pub(crate) fix: Option<FixExtent>,
    /// Show what --fix would change, with secrets starred out, and change nothing
    #[arg(long)]
    pub(crate) diff: bool,
    /// Write all that is found to a file, for --baseline, and let it pass
    #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "fix", "diff"])]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Only findings in what differs from where this branch left a commit: YAML documents with a line that differs,
    /// other files as wholes. All the rest is read too, as the inventory
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["fix", "diff"])]
    pub(crate) since: Option<String>,
    /// Judge again when something changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["fix", "diff", "write_baseline"])]
    pub(crate) watch: bool,
    /// Neither read nor write remembered verdicts and compiled code
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// When to colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
    #[command(flatten, next_help_heading = "Charts and kustomizations")]
    pub(crate) rendering: RenderArguments,
    #[command(flatten, next_help_heading = "Bundles from registries")]
    pub(crate) registry: RegistryArguments,
    #[command(flatten, next_help_heading = "Bundles from registries")]
    pub(crate) lock: LockArguments,
    #[command(flatten, next_help_heading = "Bundles from registries")]
    pub(crate) trust: TrustArguments,
    #[command(flatten, next_help_heading = "Images")]
    pub(crate) images: ImageArguments,
}

/// How much of a run people are shown.
#[derive(Debug, Args)]
pub(crate) struct DetailArguments {
    /// Show every finding; without it, the human form shows a screenful of each rule, the worst first
    #[arg(long)]
    pub(crate) all: bool,
    /// Show how often each rule found something, and no finding
    #[arg(long, conflicts_with_all = ["all", "diff"])]
    pub(crate) statistics: bool,
    /// Say what is wrong, and no more: no notes, no table, no summary
    #[arg(long, short, conflicts_with_all = ["verbose", "statistics"])]
    pub(crate) quiet: bool,
    /// Show also what is exempt, and why; every rule that could not decide; every template that was skipped
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

impl DetailArguments {
    pub(crate) fn detail(&self) -> report::Detail {
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => report::Verbosity::Quiet,
            (false, true) => report::Verbosity::Verbose,
            (false, false) => report::Verbosity::Normal,
        };
        report::Detail { all: self.all, statistics: self.statistics, verbosity }
    }
}

/// What registries are asked about images. No configuration says it: whoever may change the repository would choose
/// whom a pipeline calls, and with which credentials.
#[derive(Debug, Args)]
pub(crate) struct ImageArguments {
    /// Ask registries about images of these repositories, for rules that want to know: `ghcr.io/acme/**`, a registry
    /// alone, or `**` for all; repeatable. --trust says who may sign them
    #[arg(long, value_name = "REPOSITORIES")]
    pub(crate) images: Vec<Allowed>,
    /// Ask about images of ORIGIN, a registry or the beginning of repositories, at PLACE; repeatable
    #[arg(long, value_name = "ORIGIN=PLACE", requires = "images")]
    pub(crate) image_mirror: Vec<Mirror>,
    /// Seconds that one image may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "images", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) image_timeout: u64,
}

/// By what is checked, and what is told of it: the same for a run and for an editor.
#[derive(Debug, Args)]
pub(crate) struct JudgedArguments {
    /// The configuration; without it the nearest policy-host.yaml up to the repository's root
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration
    #[arg(long)]
    pub(crate) no_config: bool,
    /// A shipped bundle, a bundle file, a directory of components, or a reference to a registry
    #[arg(long, default_value = "default", env = "POLICY_HOST_BUNDLE", value_name = "NAME|FILE|DIR|oci://…")]
    pub(crate) bundle: String,
    /// Read none of the files and directories that this glob matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Ask only these rules of the bundle: rules, packs, priorities, controls, factors, or kinds of finding as
    /// rule/code
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Do not ask these, whatever is selected
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Leave out findings below this severity
    #[arg(long, value_enum, default_value_t = Severity::Info, env = "POLICY_HOST_MIN_SEVERITY")]
    pub(crate) min_severity: Severity,
    /// Leave out findings of which their rule is less sure than this
    #[arg(long, value_enum, default_value_t = Confidence::Guess, env = "POLICY_HOST_MIN_CONFIDENCE")]
    pub(crate) min_confidence: Confidence,
    /// Let pass what this file knows: only findings that are not in it fail
    #[arg(long, value_name = "FILE", env = "POLICY_HOST_BASELINE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Ignore exceptions in the input: comments and annotations
    #[arg(long)]
    pub(crate) no_ignores: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all is written, 1 something cannot have a comment, 2 an error, 3 the rules find nothing."
)]
pub(crate) struct AddIgnoreArguments {
    /// The rules, or one kind of finding of a rule as rule/code; several with commas
    #[arg(value_name = "RULE")]
    pub(crate) rules: String,
    /// Files and directories
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Why that is right as it is; everybody reads it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who answers for it
    #[arg(long, value_name = "WHO")]
    pub(crate) owner: Option<String>,
    /// The last day on which it holds: 2027-01-31
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) until: Option<jiff::civil::Date>,
    #[command(flatten)]
    pub(crate) judged: JudgedArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Write a page for each command into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every value that `eval` would have with these arguments, and where it came from
    Show(Box<EvalArguments>),
    /// The JSON Schema of policy-host.yaml
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// What `eval --format json` wrote, `-` for standard input
    pub(crate) results: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = report::GapFormat::Markdown)]
    pub(crate) format: report::GapFormat,
    /// The results of an older run: the report says what got better and worse
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// A shipped bundle, a bundle file, or a directory of components; without it, every shipped rule
    #[arg(long, value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: Option<String>,
    /// Only these: rules, packs, priorities, controls, factors, or kinds of finding as rule/code
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Not these, whatever is selected
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Only rules that can find something of this severity, or worse
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) min_severity: Option<Severity>,
    /// What to show of each rule, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Column::Id, Column::Severity, Column::Priority, Column::Title])]
    pub(crate) columns: Vec<Column>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The rule's id or a former one, the id of another tool's check (`CKV_K8S_16`), or a component file
    #[arg(required_unless_present = "all")]
    pub(crate) rule: Option<String>,
    /// Every shipped rule
    #[arg(long, conflicts_with = "rule")]
    pub(crate) all: bool,
    /// Form of the text
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(crate) format: ExplainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The component
    pub(crate) file: PathBuf,
    /// Form of the text
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Every field of the configuration file has a variable: limits.bodyBytes is POLICY_HOST_LIMITS_BODY_BYTES. Flags go over variables, variables over the file."
)]
pub(crate) struct ServeArguments {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "POLICY_HOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// A shipped bundle, a bundle file, or a directory of components; repeatable; instead of the configuration's
    #[arg(long, value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: Vec<String>,
    /// Where engines and the API server call; by default port 8443: of every address with --tls-cert, else of this
    /// machine alone
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// A second listener, without TLS
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen_plain: Option<SocketAddr>,
    /// Where probes, metrics and the status page are; by default port 8081 of the same addresses
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<SocketAddr>,
    /// The certificate chain, PEM; without it plain HTTP is spoken
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The authorities of client certificates, PEM: whoever calls the Gatekeeper endpoint then needs one
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
    /// The cluster whose objects rules may ask for; without it a pod's own, else the usual kubeconfig
    #[arg(long, value_name = "FILE", conflicts_with = "no_cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// No cluster: rules that ask for other objects are not evaluated
    #[arg(long)]
    pub(crate) no_cluster: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BundleArguments {
    #[command(subcommand)]
    pub(crate) command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Write a bundle with its components as an OCI image layout; the same bundle gives the same bytes
    #[command(after_help = "SOURCE_DATE_EPOCH is the time that is written into it; without it, 1970.")]
    Build(BuildArguments),
    /// Send a bundle to a registry
    Push(PushArguments),
    /// Fetch a bundle from a registry into the store
    Pull(PullArguments),
    /// Show what a bundle in a registry, a layout or an archive consists of
    Inspect(InspectBundleArguments),
    /// List the tags of a repository
    List(TagsArguments),
    /// Copy a bundle, with its signatures, from one registry to another
    Copy(CopyArguments),
    /// Write a bundle of a registry, with its signatures, into a tar archive
    Save(SaveArguments),
    /// Read an archive or a layout into the store
    Load(LoadArguments),
    #[command(flatten)]
    Engine(EngineCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Provider, ConstraintTemplate and constraints; with --out a catalog and tests for gator too
    Gatekeeper(GatekeeperArguments),
    /// ValidatingPolicies and MutatingPolicy, or a ClusterPolicy; with --out tests for the kyverno command too
    Kyverno(KyvernoArguments),
    /// MutatingWebhookConfiguration and ValidatingWebhookConfiguration
    Webhook(WebhookArguments),
    /// Service account, and the rights that the bundle's rules need
    Rbac(RbacArguments),
}

/// What renders charts and kustomizations.
#[derive(Debug, Args)]
pub(crate) struct RenderArguments {
    /// Have helm and kustomize render charts, with each of their values files, and kustomizations, and check what they
    /// deploy
    #[arg(long)]
    pub(crate) render: bool,
    /// The `helm` to run; by default the one on PATH
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) helm: Option<PathBuf>,
    /// The `kustomize` or `kubectl` to run; by default the one on PATH
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) kustomize: Option<PathBuf>,
    /// Seconds that one rendering may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) render_timeout: u16,
}

/// How registries are asked.
#[derive(Debug, Args)]
pub(crate) struct RegistryArguments {
    /// Speak plain HTTP with registries, or with this one alone; loopback is no exception
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "", value_name = "HOST")]
    pub(crate) insecure: Option<String>,
    /// An authority that registries' certificates may come from, beside the machine's, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Where what is fetched is kept; by default in the cache directory
    #[arg(long, value_name = "DIR", env = "POLICY_HOST_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Ask no registry: take what is in the store
    #[arg(long)]
    pub(crate) offline: bool,
}

/// What tags are held to.
#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// Take only digests that the lock file has, and leave it as it is
    #[arg(long)]
    pub(crate) locked: bool,
    /// Ask what the tag stands for now, and write that into the lock file
    #[arg(long, conflicts_with = "locked")]
    pub(crate) update: bool,
    /// The lock file; by default policy-host.lock here
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
}

/// By what right something from a registry is run.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// The trust policy: who may sign which repositories
    #[arg(long, value_name = "FILE", env = "POLICY_HOST_TRUST", conflicts_with = "allow_unsigned")]
    pub(crate) trust: Option<PathBuf>,
    /// Take bundles from registries although nothing says who made them
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// A shipped bundle, a bundle file, or a directory of components
    #[arg(value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: String,
    /// A directory, or a tar archive by its name
    #[arg(long, short, value_name = "DIR|FILE.tar")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// A shipped bundle, a bundle file, a directory of components, or a layout that was built
    #[arg(value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: String,
    /// Where to, with a tag
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// What to fetch
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    #[command(flatten)]
    pub(crate) lock: LockArguments,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct InspectBundleArguments {
    /// A reference, a layout or an archive
    #[arg(value_name = "oci://HOST/PATH:TAG|DIR|FILE.tar")]
    pub(crate) bundle: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    /// Form of the text
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TagsArguments {
    /// The repository
    #[arg(value_name = "oci://HOST/PATH")]
    pub(crate) repository: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// From where
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) from: String,
    /// To where
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SaveArguments {
    /// What to save
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: String,
    /// A tar archive by its name, or a directory
    #[arg(value_name = "FILE.tar|DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    #[command(flatten)]
    pub(crate) lock: LockArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// What was saved
    #[arg(value_name = "FILE.tar|DIR")]
    pub(crate) file: PathBuf,
    /// What it is called from now on; by default what it was saved as
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: Option<String>,
    /// Where it is kept; by default in the cache directory
    #[arg(long, value_name = "DIR", env = "POLICY_HOST_STORE")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Remove what no reference needs
    Prune(PruneArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    /// Forget references that were not used for so many days, too; 0 for all
    #[arg(long, value_name = "DAYS")]
    pub(crate) unused_for: Option<u32>,
    /// The store; by default in the cache directory
    #[arg(long, value_name = "DIR", env = "POLICY_HOST_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

/// What all that write manifests share.
#[derive(Debug, Args)]
pub(crate) struct ManifestArguments {
    /// Write files below this directory, tests and alternatives among them; without it, print what is to be applied
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The server's Service, service account and certificate; generated names begin with it
    #[arg(long, default_value = "policy-host", value_name = "NAME")]
    pub(crate) name: String,
    /// The namespace that the server runs in
    #[arg(long, default_value = "policy-host", value_name = "NAMESPACE")]
    pub(crate) namespace: String,
}

/// How an engine calls the server.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// A shipped bundle, a bundle file, or a directory of components, as the server has it
    #[arg(value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: String,
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
    /// How the server is reached, without a path; without it, its Service
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The authority of the server's certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// How long the engine waits for an answer, 1 to 30
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u8>,
}

#[derive(Debug, Args)]
pub(crate) struct GatekeeperArguments {
    #[command(flatten)]
    pub(crate) call: CallArguments,
    /// What becomes of violations: deny; warn; audit, where nothing is asked at admission
    #[arg(long, value_enum, default_value_t = Enforcement::Deny)]
    pub(crate) enforcement: Enforcement,
    /// Have images replaced by digests, as far as the server's configuration has them, and refused beyond
    #[arg(long)]
    pub(crate) image_digests: bool,
    /// Leave out the bundle's digest, which changes with every rule
    #[arg(long)]
    pub(crate) no_digest: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KyvernoArguments {
    #[command(flatten)]
    pub(crate) call: CallArguments,
    /// What becomes of violations
    #[arg(long, value_enum, default_value_t = Enforcement::Deny)]
    pub(crate) enforcement: Enforcement,
    /// A ClusterPolicy, for Kyverno without policies.kyverno.io/v1, in place of the other policies
    #[arg(long)]
    pub(crate) cluster_policy: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WebhookArguments {
    #[command(flatten)]
    pub(crate) call: CallArguments,
    /// What becomes of an object while the server cannot be asked
    #[arg(long, value_enum, default_value_t = FailurePolicy::Fail)]
    pub(crate) failure_policy: FailurePolicy,
}

#[derive(Debug, Args)]
pub(crate) struct RbacArguments {
    /// A shipped bundle, a bundle file, or a directory of components, as the server has it
    #[arg(value_name = "NAME|FILE|DIR")]
    pub(crate) bundle: String,
    #[command(flatten)]
    pub(crate) manifests: ManifestArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The passphrase of a key comes from POLICY_HOST_KEY_PASSWORD, else COSIGN_PASSWORD, else the terminal. Keys are as cosign's, and cosign's are read."
)]
pub(crate) struct KeyArguments {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair, PREFIX.key and PREFIX.pub; the private key is encrypted
    Generate {
        /// What the names of the two files begin with
        #[arg(long, default_value = "policy-host", value_name = "PREFIX")]
        output: PathBuf,
    },
    /// Write the public key of a private one to standard output
    Public {
        /// The private key
        key: PathBuf,
    },
}

/// What is signed, and with what.
#[derive(Debug, Args)]
pub(crate) struct SignerArguments {
    /// What to sign; a tag stands for what it is now
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: String,
    /// The private key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The passphrase comes from POLICY_HOST_KEY_PASSWORD, else COSIGN_PASSWORD, else the terminal. cosign verifies the signature: cosign verify --key policy-host.pub --insecure-ignore-tlog HOST/PATH@DIGEST"
)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    pub(crate) signer: SignerArguments,
    /// Sign in the older form, under a tag, too: for cosign before 2.6, skopeo and podman
    #[arg(long)]
    pub(crate) legacy: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AttestArguments {
    #[command(flatten)]
    pub(crate) signer: SignerArguments,
    /// What kind of thing is said: spdxjson, slsaprovenance1, cyclonedx, openvex or a URI
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) predicate_type: String,
    /// What is said, JSON; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) predicate: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 verified, 2 refused or an error.")]
pub(crate) struct VerifyArguments {
    /// What to verify
    #[arg(value_name = "oci://HOST/PATH:TAG")]
    pub(crate) reference: String,
    /// A public key that may have signed it; repeatable
    #[arg(long, value_name = "FILE", required_unless_present = "trust")]
    pub(crate) key: Vec<PathBuf>,
    /// The trust policy, in place of keys
    #[arg(long, value_name = "FILE", env = "POLICY_HOST_TRUST")]
    pub(crate) trust: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct LspArguments {
    #[command(flatten)]
    pub(crate) judged: JudgedArguments,
    /// Talk on standard streams, as is done anyway; many editors add it
    #[arg(long)]
    pub(crate) stdio: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// Its pack and its name: `reliability/replicas-spread`
    #[arg(value_name = "PACK/RULE")]
    pub(crate) rule: String,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub(crate) lang: Language,
    /// A folder outside this repository: Rust makes a repository of rules of it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ComponentArguments {
    /// What a compiler made
    pub(crate) file: PathBuf,
    /// Where the rule goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// A rule's id, a component file, a shipped bundle, a bundle file, or a directory of components
    #[arg(value_name = "RULE|BUNDLE")]
    pub(crate) subject: String,
    /// Another version, measured in turns with the first
    #[arg(long, value_name = "RULE|BUNDLE")]
    pub(crate) against: Option<String>,
    /// What to check; without it, a Deployment that comes with the program
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) on: Vec<PathBuf>,
    /// Samples of each figure
    #[arg(long, default_value_t = 101, value_parser = clap::value_parser!(u16).range(11..=10_001))]
    pub(crate) samples: u16,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Folders of rules, or folders of such folders
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the built components are, unless a rule has its own in `target`
    #[arg(long, default_value = "target/policies", value_name = "DIR")]
    pub(crate) components: PathBuf,
    /// Write golden files instead of comparing them
    #[arg(long)]
    pub(crate) update: bool,
    /// Run again whenever a case or a component changes
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PackArguments {
    /// Where the built components are
    #[arg(long, value_name = "DIR")]
    pub(crate) components: PathBuf,
    /// The folder of packs of rules
    #[arg(long, value_name = "DIR")]
    pub(crate) policies: PathBuf,
    /// The folder of bundles
    #[arg(long, value_name = "DIR")]
    pub(crate) bundles: PathBuf,
    /// Where components with their manifests, and `embedded.pack`, go
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What the binary that embeds the pack is built for; by default what this one is built for
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DocsArguments {
    /// The folder of packs of rules, where their documents go
    #[arg(long, value_name = "DIR")]
    pub(crate) policies: PathBuf,
    /// The folder of bundles, where manifests go
    #[arg(long, value_name = "DIR")]
    pub(crate) bundles: PathBuf,
    /// The folder of schemas: of the configuration, and of what the program writes
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: PathBuf,
    /// The folder that lists the checks of other tools; without it, nothing is said of them
    #[arg(long, value_name = "DIR")]
    pub(crate) peers: Option<PathBuf>,
    /// Where the commands' document goes
    #[arg(long, value_name = "FILE")]
    pub(crate) cli: Option<PathBuf>,
}

/// What `list` shows of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// Its id
    Id,
    /// The severity of its worst kind of finding, as the bundle has it
    Severity,
    /// How sure it is of its surest kind of finding
    Confidence,
    /// What happens to its findings, as the bundle says
    Enforcement,
    /// How soon its gaps should be closed
    Priority,
    /// How much work one is
    Effort,
    /// The pack that it is from
    Pack,
    /// Its factor
    Factor,
    /// Controls that it covers
    Controls,
    /// Other tools' checks that are like it
    Peers,
    /// What it requires
    Title,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    Text,
    Markdown,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixExtent {
    Safe,
    Unsafe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl FailOn {
    /// Whether a finding of a severity fails the run.
    pub(crate) fn includes(self, severity: Severity) -> bool {
        let threshold = match self {
            FailOn::Never => return false,
            FailOn::Info => Severity::Info,
            FailOn::Low => Severity::Low,
            FailOn::Medium => Severity::Medium,
            FailOn::High => Severity::High,
            FailOn::Critical => Severity::Critical,
        };
        severity >= threshold
    }
}

fn day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no day like 2027-01-31"))
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=256) => Ok(number),
        _ => Err("a number from 1 to 256".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory as _;
        super::Arguments::command().debug_assert();
    }
}
