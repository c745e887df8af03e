use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Secrets come as files, not as environment variables
    ///
    /// No container takes a variable from a Secret (`env[].valueFrom.secretKeyRef`) or all of its keys
    /// (`envFrom[].secretRef`). The rule reports each container once.
    ///
    /// Only the bundle `strict` has this rule: the twelve factors keep configuration in the environment, and many
    /// programs can read their secrets from nowhere else.
    ///
    /// ## Why
    /// Every child process inherits the environment, and crash reports and debug pages print it. A new value in the
    /// Secret does not reach the variable before the next restart.
    ///
    /// ## Fix
    /// If the program can read a file, mount the Secret:
    ///
    /// ```yaml
    /// containers:
    ///   - name: cart
    ///     env:
    ///       - name: DATABASE_PASSWORD_FILE
    ///         value: /run/secrets/cart/password
    ///     volumeMounts:
    ///       - {name: secrets, mountPath: /run/secrets/cart, readOnly: true}
    /// volumes:
    ///   - name: secrets
    ///     secret: {secretName: cart}
    /// ```
    findings: {
        /// A container takes variables from a Secret
        Variable: Info, Certain;
    },
    priority: P3,
    effort: Medium,
    factor: Config,
    controls: ["cis:5.4.1"],
    peers: [
        "KL:read-secret-from-env-var", "KC:C-0207", "CK:CKV_K8S_35", "KY:disallow-secrets-from-env-vars",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "container.env[*].name", "container.env[*].valueFrom.secretKeyRef", "container.envFrom[*].secretRef",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        let taken = taken(&container);
        let Some(((place, first), more)) = taken.split_first() else { continue };
        let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        let message = format!("{} takes {first}{more} as variables, expected files", container.described());
        findings.report(Code::Variable, place, message);
    }
    Ok(())
}

/// What a container takes from Secrets, with its places.
fn taken<'d>(container: &Container<'d>) -> Vec<(View<'d>, String)> {
    let variables = container.get("env").items().map(|variable| (variable.at("valueFrom.secretKeyRef"), variable));
    let one = variables.map(|(reference, variable)| {
        let what = format!("`{}` from the Secret `{}`", variable.get("name").text(), reference.get("name").text());
        (reference, what)
    });
    let all = container.get("envFrom").items().map(|source| source.get("secretRef")).map(|reference| {
        let what = format!("all of the Secret `{}`", reference.get("name").text());
        (reference, what)
    });
    one.chain(all).filter(|(reference, _)| reference.exists()).collect()
}
