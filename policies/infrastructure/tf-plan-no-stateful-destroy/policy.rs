use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A plan does not destroy data
    ///
    /// A plan of Terraform or OpenTofu neither deletes nor replaces a store of data: databases, tables, buckets, file
    /// systems, volumes, caches, streams, registries of images, keys, secrets and hosted zones of AWS, Google Cloud and
    /// Azure, claims for volumes, namespaces and releases of Helm. What a replacement is caused by stands in the
    /// message.
    ///
    /// What passes: resources that Terraform only forgets (`removed` blocks), imports, moves, updates, and data
    /// sources. Deposed objects, which a replacement has left behind, are a remark. A plan that deletes everything is
    /// one finding.
    ///
    /// ## Why
    /// Applying the plan deletes the data in seconds. A replacement looks harmless in a review: one argument changed,
    /// and the new database is empty.
    ///
    /// ## Fix
    /// Take back the argument that forces the replacement, or move the data first. Where only the address has changed,
    /// say so:
    ///
    /// ```hcl
    /// moved {
    ///   from = aws_db_instance.main
    ///   to   = module.database.aws_db_instance.this
    /// }
    /// ```
    ///
    /// `prevent_destroy` in the `lifecycle` of the resource makes the plan itself fail.
    findings: {
        /// A store of data is deleted or replaced
        Destroyed: Critical, Certain;
        /// What stores of data belong to is deleted or replaced
        Container: High, Certain;
        /// Everything is deleted
        Everything: Critical, Certain;
        /// What a replacement of a store of data has left behind is deleted
        Deposed: Low, Certain;
        /// The plan has very many changes
        ManyChanges: Info, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/TerraformPlan"],
    reads: [
        "changes[*].address", "changes[*].type", "changes[*].mode", "changes[*].deposed", "changes[*].change.actions",
        "changes[*].change.replace_paths",
    ],
    parameters: {
        /// Further types of resources that hold data, with `*` for any text.
        stateful_types: Vec<String> = Vec::new(),
        /// The changes from which on a plan is too large to review.
        max_changes: i64 = 50,
    },
}

/// Types that hold data; `*` is for any text.
const STORES: &[&str] = &[
    "aws_db_instance",
    "aws_rds_cluster",
    "aws_rds_global_cluster",
    "aws_docdb_cluster",
    "aws_neptune_cluster",
    "aws_redshift_cluster",
    "aws_dynamodb_table",
    "aws_s3_bucket",
    "aws_efs_file_system",
    "aws_fsx_*_file_system",
    "aws_ebs_volume",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_memorydb_cluster",
    "aws_opensearch_domain",
    "aws_elasticsearch_domain",
    "aws_msk_cluster",
    "aws_kinesis_stream",
    "aws_ecr_repository",
    "aws_kms_key",
    "aws_secretsmanager_secret",
    "aws_route53_zone",
    "aws_backup_vault",
    "aws_cognito_user_pool",
    "google_sql_database_instance",
    "google_sql_database",
    "google_bigtable_instance",
    "google_bigtable_table",
    "google_bigquery_dataset",
    "google_bigquery_table",
    "google_storage_bucket",
    "google_spanner_*",
    "google_firestore_database",
    "google_filestore_instance",
    "google_compute_disk",
    "google_redis_instance",
    "google_kms_crypto_key",
    "google_secret_manager_secret",
    "google_dns_managed_zone",
    "google_artifact_registry_repository",
    "azurerm_storage_account",
    "azurerm_storage_container",
    "azurerm_managed_disk",
    "azurerm_mssql_database",
    "azurerm_mssql_server",
    "azurerm_postgresql_flexible_server",
    "azurerm_mysql_flexible_server",
    "azurerm_cosmosdb_*",
    "azurerm_redis_cache",
    "azurerm_key_vault",
    "azurerm_key_vault_key",
    "azurerm_container_registry",
    "azurerm_dns_zone",
    "kubernetes_persistent_volume",
];
/// Types that take stores of data with them, or may.
const CONTAINERS: [&str; 5] = [
    "kubernetes_persistent_volume_claim*",
    "kubernetes_namespace*",
    "helm_release",
    "azurerm_resource_group",
    "google_project",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let changes = input.document.get("changes");
    let managed: Vec<View<'_>> = changes.items().filter(|change| change.get("mode").text() != "data").collect();
    let has = |change: &View<'_>, action: &str| change.at("change.actions").items().any(|it| it.text() == action);
    let is_change = |change: &&View<'_>| ["create", "update", "delete"].iter().any(|action| has(change, action));
    let count = managed.iter().filter(is_change).count();
    let deleted: Vec<&View<'_>> = managed.iter().filter(|change| has(change, "delete")).collect();
    let is_whole = |change: &&View<'_>| !has(change, "create") && !change.get("deposed").exists();
    let stores = |change: &&&View<'_>| what(input, change.get("type").text()).is_some();
    let is_everything = count > 1 && deleted.len() == managed.len() && deleted.iter().all(is_whole);
    if let Some(first) = deleted.iter().find(stores).filter(|_| is_everything) {
        let message = format!("the plan deletes everything, {count} resources, `{}` among them", address(first));
        findings.report(Code::Everything, &first.at("change.actions"), message);
        return Ok(());
    }
    for change in deleted {
        let Some(code) = what(input, change.get("type").text()) else { continue };
        let place = change.at("change.actions");
        if change.get("deposed").exists() {
            let message = format!("the plan deletes what a replacement of `{}` has left behind", address(change));
            findings.report(Code::Deposed, &place, message);
        } else if has(change, "create") {
            let causes: Vec<String> = change.at("change.replace_paths").items().map(|path| shown(&path)).collect();
            let because = if causes.is_empty() { String::new() } else { format!(", as {} changes", causes.join(", ")) };
            findings.report(
                code,
                &place,
                format!("the plan replaces `{}`{because}: what it holds is lost", address(change)),
            );
        } else {
            findings.report(code, &place, format!("the plan deletes `{}` and what it holds", address(change)));
        }
    }
    if i64::try_from(count).unwrap_or(i64::MAX) > input.parameters.max_changes {
        let message = format!("the plan has {count} changes, more than {}", input.parameters.max_changes);
        findings.report(Code::ManyChanges, &changes, message);
    }
    Ok(())
}

fn address<'d>(change: &View<'d>) -> &'d str {
    change.get("address").text()
}

/// What the loss of a resource of a type is, if any.
fn what(input: &Input<'_, Parameters>, kind: &str) -> Option<Code> {
    let is_of = |glob: &str| policy_sdk::values::image::glob_match(glob, kind);
    if STORES.iter().any(|glob| is_of(glob)) || input.parameters.stateful_types.iter().any(|glob| is_of(glob)) {
        Some(Code::Destroyed)
    } else {
        CONTAINERS.iter().any(|glob| is_of(glob)).then_some(Code::Container)
    }
}

/// A path of an argument: `["node_type"]` is `node_type`, `["a", 0, "b"]` is `a[0].b`.
fn shown(path: &View<'_>) -> String {
    let mut text = String::from("`");
    for (at, part) in path.items().enumerate() {
        match part.as_str() {
            Some(name) if at == 0 => text.push_str(name),
            Some(name) => text.push_str(&[".", name].concat()),
            None => text.push_str(&["[", part.scalar_text().unwrap_or_default(), "]"].concat()),
        }
    }
    text.push('`');
    text
}
