//! What a pipeline deploys, and where to.

use super::{Job, Pipeline, Work, has_word};
use crate::json::View;
use crate::tables::pipeline_work::Does;

crate::choice! {
    /// Whose deployments are meant.
    pub Judged { Production = "production", All = "all" }
}

crate::setting! {
    /// Whose deployments have to be verified and followed by tests: those to `production`, or `all` but those to
    /// environments for development.
    pub JudgedDeployments, "deployments": Judged = Judged::Production;
}

/// Words of a job or a file that tests.
const TESTS: [&str; 14] = [
    "test",
    "tests",
    "testing",
    "e2e",
    "integration",
    "conformance",
    "acceptance",
    "kind",
    "k3d",
    "minikube",
    "chainsaw",
    "benchmark",
    "perf",
    "nightly",
];
/// Words of an environment that is for development, or for one pull request.
const DEVELOPMENT: [&str; 9] =
    ["dev", "develop", "development", "preview", "pr", "sandbox", "review", "test", "ephemeral"];
/// Environments that things are published to, and nothing is deployed.
const PUBLISHING: [&str; 12] = [
    "pages", "pypi", "testpypi", "npm", "crates", "release", "releases", "docs", "rubygems", "nuget", "maven",
    "publish",
];

/// Commands that change a cluster.
const OF_CLUSTERS: [&str; 6] = ["kubectl", "oc", "helm", "helmfile", "kapp", "skaffold"];

/// The name of the environment that a job says; absent where it says none.
pub fn environment<'d>(job: &View<'d>) -> View<'d> {
    let environment = job.get("environment");
    if environment.get("name").exists() { environment.get("name") } else { environment }
}

/// Whether something is only published to an environment of that name, or has one of no meaning for deployments.
pub fn is_for_publishing(environment: &str) -> bool {
    PUBLISHING.iter().any(|word| has_word(environment, word))
}

impl<'d> Pipeline<'d> {
    /// What is deployed in jobs that are no tests, job by job.
    pub fn deployments(&self) -> Vec<&Work<'d>> {
        self.doing(&[Does::Deploy]).filter(|work| !self.is_for_tests(work.at.0)).collect()
    }

    /// The first deployment of each job.
    pub fn first_deployments(&self) -> Vec<&Work<'d>> {
        let mut first = self.deployments();
        first.dedup_by_key(|work| work.at.0);
        first
    }

    /// The deployments that a setting means.
    pub fn judged_deployments(&self, judged: Judged, production: &[String]) -> Vec<&Work<'d>> {
        let mut works = self.deployments();
        works.retain(|work| match judged {
            Judged::Production => self.is_named(work, production),
            Judged::All => !self.names(work).iter().any(|name| DEVELOPMENT.iter().any(|word| has_word(name, word))),
        });
        works
    }

    /// Whether a job tests: it makes a cluster or takes down what it has set up, or its name or that of its file says so.
    pub fn is_for_tests(&self, job: usize) -> bool {
        self.tests.get(job).copied().unwrap_or_default()
    }

    pub(super) fn says_tests(&self, job: usize) -> bool {
        let Some(Job { id, view, .. }) = self.jobs.get(job) else { return false };
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let says = |text: &str| TESTS.iter().any(|word| has_word(text, word));
        let deploys =
            |text: &str| ["deploy", "deployment", "cd", "release", "prod"].iter().any(|word| has_word(text, word));
        let is_called_so = [*id, view.get("name").text(), environment(view).text()].into_iter().any(says);
        let is_in_tests = [file, self.name].into_iter().any(|text| says(text) && !deploys(text));
        let mut works = self.works_of(job);
        is_called_so
            || is_in_tests
            || works.any(|work| matches!(work.does, Does::TestCluster | Does::InfrastructureDestroy))
    }

    /// What says where to something is deployed: the environment and the names of the job, the inputs or the arguments.
    pub fn names(&self, work: &Work<'d>) -> Vec<&'d str> {
        let Some(Job { id, view, .. }) = self.jobs.get(work.at.0) else { return Vec::new() };
        let mut names = vec![*id, view.get("name").text(), environment(view).text()];
        match &work.command {
            Some(command) => names.extend(command.arguments()),
            None => names.extend(work.with.entries().map(|(_, value)| value.text())),
        }
        let logins = self.works_of(work.at.0).filter(|other| other.does == Does::ClusterLogin);
        for login in logins {
            names.extend(login.command.iter().flat_map(|command| command.arguments()));
            names.extend(login.with.entries().map(|(_, value)| value.text()));
        }
        names
    }

    /// Whether one of the names of where to something is deployed has one of these words.
    pub fn is_named(&self, work: &Work<'d>, words: &[String]) -> bool {
        self.names(work).iter().any(|name| words.iter().any(|word| has_word(name, word)))
    }

    /// Whether only a schedule, or a person, starts it.
    pub fn is_only_scheduled(&self) -> bool {
        !self.events.is_empty() && self.events.iter().all(|event| matches!(*event, "schedule" | "workflow_dispatch"))
    }

    /// Whether only others call it: what it does not say, they may.
    pub fn is_only_called(&self) -> bool {
        !self.events.is_empty() && self.events.iter().all(|event| *event == "workflow_call")
    }
}

impl Work<'_> {
    /// Whether it changes a cluster by a command of its own, unlike a pull by Argo CD or Flux.
    pub fn is_of_cluster(&self) -> bool {
        match &self.command {
            Some(command) => OF_CLUSTERS.contains(&command.name()),
            None => self.place.text().to_ascii_lowercase().starts_with("azure/k8s-deploy"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::repository::pipeline::{Called, read};

    fn command(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
        let name = line.split(' ').next().unwrap();
        format!(r#"{{"run:shell":{{"commands":[{{"name":"{name}","words":[{}]}}]}}}}"#, words.join(","))
    }

    #[test]
    fn tests_deploy_nothing() {
        let deploy = command("helm upgrade cart . -n shop-prod");
        let cluster = command("kind create cluster");
        let text = format!(
            r#"{{"on":{{"push":{{}}}},"jobs":{{"ship":{{"steps":[{deploy},{deploy}]}},"e2e-aws":{{"steps":[{deploy}]}},
                "try":{{"steps":[{cluster},{deploy}]}},"stage":{{"environment":{{"name":"dev"}},"steps":[{deploy}]}}}}}}"#
        );
        let json = Json::parse(&text).unwrap();
        let at = |path: &str, ask: &dyn Fn(&Pipeline<'_>) -> Vec<usize>| {
            ask(&read(&json.root(), path, &Called::new(Vec::new()), &mut Vec::new(), &[]))
        };
        let first = |pipeline: &Pipeline<'_>| pipeline.first_deployments().iter().map(|work| work.at.0).collect();
        assert_eq!(at(".github/workflows/deploy.yml", &first), [0, 3]);
        assert_eq!(at(".github/workflows/e2e.yml", &first), Vec::<usize>::new());
        assert_eq!(at(".github/workflows/test-and-deploy.yml", &first), [0, 3]);
        let all = |pipeline: &Pipeline<'_>| {
            pipeline.judged_deployments(Judged::All, &[]).iter().map(|work| work.at.0).collect()
        };
        assert_eq!(at("ci.yml", &all), [0, 0]);
        let production = |pipeline: &Pipeline<'_>| {
            let words = ["prod".to_owned()];
            pipeline.judged_deployments(Judged::Production, &words).iter().map(|work| work.at.0).collect()
        };
        assert_eq!(at("ci.yml", &production), [0, 0, 3]);
        let events = |pipeline: &Pipeline<'_>| {
            assert!(!pipeline.is_only_scheduled() && !pipeline.is_only_called());
            Vec::new()
        };
        at("ci.yml", &events);
        assert!(is_for_publishing("github-pages") && !is_for_publishing("production"));
    }
}
