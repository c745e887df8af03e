use policy_sdk::prelude::*;
use policy_sdk::repository::rds::{self, Databases, Form};
use policy_sdk::repository::terraform::{self, Argument, Block};

policy_sdk::rule! {
    /// Databases refuse connections without TLS
    ///
    /// A parameter group of RDS does not switch off `rds.force_ssl` (PostgreSQL, SQL Server) or
    /// `require_secure_transport` (MySQL, MariaDB). Where the default of its family is off, it switches the parameter
    /// on. A database without a parameter group has the default of its engine's version. A proxy has `require_tls`.
    ///
    /// The default is on from PostgreSQL 15, Aurora PostgreSQL 17, MariaDB 11.8 and MySQL 9.7. Oracle is not checked,
    /// since there an option decides. A group that stands elsewhere, and a version that is not known, is not evaluated.
    ///
    /// ## Why
    /// Clients often fall back to plain text when TLS fails, and say nothing. Then passwords and data cross the network
    /// readable for whoever listens there.
    ///
    /// ## Fix
    /// ```hcl
    /// parameter {
    ///   name         = "rds.force_ssl" # MySQL, MariaDB: require_secure_transport = "ON"
    ///   value        = "1"
    ///   apply_method = "pending-reboot"
    /// }
    /// ```
    ///
    /// Give clients the certificates of RDS first (`sslmode=verify-full`).
    findings: {
        /// A parameter group or proxy allows connections without TLS
        Off: Medium, Certain;
        /// By default connections without TLS are allowed
        Missing: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV2_AWS_69"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Databases],
    reads: ["resource.aws_db_parameter_group", "resource.aws_rds_cluster_parameter_group", "resource.aws_db_proxy"],
}

/// What an engine has to refuse connections without TLS, and from which version on it does so by default. The longest
/// name that fits counts.
struct Switch {
    engine: &'static str,
    parameter: &'static str,
    since: Option<(u32, u32)>,
}

const fn switch(engine: &'static str, parameter: &'static str, since: Option<(u32, u32)>) -> Switch {
    Switch { engine, parameter, since }
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html> and the pages of the
/// other engines, 2026-11.
const SWITCHES: [Switch; 6] = [
    switch("aurora-postgresql", "rds.force_ssl", Some((17, 0))),
    switch("aurora-mysql", "require_secure_transport", None),
    switch("postgres", "rds.force_ssl", Some((15, 0))),
    switch("mysql", "require_secure_transport", Some((9, 7))),
    switch("mariadb", "require_secure_transport", Some((11, 8))),
    switch("sqlserver", "rds.force_ssl", None),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let mut unknown = None;
    let mut is_any = false;
    for kind in ["aws_db_parameter_group", "aws_rds_cluster_parameter_group"] {
        for (address, group) in terraform::resources(module, kind).filter(|(_, group)| !group.is_left_out()) {
            is_any = true;
            let name = terraform::full_address(kind, address);
            // What an instance of Aurora has besides, its cluster decides.
            let decides = |family: &str| kind == "aws_rds_cluster_parameter_group" || !family.starts_with("aurora");
            match group.argument("family") {
                Argument::Known(family) if decides(family.text()) => {
                    let is_partial = group.is_dynamic("parameter");
                    unknown = judge_group(&name, &group, family.text(), is_partial, findings).or(unknown);
                }
                Argument::Unknown(..) => unknown = Some(format!("the family of `{name}` is not known")),
                _ => {}
            }
        }
    }
    for database in rds::databases(input) {
        is_any = true;
        let groups = ["parameter_group_name", "db_cluster_parameter_group_name"].map(|it| database.argument(it));
        let is_default = |group: &Argument<'_>| match group {
            Argument::Known(name) => name.text().starts_with("default."),
            Argument::Absent(_) => true,
            Argument::Unknown(..) => false,
        };
        let decides = match database.form {
            Form::Instance => database.is_aurora() != Some(true),
            Form::Cluster => true,
            Form::ClusterInstance | Form::InstanceModule | Form::ClusterModule => false,
        };
        // A replica has what its source has.
        if !decides || !matches!(database.argument("replicate_source_db"), Argument::Absent(_)) {
            continue;
        }
        let name = &database.name;
        let is_here = |group: &Argument<'_>| match group {
            Argument::Unknown(_, expression) => expression.contains("_parameter_group."),
            Argument::Known(_) | Argument::Absent(_) => false,
        };
        if groups.iter().any(is_here) {
            continue;
        }
        if !groups.iter().all(is_default) {
            unknown = Some(format!("the parameter group of `{name}` stands elsewhere"));
            continue;
        }
        let version = database.argument("engine_version");
        let version = version.known().and_then(View::scalar_text);
        let Some(engine) = database.engine() else {
            unknown = Some(format!("the engine of `{name}` is not known"));
            continue;
        };
        let Some(switch) = switch_of(engine) else { continue };
        match (switch.since, version.and_then(number)) {
            (Some(_), None) => unknown = Some(format!("the version of `{name}` is not known")),
            (Some(since), Some(version)) if version >= since => {}
            (_, _) => {
                let message =
                    format!("`{name}` has the default parameters of `{engine}`, which allow connections without TLS");
                findings.report(Code::Missing, database.block.place(), message);
            }
        }
    }
    for (address, proxy) in terraform::resources(module, "aws_db_proxy").filter(|(_, proxy)| !proxy.is_left_out()) {
        is_any = true;
        let name = terraform::full_address("aws_db_proxy", address);
        let message = format!("the proxy `{name}` takes connections without TLS, expected `require_tls`");
        match proxy.argument("require_tls") {
            Argument::Known(value) if value.is_true() || value.text() == "true" => {}
            Argument::Known(value) => drop(findings.report(Code::Off, &value, message)),
            Argument::Absent(_) => drop(findings.report(Code::Missing, proxy.place(), message)),
            Argument::Unknown(..) => unknown = Some(format!("whether the proxy `{name}` requires TLS is not known")),
        }
    }
    if is_any { findings.or_unknown(unknown) } else { not_applicable("it has no databases of RDS") }
}

/// Checks a parameter group; why it could not be checked.
fn judge_group(
    name: &str,
    group: &Block<'_>,
    family: &str,
    is_partial: bool,
    findings: &mut Findings,
) -> Option<String> {
    let switch = switch_of(family)?;
    let parameter = group
        .blocks("parameter")
        .find(|parameter| parameter.argument("name").known().is_some_and(|it| it.text() == switch.parameter));
    match parameter.map(|parameter| parameter.argument("value")) {
        Some(Argument::Known(value)) => {
            let text = value.scalar_text().unwrap_or_default().to_ascii_lowercase();
            if matches!(&*text, "0" | "off") || value.as_bool() == Some(false) {
                let message =
                    format!("`{name}` switches `{}` off: connections without TLS are allowed", switch.parameter);
                findings.report(Code::Off, &value, message);
            }
            None
        }
        Some(_) => Some(format!("the value of `{}` in `{name}` is not known", switch.parameter)),
        None if is_partial => Some(format!("the parameters of `{name}` are made by a `dynamic` block")),
        None => {
            let version = family.find(|it: char| it.is_ascii_digit()).and_then(|at| number(&family[at..]));
            if switch.since.is_none_or(|since| version.is_some_and(|version| version < since)) {
                let message =
                    format!("`{name}` does not set `{}`, which is off by default in `{family}`", switch.parameter);
                findings.report(Code::Missing, group.place(), message);
            }
            None
        }
    }
}

/// The switch of an engine, or of the family of a parameter group: `sqlserver-ee-16.0`.
fn switch_of(engine: &str) -> Option<&'static Switch> {
    SWITCHES.iter().find(|switch| engine.starts_with(switch.engine))
}

/// The first two numbers of a version: `8.0.40`, `17`, `8.0.mysql_aurora.3.08`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().and_then(|part| part.parse().ok()).unwrap_or(0)))
}
