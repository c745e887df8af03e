//! What security groups of AWS let in, in all forms in which Terraform writes it.

use super::terraform::{self, Argument, Block};
use crate::input::Input;
use crate::json::{Kind, View};
use crate::uses::Uses;
use crate::values::cidr::Cidr;

crate::usable! {
    /// The security groups of the subject, a Terraform module or plan, and their rules.
    pub SecurityGroups {
        reads: [
            "resource.aws_security_group", "resource.aws_default_security_group", "resource.aws_security_group_rule",
            "resource.aws_vpc_security_group_ingress_rule", "module.*.type", "module.*.attributes",
        ],
    }
}

/// Which ports a rule opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// All of all protocols.
    All,
    /// From one to another.
    Range(i64, i64),
    /// They are not known.
    Unknown,
}

/// A rule that lets something in.
#[derive(Clone)]
pub struct Ingress<'d> {
    /// What it is: `aws_security_group.db`, `module.web`.
    pub name: String,
    /// The group's own name in its module, where it is known: `db`.
    pub group: Option<&'d str>,
    /// `tcp`, `udp`, `icmp` …; empty for all, or where it is not known.
    pub protocol: &'d str,
    /// Which ports.
    pub ports: Ports,
    /// From where, with the place of each.
    pub sources: Vec<Argument<'d>>,
}

impl<'d> Ingress<'d> {
    /// The source that is the whole internet, or half of it with the other half beside it.
    pub fn from_everywhere(&self) -> Option<&View<'d>> {
        let known: Vec<(&View<'d>, Cidr)> =
            self.sources.iter().filter_map(|it| Some((it.known()?, Cidr::parse(it.known()?.text())?))).collect();
        let whole = known.iter().find(|(_, cidr)| cidr.is_any());
        let halves = known.iter().filter(|(_, cidr)| cidr.length() == 1).collect::<Vec<_>>();
        let both = halves
            .iter()
            .find(|(_, one)| halves.iter().any(|(_, other)| !one.overlaps(other) && one.is_v6() == other.is_v6()));
        whole.or(both.copied()).map(|(view, _)| *view)
    }

    /// Whether a port is among those that it opens.
    pub fn opens(&self, port: i64) -> bool {
        match self.ports {
            Ports::All => true,
            Ports::Range(from, to) => from <= port && port <= to,
            Ports::Unknown => false,
        }
    }
}

/// The rules of the subject that let something in, in the order of their forms.
pub fn ingresses<'d, P: Uses<SecurityGroups>>(input: &Input<'d, P>) -> Vec<Ingress<'d>> {
    let module = &input.document;
    let mut found = Vec::new();
    for kind in KINDS {
        for (address, block) in terraform::resources(module, kind).filter(|(_, block)| !block.is_left_out()) {
            found.extend(of_resource(kind, &terraform::full_address(kind, address), &block));
        }
    }
    for (name, call) in module.get("module").entries() {
        let call = Block::of(call);
        let source = call.argument("source").known().map(View::text).unwrap_or_default();
        if source.contains("/security-group/aws") || source.contains("terraform-aws-security-group") {
            found.extend(of_call(&["module.", name].concat(), &call));
        }
    }
    found
}

/// The types of resources that let something in.
const KINDS: [&str; 4] = [
    "aws_security_group",
    "aws_default_security_group",
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
];

/// What a resource of a type, with this address, lets in.
pub fn of_resource<'d>(kind: &str, name: &str, block: &Block<'d>) -> Vec<Ingress<'d>> {
    match kind {
        "aws_security_group" | "aws_default_security_group" => {
            let written = block.blocks("ingress");
            let made = block.blocks("dynamic").filter(|it| it.label(0) == "ingress");
            let made: Vec<Block<'d>> = made.flat_map(|it| it.blocks("content").collect::<Vec<_>>()).collect();
            let own = Some(block.label(1)).filter(|label| !label.is_empty());
            written.chain(made).map(|rule| of_block(name.to_owned(), own, &rule)).collect()
        }
        "aws_security_group_rule" if block.argument("type").known().is_none_or(|it| it.text() != "ingress") => {
            Vec::new()
        }
        "aws_security_group_rule" | "aws_vpc_security_group_ingress_rule" => {
            vec![of_block(name.to_owned(), group(&block.argument("security_group_id")), block)]
        }
        _ => Vec::new(),
    }
}

/// The group that a reference means: `aws_security_group.db.id`.
pub fn group<'d>(reference: &Argument<'d>) -> Option<&'d str> {
    match reference {
        Argument::Unknown(_, expression) => expression.strip_prefix("aws_security_group.")?.split(['.', '[']).next(),
        Argument::Known(_) | Argument::Absent(_) => None,
    }
}

fn of_block<'d>(name: String, group: Option<&'d str>, rule: &Block<'d>) -> Ingress<'d> {
    let protocol = ["protocol", "ip_protocol"]
        .map(|name| rule.argument(name))
        .into_iter()
        .find(|it| !matches!(it, Argument::Absent(_)));
    let protocol = match protocol.as_ref().and_then(Argument::known) {
        Some(view) => view.scalar_text().unwrap_or_default(),
        None => "?",
    };
    let number = |name: &str| rule.argument(name).known().and_then(|it| it.scalar_text()?.parse::<i64>().ok());
    let sources = ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"];
    Ingress {
        name,
        group,
        protocol: if matches!(protocol, "-1" | "all" | "?") { "" } else { protocol },
        ports: match (protocol, number("from_port"), number("to_port")) {
            ("-1" | "all", ..) => Ports::All,
            ("?", ..) => Ports::Unknown,
            (_, Some(from), Some(to)) => Ports::Range(from, to),
            _ => Ports::Unknown,
        },
        sources: sources.iter().flat_map(|name| elements(rule.argument(name))).collect(),
    }
}

fn elements<'d>(argument: Argument<'d>) -> Vec<Argument<'d>> {
    match &argument {
        Argument::Known(view) if view.kind() == Some(Kind::Array) => view.items().map(Argument::of).collect(),
        Argument::Known(_) | Argument::Unknown(..) => vec![argument],
        Argument::Absent(_) => Vec::new(),
    }
}

/// The rules of a call of the module `security-group`, by numbers and by names.
fn of_call<'d>(name: &str, call: &Block<'d>) -> Vec<Ingress<'d>> {
    let lists = ["ingress_with_cidr_blocks", "ingress_with_ipv6_cidr_blocks"];
    let mut found = Vec::new();
    let sources = ["ingress_cidr_blocks", "ingress_ipv6_cidr_blocks"];
    let shared: Vec<Argument<'d>> = sources.iter().flat_map(|list| elements(call.argument(list))).collect();
    for entry in lists.iter().flat_map(|list| elements(call.argument(list))) {
        let Argument::Known(entry) = entry else { continue };
        let get = |key: &str| Argument::of(entry.get(key));
        let number = |key: &str| get(key).known().and_then(|it| it.scalar_text()?.parse::<i64>().ok());
        let own =
            ["cidr_blocks", "ipv6_cidr_blocks"].map(get).into_iter().find(|it| !matches!(it, Argument::Absent(_)));
        let protocol = entry.get("protocol").scalar_text().unwrap_or("tcp");
        let (protocol, ports) = match entry.get("rule").as_str() {
            Some(rule) => named(rule),
            None if matches!(protocol, "-1" | "all") => ("", Ports::All),
            None => match (number("from_port"), number("to_port")) {
                (Some(from), Some(to)) => (protocol, Ports::Range(from, to)),
                _ => (protocol, Ports::Unknown),
            },
        };
        let sources = own.map_or_else(|| shared.clone(), |own| vec![own]);
        found.push(Ingress { name: name.to_owned(), group: None, protocol, ports, sources });
    }
    for rule in elements(call.argument("ingress_rules")) {
        let (protocol, ports) = rule.known().map_or(("", Ports::Unknown), |rule| named(rule.text()));
        found.push(Ingress { name: name.to_owned(), group: None, protocol, ports, sources: shared.clone() });
    }
    found
}

/// What a name of the module's rules stands for: `https-443-tcp`, `ssh-tcp`, `all-all`.
fn named(rule: &str) -> (&str, Ports) {
    const NAMES: [(&str, i64); 14] = [
        ("ssh", 22),
        ("rdp", 3389),
        ("mysql", 3306),
        ("postgresql", 5432),
        ("mssql", 1433),
        ("oracle-db", 1521),
        ("redis", 6379),
        ("memcached", 11211),
        ("mongodb-27017", 27017),
        ("elasticsearch-rest", 9200),
        ("docker-swarm-mngmt", 2377),
        ("etcd-client", 2379),
        ("kubernetes-api", 6443),
        ("winrm-http", 5985),
    ];
    let Some((name, protocol)) = rule.rsplit_once('-') else { return ("", Ports::Unknown) };
    let by_number = name.rsplit('-').next().and_then(|last| last.parse::<i64>().ok());
    let port = by_number.or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, port)| *port));
    match (name, protocol, port) {
        ("all", "all", _) => ("", Ports::All),
        ("all", "icmp", _) => ("icmp", Ports::Range(-1, -1)),
        ("all", _, _) => (protocol, Ports::Range(0, 65535)),
        (_, _, Some(port)) => (protocol, Ports::Range(port, port)),
        _ => (protocol, Ports::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn rules_of_all_forms_are_found() {
        const MODULE: &str = r#"{"resource": {
            "aws_security_group": {"web": {"labels": ["aws_security_group", "web"], "attributes": {}, "blocks": [
                {"type": "ingress", "attributes": {"from_port": 443, "to_port": "443", "protocol": "tcp",
                    "cidr_blocks": ["10.0.0.0/8", "0.0.0.0/0"]}, "blocks": []},
                {"type": "egress", "attributes": {}, "blocks": []},
                {"type": "dynamic", "labels": ["ingress"], "attributes": {}, "blocks": [{"type": "content",
                    "attributes": {"protocol": "tcp", "from_port": {"$unknown": "ingress.value"},
                        "ipv6_cidr_blocks": ["::/0"]}, "blocks": []}]}]}},
            "aws_security_group_rule": {
                "in": {"attributes": {"type": "ingress", "protocol": -1, "cidr_blocks": ["0.0.0.0/1", "128.0.0.0/1"],
                    "security_group_id": {"$unknown": "aws_security_group.web.id"}}, "blocks": []},
                "out": {"attributes": {"type": "egress", "cidr_blocks": ["0.0.0.0/0"]}, "blocks": []}},
            "aws_vpc_security_group_ingress_rule": {"one": {"attributes": {
                "ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_ipv4": "0.0.0.0/29"}, "blocks": []}}},
            "module": {"sg": {"attributes": {"source": "terraform-aws-modules/security-group/aws",
                "ingress_cidr_blocks": ["0.0.0.0/0"], "ingress_rules": ["https-443-tcp", "postgresql-tcp", "all-all"],
                "ingress_with_cidr_blocks": [{"from_port": 80, "to_port": 81, "cidr_blocks": "10.0.0.0/8"}]}}}}"#;
        look("", MODULE, &[], &[], |input| {
            let told: Vec<_> = ingresses(input)
                .iter()
                .map(|it| {
                    let from = it.from_everywhere().map(|view| view.text());
                    format!("{} {:?} {} {:?} {from:?} {}", it.name, it.group, it.protocol, it.ports, it.opens(22))
                })
                .collect();
            let expected = [
                r#"aws_security_group.web Some("web") tcp Range(443, 443) Some("0.0.0.0/0") false"#,
                r#"aws_security_group.web Some("web") tcp Unknown Some("::/0") false"#,
                r#"aws_security_group_rule.in Some("web")  All Some("0.0.0.0/1") true"#,
                r#"aws_vpc_security_group_ingress_rule.one None tcp Range(22, 22) None true"#,
                r#"module.sg None tcp Range(80, 81) None false"#,
                r#"module.sg None tcp Range(443, 443) Some("0.0.0.0/0") false"#,
                r#"module.sg None tcp Range(5432, 5432) Some("0.0.0.0/0") false"#,
                r#"module.sg None  All Some("0.0.0.0/0") true"#,
            ];
            assert_eq!(told, expected);
        });
    }
}
