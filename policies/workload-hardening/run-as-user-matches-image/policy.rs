use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{self, ImageSources};
use policy_sdk::tables::image_users::ImageUsers;

policy_sdk::rule! {
    /// The pod runs as the user who owns the files of its image
    ///
    /// The rule compares `runAsUser` of the pod or container with the user of the Dockerfile, where both numbers
    /// are known. They are equal if the image has files for its user: files of `COPY --chown` and `ADD --chown`,
    /// files that `chown` gives to a user, and a `WORKDIR` after `USER`.
    ///
    /// Files below a volume mount of the container do not count. Nor do images count whose Dockerfile lets a group
    /// or everybody write files (`chmod g=u`), because they are made for arbitrary users. Root may write all files,
    /// so the rule skips it. `non-root-user-is-numeric` describes how users and Dockerfiles are found.
    ///
    /// ## Why
    /// The process cannot write to files that the image prepared for it: its cache, its data, its socket. It may
    /// fail at the start, or only when a request writes for the first time.
    ///
    /// ## Fix
    /// Use the number of the image, or mount a volume where the process writes:
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsUser: 65532   # as in the Dockerfile
    ///   fsGroup: 65532
    /// ```
    findings: {
        /// The files of the image belong to another user
        Other: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, ImageSources, ImageUsers],
    reads: ["container.volumeMounts[*].mountPath"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let rows = input.setting::<ImageUsers>().rows;
    let mut is_known = false;
    for container in input.workload().containers() {
        let user = run_as::user(input, &container);
        let Some(number) = user.as_i64().filter(|number| *number > 0) else { continue };
        let Some(source) = dockerfile::source_of(input, container.image()) else { continue };
        let Ok(of_image) = dockerfile::final_user(&source.document, &rows) else { continue };
        let Some(image_number) = of_image.number.filter(|number| *number > 0) else { continue };
        is_known = true;
        let is_covered = |path: &str| {
            let mut mounts = container.get("volumeMounts").items().map(|mount| mount.get("mountPath").text());
            mounts.any(|mount| path.strip_prefix(mount.trim_end_matches('/')).is_some_and(is_rest))
        };
        let files = files_of_user(&source.document).filter(|_| number != image_number);
        let Some((place, path)) = files.and_then(|files| files.into_iter().find(|(_, path)| !is_covered(path))) else {
            continue;
        };
        let message = format!(
            "{} runs as user {number}, but its image has `{path}` for its own user {image_number} (`{}`)",
            container.described(),
            source.name()
        );
        let report = findings.report(Code::Other, &user, message);
        report.label_in(&source, &of_image.place, "the image's user").label_in(&source, &place, "made for it");
    }
    if is_known { Ok(()) } else { not_applicable("the users of its pods and of its images are not both known") }
}

/// Whether what follows a directory's path stands for itself or something in it.
fn is_rest(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The paths of an image that belong to its user, with the instructions that make them; `None` where others may write.
fn files_of_user<'d>(dockerfile: &View<'d>) -> Option<Vec<(View<'d>, String)>> {
    let mut files = Vec::new();
    for stage in dockerfile::lineage(dockerfile) {
        let mut has_user = false;
        for instruction in stage.get("instructions").items() {
            let (command, flags) = (instruction.get("command"), instruction.get("flags"));
            let destination = instruction.get("destination");
            match instruction.get("instruction").text() {
                "USER" => has_user = true,
                "WORKDIR" if has_user => files.push((command.clone(), command.text().to_owned())),
                "COPY" | "ADD" => {
                    let owner = flags.get("chown").item(0);
                    let is_shared = flags.get("chmod").items().any(|mode| lets_others_write(mode.text()));
                    if owner.exists() && !is_root(owner.text()) && !is_shared {
                        files.push((destination.clone(), destination.text().to_owned()));
                    }
                }
                "RUN" => {
                    let paths = given_away(&instruction.get("command:shell"))?;
                    files.extend(paths.into_iter().map(|path| (command.clone(), path.to_owned())));
                }
                _ => {}
            }
        }
    }
    Some(files)
}

/// The paths that a script gives to a user other than root; `None` where it lets others write.
fn given_away<'d>(script: &View<'d>) -> Option<Vec<&'d str>> {
    let mut paths = Vec::new();
    for command in all_commands(script) {
        let words = operands(&command);
        let Some((first, rest)) = words.split_first() else { continue };
        match command.name() {
            "chmod" if lets_others_write(first) => return None,
            "chgrp" if is_root(first) => return None,
            "chown" if !is_root(first) => paths.extend(rest),
            _ => {}
        }
    }
    Some(paths)
}

/// The words of a command behind its name that are no options.
fn operands<'d>(command: &Command<'d>) -> Vec<&'d str> {
    command.program_words().skip(1).map(|word| word.text()).filter(|word| !word.starts_with('-')).collect()
}

fn is_root(owner: &str) -> bool {
    matches!(owner.split(':').next(), Some("root" | "0"))
}

/// Whether a mode lets a group or everybody write: `775`, `g=u`, `a+rwX`.
fn lets_others_write(mode: &str) -> bool {
    if let Ok(bits) = u32::from_str_radix(mode, 8) {
        return bits & 0o022 != 0;
    }
    mode.split(',').any(|clause| {
        let Some((who, what)) = clause.split_once(['+', '=']) else { return false };
        (who.is_empty() || who.contains(['g', 'o', 'a'])) && what.contains(['w', 'u'])
    })
}
