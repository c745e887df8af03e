use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Stages, dockerfile};

policy_sdk::rule! {
    /// Dockerfiles of one language agree
    ///
    /// Of the Dockerfiles that build with the same language (`golang`, `rust`, `node`, `python`, `maven`, `gradle`,
    /// `dotnet/sdk`), where there are three or more, two thirds agree on the version of the language, on several stages
    /// against one, and on a `USER` that is set. A Dockerfile that does otherwise is reported, beside one that does as
    /// the others do. Those for development and tests, and those that start nothing, do not count.
    ///
    /// ## Why
    /// Each service is built in its own way, so that a fault is mended in one place and stays in the others, and nobody
    /// knows which file to copy.
    ///
    /// ## Fix
    /// Agree on one Dockerfile for each language, and bring the others up to it.
    findings: {
        /// The language has another version than elsewhere
        Version: Low, Guess;
        /// There is one stage, where the others have several
        Stages: Low, Guess;
        /// No user is set, where the others set one
        User: Low, Guess;
    },
    priority: P2,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
    inventory: {
        // Whatever else is built in the repository: no relation says that.
        others: {
            kinds: ["file/Dockerfile"],
            scope: "cluster",
            reads: [
                "path", "stages[*].name", "stages[*].image", "stages[*].resolved", "stages[*].stage", "stages[*].final",
                "stages[*].instructions[*].instruction", "stages[*].instructions[*].form",
            ],
        },
    },
}

/// What Dockerfiles are compared by.
struct Shape<'d> {
    language: &'static str,
    version: String,
    place: View<'d>,
    has_several: bool,
    has_user: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(own) = shape(&dockerfile(input)) else {
        return not_applicable("it builds with no language that is compared, or starts nothing");
    };
    let others: Vec<_> = input
        .related("others")
        .filter(|other| other.name() != input.subject.name)
        .filter_map(|other| Some((shape(&Dockerfile::of(&other.document))?, other)))
        .filter(|(other, _)| other.language == own.language)
        .collect();
    let total = others.len() + 1;
    if total < 3 {
        return not_applicable(format!("there are no three Dockerfiles that build with `{}`", own.language));
    }
    // The first of the others that agree, where they are two thirds of all.
    let most = |agrees: &dyn Fn(&Shape<'_>, &Shape<'_>) -> bool| {
        others.iter().find(|(one, _)| others.iter().filter(|(other, _)| agrees(one, other)).count() * 3 >= total * 2)
    };
    if let Some((shape, other)) =
        most(&|one, other| one.version == other.version).filter(|(it, _)| it.version != own.version)
    {
        let message =
            format!("`{}` has the version {}, where most others have {}", own.language, own.version, shape.version);
        findings.report(Code::Version, &own.place, message).label_in(other, &shape.place, "one of the others");
    }
    if !own.has_several
        && let Some((shape, other)) = most(&|one, other| one.has_several && other.has_several)
    {
        let message = "there is one stage, where most others build in a stage of its own";
        findings.report(Code::Stages, &own.place, message).label_in(other, &shape.place, "one of the others");
    }
    if !own.has_user
        && let Some((shape, other)) = most(&|one, other| one.has_user && other.has_user)
    {
        let message = "no `USER` is set, where most others set one";
        findings.report(Code::User, &own.place, message).label_in(other, &shape.place, "one of the others");
    }
    Ok(())
}

/// What a Dockerfile is compared by; `None` where it is not.
fn shape<'d>(file: &Dockerfile<'d>) -> Option<Shape<'d>> {
    const LANGUAGES: [(&str, &str); 7] = [
        ("library/golang", "golang"),
        ("library/rust", "rust"),
        ("library/node", "node"),
        ("library/python", "python"),
        ("library/maven", "maven"),
        ("library/gradle", "gradle"),
        ("dotnet/sdk", "dotnet"),
    ];
    if !file.starts() || file.development().is_some() {
        return None;
    }
    file.stages.iter().find_map(|stage| {
        let image = stage.reference()?;
        let (_, language) = LANGUAGES.iter().find(|(path, _)| *path == image.path)?;
        let version = image.tag.unwrap_or("latest").split('-').next().unwrap_or_default();
        // Patches do not count.
        let mut parts = version.split('.');
        let version: Vec<&str> = parts.by_ref().take(2).collect();
        Some(Shape {
            language,
            version: version.join("."),
            place: stage.image(),
            has_several: file.stages.len() > 1,
            has_user: file.shipped().iter().any(|stage| stage.instructions().any(|it| it.is("USER"))),
        })
    })
}
