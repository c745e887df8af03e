use policy_sdk::prelude::*;
use policy_sdk::repository::rds::{self, Database, Databases, Form};
use policy_sdk::repository::terraform::Argument;

policy_sdk::rule! {
    /// Databases are encrypted
    ///
    /// An instance of RDS, and a cluster in several zones, has `storage_encrypted = true`; without the argument its
    /// storage is not encrypted. A call of the module `rds` or `rds-aurora` does not switch encryption off.
    ///
    /// Since February 2026 AWS encrypts each new cluster of Aurora with a key of its own, so a cluster without the
    /// argument is a remark. Replicas and clusters of Aurora Serverless v1 are always like what they come from. A
    /// database that begins with a snapshot or at a point in time is encrypted if the former one was, so it is not
    /// evaluated.
    ///
    /// ## Why
    /// Snapshots, replicas and backups of a database are as readable as its storage. One snapshot that is shared with
    /// the wrong account gives away everything. Encryption cannot be switched on later.
    ///
    /// ## Fix
    /// New databases need one line. **For one that exists, Terraform destroys it and makes an empty one.** Copy a
    /// snapshot with `aws rds copy-db-snapshot --kms-key-id …`, restore that, and move the clients.
    ///
    /// ```hcl
    /// storage_encrypted = true
    /// kms_key_id        = aws_kms_key.database.arn
    /// ```
    findings: {
        /// The storage is not encrypted
        NotEncrypted: Medium, Certain;
        /// The storage is encrypted with a key of AWS, if the cluster is new
        AuroraDefault: Low, Certain;
        /// The storage is not encrypted with a key of one's own
        NoOwnKey: Low, Certain;
    },
    priority: P1,
    effort: Large,
    factor: Security,
    peers: ["CK:CKV_AWS_16", "CK:CKV_AWS_327", "TR:AWS-0080", "TR:AWS-0079"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Databases],
    parameters: {
        /// Whether the key has to be one's own, `kms_key_id`.
        require_cmk: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut is_any = false;
    for database in rds::databases(input).iter().filter(|it| it.form != Form::ClusterInstance) {
        is_any = true;
        unknown = judge(input, database, findings).or(unknown);
    }
    if is_any { findings.or_unknown(unknown) } else { not_applicable("it has no databases of RDS") }
}

/// Checks a database; why it could not be checked.
fn judge(input: &Input<'_, Parameters>, database: &Database<'_>, findings: &mut Findings) -> Option<String> {
    let name = &database.name;
    if matches!(database.argument("replicate_source_db"), Argument::Known(_) | Argument::Unknown(..)) {
        return None;
    }
    if database.origin().is_some() {
        return Some(format!("`{name}` is encrypted if what it is restored from was"));
    }
    let is_module = matches!(database.form, Form::InstanceModule | Form::ClusterModule);
    let is_aurora = database.is_aurora();
    let encrypted = database.argument("storage_encrypted");
    match (&encrypted, database.form) {
        (Argument::Unknown(..), _) => return Some(format!("whether `{name}` is encrypted is not known")),
        // The modules encrypt where nobody says otherwise.
        (Argument::Absent(_), _) if is_module => {}
        // The cluster decides.
        (_, Form::Instance) if is_aurora == Some(true) => return None,
        (Argument::Known(value), _) if value.is_true() || value.text() == "true" => {}
        (_, Form::Cluster) if database.argument("engine_mode").known().is_some_and(|it| it.text() == "serverless") => {}
        (_, Form::Cluster) if is_aurora.is_none() => return Some(format!("the engine of `{name}` is not known")),
        (place, form) => {
            let place = if matches!(place, Argument::Absent(_)) { database.block.place() } else { place.place() };
            if is_aurora == Some(true) || form == Form::ClusterModule {
                let message =
                    format!("`{name}` does not set `storage_encrypted`: only new clusters of Aurora are encrypted");
                findings.report(Code::AuroraDefault, place, message);
            } else {
                let message = format!(
                    "the storage of `{name}` is not encrypted; for a database that exists, restore a copy of a snapshot"
                );
                findings.report(Code::NotEncrypted, place, message);
            }
            return None;
        }
    }
    if input.parameters.require_cmk && matches!(database.argument("kms_key_id"), Argument::Absent(_)) {
        let message = format!("`{name}` is encrypted with the key of AWS, expected `kms_key_id`");
        findings.report(Code::NoOwnKey, database.block.place(), message);
    }
    None
}
