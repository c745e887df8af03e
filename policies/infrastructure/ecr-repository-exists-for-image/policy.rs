use policy_sdk::kubernetes::images::{self, Images};
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};
use policy_sdk::repository::terraform::{Argument, resources};
use policy_sdk::repository::terraform_calls::calls;
use policy_sdk::settings::AwsAccounts;

policy_sdk::rule! {
    /// Images in ECR have a repository that Terraform makes
    ///
    /// For an image of a private registry of ECR that a workload runs, that a workflow pushes with
    /// `docker/build-push-action`, or that it has in a variable, a module of the run makes the repository: an
    /// `aws_ecr_repository` of that name, a call of a module for ECR, or a pull-through cache or creation template with
    /// its prefix. The registry's host is not compared.
    ///
    /// Images of EKS itself and of accounts that the setting `awsAccounts` does not have are somebody else's.
    ///
    /// ## Why
    /// Unless a creation template says so, ECR does not make a repository when somebody pushes. The first push in a
    /// new account or region fails, and a repository that somebody has made by hand has neither scans nor immutable
    /// tags nor an end for old images.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_ecr_repository" "api" {
    ///   name                 = "shop/api"
    ///   image_tag_mutability = "IMMUTABLE"
    /// }
    /// ```
    findings: {
        /// No module of the run makes the repository
        Missing: Info, Guess, absence: ["modules"];
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["workload", "file/GitHubWorkflow"],
    uses: [AwsAccounts, Images],
    reads: ["env", "jobs.*.env", "jobs.*.steps[*].env", "jobs.*.steps[*].uses", "jobs.*.steps[*].with"],
    inventory: {
        // No relation fits: of an image only the path behind its registry is the repository's name.
        modules: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "resource.aws_ecr_repository.*.attributes.name", "resource.aws_ecr_repository.*.labels",
                "resource.aws_ecr_repository_creation_template.*.attributes.prefix",
                "resource.aws_ecr_pull_through_cache_rule.*.attributes.ecr_repository_prefix",
                "module.*.attributes.source", "module.*.attributes.repository_name", "module.*.attributes.image_names",
            ],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let own = input.setting::<AwsAccounts>();
    let wanted: Vec<(View<'_>, &str)> = places(input)
        .into_iter()
        .filter_map(|(view, text)| {
            let (account, name) = repository(text)?;
            let is_own = own.iter().any(|known| known == account);
            let is_of_aws = ["eks/", "amazon/", "amazon-"].iter().any(|prefix| name.starts_with(prefix));
            (is_own || own.is_empty() && !is_of_aws).then_some((view, name))
        })
        .collect();
    if wanted.is_empty() {
        return not_applicable("it has no image of one's own in ECR");
    }
    let mut unknown = None;
    for (view, name) in wanted {
        let made: Vec<Option<bool>> =
            input.related("modules").flat_map(|module| makes(&module.document, name)).collect();
        if made.contains(&Some(true)) {
            continue;
        }
        if made.contains(&None) {
            unknown = Some(format!("whether Terraform makes the repository `{name}` is not known"));
            continue;
        }
        let message = format!("no Terraform module makes the repository `{name}` of ECR");
        findings.report(Code::Missing, &view, message);
    }
    findings.or_unknown(unknown)
}

/// The images of a workload, or those that a workflow pushes.
fn places<'d>(input: &Input<'d, Parameters>) -> Vec<(View<'d>, &'d str)> {
    if input.subject.kind != "GitHubWorkflow" {
        return images::images(input).into_iter().map(|image| (image.view.clone(), image.text())).collect();
    }
    let jobs: Vec<View<'d>> = input.document.get("jobs").entries().map(|(_, job)| job).collect();
    let steps: Vec<View<'d>> = jobs.iter().flat_map(|job| job.get("steps").items()).collect();
    let holders = std::iter::once(&input.document).chain(&jobs).chain(&steps);
    let variables =
        holders.flat_map(|holder| holder.get("env").entries()).map(|(_, value)| (value.clone(), value.text()));
    let is_build = |step: &&View<'d>| {
        Action::parse(step.get("uses").text()).is_some_and(|action| action.is("docker/build-push-action"))
    };
    let tags = steps.iter().filter(is_build).map(|step| given(&step.get("with"), "tags")).flat_map(|tags| {
        let all: Vec<&'d str> = tags.text().split([',', '\n']).map(str::trim).collect();
        all.into_iter().map(move |tag| (tags.clone(), tag))
    });
    variables.chain(tags).collect()
}

/// The account and the repository of an image in a private registry of ECR.
fn repository(image: &str) -> Option<(&str, &str)> {
    let (host, path) = image.split_once('/')?;
    let (account, rest) = host.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = path.split([':', '@']).next().unwrap_or_default();
    // A part of the name may be an expression.
    let is_plain = !name.is_empty() && !name.contains(['$', '{', '<']);
    (is_account && (rest.starts_with("dkr.ecr.") || rest.starts_with("dkr-ecr.")) && is_plain)
        .then_some((account, name))
}

/// Whether each of what a module makes is the repository of that name; `None` where that is not known.
fn makes(module: &View<'_>, name: &str) -> Vec<Option<bool>> {
    let is = |argument: Argument<'_>, matches: &dyn Fn(&str) -> bool| match argument {
        Argument::Known(view) => Some(matches(view.text())),
        Argument::Unknown(..) => None,
        Argument::Absent(_) => Some(false),
    };
    let equals = |text: &str| text == name;
    let begins = |prefix: &str| prefix == "ROOT" || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    let mut all: Vec<Option<bool>> =
        resources(module, "aws_ecr_repository").map(|(_, one)| is(one.argument("name"), &equals)).collect();
    let templates = resources(module, "aws_ecr_repository_creation_template");
    all.extend(templates.map(|(_, one)| is(one.argument("prefix"), &begins)));
    let caches = resources(module, "aws_ecr_pull_through_cache_rule");
    all.extend(caches.map(|(_, one)| is(one.argument("ecr_repository_prefix"), &begins)));
    for call in calls(module) {
        if call.is_of("terraform-aws-modules/ecr/aws") {
            all.push(is(call.block.argument("repository_name"), &equals));
        } else if call.is_of("cloudposse/ecr/aws") {
            // Names are put together from labels, unless they are listed.
            let names = call.block.argument("image_names");
            all.push(names.known().filter(|names| names.items().any(|one| one.text() == name)).map(|_| true));
        }
    }
    all
}
