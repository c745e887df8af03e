use policy_sdk::prelude::*;
use policy_sdk::repository::rds::{self, Databases, Form};
use policy_sdk::repository::security_group::{self, SecurityGroups};
use policy_sdk::repository::terraform::Argument;

policy_sdk::rule! {
    /// Databases have no public address
    ///
    /// No instance of RDS or Aurora, no cluster in several zones and no call of the modules `rds` and `rds-aurora` has
    /// `publicly_accessible = true`. Without the argument an instance has no public address.
    ///
    /// It is worse where a security group of the same module opens the port of the engine to the whole internet.
    ///
    /// ## Why
    /// A database with a public address is one rule of a security group away from everybody. Scanners find an open port
    /// within minutes, and try every password that ever leaked.
    ///
    /// ## Fix
    /// Set `publicly_accessible = false`, and reach the database from inside the network: through a bastion, Session
    /// Manager (`AWS-StartPortForwardingSessionToRemoteHost`), a VPN, or a VPC endpoint.
    findings: {
        /// The database has a public address, and its port is open to the internet
        Open: Critical, Certain;
        /// The database has a public address
        Public: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_17", "TR:AWS-0180"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Databases, SecurityGroups],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let databases = rds::databases(input);
    if databases.is_empty() {
        return not_applicable("it has no databases of RDS");
    }
    let ingresses = security_group::ingresses(input);
    let mut unknown = None;
    for database in databases {
        let name = &database.name;
        let public = match database.argument("publicly_accessible") {
            Argument::Known(value) if value.is_true() || value.text() == "true" => value,
            Argument::Unknown(..) => {
                unknown = Some(format!("whether `{name}` has a public address is not known"));
                continue;
            }
            Argument::Absent(_)
                if database.form == Form::Cluster
                    && database.is_aurora() == Some(false)
                    && matches!(database.argument("db_subnet_group_name"), Argument::Absent(_)) =>
            {
                unknown = Some(format!("whether `{name}` has a public address depends on the default network"));
                continue;
            }
            Argument::Known(_) | Argument::Absent(_) => continue,
        };
        let port =
            database.argument("port").known().and_then(View::as_i64).or_else(|| default_port(database.engine()?));
        let groups = database.argument("vpc_security_group_ids");
        let groups: Vec<Argument<'_>> =
            groups.known().map(|it| it.items().map(Argument::of).collect()).unwrap_or_default();
        let open = ingresses.iter().find_map(|ingress| {
            let is_own =
                groups.iter().any(|group| ingress.group.is_some() && security_group::group(group) == ingress.group);
            let everywhere = ingress.from_everywhere()?;
            (is_own && port.is_some_and(|port| ingress.opens(port))).then_some(everywhere)
        });
        match (open, port) {
            (Some(place), Some(port)) => {
                let message = format!("`{name}` has a public address, and its port {port} is open to the internet");
                findings.report(Code::Open, &public, message).label(place, "from everywhere");
            }
            _ => {
                findings.report(Code::Public, &public, format!("`{name}` has a public address"));
            }
        }
    }
    findings.or_unknown(unknown)
}

/// The port on which an engine listens.
fn default_port(engine: &str) -> Option<i64> {
    let ports = [("postgres", 5432), ("mysql", 3306), ("mariadb", 3306), ("sqlserver", 1433), ("oracle", 1521)];
    let engine = engine.strip_prefix("aurora-").unwrap_or(engine);
    ports.into_iter().find(|(name, _)| engine.starts_with(name)).map(|(_, port)| port)
}
