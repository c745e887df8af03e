use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{self, FinalUser, ImageSources};
use policy_sdk::tables::image_users::ImageUsers;

policy_sdk::rule! {
    /// Images that must not run as root have a numeric user
    ///
    /// Where a container must not be root (`runAsNonRoot: true`) and neither the container nor its pod sets
    /// `runAsUser`, the user of the image is a number other than 0. The user is the last `USER` in the stages of
    /// the Dockerfile, with variables replaced by their defaults, else the user of the base image according to the
    /// table `imageUsers`.
    ///
    /// The Dockerfile is the one that a Compose file, Skaffold, a workflow or a Makefile of the repository builds the image
    /// from, else the one that is called as the image is: `cart/Dockerfile`, `cart.Dockerfile` or `Dockerfile.cart`.
    /// Pods for Windows nodes are exempt.
    ///
    /// The fix sets `runAsUser` to the number that the Dockerfile gives to its user. It is unsafe, because the
    /// deployed image may be another version.
    ///
    /// ## Why
    /// The kubelet cannot know whether a user name belongs to root, so it refuses to start the container
    /// (`CreateContainerConfigError`), and the rollout stops.
    ///
    /// ## Fix
    /// Use the number in the image or in the pod:
    ///
    /// ```dockerfile
    /// RUN useradd --uid 10001 app
    /// USER 10001
    /// ```
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsNonRoot: true
    ///   runAsUser: 10001
    /// ```
    findings: {
        /// The image's user is a name, so the container never starts
        Name: High, Likely;
        /// The image's user is root, so the container never starts
        Root: High, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Windows, ImageSources, ImageUsers],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if windows::is_only(input) {
        return not_applicable("the pod is for Windows nodes");
    }
    let rows = input.setting::<ImageUsers>().rows;
    let (mut is_known, mut unknown) = (false, None);
    for container in input.workload().containers() {
        let (non_root, user) = (run_as::non_root(input, &container), run_as::user(input, &container));
        if !non_root.is_true() || user.exists() {
            continue;
        }
        let Some(source) = dockerfile::source_of(input, container.image()) else { continue };
        is_known = true;
        let user = match dockerfile::final_user(&source.document, &rows) {
            Ok(user) => user,
            Err(reason) => {
                unknown = Some(format!("{reason} (`{}`)", source.name()));
                continue;
            }
        };
        let code = match user.number {
            Some(0) => Code::Root,
            _ if user.is_numeric() => continue,
            _ => Code::Name,
        };
        let message = message(&container, &source, &user);
        let report = findings.report(code, &non_root, message).label_in(&source, &user.place, "the image's user");
        report.fix(user.number.filter(|number| *number != 0).map(|number| {
            let place = container.security_context().get("runAsUser");
            Fix::unsafe_(format!("set `runAsUser` to {number}, as the Dockerfile has it")).set(&place, number)
        }));
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None if is_known => Ok(()),
        None => not_applicable("no container that must not be root is known to be built from a Dockerfile here"),
    }
}

fn message(container: &Container<'_>, source: &Related<'_>, user: &FinalUser<'_>) -> String {
    let what = if user.number == Some(0) { "is root" } else { "is a name, which may be root's" };
    format!(
        "{} never starts: it must not be root, but the user `{}` of its image {what} (`{}`)",
        container.described(),
        user.written,
        source.name()
    )
}
