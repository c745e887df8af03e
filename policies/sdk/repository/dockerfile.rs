//! Dockerfiles: the stages that an image is made of, their variables, the user, and which image is built from which.
//!
//! The whole model is described at the host's parser, `host/src/parse/dockerfile`.

use crate::input::{Input, Related};
use crate::json::View;
use crate::language::shell::{Command, all_commands};
use crate::tables::image_users::{self, ImageUser};
use crate::uses::Uses;
use crate::values::image::ImageReference;
use std::ops::Deref;

crate::usable! {
    /// The subject, a Dockerfile: its stages and their instructions, with the commands that they run.
    pub Stages {
        reads: [
            "path", "args", "stages", "stages[*].instructions[*].command:shell", "stages[*].instructions[*].exec:shell",
        ],
    }
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

/// A stage of a Dockerfile.
#[derive(Clone)]
pub struct Stage<'d>(View<'d>);

/// An instruction of a stage.
#[derive(Clone)]
pub struct Instruction<'d>(View<'d>);

impl<'d> Deref for Stage<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

impl<'d> Deref for Instruction<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// A Dockerfile.
pub struct Dockerfile<'d> {
    /// Its path.
    pub path: &'d str,
    /// Its stages, in the order in which they are written.
    pub stages: Vec<Stage<'d>>,
}

/// The subject, a Dockerfile.
pub fn dockerfile<'d, P: Uses<Stages>>(input: &Input<'d, P>) -> Dockerfile<'d> {
    Dockerfile::of(&input.document)
}

/// Names of files, folders and stages that are for development.
const DEVELOPMENT: [&str; 13] = [
    "dev",
    "development",
    "devcontainer",
    "debug",
    "test",
    "tests",
    "testing",
    "testdata",
    "e2e",
    "ci",
    "tilt",
    "local",
    "playground",
];

impl<'d> Dockerfile<'d> {
    /// A document that is a Dockerfile.
    pub fn of(document: &View<'d>) -> Self {
        Self { path: document.get("path").text(), stages: document.get("stages").items().map(Stage).collect() }
    }

    /// The stage that is built where nobody names one.
    pub fn last(&self) -> Option<&Stage<'d>> {
        self.stages.iter().find(|stage| stage.is_final())
    }

    /// A stage by its name or number, as `--from` gives it.
    pub fn stage(&self, name: &str) -> Option<&Stage<'d>> {
        let named = self.stages.iter().find(|stage| stage.name().eq_ignore_ascii_case(name) && !name.is_empty());
        named.or_else(|| self.stages.get(name.parse::<usize>().ok()?))
    }

    /// A stage and those that it is built from, which are behind it.
    pub fn chain(&self, stage: &Stage<'d>) -> Vec<Stage<'d>> {
        let mut chain = vec![stage.clone()];
        while let Some(parent) = chain.last().and_then(|stage| self.stages.get(stage.parent()?)) {
            // A stage is built from an earlier one. The bound holds for a model that says otherwise.
            if chain.len() > self.stages.len() {
                break;
            }
            chain.push(parent.clone());
        }
        chain
    }

    /// The stages that the image is made of: the final one first, then those that it is built from.
    pub fn shipped(&self) -> Vec<Stage<'d>> {
        self.last().map(|stage| self.chain(stage)).unwrap_or_default()
    }

    /// What the image begins from, as far as the file tells: the resolved image of the first of the [`Self::shipped`].
    pub fn base(&self) -> Option<Stage<'d>> {
        self.shipped().pop()
    }

    /// The `ENTRYPOINT` and the `CMD` that the image has from this file. An `ENTRYPOINT` drops the `CMD` of the stage below.
    pub fn entry(&self) -> (Option<Instruction<'d>>, Option<Instruction<'d>>) {
        let mut found = (None, None);
        for stage in self.shipped() {
            let last = |keyword: &str| stage.instructions().filter(|it| it.is(keyword)).last();
            if found.1.is_none() {
                found.1 = last("CMD");
            }
            if found.0.is_none() {
                found.0 = last("ENTRYPOINT");
            }
            if found.0.is_some() {
                break;
            }
        }
        found
    }

    /// Whether the file says what the image starts. One that does not is a base, or holds tools.
    pub fn starts(&self) -> bool {
        let (entrypoint, command) = self.entry();
        entrypoint.is_some() || command.is_some()
    }

    /// The name, of the file, a folder or the final stage, that says that the image is for development or tests.
    pub fn development(&self) -> Option<&'d str> {
        let words = self.path.split(['/', '.', '-', '_']);
        let stage = self.last().map_or("", |stage| stage.name()).split(['.', '-', '_']);
        words.chain(stage).find(|word| DEVELOPMENT.contains(word))
    }

    /// Whether the image is one of Windows.
    pub fn is_windows(&self) -> bool {
        let is_windows = |image: &str| ["windows", "nanoserver", "servercore"].iter().any(|name| image.contains(name));
        let shipped = self.shipped();
        let is_named = self.path.to_ascii_lowercase().contains("windows");
        is_named
            || shipped.iter().any(|stage| {
                is_windows(stage.image().text())
                    || stage.instructions().any(|it| matches!(it.shell(), "cmd" | "powershell" | "pwsh"))
            })
    }
}

impl<'d> Stage<'d> {
    /// Its name; empty where it has none.
    pub fn name(&self) -> &'d str {
        self.get("name").text()
    }

    /// What its `FROM` names: an image or an earlier stage.
    pub fn image(&self) -> View<'d> {
        self.get("image")
    }

    /// The image that it begins from, its variables replaced; `None` where it begins from a stage, or that is not known.
    pub fn resolved(&self) -> Option<&'d str> {
        self.get("resolved").as_str().filter(|_| self.parent().is_none())
    }

    /// That image as a reference; `None` for `scratch` too.
    pub fn reference(&self) -> Option<ImageReference<'d>> {
        self.resolved().filter(|image| *image != "scratch").and_then(ImageReference::parse)
    }

    /// The number of the stage that it begins from.
    pub fn parent(&self) -> Option<usize> {
        self.get("stage").as_i64().and_then(|at| usize::try_from(at).ok())
    }

    /// Whether it is the last one.
    pub fn is_final(&self) -> bool {
        self.get("final").is_true()
    }

    /// Whether something of it is in the image of the last one.
    pub fn feeds_final(&self) -> bool {
        self.get("feeds_final").is_true()
    }

    /// What it does.
    pub fn instructions(&self) -> impl Iterator<Item = Instruction<'d>> + use<'d> {
        self.get("instructions").items().map(Instruction)
    }
}

impl<'d> Instruction<'d> {
    /// Its name, in capitals.
    pub fn keyword(&self) -> &'d str {
        self.get("instruction").text()
    }

    /// Whether it is that one.
    pub fn is(&self, keyword: &str) -> bool {
        self.keyword() == keyword
    }

    /// Whether it is written as a JSON array.
    pub fn is_exec(&self) -> bool {
        self.get("form").text() == "exec"
    }

    /// The program that runs its shell form, where something says that.
    pub fn shell(&self) -> &'d str {
        self.get("shell").text()
    }

    /// All simple commands that it runs, in the order in which they are written.
    pub fn commands(&self) -> Vec<Command<'d>> {
        all_commands(&self.tree())
    }

    /// What it runs, as a tree of commands.
    pub fn tree(&self) -> View<'d> {
        self.get(if self.is_exec() { "exec:shell" } else { "command:shell" })
    }

    /// The place of what it does, for a finding about the whole.
    pub fn place(&self) -> View<'d> {
        let place = self.get(if self.is_exec() { "exec" } else { "command" });
        if place.exists() { place } else { self.get("source") }
    }

    /// The values of a flag; `""` for one without a value.
    pub fn flags(&self, name: &str) -> Vec<&'d str> {
        self.get("flags").get(name).items().map(|value| value.text()).collect()
    }

    /// The stage or image that a `COPY` or `ADD` takes from; `None` for the context.
    pub fn from(&self) -> Option<&'d str> {
        self.flags("from").last().copied()
    }

    /// The names and values of an `ENV`, `ARG` or `LABEL`.
    pub fn pairs(&self) -> impl Iterator<Item = (&'d str, View<'d>)> + use<'d> {
        self.get("pairs").items().map(|pair| (pair.get("name").text(), pair.get("value")))
    }

    /// The fields of its mounts of one type: `cache`, `secret`, `bind`. Without a type a mount is `bind`.
    pub fn mounts(&self, kind: &str) -> Vec<&'d str> {
        let is_of =
            |mount: &&str| mount.split(',').find_map(|field| field.strip_prefix("type=")).unwrap_or("bind") == kind;
        self.flags("mount").into_iter().filter(is_of).collect()
    }

    /// Whether a mount of it, a cache or one in memory, holds a path.
    pub fn is_mounted(&self, path: &str) -> bool {
        let mounts = self.mounts("cache").into_iter().chain(self.mounts("tmpfs"));
        let mut targets = mounts.filter_map(|mount| {
            mount
                .split(',')
                .find_map(|field| ["target=", "dst=", "destination="].iter().find_map(|key| field.strip_prefix(key)))
        });
        targets.any(|target| super::files::is_below(path, target.trim_end_matches('/')))
    }
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

/// The name of the file that a build writes by `-o`, as far as it is known.
pub fn built_name<'d>(command: &Command<'d>) -> Option<&'d str> {
    let path = command.value_of("-o")?;
    Some(path.rsplit('/').next().unwrap_or(path)).filter(|name| !name.is_empty() && !name.contains('$'))
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
    fn stages_are_followed_to_what_is_shipped() {
        let instruction = |keyword: &str, more: &str| format!(r#"{{"instruction":"{keyword}"{more}}}"#);
        let text = format!(
            r#"{{"path":"shop/dev.Dockerfile","stages":[
                {{"name":"base","image":"debian:13","resolved":"debian:13","instructions":[{},{}]}},
                {{"name":"app","image":"base","resolved":"base","stage":0,"final":true,"instructions":[{},{}]}}]}}"#,
            instruction("ENTRYPOINT", r#","form":"exec","exec":["a"]"#),
            instruction("CMD", r#","form":"shell","command":"b","shell":"cmd""#),
            instruction("COPY", r#","flags":{"from":["Base"]}"#),
            instruction("RUN", r#","flags":{"mount":["type=cache,target=/var/lib","type=secret,id=a"]}"#),
        );
        let json = Json::parse(&text).unwrap();
        let file = Dockerfile::of(&json.root());
        let (entrypoint, command) = file.entry();
        assert_eq!((entrypoint.unwrap().is_exec(), command.unwrap().shell()), (true, "cmd"));
        assert_eq!((file.development(), file.is_windows(), file.starts()), (Some("dev"), true, true));
        let base = file.base().unwrap();
        assert_eq!((base.name(), base.reference().unwrap().tag), ("base", Some("13")));
        let last = file.last().unwrap();
        let done: Vec<Instruction<'_>> = last.instructions().collect();
        assert!(last.resolved().is_none() && file.stage(done[0].from().unwrap()).is_some_and(|it| it.name() == "base"));
        assert!(file.stage("1").is_some_and(Stage::is_final) && file.stage("").is_none());
        assert!(done[1].is_mounted("/var/lib/apt/lists") && !done[1].is_mounted("/var"));
        assert_eq!(done[1].mounts("secret"), ["type=secret,id=a"]);
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
