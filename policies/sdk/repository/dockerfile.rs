//! Dockerfiles: the stages that an image is made of, their variables, the user, and which image is built from which.
//!
//! The whole model is described at the host's parser, `host/src/parse/dockerfile`.

use crate::input::{Input, Related};
use crate::json::View;
use crate::language::shell::all_commands;
use crate::tables::image_users::{self, ImageUser};
use crate::uses::Uses;

crate::usable! {
    /// The Dockerfiles that the images of the subject, a workload, are built from: the one that a Compose file, Skaffold,
    /// a workflow or a Makefile of the repository names with the image, else the one that is called as the image is
    /// (`cart/Dockerfile`, `cart.Dockerfile`, `Dockerfile.cart`).
    pub ImageSources {
        reads: ["container.image"],
        inventory: {
            dockerfiles: {
                kinds: ["file/Dockerfile"],
                scope: "cluster",
                relation: built { image: "container.image" },
                reads: [
                    "stages[*].final", "stages[*].stage", "stages[*].image", "stages[*].resolved", "stages[*].args",
                    "stages[*].instructions[*].instruction", "stages[*].instructions[*].command",
                    "stages[*].instructions[*].command:shell",
                    "stages[*].instructions[*].flags", "stages[*].instructions[*].destination",
                ],
            },
        },
    }
}

/// The Dockerfile that an image of the subject is built from; `None` where none is known, or several are.
pub fn source_of<'d, P: Uses<ImageSources>>(input: &Input<'d, P>, image: &str) -> Option<Related<'d>> {
    let mut found = input.related("dockerfiles").filter(|file| file.images().any(|other| other == image));
    let file = found.next()?;
    found.next().is_none().then_some(file)
}

/// The stages that a Dockerfile's image is made of: the final one first, then those that it is built from.
pub fn lineage<'d>(document: &View<'d>) -> Vec<View<'d>> {
    let stages: Vec<View<'d>> = document.get("stages").items().collect();
    let mut open = stages.iter().find(|stage| stage.get("final").is_true());
    let mut lineage = Vec::new();
    // A stage is built from an earlier one. The bound holds for a model that says otherwise.
    while let Some(stage) = open.filter(|_| lineage.len() < stages.len()) {
        lineage.push(stage.clone());
        open = stage.get("stage").as_i64().and_then(|at| stages.get(usize::try_from(at).ok()?));
    }
    lineage
}

/// A text of a stage with its variables (`$NAME`, `${NAME}`, `${NAME:-default}`) replaced; `None` if the file does not
/// tell the value of one.
pub fn expanded(stage: &View<'_>, text: &str) -> Option<String> {
    let value = |name: &str| stage.get("args").get(name).as_str();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some((braced, behind)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            let end = braced.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).unwrap_or(braced.len());
            let (name, operator) = braced.split_at(end);
            let default = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-'));
            match value(name) {
                Some(value) if operator.is_empty() || default.is_some() && !value.is_empty() => out.push_str(value),
                _ => out.push_str(default?),
            }
            rest = behind;
        } else {
            let end = after.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).unwrap_or(after.len());
            out.push_str(value(&after[..end])?);
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    Some(out)
}

/// As which user containers of an image run.
#[derive(Clone)]
pub struct FinalUser<'d> {
    /// Where that is decided: a `USER`, or the image in a `FROM`.
    pub place: View<'d>,
    /// The name or number that the image has.
    pub written: String,
    /// The number, where it is known.
    pub number: Option<i64>,
}

impl FinalUser<'_> {
    /// Whether the image has the number itself, which the kubelet compares with 0.
    pub fn is_numeric(&self) -> bool {
        self.written.parse::<i64>().is_ok()
    }
}

/// As which user containers of a Dockerfile's image run: the last `USER` of its stages, else the user of its base image
/// according to `rows`. The error says what is not known.
pub fn final_user<'d>(document: &View<'d>, rows: &[ImageUser]) -> Result<FinalUser<'d>, String> {
    let lineage = lineage(document);
    let base = lineage.last().and_then(|stage| image_users::row(rows, stage.get("resolved").text()));
    for stage in &lineage {
        let users = stage.get("instructions").items().filter(|it| it.get("instruction").text() == "USER");
        let Some(user) = users.last() else { continue };
        let place = user.get("command");
        let text = place.text();
        let expanded = expanded(stage, text).ok_or_else(|| format!("the user `{text}` of the image is not known"))?;
        let name = expanded.split(':').next().unwrap_or_default().trim();
        let number = match name.parse() {
            Ok(number) => Some(number),
            Err(_) if name == "root" => Some(0),
            Err(_) => created(&lineage, name).or_else(|| base.filter(|row| row.name == name).map(|row| row.user)),
        };
        return Ok(FinalUser { place, written: name.to_owned(), number });
    }
    let image = lineage.last().map(|stage| stage.get("image"));
    let Some(place) = image.filter(View::exists) else { return Err("the Dockerfile has no final stage".into()) };
    let row = base.ok_or_else(|| format!("the user of the base image `{}` is not known", place.text()))?;
    Ok(FinalUser { place, written: row.user.to_string(), number: Some(row.user) })
}

/// The number with which a stage creates a user: `useradd --uid 10001 app`, `adduser -D -u 10001 app`.
pub fn created(lineage: &[View<'_>], name: &str) -> Option<i64> {
    let instructions = lineage.iter().flat_map(|stage| stage.get("instructions").items());
    let commands = instructions.flat_map(|instruction| all_commands(&instruction.get("command:shell")));
    commands.filter(|command| matches!(command.name(), "useradd" | "adduser")).find_map(|command| {
        let words: Vec<&str> = command.program_words().map(|word| word.text()).collect();
        words.contains(&name).then_some(())?;
        let option = words.iter().position(|word| matches!(*word, "-u" | "--uid"));
        let behind = option.and_then(|at| words.get(at + 1).copied());
        behind.or_else(|| words.iter().find_map(|word| word.strip_prefix("--uid=")))?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::{Setting, Usable};

    #[test]
    fn an_image_is_built_from_the_one_dockerfile_that_is_known() {
        let entry = |name: &str, images: &str| {
            format!(r#"{{"subject":{{"kind":"Dockerfile","name":"{name}"}},"document":{{}},"images":[{images}]}}"#)
        };
        let answer =
            format!("[{},{}]", entry("api/Dockerfile", r#""a/api:1","a/web""#), entry("web/Dockerfile", r#""a/web""#));
        look("shop", "{}", ImageSources::QUERIES, &[&answer], |input| {
            let found = ["a/api:1", "a/web", "b"].map(|image| source_of(input, image).map(|file| file.name()));
            assert_eq!(found, [Some("api/Dockerfile"), None, None]);
        });
    }

    #[test]
    fn variables_are_replaced_where_they_are_known() {
        let json = Json::parse(r#"{"args":{"UID":"10001","EMPTY":"","TOKEN":null}}"#).unwrap();
        let expand = |text: &str| expanded(&json.root(), text);
        for (text, whole) in [
            ("$UID:$UID", Some("10001:10001")),
            ("${UID}", Some("10001")),
            ("${EMPTY:-app}", Some("app")),
            ("${EMPTY-app}", Some("app")),
            ("${NONE:-app}", Some("app")),
            ("x$EMPTY", Some("x")),
            ("$TOKEN", None),
            ("${NONE}", None),
            ("${UID:+x}", None),
            ("${UID", None),
            ("plain", Some("plain")),
        ] {
            assert_eq!(expand(text).as_deref(), whole, "{text}");
        }
    }

    #[test]
    fn the_last_user_counts_then_the_base_image() {
        let rows = image_users::ImageUsers::default().rows;
        let of = |stages: &str| {
            let text = format!(r#"{{"stages":[{stages}]}}"#);
            let json = Json::parse(&text).unwrap();
            final_user(&json.root(), &rows).map(|user| (user.written.clone(), user.number, user.is_numeric()))
        };
        let stage = |base: &str, more: &str| {
            format!(
                r#"{{"final":true,"image":"{base}","resolved":"{base}","args":{{"ID":"7"}},"instructions":[{more}]}}"#
            )
        };
        let user = |name: &str| format!(r#"{{"instruction":"USER","command":"{name}"}}"#);
        let twice = format!("{},{}", user("root"), user("10001:10001"));
        assert_eq!(of(&stage("debian:13", &twice)).unwrap(), ("10001".into(), Some(10001), true));
        assert_eq!(of(&stage("debian:13", &user("${ID}"))).unwrap(), ("7".into(), Some(7), true));
        assert_eq!(of(&stage("debian:13", &user("app"))).unwrap(), ("app".into(), None, false));
        assert_eq!(of(&stage("debian:13", "")).unwrap(), ("0".into(), Some(0), true));
        let nonroot = "gcr.io/distroless/cc-debian12:nonroot";
        assert_eq!(of(&stage(nonroot, "")).unwrap(), ("65532".into(), Some(65532), true));
        assert_eq!(of(&stage(nonroot, &user("nonroot:nonroot"))).unwrap(), ("nonroot".into(), Some(65532), false));
        assert_eq!(of(&stage("x", "")).unwrap_err(), "the user of the base image `x` is not known");
        assert_eq!(of(&stage("x", &user("$WHO"))).unwrap_err(), "the user `$WHO` of the image is not known");
        // An earlier stage decides where the final one says nothing.
        let first = format!(r#"{{"image":"x","resolved":"x","instructions":[{}]}}"#, user("app"));
        let last = r#"{"final":true,"stage":0,"instructions":[]}"#;
        assert_eq!(of(&format!("{first},{last}")).unwrap().0, "app");
        assert!(of("").is_err());
    }

    #[test]
    fn numbers_of_created_users_are_read() {
        let words =
            |words: &[&str]| words.iter().map(|it| format!(r#"{{"text":"{it}"}}"#)).collect::<Vec<_>>().join(",");
        let of = |name: &str, all: &[&str]| {
            let command = format!(r#"{{"name":"{}","words":[{}]}}"#, all[0], words(all));
            let text = format!(r#"{{"instructions":[{{"command:shell":{{"commands":[{command}]}}}}]}}"#);
            let json = Json::parse(&text).unwrap();
            created(&[json.root()], name)
        };
        assert_eq!(of("app", &["useradd", "--uid", "10001", "app"]), Some(10001));
        assert_eq!(of("app", &["useradd", "--uid=10001", "app"]), Some(10001));
        assert_eq!(of("app", &["adduser", "-D", "-u", "10001", "app"]), Some(10001));
        assert_eq!(of("app", &["adduser", "app"]), None);
        assert_eq!(of("other", &["useradd", "-u", "10001", "app"]), None);
        assert_eq!(of("app", &["groupadd", "-u", "10001", "app"]), None);
    }
}
