use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{Argument, Block, resources};
use policy_sdk::repository::terraform_calls::{Made, made};
use policy_sdk::repository::terraform_links::{Link, Linked, name_of};

policy_sdk::rule! {
    /// The bucket of Terraform's state keeps old versions, and cannot be emptied
    ///
    /// A bucket that a complete backend `s3` of the run names, and that a module of the run makes: its versioning is
    /// enabled, `force_destroy` is not set, and public access is blocked. Of a table that a backend names for locks,
    /// the key is `LockID`, a string. That S3 encrypts what it stores has been the default since 2023, so it is not
    /// asked.
    ///
    /// ## Why
    /// State that is overwritten or cut off by a crash is gone unless the bucket keeps the version before. Then every
    /// resource has to be found and imported by hand. With `force_destroy` one `terraform destroy` in the wrong
    /// directory deletes the states of all others.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_s3_bucket" "state" {
    ///   bucket = "<bucket>"
    ///   lifecycle {
    ///     prevent_destroy = true
    ///   }
    /// }
    ///
    /// resource "aws_s3_bucket_versioning" "state" {
    ///   bucket = aws_s3_bucket.state.id
    ///   versioning_configuration {
    ///     status = "Enabled"
    ///   }
    /// }
    ///
    /// resource "aws_s3_bucket_public_access_block" "state" {
    ///   bucket                  = aws_s3_bucket.state.id
    ///   block_public_acls       = true
    ///   block_public_policy     = true
    ///   ignore_public_acls      = true
    ///   restrict_public_buckets = true
    /// }
    /// ```
    ///
    /// For locks `use_lockfile = true` of the backend needs no table; `dynamodb_table` is deprecated.
    findings: {
        /// Older versions of the state are not kept
        NoVersions: Medium, Likely;
        /// Terraform may delete the bucket with all states in it
        ForceDestroy: Medium, Certain;
        /// Nothing says that the bucket is never public
        PublicAccess: Low, Likely;
        /// The key of the table for locks is not the one that Terraform writes
        LockTableKey: High, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    reads: [
        "resource.aws_s3_bucket", "resource.aws_s3_bucket_versioning", "resource.aws_s3_bucket_public_access_block",
        "resource.aws_dynamodb_table", "module.*.attributes", "terraform.backend",
    ],
    inventory: {
        states: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.bucket"],
                here: ["resource.aws_s3_bucket.*.attributes.bucket"],
            },
            reads: ["terraform.backend"],
        },
        states_in_calls: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.bucket"],
                here: ["module.*.attributes.bucket"],
            },
            reads: ["terraform.backend"],
        },
        locked: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.dynamodb_table"],
                here: ["resource.aws_dynamodb_table.*.attributes.name"],
            },
            reads: ["terraform.backend"],
        },
    },
}

const fn of_bucket(from: &'static str) -> Link {
    Link { from, argument: "bucket", to: "aws_s3_bucket", name: "bucket" }
}

const VERSIONING: Link = of_bucket("aws_s3_bucket_versioning");
const PUBLIC_ACCESS: Link = of_bucket("aws_s3_bucket_public_access_block");

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let backends: Vec<(Related<'_>, Block<'_>)> = ["states", "states_in_calls", "locked"]
        .into_iter()
        .flat_map(|query| input.related(query))
        .map(|other| (other.clone(), Block::of(other.document.at("terraform.backend"))))
        .filter(|(_, backend)| backend.label(0) == "s3" && backend.argument("key").known().is_some())
        .collect();
    let of = |argument: &str, name: &Argument<'_>| {
        let name = name.known()?.as_str()?;
        backends.iter().find(|(_, backend)| backend.argument(argument).known().is_some_and(|it| it.text() == name))
    };
    let mut unknown = None;
    let mut is_any = false;
    for bucket in made(module, &["aws_s3_bucket"], &["terraform-aws-modules/s3-bucket/aws"]) {
        let Some((state, backend)) = of("bucket", &bucket.block.argument("bucket")) else { continue };
        is_any = true;
        let at = backend.argument("bucket");
        let mut report = |code: Code, place: &View<'_>, message: String| {
            findings.report(code, place, message).label_in(state, at.place(), "the state is kept there");
        };
        let force = bucket.block.argument("force_destroy");
        if let Some(force) = force.known().filter(|force| force.is_true()) {
            let message =
                format!("`terraform destroy` deletes `{}` with all states in it: `force_destroy` is on", bucket.called);
            report(Code::ForceDestroy, force, message);
        }
        match versioning(module, &bucket) {
            Ok(()) => {}
            Err(None) => unknown = Some(format!("whether `{}` keeps versions is not known", bucket.called)),
            Err(Some((place, why))) => {
                let message = format!("older versions of the state are not kept in `{}`: {why}", bucket.called);
                report(Code::NoVersions, &place, message);
            }
        }
        if let (None, Some(address)) = (&bucket.call, bucket.resource) {
            let blocks = PUBLIC_ACCESS.of(module, &(address, bucket.block.clone()));
            if blocks.known.is_empty() && blocks.unknown.is_none() {
                let message = format!(
                    "`{}` has no `aws_s3_bucket_public_access_block`, so a policy or the account \
                     may make states public",
                    bucket.called
                );
                report(Code::PublicAccess, bucket.block.place(), message);
            }
        }
    }
    for (address, table) in resources(module, "aws_dynamodb_table") {
        let called = name_of("aws_dynamodb_table", address);
        let Some((state, backend)) = of("dynamodb_table", &table.argument("name")) else { continue };
        is_any = true;
        let key = table.argument("hash_key");
        let is_right = key.known().is_some_and(|key| key.text() == "LockID");
        let is_string = table.blocks("attribute").any(|attribute| {
            let text = |name: &str| attribute.argument(name).known().map(View::text).unwrap_or_default();
            text("name") == "LockID" && text("type") == "S"
        });
        if key.is_unknown() || table.is_dynamic("attribute") {
            unknown = Some(format!("the key of `{called}` is not known"));
        } else if !is_right || !is_string {
            let message = format!("Terraform cannot lock in `{called}`: its key is not `LockID`, a string");
            let at = backend.argument("dynamodb_table");
            findings.report(Code::LockTableKey, key.place(), message).label_in(state, at.place(), "it is used here");
        }
    }
    if !is_any {
        return not_applicable("it makes nothing that a backend of the run names");
    }
    findings.or_unknown(unknown)
}

/// Whether a bucket keeps versions: else where that is to be said and why it does not; nothing where it is not known.
fn versioning<'d>(module: &View<'d>, bucket: &Made<'d>) -> Result<(), Option<(View<'d>, String)>> {
    let judged = |status: Argument<'d>| match status {
        Argument::Known(on) if on.text() == "Enabled" || on.is_true() => Ok(()),
        Argument::Known(off) => {
            let said = off.as_str().map_or("it is off".to_owned(), |status| format!("its status is `{status}`"));
            Err(Some((off, said)))
        }
        Argument::Unknown(..) => Err(None),
        Argument::Absent(place) => Err(Some((place, "versioning is not enabled".to_owned()))),
    };
    let Some(address) = bucket.resource else {
        return match bucket.block.argument("versioning") {
            Argument::Known(map) if map.get("enabled").exists() => judged(Argument::of(map.get("enabled"))),
            Argument::Known(map) => judged(Argument::of(map.get("status"))),
            other => judged(other),
        };
    };
    if bucket.block.blocks("versioning").next().is_some() || bucket.block.is_dynamic("versioning") {
        return judged(bucket.block.argument_at("versioning.enabled"));
    }
    let Linked { known, unknown } = VERSIONING.of(module, &(address, bucket.block.clone()));
    match known.first() {
        Some((_, block)) => judged(block.argument_at("versioning_configuration.status")),
        None if unknown.is_some() => Err(None),
        None => Err(Some((bucket.block.place().clone(), "it has no `aws_s3_bucket_versioning`".to_owned()))),
    }
}
