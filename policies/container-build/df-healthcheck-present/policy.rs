use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};
use policy_sdk::repository::image_build::{self, Builders};

policy_sdk::rule! {
    /// Images that Compose starts have a health check
    ///
    /// A Dockerfile that a service of a Compose file is built from has a `HEALTHCHECK`, in the stages that the image is made
    /// of, or the service has a `healthcheck` of its own. `HEALTHCHECK NONE` and `healthcheck: {disable: true}` are
    /// decisions and pass. So do Dockerfiles that only Kubernetes or others use: Kubernetes ignores the instruction, and it
    /// never stands for probes. With `required`, every Dockerfile that starts something has one.
    ///
    /// Where another service waits until the service is healthy (`condition: service_healthy`), Compose needs the check to
    /// start at all. A base image may bring a check along, which the rule does not see.
    ///
    /// ## Why
    /// Without a check Docker knows whether the process runs, not whether it answers. What depends on it starts too early,
    /// and a container that hangs is never restarted.
    ///
    /// ## Fix
    /// Let the program check itself, in the exec form, since small images have no `curl`:
    ///
    /// ```dockerfile
    /// HEALTHCHECK --interval=10s --timeout=3s CMD ["/app", "check"]
    /// ```
    findings: {
        /// Another service waits for a health that is never checked: Compose does not start it
        Awaited: Medium, Likely;
        /// There is no health check
        Missing: Info, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Disposability,
    peers: ["HL:DL3057", "CK:CKV_DOCKER_2", "TR:DS-0026"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages, Builders],
    parameters: {
        /// Whether Dockerfiles need a check that no Compose file builds.
        required: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let mut builds = image_build::builds(input);
    builds.retain(|build| build.by.kind() == "Compose");
    if builds.is_empty() && !input.parameters.required {
        return not_applicable("no Compose file builds it");
    }
    let shipped = file.shipped();
    let is_decided = shipped.iter().any(|stage| stage.instructions().any(|it| it.is("HEALTHCHECK")));
    if is_decided || builds.is_empty() && !file.starts() {
        return Ok(());
    }
    let place = file.last().map_or_else(|| input.document.clone(), |stage| stage.image());
    let without: Vec<_> = builds.iter().filter(|build| !build.place.get("healthcheck").exists()).collect();
    let awaited = without.iter().find_map(|build| {
        let own = build.place.pointer();
        let services = build.by.document.get("services");
        let name = services.entries().find(|(_, service)| service.pointer() == own)?.0;
        let conditions = services.entries().map(|(_, service)| service.get("depends_on").get(name).get("condition"));
        Some((build, conditions.filter(|condition| condition.text() == "service_healthy").last()?, name))
    });
    match (awaited, without.first()) {
        (Some((build, condition, name)), _) => {
            let message = format!("the image of `{name}` has no health check, but a service waits until it is healthy");
            findings.report(Code::Awaited, &place, message).label_in(&build.by, &condition, "it waits here");
        }
        (None, Some(build)) => {
            let message = "the image has no health check, and neither has the service of Compose that it is built for";
            findings.report(Code::Missing, &place, message).label_in(&build.by, &build.place, "it is built here");
        }
        (None, None) if builds.is_empty() => {
            findings.report(Code::Missing, &place, "the image has no health check");
        }
        (None, None) => {}
    }
    Ok(())
}
