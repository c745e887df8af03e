use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Stages, dockerfile, final_user};
use policy_sdk::tables::image_users::ImageUsers;

policy_sdk::rule! {
    /// Images do not run as root
    ///
    /// The last `USER` of the final stage, or of a stage that it is built from, is not root, not 0, whatever its group.
    /// Where there is none, the user of the base image counts, as the table `imageUsers` has it.
    ///
    /// The rule skips images without `ENTRYPOINT` and `CMD`, which are bases or hold tools, images of Windows, and
    /// those for development or tests by the name of the file, a folder or the final stage. An image whose entry point
    /// changes to another user itself (`gosu`, `su-exec`, `setpriv`, s6) is right. Where the user of the base image is
    /// not known, the rule is not evaluated.
    ///
    /// ## Why
    /// Whoever breaks into a program that runs as root owns the container's files, and is root on the node too if there
    /// is one more fault in the kernel or the runtime. A cluster that demands `runAsNonRoot` refuses the image.
    ///
    /// ## Fix
    /// Create a user, give it the files that it has to write, and change to it at the end:
    ///
    /// ```dockerfile
    /// COPY --chown=10001:10001 --from=build /out/data /data
    /// USER 10001:10001
    /// ENTRYPOINT ["/app"]
    /// ```
    ///
    /// A distroless image has the tag `nonroot`. For nginx there is `nginxinc/nginx-unprivileged`, which listens on
    /// 8080.
    findings: {
        /// The image runs as root
        Root: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["HL:DL3002", "CK:CKV_DOCKER_3", "CK:CKV_DOCKER_8", "TR:DS-0002"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [ImageUsers, Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if !file.starts() {
        return not_applicable("the image starts nothing: it is a base, or holds tools");
    }
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    if let Some(name) = file.development() {
        return not_applicable(format!("`{name}` says that it is for development"));
    }
    let user = match final_user(&input.document, &input.setting::<ImageUsers>().rows) {
        Ok(user) => user,
        Err(unknown) => return not_evaluated(unknown),
    };
    if user.number != Some(0) || drops(&file) {
        return Ok(());
    }
    let is_written = user.place.pointer().contains("/instructions/");
    let message = match file.base().and_then(|base| base.resolved()) {
        _ if is_written => format!("the image runs as `{}`, which is root", user.place.text()),
        Some(base) if is_nginx(base) => format!(
            "no `USER` is set and `{base}` runs as root: take `nginxinc/nginx-unprivileged`, which listens on 8080"
        ),
        base => format!("no `USER` is set and `{}` runs as root", base.unwrap_or("the base image")),
    };
    let title = "run as user 65532, who has to be able to read and write what the program does";
    let fix = is_written.then(|| Fix::unsafe_(title).set(&user.place, "65532:65532"));
    findings.report(Code::Root, &user.place, message).fix(fix);
    Ok(())
}

fn is_nginx(image: &str) -> bool {
    image.rsplit('/').next().is_some_and(|name| name == "nginx" || name.starts_with("nginx:"))
}

/// Whether something that is there to change the user is installed, or started.
fn drops(file: &Dockerfile<'_>) -> bool {
    const DROPPING: [&str; 5] = ["gosu", "su-exec", "setpriv", "s6-setuidgid", "s6-overlay"];
    let (entrypoint, command) = file.entry();
    let started = [entrypoint, command].into_iter().flatten();
    let mut words = started.flat_map(|it| it.get("exec").items().map(|word| word.text()).collect::<Vec<_>>());
    let is_init =
        words.any(|word| word == "/init" || word.ends_with("/docker-entrypoint.sh") || word == "docker-entrypoint.sh");
    let mut instructions = file.shipped().into_iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>());
    is_init || instructions.any(|it| DROPPING.iter().any(|name| it.get("source").text().contains(name)))
}
