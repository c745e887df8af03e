use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::files::{folder, joined};
use policy_sdk::repository::terraform::{self, Argument, Block};

policy_sdk::rule! {
    /// What a pipeline destroys holds nothing lasting
    ///
    /// A Terraform root that a workflow destroys (`terraform destroy`, `terraform apply -destroy`, `tofu`,
    /// `terragrunt`, also `run-all`) has no registry of images, no bucket of state, no hosted zone, no backup vault,
    /// and no database that is deleted without a final snapshot. Resources of local modules that it calls count.
    ///
    /// The root is found by `working-directory` of the step, job or workflow, by `-chdir`, `--working-dir`, or by a
    /// `cd` before the command. Where that is a variable, the workflow is not evaluated.
    ///
    /// ## Why
    /// The night after, deployments find no image to start, and state, names and backups are gone. Nobody meant to
    /// destroy those: they were only in the same root as what costs money.
    ///
    /// ## Fix
    /// Move what lasts into a root of its own that the workflow does not destroy, and read it with a data source:
    ///
    /// ```hcl
    /// data "aws_ecr_repository" "shop" {
    ///   name = "shop"
    /// }
    /// ```
    findings: {
        /// The workflow destroys something that others need afterwards
        Lasting: Medium, Likely;
        /// The workflow destroys a database, and no snapshot remains
        Database: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    reads: [
        "path", "defaults.run.working-directory", "jobs.*.defaults.run.working-directory",
        "jobs.*.steps[*].working-directory", "jobs.*.steps[*].run", "jobs.*.steps[*].run:shell",
    ],
    inventory: {
        // No relation fits: the directory is an argument of a command, so it is looked for among all roots.
        roots: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "path", "terraform.backend.labels",
                "resource.aws_ecr_repository", "resource.aws_ecrpublic_repository",
                "resource.google_artifact_registry_repository", "resource.azurerm_container_registry",
                "resource.aws_route53_zone", "resource.google_dns_managed_zone", "resource.azurerm_dns_zone",
                "resource.aws_backup_vault", "resource.azurerm_recovery_services_vault",
                "resource.aws_s3_bucket", "resource.aws_db_instance", "resource.aws_rds_cluster",
                "resource.aws_docdb_cluster", "resource.aws_redshift_cluster",
            ],
        },
    },
}

/// Types whose resources others need afterwards, and what they are.
const LASTING: [(&str, &str); 9] = [
    ("aws_ecr_repository", "registry of images"),
    ("aws_ecrpublic_repository", "registry of images"),
    ("google_artifact_registry_repository", "registry of images"),
    ("azurerm_container_registry", "registry of images"),
    ("aws_route53_zone", "hosted zone"),
    ("google_dns_managed_zone", "hosted zone"),
    ("azurerm_dns_zone", "hosted zone"),
    ("aws_backup_vault", "backup vault"),
    ("azurerm_recovery_services_vault", "backup vault"),
];
/// Types of databases that keep a final snapshot unless they are told otherwise.
const DATABASES: [&str; 4] = ["aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_redshift_cluster"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workflow = &input.document;
    let mut is_any = false;
    let mut unknown = None;
    for (_, job) in workflow.get("jobs").entries() {
        for step in job.get("steps").items() {
            let given = [
                &step.get("working-directory"),
                &job.at("defaults.run.working-directory"),
                &workflow.at("defaults.run.working-directory"),
            ]
            .into_iter()
            .find(|it| it.exists())
            .map(View::text)
            .unwrap_or_default();
            let mut place = given.to_owned();
            for command in all_commands(&step.get("run:shell")) {
                if command.name() == "cd" {
                    place = joined(&place, command.arguments().next().unwrap_or_default());
                } else if destroys(&command) {
                    is_any = true;
                    let inner =
                        option(&command, &["-chdir", "--working-dir", "--terragrunt-working-dir"]).unwrap_or_default();
                    let root = joined(&place, inner);
                    if root.contains('$') {
                        unknown = Some(format!("which directory `{}` is in is not known", command.line()));
                        continue;
                    }
                    let is_recursive = command.has(&["run-all", "--all"]);
                    judge(input, &root, is_recursive, &step.get("run"), &command, findings);
                }
            }
        }
    }
    if is_any { findings.or_unknown(unknown) } else { not_applicable("it destroys no Terraform root") }
}

fn destroys(command: &Command<'_>) -> bool {
    let is_terraform = matches!(command.name(), "terraform" | "tofu" | "terragrunt");
    let arguments: Vec<&str> = command.arguments().collect();
    let is_destroy = arguments.contains(&"destroy")
        || arguments.contains(&"apply")
            && arguments.iter().any(|it| matches!(*it, "-destroy" | "--destroy" | "-destroy=true"));
    // A part of it is no matter here.
    is_terraform && is_destroy && !arguments.iter().any(|it| it.starts_with("-target") || it.starts_with("--target"))
}

/// The value of an option, behind it or behind `=`.
fn option<'d>(command: &Command<'d>, names: &[&str]) -> Option<&'d str> {
    names.iter().find_map(|name| {
        let joined = command.arguments().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        joined.or_else(|| command.value_of(name))
    })
}

fn judge(
    input: &Input<'_, Parameters>,
    root: &str,
    is_recursive: bool,
    run: &View<'_>,
    command: &Command<'_>,
    findings: &mut Findings,
) {
    // Paths of steps begin at the repository, in which the workflow is `.github/workflows/NAME`.
    let repository = folder(folder(folder(input.document.get("path").text())));
    let wanted = joined(repository, root);
    for module in input.related("roots") {
        let path = joined("", module.document.get("path").text());
        let is_it = path == wanted || is_recursive && policy_sdk::repository::files::is_below(&path, &wanted);
        if !is_it {
            continue;
        }
        for (kind, what) in LASTING {
            for (address, resource) in terraform::resources(&module.document, kind) {
                let message =
                    format!("`{}` destroys the {what} `{}`", command.line(), terraform::full_address(kind, address));
                let report = findings.report(Code::Lasting, run, message).excerpt(command.line());
                report.label_in(&module, resource.place(), "it is destroyed");
            }
        }
        for (address, bucket) in terraform::resources(&module.document, "aws_s3_bucket") {
            let name = bucket.argument("bucket");
            let text = name.known().map(View::text).unwrap_or_default();
            let is_of_state = [address, text].iter().any(|text| {
                text.contains("tfstate") || text.contains("terraform-state") || text.contains("terraform_state")
            });
            if is_of_state {
                let message = format!("`{}` destroys the bucket of state `aws_s3_bucket.{address}`", command.line());
                let report = findings.report(Code::Lasting, run, message).excerpt(command.line());
                report.label_in(&module, bucket.place(), "it is destroyed");
            }
        }
        for kind in DATABASES {
            for (address, database) in terraform::resources(&module.document, kind) {
                if !keeps_snapshot(&database) {
                    let name = terraform::full_address(kind, address);
                    let message =
                        format!("`{}` destroys the database `{name}`, and no snapshot remains", command.line());
                    let report = findings.report(Code::Database, run, message).excerpt(command.line());
                    report.label_in(&module, database.place(), "it is destroyed");
                }
            }
        }
    }
}

/// Whether a snapshot remains of a database, or it is a copy of another one. What is not known may.
fn keeps_snapshot(database: &Block<'_>) -> bool {
    let skips = database.argument("skip_final_snapshot");
    let is_replica = !matches!(database.argument("replicate_source_db"), Argument::Absent(_));
    is_replica || !skips.known().is_some_and(|it| it.is_true() || it.text() == "true")
}
