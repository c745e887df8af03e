use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, created, dockerfile, expanded};

policy_sdk::rule! {
    /// `USER` is a number
    ///
    /// The last `USER` of the final stage, or of a stage that it is built from, is a number, with or without a group. A
    /// variable counts with its default, and is not evaluated without one. `root` is what `df-non-root-user` reports.
    /// Images of Windows have no numbers.
    ///
    /// ## Why
    /// Kubernetes cannot tell whether a name is root. A pod with `runAsNonRoot: true` and no `runAsUser` is refused:
    /// `container has runAsNonRoot and image has non-numeric user`.
    ///
    /// ## Fix
    /// Create the user with a number, and name that:
    ///
    /// ```dockerfile
    /// RUN useradd --uid 10001 --no-create-home app
    /// USER 10001:10001
    /// ```
    findings: {
        /// The user is a name
        Name: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if file.is_windows() {
        return not_applicable("users of Windows have no numbers");
    }
    let shipped = file.shipped();
    let last = shipped.iter().find_map(|stage| Some((stage, stage.instructions().filter(|it| it.is("USER")).last()?)));
    let Some((stage, instruction)) = last else { return Ok(()) };
    let place = instruction.get("command");
    let Some(user) = expanded(stage, place.text()) else {
        return not_evaluated(format!("the user `{}` is not known", place.text()));
    };
    let (name, group) = user.split_once(':').map_or((&*user, None), |(name, group)| (name, Some(group)));
    if name.is_empty() || name == "root" || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let views: Vec<View<'_>> = shipped.iter().map(|stage| View::clone(stage)).collect();
    // distroless images have it.
    let number = created(&views, name).or((name == "nonroot").then_some(65532));
    let fix = number.filter(|_| group.is_none_or(|group| group == name)).map(|number| {
        let written = if group.is_some() { format!("{number}:{number}") } else { number.to_string() };
        Fix::unsafe_(format!("name the user by the number: `{written}`")).set(&place, written)
    });
    let message = match number {
        Some(number) => format!("the user `{name}` is a name, whose number is {number}: `runAsNonRoot` needs that"),
        None => format!("the user `{name}` is a name, so that Kubernetes cannot tell whether it is root"),
    };
    findings.report(Code::Name, &place, message).fix(fix);
    Ok(())
}
