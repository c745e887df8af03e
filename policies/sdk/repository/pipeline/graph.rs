//! Which jobs run before and after others, and which of them stop others by failing.

use super::condition::{Failure, may_run};
use super::{Job, Pipeline, Step, Work};
use crate::json::View;
use crate::tables::pipeline_work::Does;

impl<'d> Pipeline<'d> {
    /// The jobs that a job needs, and that those need, in the order of the file.
    pub fn ancestors(&self, job: usize) -> Vec<usize> {
        self.reached(job, |at| self.jobs[at].needs.clone())
    }

    /// The jobs that need a job, and that need those, in the order of the file.
    pub fn descendants(&self, job: usize) -> Vec<usize> {
        let needing = |at| (0..self.jobs.len()).filter(|other| self.jobs[*other].needs.contains(&at)).collect();
        self.reached(job, needing)
    }

    fn reached(&self, from: usize, next: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
        let (mut found, mut open) = (vec![false; self.jobs.len()], vec![from]);
        while let Some(at) = open.pop() {
            for other in next(at) {
                if let Some(is_found) = found.get_mut(other).filter(|is_found| !**is_found) {
                    *is_found = true;
                    open.push(other);
                }
            }
        }
        (0..found.len()).filter(|at| found[*at] && *at != from).collect()
    }

    /// The jobs without whose success a job does not run.
    pub fn gates(&self, job: usize) -> Vec<usize> {
        let mut gates = self.ancestors(job);
        gates.retain(|failed| !self.runs_despite(job, *failed));
        gates
    }

    /// Whether a job may run although one that it needs, or that those need, has failed.
    pub fn runs_despite(&self, job: usize, failed: usize) -> bool {
        let mut outcomes = vec![None; self.jobs.len()];
        self.outcome(job, failed, &mut outcomes) == SUCCESS
    }

    /// How a job ends after another has failed, as far as it is known: it is skipped, or may succeed.
    fn outcome(&self, job: usize, failed: usize, outcomes: &mut Vec<Option<&'static str>>) -> &'static str {
        if let Some(known) = outcomes[job] {
            return known;
        }
        // A cycle, which GitHub refuses, ends here.
        outcomes[job] = Some(SKIPPED);
        let outcome = if job == failed {
            FAILURE
        } else if !self.ancestors(job).contains(&failed) {
            SUCCESS
        } else {
            let needs = self.jobs[job].needs.clone();
            let results: Vec<&'static str> = needs.iter().map(|need| self.outcome(*need, failed, outcomes)).collect();
            let result = |id: &str| {
                let at = needs.iter().position(|need| self.jobs[*need].id.eq_ignore_ascii_case(id))?;
                Some(results[at])
            };
            let view = &self.jobs[job].view;
            let failure = Failure { result: &result, results: &results };
            if may_run(&view.get("if"), &view.get("if:expression"), &failure) { SUCCESS } else { SKIPPED }
        };
        outcomes[job] = Some(outcome);
        outcome
    }

    /// What is done of one or more kinds.
    pub fn doing<'p>(&'p self, does: &'p [Does]) -> impl Iterator<Item = &'p Work<'d>> {
        self.works.iter().filter(|work| does.contains(&work.does))
    }

    /// What a job does.
    pub fn works_of<'p>(&'p self, job: usize) -> impl Iterator<Item = &'p Work<'d>> {
        self.works.iter().filter(move |work| work.at.0 == job)
    }

    /// Whether something is always done before something else: earlier in its job, or in a job that it needs.
    pub fn is_before(&self, one: &Work<'_>, other: &Work<'_>) -> bool {
        if one.at.0 == other.at.0 {
            return one.order < other.order;
        }
        self.ancestors(other.at.0).contains(&one.at.0)
    }

    /// The step of something that is done.
    pub fn step(&self, work: &Work<'_>) -> Option<&Step<'d>> {
        self.jobs.get(work.at.0)?.steps.get(work.at.1)
    }

    /// The job of something that is done.
    pub fn job(&self, work: &Work<'_>) -> Option<&Job<'d>> {
        self.jobs.get(work.at.0)
    }
}

const FAILURE: &str = "failure";
const SKIPPED: &str = "skipped";
const SUCCESS: &str = "success";

impl Step<'_> {
    /// Whether it may run although a step before it has failed.
    pub fn runs_after_failure(&self) -> bool {
        let failure = Failure { result: &|_| None, results: &[] };
        may_run(&self.view.get("if"), &self.view.get("if:expression"), &failure)
    }
}

/// Keys of a pipeline of GitLab that are no jobs.
const KEYWORDS: [&str; 11] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
];

/// The jobs of a pipeline of GitLab: a job without `needs` waits for all jobs of the stages before its own.
pub(super) fn of_gitlab<'d>(document: &View<'d>) -> Vec<Job<'d>> {
    let written: Vec<&str> = document.get("stages").items().map(|stage| stage.text()).collect();
    let stages = if written.is_empty() { vec!["build", "test", "deploy"] } else { written };
    let is_job = |key: &str| !KEYWORDS.contains(&key) && !key.starts_with('.');
    let entries: Vec<(&'d str, View<'d>)> = document.entries().filter(|(key, _)| is_job(key)).collect();
    let stage_of = |view: &View<'d>| match own_or_extended(document, view, "stage").text() {
        ".pre" => 0,
        ".post" => usize::MAX,
        stage => {
            stages.iter().position(|known| *known == if stage.is_empty() { "test" } else { stage }).unwrap_or(0) + 1
        }
    };
    let job = |(id, view): &(&'d str, View<'d>)| {
        let needs = own_or_extended(document, view, "needs");
        let needed: Vec<usize> = if needs.exists() {
            let names = needs.items().map(|need| need.as_str().unwrap_or(need.get("job").text()));
            names.filter_map(|name| entries.iter().position(|(id, _)| *id == name)).collect()
        } else {
            let own = stage_of(view);
            (0..entries.len()).filter(|at| stage_of(&entries[*at].1) < own).collect()
        };
        Job { id, view: view.clone(), needs: needed, steps: steps_of_gitlab(document, view) }
    };
    entries.iter().map(job).collect()
}

fn steps_of_gitlab<'d>(document: &View<'d>, job: &View<'d>) -> Vec<Step<'d>> {
    let step = |phase: &'static str| {
        let holder = own_or_extended(document, job, &format!("{phase}:shell"));
        let list = own_or_extended(document, job, &format!("{phase}[*]:shell"));
        let scripts = if list.exists() {
            list.items().collect()
        } else {
            vec![holder].into_iter().filter(View::exists).collect()
        };
        Step { view: job.clone(), uses: job.get("uses"), scripts, phase }
    };
    ["before_script", "script", "after_script"].map(step).into_iter().filter(|step| !step.scripts.is_empty()).collect()
}

/// How many jobs are followed that extend others.
const MAX_EXTENDS: u32 = 10;

/// What a job says under a key, or the nearest that it extends.
fn own_or_extended<'d>(document: &View<'d>, job: &View<'d>, key: &str) -> View<'d> {
    let mut at = job.clone();
    for _ in 0..MAX_EXTENDS {
        let own = at.get(key);
        if own.exists() {
            return own;
        }
        let extends = at.get("extends");
        // The last of a list wins.
        let Some(name) = extends.as_str().or(extends.items().last().map(|name| name.text())) else { break };
        at = document.get(name);
    }
    job.get(key)
}
