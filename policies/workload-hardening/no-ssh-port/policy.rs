use policy_sdk::kubernetes::service::{self, OwnService, ServedWorkloads};
use policy_sdk::language::shell::all_commands;
use policy_sdk::parameter::{Bounded, list};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile;
use policy_sdk::repository::files;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// Containers have no SSH server
    ///
    /// No container declares port 22 for TCP or starts `sshd`. No Service sends to port 22. No Dockerfile exposes
    /// the port or starts `sshd`, in its final stage and the stages on which that is based. If both a Service and
    /// the container behind it name the port, the rule only reports the container.
    ///
    /// Software that exists to serve SSH (Gitea, GitLab Shell, SFTP servers, bastions) is exempt. The rule
    /// recognises it by a word in the image name, and for Dockerfiles also in the name of their folder. Services
    /// without a selector are exempt as well.
    ///
    /// ## Why
    /// Anybody who logs in works in a container without a record, with keys and users that neither the cluster nor
    /// the image build manages. Changes are lost at the next restart, or nobody notices them until then.
    ///
    /// ## Fix
    /// Remove the server. `kubectl exec` and `kubectl debug` open a shell according to the rights in the cluster,
    /// and the audit log records them. Run administrative tasks as Jobs.
    findings: {
        /// A container declares the port of SSH
        Port: Low, Likely;
        /// A container, or an image, starts an SSH server
        Server: Low, Likely;
        /// A Service sends to the port of SSH
        Service: Low, Likely;
        /// An image exposes the port of SSH
        Exposed: Low, Likely;
    },
    priority: P3,
    effort: Medium,
    factor: Admin,
    peers: ["KL:ssh-port", "KC:C-0042", "CK:CKV_DOCKER_1", "TR:DS-0004"],
    since: "0.1.0",
    applies_to: ["workload", "core/Service", "file/Dockerfile"],
    uses: [OwnService, ServedWorkloads],
    reads: [
        "container.image", "container.ports", "container.command", "container.command:shell", "container.args[*]:shell",
        "path", "stages[*].final", "stages[*].stage", "stages[*].resolved", "stages[*].args",
        "stages[*].instructions[*].instruction", "stages[*].instructions[*].source",
        "stages[*].instructions[*].command:shell", "stages[*].instructions[*].exec:shell",
    ],
    parameters: {
        /// Ports of SSH.
        ports: Vec<Bounded<1, 65535>> = vec![Bounded::of(22)],
        /// Words in the names of images that exist to serve SSH.
        servers: Vec<String> = list([
            "bastion", "forgejo", "gerrit", "gitea", "gitlab", "gogs", "jumphost", "sftp", "soft-serve", "ssh",
            "teleport",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match &*input.subject.kind {
        "Dockerfile" => judge_dockerfile(input, findings),
        "Service" if input.subject.group.is_empty() => judge_service(input, findings),
        _ => judge_workload(input, findings),
    }
}

fn is_ssh(input: &Input<'_, Parameters>, number: Option<i64>) -> bool {
    input.parameters.ports.iter().any(|port| Some(port.get()) == number)
}

/// Whether a container declares the port of SSH, an entry of its `ports`.
fn declares(input: &Input<'_, Parameters>, port: &View<'_>) -> bool {
    is_ssh(input, port.get("containerPort").as_i64()) && matches!(port.get("protocol").text(), "" | "TCP")
}

/// Whether an image exists to serve SSH, by the last part of its name.
fn is_server(input: &Input<'_, Parameters>, image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    input.parameters.servers.iter().any(|word| name.contains(word.as_str()))
}

fn judge_workload(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        if is_server(input, container.image()) {
            continue;
        }
        let name = container.described();
        let declared = container.get("ports").items().find(|port| declares(input, port));
        let server = started(&container);
        if let Some(port) = declared {
            let message = format!("{name} declares the port {} of SSH", port.get("containerPort").to_json());
            let report = findings.report(Code::Port, &port.get("containerPort"), message);
            server.iter().fold(report, |report, server| report.label(server, "starts the server"));
        } else if let Some(server) = server {
            findings.report(Code::Server, &server, format!("{name} starts an SSH server, `sshd`"));
        }
    }
    Ok(())
}

/// Where a container starts `sshd`: as its command, or in a script that it hands to a shell. Arguments are of the
/// command; the first of them is one where the image has it, or where a shell takes it as its script.
fn started<'d>(container: &Container<'d>) -> Option<View<'d>> {
    let command = sshd(&container.get("command:shell"));
    let last = container.get("command").items().last();
    let hands_over = last.is_none_or(|last| last.text().starts_with('-') && last.text().ends_with('c'));
    command.or_else(|| sshd(&container.get("args[*]:shell").item(0)).filter(|_| hands_over))
}

fn sshd<'d>(tree: &View<'d>) -> Option<View<'d>> {
    all_commands(tree).into_iter().find(|command| command.name() == "sshd").map(|command| (*command).clone())
}

fn judge_service(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !service::has_selector(input) {
        return not_applicable("it has no selector, so somebody else writes its endpoints");
    }
    let workloads: Vec<Related<'_>> = service::workloads(input).collect();
    let containers = || workloads.iter().flat_map(|workload| workload.workload().containers());
    if containers().any(|container| is_server(input, container.image())) {
        return not_applicable("it sends to software that exists to serve SSH");
    }
    if containers().any(|container| container.get("ports").items().any(|port| declares(input, &port))) {
        return Ok(());
    }
    for port in service::own_ports(input) {
        let Some(Port::Number(number)) = port.target() else { continue };
        if is_ssh(input, Some(number)) && matches!(port.0.get("protocol").text(), "" | "TCP") {
            findings.report(Code::Service, &port.place(), format!("the Service sends to the port {number} of SSH"));
        }
    }
    Ok(())
}

fn judge_dockerfile(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let folder = files::folder(input.document.get("path").text());
    let lineage = dockerfile::lineage(&input.document);
    if is_server(input, folder) || lineage.iter().any(|stage| is_server(input, stage.get("resolved").text())) {
        return not_applicable("its software exists to serve SSH");
    }
    for stage in lineage {
        for instruction in stage.get("instructions").items() {
            let source = instruction.get("source");
            match instruction.get("instruction").text() {
                "EXPOSE" => {
                    let exposes = |word: &&str| is_exposed(input, &stage, word);
                    if let Some(word) = source.text().split_ascii_whitespace().skip(1).find(exposes) {
                        let message = format!("the image exposes the port of SSH, `{word}`");
                        findings.report(Code::Exposed, &source, message).excerpt(word);
                    }
                }
                "CMD" | "ENTRYPOINT" => {
                    let trees = ["command:shell", "exec:shell"].map(|tree| instruction.get(tree));
                    if let Some(server) = trees.iter().find_map(sshd) {
                        findings.report(Code::Server, &server, "the image starts an SSH server, `sshd`");
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a word of `EXPOSE` is the port of SSH for TCP: `22`, `22/tcp`, `20-25`, `$SSH_PORT`.
fn is_exposed(input: &Input<'_, Parameters>, stage: &View<'_>, word: &str) -> bool {
    let Some(word) = dockerfile::expanded(stage, word) else { return false };
    let (ports, protocol) = word.split_once('/').unwrap_or((&word, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) else { return false };
    protocol.eq_ignore_ascii_case("tcp")
        && input.parameters.ports.iter().any(|port| (first..=last).contains(&port.get()))
}
