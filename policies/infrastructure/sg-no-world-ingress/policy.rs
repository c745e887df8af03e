use policy_sdk::prelude::*;
use policy_sdk::repository::security_group::{self, Ingress, Ports, SecurityGroups};

policy_sdk::rule! {
    /// Security groups are not open to the internet
    ///
    /// No rule lets the whole internet (`0.0.0.0/0`, `::/0`, or both halves of it) in on other ports than
    /// `allowed_ports`. It is worst where the rule opens all ports, or one of `critical_ports`: those of remote shells,
    /// databases, caches and of the nodes of clusters. Port 80 is a remark, since a server on it may do no more than
    /// redirect.
    ///
    /// Rules are read in all forms: inside `aws_security_group` and `aws_default_security_group`, as resources of their
    /// own, and in calls of the module `security-group`, there also by names such as `ssh-tcp`. Rules for ICMP, and for
    /// UDP on `allowed_udp_ports`, pass.
    ///
    /// ## Why
    /// The whole internet is scanned several times a day. An open port of SSH or of a database is found within minutes,
    /// and each known password and each known hole is tried.
    ///
    /// ## Fix
    /// Name who may come in: a security group, a prefix list, or the range of your network.
    ///
    /// ```hcl
    /// resource "aws_vpc_security_group_ingress_rule" "postgres" {
    ///   security_group_id            = aws_security_group.db.id
    ///   referenced_security_group_id = aws_security_group.app.id
    ///   ip_protocol                  = "tcp"
    ///   from_port                    = 5432
    ///   to_port                      = 5432
    /// }
    /// ```
    ///
    /// Administrators come in through Session Manager, which needs no open port.
    findings: {
        /// All ports, or one of a shell or database, are open to the internet
        CriticalPort: Critical, Certain;
        /// Another port is open to the internet
        Port: Medium, Certain;
        /// The port of HTTP without TLS is open to the internet
        Http: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_24", "CK:CKV_AWS_25", "CK:CKV_AWS_260", "CK:CKV_AWS_277", "TR:AWS-0107"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [SecurityGroups],
    parameters: {
        /// The ports that may be open to the internet.
        allowed_ports: Vec<i64> = vec![443],
        /// The ports of UDP that may be: HTTP/3 and VPN.
        allowed_udp_ports: Vec<i64> = vec![443, 500, 1194, 4500, 51820],
        /// The ports that are never open to the internet.
        critical_ports: Vec<i64> = vec![
            22, 23, 1433, 1521, 2375, 2379, 3306, 3389, 5432, 5601, 5985, 6379, 9200, 10250, 11211, 27017,
        ],
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let ingresses = security_group::ingresses(input);
    if ingresses.is_empty() {
        return not_applicable("it has no rules that let something in");
    }
    let mut unknown = None;
    for ingress in &ingresses {
        let name = &ingress.name;
        let Some(source) = ingress.from_everywhere() else {
            if ingress.sources.iter().any(|source| source.is_unknown()) {
                unknown = Some(format!("from where `{name}` lets something in is not known"));
            }
            continue;
        };
        match opened(input, ingress) {
            Opened::Nothing => {}
            Opened::Unknown => unknown = Some(format!("which ports `{name}` opens to the internet is not known")),
            Opened::Ports(code, what) => {
                let message = format!("`{name}` lets `{}` in on {what}", source.text());
                findings.report(code, source, message);
            }
        }
    }
    findings.or_unknown(unknown)
}

/// What a rule opens.
enum Opened {
    Nothing,
    Unknown,
    Ports(Code, String),
}

fn opened(input: &Input<'_, Parameters>, ingress: &Ingress<'_>) -> Opened {
    let Parameters { allowed_ports, allowed_udp_ports, critical_ports } = &input.parameters;
    let (from, to) = match ingress.ports {
        _ if matches!(ingress.protocol, "icmp" | "icmpv6" | "ipv6-icmp" | "1" | "58") => return Opened::Nothing,
        Ports::Unknown => return Opened::Unknown,
        Ports::All => return Opened::Ports(Code::CriticalPort, "all ports".into()),
        Ports::Range(from, to) => (from, to),
    };
    let is_udp = matches!(ingress.protocol, "udp" | "17");
    let allowed = if is_udp { allowed_udp_ports } else { allowed_ports };
    if from == to && allowed.contains(&from) {
        return Opened::Nothing;
    }
    let range = if from == to { format!("port {from}") } else { format!("ports {from} to {to}") };
    let critical: Vec<String> =
        critical_ports.iter().filter(|port| !is_udp && ingress.opens(**port)).map(i64::to_string).collect();
    if from <= 0 && to >= 65535 {
        Opened::Ports(Code::CriticalPort, "all ports".into())
    } else if let [first, ..] = &*critical {
        let what = if from == to { range } else { format!("{range}, {first} among them") };
        Opened::Ports(Code::CriticalPort, what)
    } else if (from, to) == (80, 80) {
        Opened::Ports(Code::Http, range)
    } else {
        Opened::Ports(Code::Port, range)
    }
}
