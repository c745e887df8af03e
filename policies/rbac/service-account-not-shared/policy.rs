use policy_sdk::kubernetes::service_account;
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A cloud identity belongs to one application
    ///
    /// A ServiceAccount with a role of a cloud (annotation of EKS, GKE or Azure's workload identity) is used by the
    /// pods of at most `max_applications` applications. Workloads are of one application if they have the same
    /// `app.kubernetes.io/name`, else the same `app`, else the same name but for `-v2`, `-canary` and the like. Jobs
    /// and CronJobs whose name begins with that of an application belong to it.
    ///
    /// ## Why
    /// Every application that shares the account may do what the most privileged of them needs. Whoever breaks into the
    /// least important one reads the bucket of the others, and the cloud's audit log names only the shared role.
    ///
    /// ## Fix
    /// Give each application an account of its own, with a role of its own:
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: ServiceAccount
    /// metadata:
    ///   name: cart
    ///   annotations:
    ///     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
    /// ```
    findings: {
        /// Several applications have the same role of a cloud
        Shared: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    since: "0.1.0",
    applies_to: ["core/ServiceAccount"],
    uses: [service_account::CloudIdentity],
    inventory: {
        users: {
            kinds: ["workload"],
            scope: "namespace",
            relation: names {
                kind: "=ServiceAccount",
                name: "pod.spec.serviceAccountName|pod.spec.serviceAccount=default",
            },
            reads: [
                "object.metadata.labels", "pod.metadata.labels", "pod.spec.serviceAccountName", "pod.spec.serviceAccount",
            ],
        },
    },
    parameters: {
        /// How many applications may have the account.
        max_applications: Bounded<1, 100> = Bounded::of(1),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(identity) = service_account::cloud_identity(input) else {
        return not_applicable("it has no role of a cloud");
    };
    let mut applications: Vec<(&str, Related<'_>)> = Vec::new();
    let (batch, others): (Vec<_>, Vec<_>) = input.related("users").partition(|user| user.workload().is_batch());
    for user in others.into_iter().chain(batch) {
        let name = application(&user);
        let is_same = |known: &str| known == name || user.workload().is_batch() && is_part(name, known);
        if !applications.iter().any(|(known, _)| is_same(known)) {
            applications.push((name, user));
        }
    }
    let max = input.parameters.max_applications.get();
    if applications.len() as i64 <= max {
        return Ok(());
    }
    let names: Vec<String> = applications.iter().map(|(name, _)| format!("`{name}`")).collect();
    let message =
        format!("{} applications share the role of a cloud, expected at most {max}: {}", names.len(), names.join(", "));
    let report = findings.report(Code::Shared, &identity, message);
    applications.iter().fold(report, |report, (_, user)| {
        let spec = user.workload().spec();
        let fields = ["serviceAccountName", "serviceAccount"].map(|field| spec.get(field));
        let place = fields.iter().find(|field| field.exists()).unwrap_or(&fields[0]);
        report.label_in(user, place, format!("used by `{}`", user.name()))
    });
    Ok(())
}

/// The application that a workload is of.
fn application<'d>(user: &Related<'d>) -> &'d str {
    let workload = user.workload();
    let labelled = workload.label("app.kubernetes.io/name").or_else(|| workload.label("app"));
    labelled.unwrap_or_else(|| without_variant(user.name()))
}

/// A name without what tells versions of an application apart.
fn without_variant(name: &str) -> &str {
    const VARIANTS: [&str; 6] = ["canary", "stable", "primary", "preview", "blue", "green"];
    match name.rsplit_once('-') {
        Some((rest, variant)) if VARIANTS.contains(&variant) || is_version(variant) => rest,
        _ => name,
    }
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a Job's name begins with that of an application.
fn is_part(job: &str, application: &str) -> bool {
    job.strip_prefix(application).is_some_and(|rest| rest.starts_with('-'))
}
