use policy_sdk::prelude::*;
use policy_sdk::repository::github::outsider::{self, Conditions, Reach};
use policy_sdk::repository::github::runner::{self, Runner};
use policy_sdk::repository::github::{self, Triggers};
use policy_sdk::settings::PublicRepository;

policy_sdk::rule! {
    /// Machines of one's own run no code of strangers
    ///
    /// In a public repository (the setting `publicRepository`), no job that runs on a machine of one's own is reached
    /// by `pull_request`, `pull_request_target` or `issue_comment` of somebody without rights. A job on such a machine
    /// has the label `self-hosted`, a runner group, or a label that GitHub's own machines do not have and `hosted` does
    /// not list.
    ///
    /// An `environment`, a condition on the same repository (`head.repo.full_name == github.repository`) or on members
    /// keeps strangers out. Whether a machine is made anew for each job cannot be seen.
    ///
    /// ## Why
    /// The code of a pull request from a fork runs on the machine. It stays there for the next job, reads what other
    /// jobs left, and reaches the network that the machine is in.
    ///
    /// ## Fix
    /// Run pull requests on GitHub's machines, and keep one's own for what is merged:
    ///
    /// ```yaml
    /// jobs:
    ///   test:
    ///     runs-on: ubuntu-24.04
    ///   deploy:
    ///     if: github.event_name == 'push'
    ///     runs-on: [self-hosted, linux]
    /// ```
    findings: {
        /// Anybody runs code on a machine of one's own
        Exposed: High, Likely;
        /// Anybody runs code on a machine that is one's own by its label
        PerhapsExposed: High, Guess;
    },
    priority: P2,
    effort: Medium,
    factor: Security,
    peers: ["ZZ:self-hosted-runner"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Triggers, Conditions, PublicRepository],
    reads: ["jobs.*.runs-on", "jobs.*.runs-on:expression", "jobs.*.runs-on[*]:expression"],
    parameters: {
        /// Labels of machines that are somebody else's: larger runners, and those of vendors. A label that ends with
        /// `*` is the beginning of one.
        hosted: Vec<String> = Vec::new(),
    },
}

const EVENTS: [&str; 3] = ["pull_request_target", "pull_request", "issue_comment"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.setting::<PublicRepository>() == Some(false) {
        return not_applicable("the repository is not public");
    }
    let mut is_unknown = false;
    for (id, job) in input.document.get("jobs").entries() {
        let (code, what) = match runner::of(&job) {
            Runner::OwnByLabel => (Code::Exposed, "a machine of your own"),
            Runner::Named if !is_listed(&job.get("runs-on"), &input.parameters.hosted) => {
                (Code::PerhapsExposed, "a machine that GitHub does not have by that name")
            }
            _ => continue,
        };
        let reaches = |event: &&str| {
            github::event(input, event).is_some() && outsider::reach(input, event, &job) > Reach::Environment
        };
        let Some(event) = EVENTS.iter().find(|event| reaches(event)) else { continue };
        if input.setting::<PublicRepository>().is_none() {
            is_unknown = true;
            continue;
        }
        let message = format!("anybody can start job `{id}` by `{event}`, and it runs on {what}");
        findings.report(code, &job.get("runs-on"), message);
    }
    findings.or_unknown(is_unknown.then_some("whether the repository is public is not known: set `publicRepository`"))
}

fn is_listed(runs_on: &View<'_>, hosted: &[String]) -> bool {
    let is_one = |label: &str| {
        hosted.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => label.starts_with(beginning),
            None => known == label,
        })
    };
    let group = runs_on.get("group").text();
    is_one(runs_on.text()) || runs_on.items().any(|label| is_one(label.text())) || !group.is_empty() && is_one(group)
}
