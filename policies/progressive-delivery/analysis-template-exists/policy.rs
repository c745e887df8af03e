use policy_sdk::kubernetes::rollout::{self, Analyses, RolloutStrategy};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The templates of an analysis exist and get their arguments
    ///
    /// A Rollout, an Experiment and an AnalysisTemplate that is made of others name AnalysisTemplates of their
    /// namespace, or with `clusterScope: true` ClusterAnalysisTemplates. Those of the cluster usually stand elsewhere,
    /// so a missing one is reported only where the documents hold any.
    ///
    /// An argument of a template without `value` and `valueFrom` is given by whoever uses it, or has a value in another
    /// template of the same list. An argument that no template has is reported as information.
    ///
    /// ## Why
    /// The Rollout gets the condition `InvalidSpec`, or its analysis ends with an error and the new version is taken
    /// back. In both cases no version can be rolled out.
    ///
    /// ## Fix
    /// Write the name of an existing template, and its arguments:
    ///
    /// ```yaml
    /// analysis:
    ///   templates:
    ///     - templateName: error-rate
    ///   args:
    ///     - name: service
    ///       value: cart-canary
    /// ```
    findings: {
        /// No AnalysisTemplate has that name
        Missing: High, Likely, absence: ["analyses", "referred"];
        /// No ClusterAnalysisTemplate has that name
        MissingInCluster: High, Likely, absence: ["cluster_analyses", "cluster_referred"];
        /// An argument has no value
        NoValue: High, Likely;
        /// No template has that argument
        UnknownArgument: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "argoproj.io/Rollout", "argoproj.io/Experiment", "argoproj.io/AnalysisTemplate",
        "argoproj.io/ClusterAnalysisTemplate",
    ],
    uses: [Analyses, RolloutStrategy],
    reads: ["spec.analyses", "spec.templates"],
    inventory: {
        referred: {
            kinds: ["argoproj.io/AnalysisTemplate"],
            scope: "namespace",
            relation: named {
                kind: "=AnalysisTemplate",
                name: ["spec.analyses[*].templateName", "spec.templates[*].templateName"],
            },
            reads: ["spec.args", "spec.templates"],
        },
        cluster_referred: {
            kinds: ["argoproj.io/ClusterAnalysisTemplate"],
            scope: "cluster",
            relation: named {
                kind: "=ClusterAnalysisTemplate",
                name: ["spec.analyses[*].templateName", "spec.templates[*].templateName"],
            },
            reads: ["spec.args", "spec.templates"],
        },
        // No relation fits: what counts is whether the documents hold any.
        any_cluster: { kinds: ["argoproj.io/ClusterAnalysisTemplate"], scope: "cluster", reads: [] },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match input.subject.kind.as_str() {
        "Rollout" => {
            for analysis in rollout::own_analyses(input) {
                check_analysis(input, &analysis.references(), Some(&analysis.view.get("args")), findings);
            }
        }
        "Experiment" => {
            for analysis in input.document.at("spec.analyses").items() {
                check_analysis(input, std::slice::from_ref(&analysis), Some(&analysis.get("args")), findings);
            }
        }
        _ => {
            let references: Vec<View<'_>> = input.document.at("spec.templates").items().collect();
            check_analysis(input, &references, None, findings);
        }
    }
    Ok(())
}

/// Checks the references of one analysis, and its arguments where it has its own.
fn check_analysis<'d>(
    input: &Input<'d, Parameters>,
    references: &[View<'d>],
    args: Option<&View<'_>>,
    findings: &mut Findings,
) {
    let mut templates = Vec::new();
    let mut is_whole = true;
    for reference in references {
        let name = reference.get("templateName");
        match &named(input, reference)[..] {
            [template] => {
                is_whole &= template.document.at("spec.templates").is_empty();
                templates.push(template.clone());
            }
            // Which of several is meant is not known.
            [_, ..] => is_whole = false,
            [] if name.text().is_empty() || name.text().contains("{{") => is_whole = false,
            [] => {
                is_whole = false;
                report_missing(input, reference, &name, findings);
            }
        }
    }
    let Some(args) = args.filter(|_| is_whole && !templates.is_empty()) else { return };
    let is_given = |name: &str| args.items().any(|arg| arg.get("name").text() == name);
    let has_value = |arg: &View<'_>| arg.get("value").exists() || arg.get("valueFrom").exists();
    let known: Vec<(&Related<'_>, View<'_>)> =
        templates.iter().flat_map(|it| it.document.at("spec.args").items().map(move |arg| (it, arg))).collect();
    let mut told: Vec<&str> = Vec::new();
    for (template, arg) in &known {
        let name = arg.get("name").text();
        let is_valued = known.iter().any(|(_, other)| other.get("name").text() == name && has_value(other));
        if !is_given(name) && !is_valued && !told.contains(&name) {
            told.push(name);
            let message =
                format!("argument `{name}` of template `{}` has no value, so the analysis cannot run", template.name());
            findings.report(Code::NoValue, args, message).label_in(template, &arg.get("name"), "the argument");
        }
    }
    for arg in args.items().map(|arg| arg.get("name")) {
        if !known.iter().any(|(_, other)| other.get("name").text() == arg.text()) {
            let message = format!("none of the templates has an argument `{}`", arg.text());
            findings.report(Code::UnknownArgument, &arg, message);
        }
    }
}

/// The templates that a reference names, of a Rollout or of anything else.
fn named<'d>(input: &Input<'d, Parameters>, reference: &View<'d>) -> Vec<Related<'d>> {
    if input.subject.kind == "Rollout" {
        return rollout::templates(input, reference);
    }
    let query = if rollout::is_of_cluster(reference) { "cluster_referred" } else { "referred" };
    input.related(query).filter(|template| template.name() == reference.get("templateName").text()).collect()
}

fn report_missing(input: &Input<'_, Parameters>, reference: &View<'_>, name: &View<'_>, findings: &mut Findings) {
    if !rollout::is_of_cluster(reference) {
        let message = format!("there is no AnalysisTemplate `{}` in its namespace", name.text());
        findings.report(Code::Missing, name, message);
    } else if input.related("any_cluster").next().is_some() {
        let message = format!("there is no ClusterAnalysisTemplate `{}`", name.text());
        findings.report(Code::MissingInCluster, name, message);
    }
}
