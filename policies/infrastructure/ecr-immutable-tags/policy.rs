use policy_sdk::prelude::*;
use policy_sdk::repository::ecr::{self, EcrRepositories};
use policy_sdk::repository::terraform::{self, Argument, Callers};
use policy_sdk::repository::terraform_calls::Made;

policy_sdk::rule! {
    /// Nobody can overwrite a tag of an image in ECR
    ///
    /// `image_tag_mutability` of a repository is `IMMUTABLE`, or `IMMUTABLE_WITH_EXCLUSION` with filters that name tags
    /// which are meant to move: `latest`, `cache-*`, `dev-*`. A filter that is nothing but wildcards, or that matches
    /// every release (`*`, `v*`), is a finding. So is an argument that is left out: ECR's default is `MUTABLE`.
    ///
    /// The rule checks `aws_ecr_repository`, `aws_ecr_repository_creation_template`, and calls of the modules
    /// `terraform-aws-modules/ecr/aws` and `cloudposse/ecr/aws`, whose default is `IMMUTABLE`.
    ///
    /// ## Why
    /// Whoever may push can replace the image behind a tag that production runs. The next pod that starts on another
    /// node runs the new image, under the same version. A rollback to that tag brings the new image too, and nobody
    /// can say afterwards what ran.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_ecr_repository" "api" {
    ///   name                 = "api"
    ///   image_tag_mutability = "IMMUTABLE"
    /// }
    /// ```
    ///
    /// A pipeline that pushes `latest` or a build cache fails then. Let these tags move, and no others:
    ///
    /// ```hcl
    /// image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"
    ///
    /// image_tag_mutability_exclusion_filter {
    ///   filter      = "cache-*"
    ///   filter_type = "WILDCARD"
    /// }
    /// ```
    findings: {
        /// Every tag can be overwritten
        Mutable: Medium, Certain;
        /// A filter lets every release be overwritten
        ExcludesReleases: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["CK:CKV_AWS_51", "TR:AWS-0031"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EcrRepositories],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let repositories = ecr::repositories(input);
    if repositories.is_empty() {
        return not_applicable("it makes no repository of ECR");
    }
    terraform::uncalled(input)?;
    let mut unknown = None;
    for repository in &repositories {
        if let Err(expression) = judge(repository, findings) {
            unknown =
                Some(format!("whether tags of `{}` can be overwritten is not known: {expression}", repository.called));
        }
    }
    findings.or_unknown(unknown)
}

/// Checks a repository; the expression that is not known is the error.
fn judge<'d>(repository: &Made<'d>, findings: &mut Findings) -> Result<(), &'d str> {
    let mutability =
        repository.argument("image_tag_mutability", &["repository_image_tag_mutability", "image_tag_mutability"]);
    let value = match &mutability {
        Argument::Unknown(_, expression) => return Err(expression),
        Argument::Absent(_) if repository.call.is_some() => return Ok(()),
        Argument::Absent(_) => "MUTABLE",
        Argument::Known(value) => value.text(),
    };
    let filters = if value.ends_with("_WITH_EXCLUSION") { filters(repository)? } else { Vec::new() };
    let release = filters.iter().find(|filter| is_of_releases(filter.text()));
    match (value, release) {
        ("IMMUTABLE_WITH_EXCLUSION", Some(filter)) => {
            let message = format!(
                "the filter `{}` of `{}` lets every release be overwritten, expected tags that are meant to move",
                filter.text(),
                repository.called
            );
            findings.report(Code::ExcludesReleases, filter, message);
        }
        ("MUTABLE", _) | ("MUTABLE_WITH_EXCLUSION", None) => {
            let said = match &mutability {
                Argument::Known(_) => format!("`image_tag_mutability` is `{value}`"),
                _ => "`image_tag_mutability` is not set".to_owned(),
            };
            let message = format!("tags of `{}` can be overwritten: {said}, expected `IMMUTABLE`", repository.called);
            findings.report(Code::Mutable, mutability.place(), message);
        }
        _ => {}
    }
    Ok(())
}

/// The filters of a repository, blocks of the resource or a list of the call.
fn filters<'d>(repository: &Made<'d>) -> Result<Vec<View<'d>>, &'d str> {
    const KIND: &str = "image_tag_mutability_exclusion_filter";
    if repository.block.is_dynamic(KIND) {
        return Err("dynamic");
    }
    let known = |filter: Argument<'d>| match filter {
        Argument::Unknown(_, expression) => Some(Err(expression)),
        Argument::Known(filter) => Some(Ok(filter)),
        Argument::Absent(_) => None,
    };
    if repository.call.is_none() {
        return repository.block.blocks(KIND).filter_map(|filter| known(filter.argument("filter"))).collect();
    }
    match repository.argument(KIND, &["repository_image_tag_mutability_exclusion_filter", KIND]) {
        Argument::Unknown(_, expression) => Err(expression),
        Argument::Known(list) => list.items().filter_map(|filter| known(Argument::of(filter.get("filter")))).collect(),
        Argument::Absent(_) => Ok(Vec::new()),
    }
}

/// Whether a filter matches every release, as `*`, `v*` and `*.*.*` do.
fn is_of_releases(filter: &str) -> bool {
    filter.contains('*') && filter.trim_start_matches('v').bytes().all(|byte| matches!(byte, b'*' | b'.'))
}
