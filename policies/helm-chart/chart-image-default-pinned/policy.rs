use policy_sdk::prelude::*;
use policy_sdk::repository::helm::is_for_tests;
use policy_sdk::repository::helm::values::{self, OwnValues, Value};
use policy_sdk::tables::moving_tags::{self, MovingTag, MovingTags};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// The default image of a chart does not move
    ///
    /// Every image in the values of a chart (a mapping with `repository` or `registry` and `tag`, or a text under
    /// `image`) has a tag that does not move (the table `movingTags`), or a digest. An empty tag is right where a
    /// template takes the `appVersion` of the chart in its place, and the chart has one that does not move.
    ///
    /// Images of a part that is switched off (`enabled: false`) and values with actions (`{{ … }}`) are not checked.
    /// Where the chart is rendered (`--render`), `image-tag-not-mutable` checks what it deploys, and this rule says
    /// nothing.
    ///
    /// ## Why
    /// The same version of the chart runs different code on the next node, and `helm rollback` brings nothing back.
    ///
    /// ## Fix
    /// Leave the tag empty, and take the version of the application:
    ///
    /// ```yaml
    /// # Chart.yaml
    /// appVersion: 1.4.2
    /// # values.yaml
    /// image: {repository: registry.example.com/shop/cart, tag: ""}
    /// # templates/deployment.yaml
    ///           image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
    /// ```
    findings: {
        /// The tag of an image moves
        MovingTag: Medium, Certain;
        /// An image has no tag, and nothing takes its place
        NoTag: Medium, Likely;
        /// The tag of an image for tests moves
        TestTag: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/HelmValues"],
    uses: [OwnValues, MovingTags],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !values::has_templates(input) {
        return not_evaluated(
            "no template of its chart is among the files; of a chart that is rendered the objects are checked",
        );
    }
    if values::is_for_ci(&input.subject.name) {
        return not_applicable("with these values a pipeline tests the chart, mostly with an image that it has built");
    }
    let table = &*input.setting::<MovingTags>().rows;
    let is_of_tests = is_for_tests(&input.subject.name);
    for value in values::all(&input.document).iter().filter(|value| !value.is_off) {
        // What is called after tests is only run by `helm test`.
        let is_for_test = is_of_tests || value.way.split('.').any(|part| part.to_lowercase().starts_with("test"));
        let image = image(&value.view);
        let moving = image.as_ref().and_then(|image| moving_tag(value, image, table));
        if let Some((place, message)) = moving.or_else(|| moving_text(value, table)) {
            findings.report(if is_for_test { Code::TestTag } else { Code::MovingTag }, &place, message);
        } else if let Some(image) = image.filter(|it| !is_for_test && it.tag.scalar_text().is_none_or(str::is_empty))
            && let Some(why) = nothing_instead(input, value, table)
        {
            findings.report(Code::NoTag, &image.tag, format!("`{}.tag` is empty, and {why}", value.way));
        }
    }
    Ok(())
}

/// An image that is written in parts.
struct Image<'d> {
    repository: &'d str,
    tag: View<'d>,
}

fn image<'d>(value: &View<'d>) -> Option<Image<'d>> {
    let repository =
        ["repository", "repo", "name"].map(|key| value.get(key).text()).into_iter().find(|it| !it.is_empty())?;
    let is_of_image = ["repository", "registry"].iter().any(|key| value.get(key).as_str().is_some());
    let has_digest = ["digest", "sha", "sha256"].iter().any(|key| !value.get(key).text().is_empty());
    let tag = value.get("tag");
    // A repository of charts or sources is an address; `tag: false` is none.
    let is_one =
        is_of_image && !has_digest && !repository.contains("://") && !matches!(tag.kind(), None | Some(Kind::Bool(_)));
    is_one.then_some(Image { repository, tag })
}

/// What is wrong with the tag of an image that is written in parts.
fn moving_tag<'d>(value: &Value<'d>, image: &Image<'d>, table: &[MovingTag]) -> Option<(View<'d>, String)> {
    let tag = image.tag.scalar_text().filter(|tag| !tag.is_empty() && !tag.contains("{{"))?;
    let message = format!("`{}.tag` is `{tag}`, which moves, for the image `{}`", value.way, image.repository);
    moving_tags::moves(table, None, tag).then(|| (image.tag.clone(), message))
}

/// What is wrong with an image that is written in one, in a mapping where no tag stands beside it.
fn moving_text<'d>(value: &Value<'d>, table: &[MovingTag]) -> Option<(View<'d>, String)> {
    let is_tag = |key: &str| key.to_ascii_lowercase().ends_with("tag") || key == "version";
    if value.view.entries().any(|(key, _)| is_tag(key)) {
        return None;
    }
    value.view.entries().filter(|(key, _)| *key == "image" || key.ends_with("Image")).find_map(|(key, place)| {
        let text = place.text();
        let reference = ImageReference::parse(text).filter(|it| it.digest.is_none())?;
        let tag = reference.tag.filter(|tag| moving_tags::moves(table, None, tag))?;
        let way = if value.way.is_empty() { key.to_owned() } else { [value.way.as_str(), ".", key].concat() };
        Some((place, format!("`{way}` is `{text}`, whose tag `{tag}` moves")))
    })
}

/// Why nothing right takes the place of an empty tag, in the values that the chart has by itself.
fn nothing_instead(input: &Input<'_, Parameters>, value: &Value<'_>, table: &[MovingTag]) -> Option<String> {
    let part = value.way.split('.').next().unwrap_or_default();
    if !values::is_default(&input.subject.name) || values::is_of_part(input, part) {
        return None;
    }
    let version = values::app_version(input);
    if !values::takes_app_version(input) {
        Some("no template takes the `appVersion` of the chart in its place".to_owned())
    } else if version.is_empty() {
        Some("the chart has no `appVersion` that would take its place".to_owned())
    } else {
        let moves = moving_tags::moves(table, None, version);
        moves.then(|| format!("the `appVersion` `{version}`, which takes its place, moves"))
    }
}
