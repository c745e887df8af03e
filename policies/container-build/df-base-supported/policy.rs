use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stage, Stages, dockerfile};
use policy_sdk::settings::Today;
use policy_sdk::tables::base_images::{BaseReleases, is_listed, releases};

policy_sdk::rule! {
    /// The base image is still supported
    ///
    /// The release of the image that the final stage begins from, and that of the distribution in its tag
    /// (`node:22-bookworm`), get fixes on the day of the setting `date`, or of the table `baseReleases`. One that ends
    /// within `warn_days` is a remark.
    ///
    /// A tag that names no release (`python:3`, `node:lts`) and an image that is not in the table are right. A
    /// release that the table does not have is not evaluated.
    ///
    /// ## Why
    /// Nobody mends what is found in it from that day on. Scanners go on reporting, and no update helps.
    ///
    /// ## Fix
    /// Build from a release that is supported, and let a tool such as Dependabot or Renovate raise it from then on.
    findings: {
        /// The base image has ended
        Ended: Medium, Certain;
        /// The base image ends soon
        EndsSoon: Info, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [BaseReleases, Stages, Today],
    parameters: {
        /// Days before the end from which on it is reported.
        warn_days: Bounded<0, 3650> = const { Bounded::of(90) },
        /// Whether stages that only build are checked too.
        include_builders: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let stages: Vec<Stage<'_>> = if input.parameters.include_builders { file.stages.clone() } else { file.shipped() };
    let table = input.setting::<BaseReleases>();
    let today = input.setting::<Today>().unwrap_or(table.date);
    let mut unknown = None;
    for stage in stages {
        let Some(image) = stage.reference() else { continue };
        let found = releases(&table.rows, &image);
        let names_release = image.tag.is_some_and(|tag| {
            tag.split('-')
                .next()
                .is_some_and(|first| first.contains('.') && first.starts_with(|it: char| it.is_ascii_digit()))
        });
        if found.is_empty() && names_release && is_listed(&table.rows, &image) {
            unknown = Some(format!("how long `{}` is supported is not known", stage.image().text()));
        }
        // What ended first is what counts.
        let Some(first) = found.into_iter().min_by_key(|release| release.end) else { continue };
        let name = first.repository.rsplit('/').next().unwrap_or_default();
        let what = format!("{name} {}", first.version);
        if table.has_ended(input, first.end) {
            let message =
                format!("`{}` is of {what}, which has had no fixes since {}", stage.image().text(), first.end);
            findings.report(Code::Ended, &stage.image(), message);
        } else if today.days_until(first.end) <= input.parameters.warn_days.get() {
            let message = format!("`{}` is of {what}, which gets no fixes after {}", stage.image().text(), first.end);
            findings.report(Code::EndsSoon, &stage.image(), message);
        }
    }
    findings.or_unknown(unknown)
}
