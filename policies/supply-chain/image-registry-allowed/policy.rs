use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::prelude::*;
use policy_sdk::repository::compose::with_defaults;
use policy_sdk::repository::dockerfile::{Dockerfile, Instruction, expanded};
use policy_sdk::settings::{AllowedRegistries, RegistryMirrors};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Images come from registries that are allowed
    ///
    /// Every image of a workload, of containers of each class and of image volumes, of a Compose service that is not
    /// built there and of a Dockerfile's stages, of its `COPY --from` and `RUN --mount=from` as well, matches an entry of
    /// the setting `allowedRegistries`. Entries are registries (`registry.example.com`) or beginnings of repositories
    /// (`ghcr.io/team/`, `docker.io/library/nginx`), and match at `/`, `:` and `@` only; a `*` stands within one label of
    /// a host or one part of a path. `nginx` is
    /// `docker.io/library/nginx`.
    ///
    /// The rule skips stages that begin from another stage or from `scratch`. What a variable without a default decides
    /// is not evaluated. Without the setting the rule does not apply.
    ///
    /// ## Why
    /// An image from a registry that nobody looks after was scanned by nobody, may be gone tomorrow, and may be what an
    /// attacker put under a familiar name.
    ///
    /// ## Fix
    /// Copy the image to a registry that is allowed, and name it there; or allow the registry:
    ///
    /// ```yaml
    /// settings:
    ///   allowedRegistries: [registry.example.com, docker.io/library/]
    ///   registryMirrors: {docker.io: mirror.example.com/hub}
    /// ```
    ///
    /// Where `registryMirrors` has a mirror, the fix writes it.
    findings: {
        /// An image is from elsewhere
        NotAllowed: High, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Dependencies,
    peers: [
        "KC:C-0001", "KC:C-0078", "TR:KSV-0125", "TR:KSV-0034", "TR:KSV-0035", "KY:restrict-image-registries",
        "GK:allowedrepos", "GK:allowedreposv2", "HL:DL3026",
    ],
    since: "0.1.0",
    applies_to: ["workload", "file/Compose", "file/Dockerfile"],
    uses: [AllowedRegistries, Images, RegistryMirrors],
    reads: [
        "services.*.image", "services.*.build", "stages[*].image", "stages[*].resolved", "stages[*].stage",
        "stages[*].name", "stages[*].args", "stages[*].instructions[*].flags",
    ],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let allowed = input.setting::<AllowedRegistries>();
    if allowed.is_empty() {
        return not_applicable("which registries are allowed is not set (`allowedRegistries`)");
    }
    let mirrors = input.setting::<RegistryMirrors>();
    let mut judge = |view: &View<'_>, text: &str, who: &str, others: &[View<'_>]| {
        let Some(reference) = ImageReference::parse(text) else { return };
        if allowed.iter().any(|entry| reference.matches_allowed(entry)) {
            return;
        }
        let message = format!("{who} has the image `{text}` of `{}`, which is not allowed", reference.repository());
        let fix = mirrored(&reference, &mirrors).filter(|_| view.text() == text).map(|mirror| {
            let fix = Fix::unsafe_(format!("take it from the mirror: `{mirror}`")).set(view, mirror.as_str());
            others.iter().fold(fix, |fix, other| fix.set(other, mirror.as_str()))
        });
        let report = findings.report(Code::NotAllowed, view, message).fix(fix);
        others.iter().fold(report, |report, other| report.label(other, "here too"));
    };
    for image in images(input) {
        judge(&image.view, image.text(), &image.who, &image.others);
    }
    for (name, service) in input.document.get("services").entries() {
        if !service.get("build").exists() {
            let image = service.get("image");
            judge(&image, &with_defaults(image.text()), &format!("service `{name}`"), &[]);
        }
    }
    let mut unknown = None;
    for stage in input.document.get("stages").items() {
        let image = stage.get("image");
        match stage.get("resolved").as_str() {
            _ if stage.get("stage").exists() => {}
            Some("scratch") => {}
            Some(resolved) => judge(&image, resolved, "a stage", &[]),
            None => unknown = Some(format!("from which image a stage begins is not known: `{}`", image.text())),
        }
    }
    let file = Dockerfile::of(&input.document);
    for stage in &file.stages {
        for instruction in stage.instructions() {
            for (flag, from) in taken_from(&instruction) {
                if file.stage(from).is_some() {
                    continue;
                }
                match expanded(stage, from) {
                    Some(image) => judge(&flag, &image, "a copy", &[]),
                    None => unknown = Some(format!("from which image is copied is not known: `{from}`")),
                }
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// What an instruction takes files from, a stage or an image: `--from`, and `from` of its mounts.
fn taken_from<'d>(instruction: &Instruction<'d>) -> Vec<(View<'d>, &'d str)> {
    let flags = instruction.get("flags");
    let copied = flags.get("from").items().map(|flag| (flag.clone(), flag.text()));
    let of_mount = |flag: View<'d>| {
        let from = flag.text().split(',').find_map(|field| field.strip_prefix("from="))?;
        Some((flag, from))
    };
    copied.chain(flags.get("mount").items().filter_map(of_mount)).collect()
}

/// The reference at the mirror whose origin is the longest.
fn mirrored(reference: &ImageReference<'_>, mirrors: &[(String, String)]) -> Option<String> {
    let repository = reference.repository();
    let behind = |origin: &str| Some(repository.strip_prefix(origin)?.to_owned()).filter(|rest| rest.starts_with('/'));
    let found = mirrors.iter().filter_map(|(origin, place)| Some((origin.len(), place, behind(origin)?)));
    let (_, place, rest) = found.max_by_key(|(length, ..)| *length)?;
    let tag = reference.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = reference.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
    Some(format!("{place}{rest}{tag}{digest}"))
}
