use policy_sdk::prelude::*;
use policy_sdk::repository::ecr::{self, EcrRepositories};
use policy_sdk::repository::terraform::{self, Argument, Block, Callers, resources};
use policy_sdk::repository::terraform_calls::{Made, calls};
use policy_sdk::settings::RegistryScanning;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// ECR scans images when they are pushed
    ///
    /// A repository has `scan_on_push = true`, or the registry scans it: a rule of an
    /// `aws_ecr_registry_scanning_configuration` anywhere in the run, with the frequency `SCAN_ON_PUSH` or
    /// `CONTINUOUS_SCAN`, has a filter that matches the repository's name. Calls of the modules for ECR are checked by
    /// their arguments; they scan by default.
    ///
    /// The registry's own configuration often lies in another repository: then set `registryScanning`.
    ///
    /// ## Why
    /// An image with a known hole is pushed and runs, and nobody hears of it. A scan alone stops nothing, but without
    /// it there is nothing that a pipeline or a dashboard could ask.
    ///
    /// ## Fix
    /// Scan everything, once for each account and region. AWS has deprecated the setting of the repository in favour
    /// of this one:
    ///
    /// ```hcl
    /// resource "aws_ecr_registry_scanning_configuration" "this" {
    ///   scan_type = "BASIC"
    ///
    ///   rule {
    ///     scan_frequency = "SCAN_ON_PUSH"
    ///     repository_filter {
    ///       filter      = "*"
    ///       filter_type = "WILDCARD"
    ///     }
    ///   }
    /// }
    /// ```
    findings: {
        /// Nothing scans what is pushed
        Off: Low, Likely, absence: ["registries"];
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["CK:CKV_AWS_163", "TR:AWS-0030"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EcrRepositories, RegistryScanning],
    reads: ["resource.aws_ecr_registry_scanning_configuration"],
    inventory: {
        // No relation fits: a registry's configuration is for all repositories of the account.
        registries: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "resource.aws_ecr_registry_scanning_configuration", "module.*.attributes.source",
                "module.*.attributes.manage_registry_scanning_configuration", "module.*.attributes.registry_scan_rules",
            ],
        },
    },
}

/// A rule of a registry: how often it scans, and the filters of what.
struct Scan<'d> {
    frequency: Argument<'d>,
    filters: Vec<Argument<'d>>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.setting::<RegistryScanning>() {
        return not_applicable("the registries scan by rules of their own, says the setting `registryScanning`");
    }
    let repositories = ecr::repositories(input);
    if repositories.is_empty() {
        return not_applicable("it makes no repository of ECR");
    }
    terraform::uncalled(input)?;
    let related = input.related("registries").map(|module| module.document);
    let scans: Vec<Option<Scan<'_>>> =
        std::iter::once(input.document.clone()).chain(related).flat_map(|module| scans(&module)).collect();
    let mut unknown = None;
    for repository in &repositories {
        // A template has no such argument, since AWS deprecated it.
        let path = "image_scanning_configuration.scan_on_push";
        let own = repository.argument(path, &["repository_image_scan_on_push", "scan_images_on_push"]);
        let is_on = match &own {
            Argument::Known(on) => on.as_bool(),
            Argument::Absent(_) => Some(repository.call.is_some()),
            Argument::Unknown(..) => None,
        };
        let of_registry = scans.iter().map(|scan| scan.as_ref().and_then(|scan| covers(scan, repository)));
        let mut known = of_registry.chain([is_on]).peekable();
        let mut is_known = true;
        let is_scanned = known.any(|covered| {
            is_known &= covered.is_some();
            covered == Some(true)
        });
        if is_scanned {
            continue;
        }
        if !is_known {
            unknown = Some(format!("whether images of `{}` are scanned is not known", repository.called));
            continue;
        }
        let message = format!(
            "images that are pushed to `{}` are not scanned: `scan_on_push` is {}, and no registry's rule matches it",
            repository.called,
            if own.known().is_some() { "`false`" } else { "not set" },
        );
        findings.report(Code::Off, own.place(), message);
    }
    findings.or_unknown(unknown)
}

/// The rules of a module's registries; `None` for one that is not known.
fn scans<'d>(module: &View<'d>) -> Vec<Option<Scan<'d>>> {
    let of_block = |rule: Block<'d>| {
        let filters = rule.blocks("repository_filter").map(|filter| filter.argument("filter")).collect();
        (!rule.is_dynamic("repository_filter")).then(|| Scan { frequency: rule.argument("scan_frequency"), filters })
    };
    let mut all = Vec::new();
    for (_, registry) in resources(module, "aws_ecr_registry_scanning_configuration") {
        all.extend(registry.blocks("rule").map(of_block));
        all.extend(registry.is_dynamic("rule").then_some(None));
    }
    for call in calls(module).filter(|call| call.is_of("terraform-aws-modules/ecr/aws")) {
        let is_managed = call.block.argument("manage_registry_scanning_configuration");
        if !is_managed.known().is_some_and(View::is_true) {
            continue;
        }
        match call.block.argument("registry_scan_rules") {
            Argument::Known(rules) => all.extend(rules.items().map(|rule| {
                // A list of filters, or one under its old name.
                let list = [rule.get("filter").items(), rule.get("filters").items()].into_iter().flatten();
                let mut filters: Vec<Argument<'d>> = list.map(|filter| Argument::of(filter.get("filter"))).collect();
                if rule.get("filter").as_str().is_some() {
                    filters.push(Argument::of(rule.get("filter")));
                }
                Some(Scan { frequency: Argument::of(rule.get("scan_frequency")), filters })
            })),
            Argument::Unknown(..) => all.push(None),
            Argument::Absent(_) => {}
        }
    }
    all
}

/// Whether a registry's rule scans what is pushed to a repository.
fn covers(scan: &Scan<'_>, repository: &Made<'_>) -> Option<bool> {
    let frequency = match &scan.frequency {
        Argument::Known(frequency) => frequency.text(),
        Argument::Unknown(..) => return None,
        Argument::Absent(_) => return Some(false),
    };
    if !matches!(frequency, "SCAN_ON_PUSH" | "CONTINUOUS_SCAN") {
        return Some(false);
    }
    // A template makes repositories below its prefix.
    let name = match repository.block.argument("prefix") {
        Argument::Absent(_) => repository.argument("name", &["repository_name", "name"]),
        prefix => prefix,
    };
    let matches = scan.filters.iter().map(|filter| match (filter, &name) {
        (Argument::Known(filter), _) if filter.text() == "*" => Some(true),
        (Argument::Known(filter), Argument::Known(name)) => {
            // Without a wildcard a filter matches anywhere in the name.
            let pattern = filter.text();
            let is_in =
                if pattern.contains('*') { glob_match(pattern, name.text()) } else { name.text().contains(pattern) };
            Some(is_in)
        }
        _ => None,
    });
    let all: Vec<Option<bool>> = matches.collect();
    if all.contains(&Some(true)) { Some(true) } else { all.into_iter().find(Option::is_none).unwrap_or(Some(false)) }
}
