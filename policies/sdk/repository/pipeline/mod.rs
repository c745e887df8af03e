//! Pipelines as a graph: jobs, what they need, their steps, and what those do.
//!
//! A workflow or an action of GitHub, a pipeline of GitLab and a buildspec are one model: [`Pipeline`]. What a command or an
//! action does says the table [`pipeline_work`](crate::tables::pipeline_work).

mod condition;
mod deploy;
mod graph;
mod work;

pub use condition::calls;
pub use deploy::{Judged, JudgedDeployments, environment, is_for_publishing};
pub use work::{Work, has_word, of_action, of_command, of_words};

use crate::input::{Input, Related};
use crate::json::View;
use crate::language::shell::{Command, all_commands};
use crate::language::unread;
use crate::repository::files::joined;
use crate::repository::github;
use crate::tables::pipeline_work::{PipelineCall, PipelineCalls};
use crate::uses::{self, Uses};

/// Declares the views, which all read the same of a pipeline.
macro_rules! views {
    ($($read:literal),* $(,)?) => {
        crate::usable! {
            /// The subject, a pipeline, with the reusable workflows and actions of the repository that it calls, over
            /// three calls.
            pub OwnPipeline {
                reads: [$($read),*],
                inventory: {
                    called: {
                        kinds: ["file/GitHubWorkflow", "file/GitHubAction"],
                        scope: "cluster",
                        relation: called {},
                        reads: [$($read),*],
                    },
                    called_by_called: {
                        kinds: ["file/GitHubWorkflow", "file/GitHubAction"],
                        scope: "cluster",
                        via: "called",
                        relation: called {},
                        reads: [$($read),*],
                    },
                    called_by_those: {
                        kinds: ["file/GitHubAction"],
                        scope: "cluster",
                        via: "called_by_called",
                        relation: called {},
                        reads: [$($read),*],
                    },
                },
                setting: PipelineCalls,
            }
            /// All pipelines of the run, for a rule whose subject is something else.
            pub AllPipelines {
                inventory: {
                    // No relation fits: which pipelines belong to a repository, their paths say.
                    pipelines: {
                        kinds: ["file/GitHubWorkflow", "file/GitHubAction", "file/GitLabPipeline", "file/Buildspec"],
                        scope: "cluster",
                        reads: [$($read),*],
                    },
                },
                setting: PipelineCalls,
            }
        }
    };
}

views![
    "name",
    "on",
    "env",
    "concurrency",
    "jobs.*.name",
    "jobs.*.needs",
    "jobs.*.if",
    "jobs.*.if:expression",
    "jobs.*.uses",
    "jobs.*.with",
    "jobs.*.env",
    "jobs.*.environment",
    "jobs.*.concurrency",
    "jobs.*.services.*.image",
    "jobs.*.continue-on-error",
    "jobs.*.steps[*].id",
    "jobs.*.steps[*].name",
    "jobs.*.steps[*].if",
    "jobs.*.steps[*].if:expression",
    "jobs.*.steps[*].uses",
    "jobs.*.steps[*].with",
    "jobs.*.steps[*].env",
    "jobs.*.steps[*].run:shell",
    "jobs.*.steps[*].continue-on-error",
    "runs.using",
    "runs.steps[*].id",
    "runs.steps[*].name",
    "runs.steps[*].if",
    "runs.steps[*].if:expression",
    "runs.steps[*].uses",
    "runs.steps[*].with",
    "runs.steps[*].env",
    "runs.steps[*].run:shell",
    "runs.steps[*].continue-on-error",
    "version",
    "env.variables",
    "phases.*.on-failure",
    "phases.*.commands[*]:shell",
    "phases.*.finally[*]:shell",
    "stages",
    "*.stage",
    "*.needs",
    "*.extends",
    "*.environment",
    "*.allow_failure",
    "*.when",
    "*.before_script:shell",
    "*.before_script[*]:shell",
    "*.script:shell",
    "*.script[*]:shell",
    "*.after_script:shell",
    "*.after_script[*]:shell",
];

/// A pipeline: a workflow, an action, a pipeline of GitLab, a buildspec.
pub struct Pipeline<'d> {
    /// The path of its file.
    pub path: String,
    /// Its name; empty where it has none.
    pub name: &'d str,
    /// The events that start it, of a workflow.
    pub events: Vec<&'d str>,
    /// Its jobs, in the order of the file. An action and a buildspec are one.
    pub jobs: Vec<Job<'d>>,
    /// What the steps do, in their order, job by job.
    pub works: Vec<Work<'d>>,
    /// Of each job, whether it tests.
    tests: Vec<bool>,
    /// Why something of it is not known: a script that is not read, a workflow of another repository.
    pub unknown: Option<String>,
}

/// A job.
#[derive(Clone)]
pub struct Job<'d> {
    /// Its id; empty for an action and a buildspec.
    pub id: &'d str,
    /// What is written of it.
    pub view: View<'d>,
    /// The jobs that it needs, by their positions. What a pipeline does not have is left out.
    pub needs: Vec<usize>,
    /// Its steps; the phases of a buildspec; one of the scripts of a job of GitLab.
    pub steps: Vec<Step<'d>>,
}

/// A step.
#[derive(Clone)]
pub struct Step<'d> {
    /// What is written of it.
    pub view: View<'d>,
    /// The action that it uses. Of a job that calls a reusable workflow, that.
    pub uses: View<'d>,
    /// Its scripts.
    pub scripts: Vec<View<'d>>,
    /// The name of a phase, or of a script of GitLab; empty for others.
    pub phase: &'d str,
}

impl<'d> Step<'d> {
    /// The simple commands of its scripts, in the order in which they are written.
    pub fn commands(&self) -> impl Iterator<Item = Command<'d>> + use<'d> {
        let scripts = self.scripts.clone();
        scripts.into_iter().flat_map(|script| all_commands(&script))
    }

    /// Its id, else its name, else what it uses; empty where it has none of these.
    pub fn name(&self) -> &'d str {
        let names = [self.view.get("id").text(), self.view.get("name").text(), self.uses.text(), self.phase];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
    }
}

/// The subject, with what it calls.
pub fn own<'d, P: Uses<OwnPipeline>>(input: &Input<'d, P>) -> Pipeline<'d> {
    let calls = uses::read::<PipelineCalls, P>(input);
    let related = ["called", "called_by_called", "called_by_those"].map(|query| input.related(query));
    let called = Called::new(related.into_iter().flatten().collect());
    let path = input.subject.name.as_str();
    read(&input.document, path, &called, &mut Vec::new(), &calls)
}

/// All pipelines of the run that stand for themselves, with their paths: workflows, pipelines of GitLab and buildspecs, with
/// the actions and workflows that they call.
pub fn all<'d, P: Uses<AllPipelines>>(input: &Input<'d, P>) -> Vec<(Related<'d>, Pipeline<'d>)> {
    let calls = uses::read::<PipelineCalls, P>(input);
    let called = Called::new(input.related("pipelines").collect());
    let mut known = Vec::new();
    let stand_alone = called.files.iter().filter(|file| file.kind() != "GitHubAction");
    let with_pipeline = stand_alone.map(|file| {
        // The name of a file is its path.
        let path = file.name();
        (file.clone(), read(&file.document, path, &called, &mut known, &calls))
    });
    with_pipeline.collect()
}

/// How many calls are followed, one in another: GitHub's own bound on workflows is ten, and a cycle ends here.
const MAX_CALLS: u32 = 4;

/// Files that may be called, with their paths without `.` and `..`.
struct Called<'d> {
    files: Vec<Related<'d>>,
    paths: Vec<String>,
}

impl<'d> Called<'d> {
    fn new(files: Vec<Related<'d>>) -> Self {
        let paths = files.iter().map(|file| joined("", file.name())).collect();
        Self { files, paths }
    }
}

/// Reads a pipeline; `known` are the files that were called already.
fn read<'d>(
    document: &View<'d>,
    path: &str,
    called: &Called<'d>,
    known: &mut ReadFiles<'d>,
    calls: &[PipelineCall],
) -> Pipeline<'d> {
    let mut pipeline = Pipeline {
        path: path.to_owned(),
        name: document.get("name").text(),
        events: github::events_of(document).iter().map(|event| event.name).collect(),
        jobs: jobs(document),
        works: Vec::new(),
        tests: Vec::new(),
        unknown: None,
    };
    let root = path.rfind(".github/").map_or("", |at| &path[..at]);
    let jobs = pipeline.jobs.clone();
    for (job_at, job) in jobs.iter().enumerate() {
        for (step_at, step) in job.steps.iter().enumerate() {
            let at = (job_at, step_at);
            pipeline.works.extend(work::of_step(step, at, calls));
            let why = step.scripts.iter().find_map(unread).map(|why| format!("a script is not read to its end: {why}"));
            pipeline.unknown = pipeline.unknown.take().or(why);
            follow(&mut pipeline, known, &Follow { step, at, root, called, calls }, &step.uses, 0);
        }
    }
    for (order, work) in pipeline.works.iter_mut().enumerate() {
        work.order = order;
    }
    pipeline.tests = (0..jobs.len()).map(|job| pipeline.says_tests(job)).collect();
    pipeline
}

/// The files that were called already, by their positions, with what they do and call.
type ReadFiles<'d> = Vec<(usize, Vec<Work<'d>>, Vec<View<'d>>)>;

struct Follow<'f, 'd> {
    /// The step that calls, and where it is.
    step: &'f Step<'d>,
    at: (usize, usize),
    /// The folder that `.github` is in.
    root: &'f str,
    called: &'f Called<'d>,
    calls: &'f [PipelineCall],
}

/// Adds what a file does that is called.
fn follow<'d>(
    pipeline: &mut Pipeline<'d>,
    read: &mut ReadFiles<'d>,
    from: &Follow<'_, 'd>,
    uses: &View<'d>,
    depth: u32,
) {
    let text = uses.text();
    let Some(local) = text.strip_prefix("./") else {
        let is_workflow = text.split('@').next().is_some_and(|name| name.ends_with(".yml") || name.ends_with(".yaml"));
        let is_known = || pipeline.works.iter().any(|work| work.place.pointer() == uses.pointer());
        if is_workflow && !is_known() {
            let why = format!("what `{text}` does stands in another repository");
            pipeline.unknown = pipeline.unknown.take().or(Some(why));
        }
        return;
    };
    let path = joined(from.root, local);
    let paths = [path.clone(), format!("{path}/action.yml"), format!("{path}/action.yaml")];
    let file = from.called.paths.iter().position(|known| paths.contains(known));
    let Some(file) = file.filter(|_| depth < MAX_CALLS) else {
        let why = format!("what `{text}` does is not known");
        pipeline.unknown = pipeline.unknown.take().or(Some(why));
        return;
    };
    // A file that many jobs call is read once.
    if !read.iter().any(|(known, ..)| *known == file) {
        let jobs = jobs(&from.called.files[file].document);
        let steps = || jobs.iter().flat_map(|job| &job.steps);
        let works = steps().flat_map(|step| work::of_step(step, from.at, from.calls)).collect();
        let calls = steps().map(|step| step.uses.clone()).filter(|uses| !uses.text().is_empty()).collect();
        read.push((file, works, calls));
    }
    let Some((_, works, calls)) = read.iter().find(|(known, ..)| *known == file).cloned() else { return };
    let there =
        works.into_iter().map(|work| Work { at: from.at, place: from.step.uses.clone(), is_called: true, ..work });
    pipeline.works.extend(there);
    for uses in &calls {
        follow(pipeline, read, from, uses, depth + 1);
    }
}

/// The jobs of a document, of whatever kind it is.
fn jobs<'d>(document: &View<'d>) -> Vec<Job<'d>> {
    if document.get("jobs").exists() {
        return of_github(document);
    }
    let one = |steps| vec![Job { id: "", view: document.clone(), needs: Vec::new(), steps }];
    if document.get("runs").exists() {
        return one(document.at("runs.steps").items().map(step_of_github).collect());
    }
    if document.get("phases").exists() {
        return one(document.get("phases").entries().map(step_of_phase).collect());
    }
    graph::of_gitlab(document)
}

fn step_of_github(view: View<'_>) -> Step<'_> {
    let script = view.get("run:shell");
    let scripts = if script.exists() { vec![script] } else { Vec::new() };
    Step { uses: view.get("uses"), scripts, phase: "", view }
}

fn step_of_phase<'d>((phase, view): (&'d str, View<'d>)) -> Step<'d> {
    let scripts = ["commands[*]:shell", "finally[*]:shell"].map(|key| view.get(key));
    Step { uses: view.get("uses"), scripts: scripts.iter().flat_map(View::items).collect(), phase, view }
}

fn of_github<'d>(document: &View<'d>) -> Vec<Job<'d>> {
    let ids: Vec<&str> = document.get("jobs").entries().map(|(id, _)| id).collect();
    let job = |(id, view): (&'d str, View<'d>)| {
        let needs = view.get("needs");
        let needed = needs.items().chain([needs.clone()]).map(|id| id.text());
        let needs = needed.filter_map(|id| ids.iter().position(|known| known.eq_ignore_ascii_case(id))).collect();
        let mut steps: Vec<Step<'d>> = view.get("steps").items().map(step_of_github).collect();
        if view.get("uses").exists() {
            steps.push(Step { uses: view.get("uses"), scripts: Vec::new(), phase: "", view: view.clone() });
        }
        Job { id, view, needs, steps }
    };
    document.get("jobs").entries().map(job).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::tables::pipeline_work::Does;
    use crate::testing::look_as;
    use crate::uses::Usable;

    fn pipeline(text: &str, test: impl FnOnce(&Pipeline<'_>)) {
        let json = Json::parse(text).unwrap();
        test(&read(&json.root(), ".github/workflows/ci.yml", &Called::new(Vec::new()), &mut Vec::new(), &[]));
    }

    const STATUS: &str = r#"{"call":"always","arguments":[]}"#;

    /// Jobs `test`, `scan` that needs it, `deploy` that needs that and has an `if`.
    fn chain(condition: &str) -> String {
        format!(
            r#"{{"jobs":{{"test":{{}},"scan":{{"needs":"test"}},
                "deploy":{{"needs":["scan"],"if":"x","if:expression":{{"parts":[{condition}]}}}}}}}}"#
        )
    }

    #[test]
    fn jobs_know_their_gates() {
        let result = |id: &str, value: &str| {
            format!(r#"{{"operator":"==","operands":[{{"context":"needs.{id}.result"}},{{"literal":"{value}"}}]}}"#)
        };
        let and = |left: &str, right: &str| format!(r#"{{"operator":"&&","operands":[{left},{right}]}}"#);
        let not = |operand: &str| format!(r#"{{"operator":"!","operands":[{operand}]}}"#);
        let failure = r#"{"call":"failure","arguments":[]}"#;
        let cancelled = r#"{"call":"cancelled","arguments":[]}"#;
        let contains = r#"{"call":"contains","arguments":[{"context":"needs.*.result"},{"literal":"failure"}]}"#;
        let branch = r#"{"operator":"==","operands":[{"context":"github.ref"},{"literal":"refs/heads/main"}]}"#;
        for (condition, gates) in [
            // Without a function of status it runs after successes only.
            (branch.to_owned(), &[0, 1][..]),
            (STATUS.to_owned(), &[]),
            (and(STATUS, branch), &[]),
            (not(cancelled), &[]),
            (not(failure), &[0, 1]),
            (and(STATUS, &result("scan", "success")), &[0, 1]),
            // `scan` is skipped when `test` has failed, and that is not forbidden.
            (and(STATUS, &not(&result("scan", "failure"))), &[1]),
            (and(STATUS, &not(contains)), &[1]),
            (r#"{"text":"x"},{"call":"always","arguments":[]}"#.to_owned(), &[]),
        ] {
            pipeline(&chain(&condition), |pipeline| {
                assert_eq!(pipeline.ancestors(2), [0, 1]);
                assert_eq!(pipeline.gates(2), gates, "{condition}");
            });
        }
        pipeline(r#"{"jobs":{"a":{"needs":"b"},"b":{"needs":"a"}}}"#, |pipeline| {
            assert_eq!((pipeline.ancestors(0), pipeline.gates(0)), (vec![1], vec![1]));
        });
    }

    #[test]
    fn steps_are_before_others() {
        let run = |line: &str| {
            let words: Vec<String> = line.split(' ').map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
            format!(
                r#"{{"run:shell":{{"commands":[{{"name":"{}","words":[{}]}}]}}}}"#,
                line.split(' ').next().unwrap(),
                words.join(",")
            )
        };
        let text = format!(
            r#"{{"jobs":{{"ci":{{"steps":[{},{}]}},"ship":{{"needs":"ci","steps":[{}]}},"other":{{"steps":[{}]}}}}}}"#,
            run("cargo test"),
            run("docker push x"),
            run("kubectl apply -f x"),
            run("cargo clippy"),
        );
        pipeline(&text, |pipeline| {
            let work = |does| pipeline.doing(&[does]).next().unwrap().clone();
            let [test, push, deploy, lint] = [Does::Test, Does::PushImage, Does::Deploy, Does::Lint].map(work);
            assert!(pipeline.is_before(&test, &push) && pipeline.is_before(&test, &deploy));
            assert!(!pipeline.is_before(&push, &test) && !pipeline.is_before(&lint, &deploy));
            assert_eq!((pipeline.descendants(0), pipeline.job(&deploy).unwrap().id), (vec![1], "ship"));
            assert_eq!((deploy.name(), pipeline.unknown.clone()), ("kubectl apply".to_owned(), None));
            assert_eq!(pipeline.works_of(0).count(), 2);
        });
    }

    #[test]
    fn gitlab_waits_for_stages() {
        let text = r#"{"stages":["test","build","deploy"],"variables":{"A":"b"},
            ".base":{"stage":"deploy","script[*]:shell":[
                {"commands":[{"name":"kubectl","words":[{"text":"kubectl"},{"text":"apply"}]}]}]},
            "unit":{"script:shell":{"commands":[{"name":"pytest","words":[{"text":"pytest"}]}]}},
            "container":{"stage":"build"},"ship":{"extends":".base"},"now":{"stage":"deploy","needs":[{"job":"unit"}]}}"#;
        pipeline(text, |pipeline| {
            let ids: Vec<&str> = pipeline.jobs.iter().map(|job| job.id).collect();
            assert_eq!(ids, ["unit", "container", "ship", "now"]);
            assert_eq!([0, 1, 2, 3].map(|job| pipeline.ancestors(job)), [vec![], vec![0], vec![0, 1], vec![0]]);
            let works: Vec<_> = pipeline.works.iter().map(|work| (work.at.0, work.does)).collect();
            assert_eq!(works, [(0, Does::Test), (2, Does::Deploy)]);
        });
    }

    #[test]
    fn phases_of_a_buildspec_are_steps() {
        let text = r#"{"version":0.2,"phases":{"build":{"commands[*]:shell":[
            {"commands":[{"name":"docker","words":[{"text":"docker"},{"text":"build"}]}]},
            {"unread":[{"reason":"a quote is not closed"}]}]}}}"#;
        pipeline(text, |pipeline| {
            let step = &pipeline.jobs[0].steps[0];
            assert_eq!((step.phase, step.name(), pipeline.works[0].does), ("build", "build", Does::BuildImage));
            let unknown = pipeline.unknown.as_deref();
            assert_eq!(unknown, Some("a script is not read to its end: a quote is not closed"));
        });
    }

    #[test]
    fn what_is_called_is_followed() {
        let workflow = r#"[{"subject":{"kind":"GitHubWorkflow","name":".github/workflows/scan.yml"},"document":
            {"jobs":{"scan":{"steps":[{"uses":"./.github/actions/trivy"}]}}}}]"#;
        let action = r#"[{"subject":{"kind":"GitHubAction","name":".github/actions/trivy/action.yaml"},"via":[0],"document":
            {"runs":{"steps":[{"uses":"aquasecurity/trivy-action@v1"}]}}}]"#;
        let text = r#"{"jobs":{"scan":{"uses":"./.github/workflows/scan.yml"},"sign":{"uses":"a/b/.github/workflows/s.yml@v1"},
            "ship":{"needs":"scan","steps":[{"uses":"./.github/actions/none"}]}}}"#;
        let related = [workflow, action, "[]"];
        look_as(("GitHubWorkflow", ""), text, OwnPipeline::QUERIES, &related, |input| {
            // The subject's name is `cart`: it stands in no folder.
            let pipeline = own(input);
            let work = &pipeline.works[0];
            assert_eq!((work.does, work.is_called, work.at), (Does::ScanImage, true, (0, 0)));
            assert_eq!(work.place.pointer(), "/jobs/scan/uses");
            let unknown = pipeline.unknown.as_deref();
            assert_eq!(unknown, Some("what `a/b/.github/workflows/s.yml@v1` does stands in another repository"));
        });
    }

    #[test]
    fn a_step_runs_after_failures_where_it_says_so() {
        let text = format!(
            r#"{{"jobs":{{"a":{{"steps":[{{"if":"x","if:expression":{{"parts":[{STATUS}]}}}},{{"if":false}},{{}}]}}}}}}"#
        );
        pipeline(&text, |pipeline| {
            let told: Vec<bool> = pipeline.jobs[0].steps.iter().map(Step::runs_after_failure).collect();
            assert_eq!(told, [true, false, false]);
        });
    }
}
