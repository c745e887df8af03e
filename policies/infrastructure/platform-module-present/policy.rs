use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, RepositoryFiles};
use policy_sdk::settings::{PlatformModule, PlatformModules};

policy_sdk::rule! {
    /// The platform offers the modules that its services need
    ///
    /// A repository with a folder of Terraform modules (`modules/…`) has one for each of the `platformModules` that the
    /// bundle expects: `registry` (`aws_ecr_repository`), `cache` (`aws_elasticache_*`, `aws_memorydb_cluster`),
    /// `queue` (`aws_sqs_queue`) and `bucket` (`aws_s3_bucket`). The counterparts of Google Cloud and Azure count as
    /// well, and so do calls of public modules that make them.
    ///
    /// Repositories without such a folder are not checked.
    ///
    /// ## Why
    /// What the platform does not offer, each team makes by itself: with other settings, without encryption or backups,
    /// and nobody can improve all of them at once.
    ///
    /// ## Fix
    /// Add a module with the settings that everybody should have:
    ///
    /// ```hcl
    /// # modules/queue/main.tf
    /// resource "aws_sqs_queue" "this" {
    ///   name                    = var.name
    ///   sqs_managed_sse_enabled = true
    ///   redrive_policy = jsonencode({
    ///     deadLetterTargetArn = aws_sqs_queue.dead.arn
    ///     maxReceiveCount     = 5
    ///   })
    /// }
    /// ```
    findings: {
        /// No module makes something that the platform is expected to offer
        Missing: Low, Certain, absence: ["modules"];
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles, PlatformModules],
    inventory: {
        // No relation fits: a repository has all the modules in it.
        modules: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: ["path", "resource.*.*.type", "module.*.attributes.source"],
        },
    },
}

/// What makes each: the beginnings of types of resources, and words of public modules.
const MAKERS: [(PlatformModule, &str, &[&str], &[&str]); 4] = [
    (
        PlatformModule::Registry,
        "registry of images",
        &[
            "aws_ecr_repository",
            "aws_ecrpublic_repository",
            "google_artifact_registry_repository",
            "azurerm_container_registry",
        ],
        &["ecr"],
    ),
    (
        PlatformModule::Cache,
        "cache",
        &[
            "aws_elasticache_",
            "aws_memorydb_cluster",
            "google_redis_",
            "google_memorystore_",
            "azurerm_redis_",
            "azurerm_managed_redis",
        ],
        &["elasticache", "memory-db"],
    ),
    (
        PlatformModule::Queue,
        "queue",
        &[
            "aws_sqs_queue",
            "google_pubsub_",
            "google_cloud_tasks_queue",
            "azurerm_servicebus_queue",
            "azurerm_storage_queue",
        ],
        &["sqs"],
    ),
    (
        PlatformModule::Bucket,
        "bucket",
        &["aws_s3_bucket", "google_storage_bucket", "azurerm_storage_account"],
        &["s3-bucket"],
    ),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let expected = input.setting::<PlatformModules>();
    if expected.is_empty() {
        return not_applicable("no `platformModules` are expected");
    }
    let files = files::files(input);
    // The first module of the outermost folder: what a finding points at.
    let of_modules =
        files.iter().filter(|file| is_of_module(file.path) && file.path.ends_with(".tf") && !file.is_aside());
    let Some(first) = of_modules.min_by_key(|file| file.path.matches('/').count()) else {
        return not_applicable("it has no folder of Terraform modules");
    };
    let modules: Vec<Related<'_>> = input
        .related("modules")
        .filter(|module| is_of_module(&[files::below(input, module.document.get("path").text()), "/main.tf"].concat()))
        .collect();
    for (_, what, types, words) in MAKERS.iter().filter(|(kind, ..)| expected.contains(kind)) {
        let is_made = modules.iter().any(|module| {
            let by_resource = module.document.get("resource").entries();
            let by_call = module.document.get("module").entries();
            by_resource.into_iter().any(|(kind, _)| types.iter().any(|begin| kind.starts_with(begin)))
                || by_call.into_iter().any(|(_, call)| {
                    let source = call.at("attributes.source").text();
                    source
                        .split(['/', '.', '?'])
                        .any(|part| words.iter().any(|word| part == *word || part.ends_with(&["-", word].concat())))
                })
        });
        if !is_made {
            findings.report(Code::Missing, &first.place, format!("no module of the platform makes a {what}"));
        }
    }
    Ok(())
}

/// Whether a file is one of a module in a folder of them: `terraform/modules/queue/main.tf`,
/// `modules/aws/queue/main.tf`.
fn is_of_module(path: &str) -> bool {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let below = folders.iter().rev().position(|folder| *folder == "modules");
    below.is_some_and(|below| matches!(below, 1 | 2)) && !folders.iter().any(|folder| folder.starts_with('.'))
}
