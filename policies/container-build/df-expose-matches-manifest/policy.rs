use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile, expanded};

policy_sdk::rule! {
    /// `EXPOSE` names ports
    ///
    /// Each word of an `EXPOSE` in the stages that are shipped is a port from 1 to 65535 or a range of ports, with or
    /// without `tcp`, `udp` or `sctp`. A variable counts with its default, and is not evaluated without one.
    ///
    /// Whether ports of workloads are exposed is not compared: both are documentation, and a difference breaks nothing.
    ///
    /// ## Why
    /// The image is not built, or says that it listens where nothing can.
    ///
    /// ## Fix
    /// Write `EXPOSE 8080/tcp`.
    findings: {
        /// A word is no port
        NotAPort: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    peers: ["HL:DL3011"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    for stage in dockerfile(input).shipped() {
        for instruction in stage.instructions().filter(|it| it.is("EXPOSE")) {
            let place = instruction.get("command");
            let Some(text) = expanded(&stage, place.text()) else {
                unknown = Some(format!("the port `{}` is not known", place.text()));
                continue;
            };
            for word in text.split_whitespace().filter(|word| !is_port(word)) {
                findings.report(Code::NotAPort, &place, format!("`{word}` is no port from 1 to 65535"));
            }
        }
    }
    findings.or_unknown(unknown)
}

/// `8080`, `8080/tcp`, `8000-8010/udp`.
fn is_port(word: &str) -> bool {
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    matches!(&*protocol.to_ascii_lowercase(), "tcp" | "udp" | "sctp")
        && matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last)
}
