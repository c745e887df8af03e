use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::repository::ecr::{self, EcrRepositories};
use policy_sdk::repository::terraform::{self, Argument, Block, Callers, resources};
use policy_sdk::repository::terraform_calls::Made;
use policy_sdk::repository::terraform_links::{Link, home, name_of, references};

policy_sdk::rule! {
    /// Repositories of ECR expire old images, and no releases that run
    ///
    /// Each repository has an `aws_ecr_lifecycle_policy`: one that names it by its address or its name, in the same
    /// module or in another one of the run. Templates and the modules for ECR have one as an argument.
    ///
    /// A policy is read from JSON and from `aws_ecr_lifecycle_policy_document`. A rule for images of any tag keeps at
    /// least `min_keep`, and does not expire them by age; nor does one for tags of releases (`v`, `release`, `prod`, a
    /// digit, and patterns such as `v*`). A rule for any tag is left alone where one with a lower number, which counts
    /// first, keeps some tags.
    ///
    /// ## Why
    /// Without a policy every build stays and is paid for. With one that is too eager ECR deletes what runs: it does
    /// not know which images are in use. Nobody notices until a pod moves to another node and cannot pull its image.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_ecr_lifecycle_policy" "api" {
    ///   repository = aws_ecr_repository.api.name
    ///   policy = jsonencode({
    ///     rules = [
    ///       {
    ///         rulePriority = 1
    ///         selection = {
    ///           tagStatus      = "tagged"
    ///           tagPatternList = ["v*"]
    ///           countType      = "imageCountMoreThan"
    ///           countNumber    = 30
    ///         }
    ///         action = { type = "expire" }
    ///       },
    ///       {
    ///         rulePriority = 2
    ///         selection = {
    ///           tagStatus   = "untagged"
    ///           countType   = "sinceImagePushed"
    ///           countUnit   = "days"
    ///           countNumber = 14
    ///         }
    ///         action = { type = "expire" }
    ///       },
    ///     ]
    ///   })
    /// }
    /// ```
    findings: {
        /// Nothing ever expires
        Missing: Low, Likely, absence: ["policies"];
        /// A rule keeps so few images that one in use may go
        FewKept: Medium, Likely;
        /// A rule expires releases by their age
        ByAge: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EcrRepositories],
    reads: [
        "resource.aws_ecr_lifecycle_policy", "resource.aws_ecr_lifecycle_policy.*.attributes.policy:json",
        "resource.aws_ecr_repository_creation_template.*.attributes.lifecycle_policy:json",
        "module.*.attributes.repository_lifecycle_policy:json", "data.aws_ecr_lifecycle_policy_document",
    ],
    inventory: {
        policies: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["resource.aws_ecr_lifecycle_policy.*.attributes.repository"],
                here: ["resource.aws_ecr_repository.*.attributes.name"],
            },
            reads: ["resource.aws_ecr_lifecycle_policy.*.attributes.repository"],
        },
    },
    parameters: {
        /// How many images a rule keeps at least, where tags do not say which.
        min_keep: Bounded<1, 1000> = Bounded::of(10),
    },
}

const LINK: Link =
    Link { from: "aws_ecr_lifecycle_policy", argument: "repository", to: "aws_ecr_repository", name: "name" };

/// A rule of a policy.
struct Expiry<'d> {
    priority: i64,
    status: &'d str,
    /// What its tags begin with, or patterns of them.
    tags: Vec<&'d str>,
    by_age: bool,
    count: View<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let repositories = ecr::repositories(input);
    let policies: Vec<_> = resources(module, LINK.from).collect();
    if repositories.is_empty() && policies.is_empty() {
        return not_applicable("it makes no repository of ECR");
    }
    terraform::uncalled(input)?;
    let mut unknown = None;
    for (address, policy) in &policies {
        let documents = rules(module, home(&(*address, policy.clone())), policy, "policy");
        match documents {
            Some(rules) => judge(&rules, &input.parameters, findings),
            None => unknown = Some(format!("the policy of `{}` is not known", name_of(LINK.from, address))),
        }
    }
    for repository in &repositories {
        match lifecycle(input, repository) {
            Lifecycle::There => {}
            Lifecycle::Own(argument) => match rules(module, "", &repository.block, argument) {
                Some(rules) => judge(&rules, &input.parameters, findings),
                None => unknown = Some(format!("the lifecycle policy of `{}` is not known", repository.called)),
            },
            Lifecycle::Unknown => {
                unknown = Some(format!("whether `{}` has a lifecycle policy is not known", repository.called));
            }
            Lifecycle::Missing => {
                let message = format!("images of `{}` never expire: it has no lifecycle policy", repository.called);
                findings.report(Code::Missing, repository.block.place(), message);
            }
        }
    }
    findings.or_unknown(unknown)
}

/// Where the policy of a repository is.
enum Lifecycle {
    /// In a resource, or in a module that has one by itself.
    There,
    /// In its own argument of that name.
    Own(&'static str),
    Unknown,
    Missing,
}

fn lifecycle(input: &Input<'_, Parameters>, repository: &Made<'_>) -> Lifecycle {
    if let Some(call) = &repository.call {
        let is_off = ["create_lifecycle_policy", "enable_lifecycle_policy"]
            .into_iter()
            .any(|name| call.block.argument(name).known().and_then(View::as_bool) == Some(false));
        return match call.block.argument("repository_lifecycle_policy") {
            _ if is_off => Lifecycle::Missing,
            Argument::Absent(_) => Lifecycle::There,
            _ => Lifecycle::Own("repository_lifecycle_policy"),
        };
    }
    // Only templates have the argument.
    match repository.block.argument("lifecycle_policy") {
        Argument::Absent(_) if repository.called.contains("aws_ecr_repository_creation_template.") => {
            return Lifecycle::Missing;
        }
        Argument::Absent(_) => {}
        _ => return Lifecycle::Own("lifecycle_policy"),
    }
    let own = (repository.resource.unwrap_or_default(), repository.block.clone());
    let linked = LINK.of(&input.document, &own);
    let name = repository.block.argument("name");
    let is_named = input.related("policies").any(|other| {
        resources(&other.document, LINK.from)
            .any(|(_, policy)| policy.argument("repository").known().map(View::text) == name.known().map(View::text))
    });
    if !linked.known.is_empty() || name.known().is_some() && is_named {
        Lifecycle::There
    } else if linked.unknown.is_some() {
        Lifecycle::Unknown
    } else {
        Lifecycle::Missing
    }
}

/// The rules in an argument of a block: JSON, or the data source that it names; `None` where they are not known.
fn rules<'d>(module: &View<'d>, home: &str, block: &Block<'d>, argument: &str) -> Option<Vec<Expiry<'d>>> {
    match block.argument(argument) {
        Argument::Known(_) => {
            let tree = block.place().get("attributes").get(&[argument, ":json"].concat());
            let all = tree.get("value").get("rules");
            tree.get("unread").is_empty().then(|| all.items().filter_map(|rule| of_json(&rule)).collect())
        }
        Argument::Unknown(_, expression) => {
            const KIND: &str = "aws_ecr_lifecycle_policy_document";
            let (name, _) = references(expression, &["data.", KIND].concat()).next()?;
            let documents = module.get("data").get(KIND).entries();
            let wanted = [home, name].concat();
            let (_, document) =
                documents.into_iter().find(|(address, _)| address.split('[').next() == Some(&wanted))?;
            let document = Block::of(document);
            (!document.is_dynamic("rule")).then(|| document.blocks("rule").filter_map(|rule| of_block(&rule)).collect())
        }
        Argument::Absent(_) => Some(Vec::new()),
    }
}

/// A rule in JSON; `None` for one that only archives.
fn of_json<'d>(rule: &View<'d>) -> Option<Expiry<'d>> {
    let selection = rule.get("selection");
    let lists = ["tagPrefixList", "tagPatternList"].map(|list| selection.get(list));
    (rule.at("action.type").text() == "expire").then(|| Expiry {
        priority: rule.get("rulePriority").as_i64().unwrap_or_default(),
        status: selection.get("tagStatus").text(),
        tags: lists.iter().flat_map(View::items).map(|tag| tag.text()).collect(),
        by_age: selection.get("countType").text().starts_with("since"),
        count: selection.get("countNumber"),
    })
}

/// A rule of the data source.
fn of_block<'d>(rule: &Block<'d>) -> Option<Expiry<'d>> {
    let text = |path: &str| rule.argument_at(path).known().map(View::text).unwrap_or_default();
    let lists = ["selection.tag_prefix_list", "selection.tag_pattern_list"].map(|path| rule.argument_at(path));
    let is_archive = matches!(text("action.type"), "transition");
    (!is_archive).then(|| Expiry {
        priority: rule.argument("priority").known().and_then(View::as_i64).unwrap_or_default(),
        status: text("selection.tag_status"),
        tags: lists.iter().filter_map(Argument::known).flat_map(View::items).map(|tag| tag.text()).collect(),
        by_age: text("selection.count_type").starts_with("since"),
        count: rule.argument_at("selection.count_number").place().clone(),
    })
}

fn judge(rules: &[Expiry<'_>], parameters: &Parameters, findings: &mut Findings) {
    for rule in rules {
        let is_any = rule.status == "any";
        let is_kept = rules.iter().any(|other| other.priority < rule.priority && !other.tags.is_empty());
        let Some(count) = rule.count.as_i64().filter(|_| !(is_any && is_kept)) else { continue };
        let release = rule.tags.iter().find(|tag| is_of_releases(tag));
        let what = match release {
            Some(tag) if rule.status == "tagged" => format!("releases (tags `{tag}`)"),
            _ if is_any => "images of any tag".to_owned(),
            _ => continue,
        };
        if rule.by_age {
            let message = format!(
                "{what} expire after {count} days, also those that still run, expected a rule that keeps a \
                 number of them"
            );
            findings.report(Code::ByAge, &rule.count, message);
        } else if is_any && count < parameters.min_keep.get() {
            let message = format!(
                "only the last {count} images are kept, whatever runs, expected at least {}",
                parameters.min_keep.get()
            );
            findings.report(Code::FewKept, &rule.count, message);
        }
    }
}

/// Whether tags that begin so, or match so, are those of releases.
fn is_of_releases(tag: &str) -> bool {
    let bare = tag.trim_end_matches(['*', '.', '-', '_']);
    let is_number = bare.starts_with(|first: char| first.is_ascii_digit());
    is_number
        || bare.is_empty() && tag.contains('*')
        || matches!(bare, "v" | "release" | "prod" | "production" | "live")
}
