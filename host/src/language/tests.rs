//! From a file to a tree and back to the place in the file.

use super::follow::follow;
use crate::document::{Document, Format, Pointer, Source};
use crate::manifest::ReadPath;
use crate::parse::{Form, Limits, Scalars, Unit};
use crate::project::Projection;
use crate::workload::Shape;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn document(form: Form, text: &str) -> Document {
    let unit = Unit::new(form, Source::new(".github/workflows/w.yml", text));
    unit.parse(&Limits::default()).unwrap_or_else(|error| panic!("{error:?}\n{text}")).remove(0)
}

fn project(document: &Document, reads: &[&str]) -> Json {
    let reads: Vec<ReadPath> = reads.iter().map(|read| read.parse().unwrap()).collect();
    serde_json::from_str(&Projection::new(&reads).apply(document, &Shape::Plain)).unwrap()
}

/// What is written where a path leads.
fn written<'d>(document: &'d Document, pointer: &str) -> &'d str {
    let led = follow(document, &Pointer::parse(pointer).unwrap()).unwrap_or_else(|| panic!("{pointer} leads outside"));
    let span = led.place.unwrap_or_else(|| document.locate(&led.path)).span;
    &document.sources[0].text[span.range()]
}

/// The pointers to all texts of words.
fn words(value: &Json, pointer: String, found: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => {
            if let (Some(Json::String(text)), None) = (map.get("text"), map.get("parts")) {
                found.push((pointer.clone(), text.clone()));
            }
            for (key, value) in map {
                words(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| words(item, format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

const WORKFLOW: &str = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ";

#[test]
fn words_are_found_however_the_script_is_written() {
    for text in [
        "cargo build && docker push r.example/shop\n",
        "|\n          cargo build\n            docker push r.example/shop\n",
        "|-\n            cargo build\n\n            docker push r.example/shop\n      - run: x\n",
        "|2+ # a comment\n          cargo build\n          docker push r.example/shop\n\n",
        ">\n          cargo build;\n          docker push r.example/shop\n",
        ">-\n          cargo build\n            # indented further\n\n\n          docker push r.example/shop\n",
        "\"cargo build\\n docker\\x20push r.example\\/shop\"\n",
        "\"cargo build;\n\n          docker \\\n          push r.example/shop\"\n",
        "'cargo build; docker push ''r.example/shop'''\n",
        "'cargo build\n\n          docker push r.example/shop'\n",
        "cargo build;\n          docker push\n          r.example/shop\n",
        "|\r\n          cargo build\r\n          docker push r.example/shop\r\n",
        "\"\\u0063argo build; docker push r.example/shop\"\n",
    ] {
        let document = document(Form::Yaml(Scalars::Core12), &format!("{WORKFLOW}{text}"));
        let value = project(&document, &["jobs.*.steps[*].run:shell"]);
        let mut found = Vec::new();
        words(&value, String::new(), &mut found);
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts[..5], ["cargo", "build", "docker", "push", "r.example/shop"], "{text}\n{value:#}");
        for (pointer, word) in &found {
            let written = written(&document, pointer);
            assert!(
                written.trim_matches('\'').replace("\\/", "/").replace("\\u0063", "c") == *word,
                "{written} {word} {text}"
            );
        }
    }
}

#[test]
fn words_of_dockerfiles_are_found() {
    let text = "FROM rust:1\nRUN cat <<CONF >/etc/shop.conf \\\n  # a comment\n\n  && cargo \\\n   build\nport = 80\nCONF\n\
        RUN <<-GO\n\tset -e\n\tcargo test\n\tGO\nRUN [\"sh\", \"-c\", \"cargo \\\"bench\\\"\"]\nCMD cargo run\n";
    let document = document(Form::Dockerfile, text);
    let value =
        project(&document, &["stages[*].instructions[*].command:shell", "stages[*].instructions[*].exec:shell"]);
    let mut found = Vec::new();
    words(&value, String::new(), &mut found);
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "cat",
            "CONF",
            "port = 80\n",
            "/etc/shop.conf",
            "cargo",
            "build",
            "set",
            "-e",
            "cargo",
            "test",
            "sh",
            "-c",
            "cargo \"bench\"",
            "cargo",
            "bench",
            "cargo",
            "run"
        ],
        "{value:#}"
    );
    for (pointer, word) in found.iter().filter(|(_, word)| word.chars().all(|c| c.is_alphanumeric() || c == '-')) {
        assert_eq!(written(&document, pointer).trim_matches(['\\', '"']), word, "{pointer}");
    }
}

#[test]
fn each_string_of_a_list_has_a_tree() {
    let text = "{\"version\": 0.2, \"commands\": [\"cargo build\", 3, \"docker push x\"]}";
    let document = document(Form::Json, &text.replace('{', "{\"apiVersion\":\"v1\",\"kind\":\"X\","));
    let value = project(&document, &["commands[*]:shell"]);
    assert_eq!(value["commands[*]:shell"].as_array().unwrap().len(), 3);
    assert_eq!(value["commands[*]:shell"][2]["commands"][0]["name"], "docker");
    assert_eq!(written(&document, "/commands[*]:shell/2/commands/0/words/1"), "push");
    let led = follow(&document, &Pointer::parse("/commands[*]:shell/0/commands/0").unwrap()).unwrap();
    assert_eq!(led.path.to_string(), "/commands");
}

#[test]
fn lists_without_strings_have_trees_too() {
    let text = "apiVersion: v1\nkind: X\nnone: []\nc:\n- {command: null, args: [a]}\n- {command: [null]}\n- {command: a}\n- {args: []}\n";
    let document = document(Form::Yaml(Scalars::Core12), text);
    let value = project(&document, &["none[*]:shell", "none:shell", "c[*].command:exec"]);
    assert_eq!((&value["none[*]:shell"], &value["none:shell"]["commands"]), (&json!([]), &json!([])));
    let told: Vec<&Json> = value["c"].as_array().unwrap().iter().map(|item| &item["command:exec"]).collect();
    assert_eq!((&told[0]["image"], &told[0]["commands"][0]["words"]), (&json!(true), &json!([{"text": "a"}])));
    assert!(told[1]["unread"][0]["reason"].is_string() && told[2]["unread"][0]["reason"].is_string());
    assert_eq!(*told[3], Json::Null);
}

#[test]
fn data_in_a_string_is_a_tree_of_its_own() {
    let text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n    x: 1\n    jobs:\n      - run: |\n          cargo build\n    \
        ---\n    - y\n  b.json: '{\"k\": [true, \"v\"]}'\n  c: '{'\n";
    let document = document(Form::Yaml(Scalars::Kubernetes), text);
    let value = project(&document, &["data.*:yaml", "data[\"b.json\"]:json.value.k", "data.c:json"]);
    assert_eq!(value["data"]["a.yaml:yaml"]["documents"][0]["x"], 1);
    assert_eq!(value["data"]["a.yaml:yaml"]["documents"][1], json!(["y"]));
    assert_eq!(value["data"]["b.json:json"], json!({"value": {"k": [true, "v"]}}));
    assert!(value["data"]["c:json"]["unread"][0]["reason"].is_string());
    assert_eq!(written(&document, "/data/a.yaml:yaml/documents/0/x"), "1");
    assert_eq!(written(&document, "/data/b.json:json/value/k/1"), "\"v\"");
    let nested = project(&document, &["data.*:yaml.documents[*].jobs[*].run:shell"]);
    assert_eq!(nested["data"]["a.yaml:yaml"]["documents"][0]["jobs"][0]["run:shell"]["commands"][0]["name"], "cargo");
    assert_eq!(written(&document, "/data/a.yaml:yaml/documents/0/jobs/0/run:shell/commands/0/words/1"), "build");
}

#[test]
fn a_key_that_looks_like_a_tree_is_told_apart() {
    let text = "apiVersion: v1\nkind: X\nrun: cargo build\n'run:shell': none\n'run:shell:': 1\n";
    let document = document(Form::Yaml(Scalars::Core12), text);
    assert_eq!(project(&document, &["*"])["run:shell:"], "none");
    let value = project(&document, &["*", "run:shell", "[\"run:shell\"]"]);
    assert_eq!(value["run:shell:"], "none");
    assert_eq!(value["run:shell::"], 1);
    assert_eq!(value["run:shell"]["commands"][0]["name"], "cargo");
    assert_eq!(written(&document, "/run:shell:"), "none");
    assert_eq!(follow(&document, &Pointer::parse("/run:shell::").unwrap()).unwrap().path.tokens(), ["run:shell:"]);
}

#[test]
fn a_tree_is_made_once_and_only_where_it_is_read() {
    let text = format!("{WORKFLOW}cargo build\n        with: {{}}\n");
    let document = document(Form::Yaml(Scalars::Core12), &text);
    assert!(project(&document, &["jobs"])["jobs"]["a"]["steps"][0].get("run:shell").is_none());
    assert_eq!(document.derived.count(), 0);
    let paths = ["jobs", "jobs.*.steps[*].run:shell", "jobs.*.steps[*].*:shell", "jobs.*.steps[*].run:shell.commands"];
    let value = project(&document, &paths);
    assert_eq!(value["jobs"]["a"]["steps"][0]["run:shell"]["commands"][0]["name"], "cargo");
    assert_eq!(value["jobs"]["a"]["runs-on"], "x");
    project(&document, &paths[1..2]);
    assert_eq!(document.derived.count(), 1);
}

#[test]
fn paths_that_lead_nowhere_are_refused() {
    let document = document(Form::Yaml(Scalars::Core12), &format!("{WORKFLOW}cargo build\n"));
    let led = |path: &str| follow(&document, &Pointer::parse(path).unwrap());
    assert!(led("/jobs/a/steps/0/run:shell/commands/7").is_none());
    assert!(led("/jobs/a/steps/0/run:shell/commands/0/name/x").is_none());
    assert!(led("/jobs/a/steps/0/run/x").is_none());
    assert_eq!(led("/jobs/a/steps/0/run:shell/commands/0/wrappers").map(|led| led.place.unwrap().exact), Some(false));
    assert_eq!(
        led("/jobs/a/steps/0/none:shell/commands/0").map(|led| led.path.to_string()),
        Some("/jobs/a/steps/0/none".into())
    );
}

#[test]
fn another_interpreter_is_told() {
    for (text, is_read) in
        [("x\n        shell: bash -e {0}", true), ("x\n        shell: pwsh", false), ("x\n        shell: sh", true)]
    {
        let document = document(Form::Yaml(Scalars::Core12), &format!("{WORKFLOW}{text}\n"));
        let value = project(&document, &["jobs.*.steps[*].run:shell"]);
        assert_eq!(value["jobs"]["a"]["steps"][0]["run:shell"].get("unread").is_none(), is_read, "{text}");
    }
}

#[test]
fn texts_are_bounded() {
    let long = "a\n".repeat(super::limits::BYTES / 2 + 1);
    let text = json!({"apiVersion": "v1", "kind": "X", "a": long, "b": "x"}).to_string();
    let document = document(Form::Json, &text);
    let value = project(&document, &["*:shell"]);
    assert!(value["a:shell"]["unread"][0]["reason"].as_str().unwrap().contains("BYTES"));
    assert!(value["b:shell"].get("unread").is_none());
    let many: Vec<String> = (0..6).map(|at| format!("{at} a b c d e\n").repeat(20_000)).collect();
    let text = json!({"apiVersion": "v1", "kind": "X", "all": many}).to_string();
    let value = project(&self::document(Form::Json, &text), &["all[*]:shell"]);
    let last = &value["all[*]:shell"][5];
    assert!(last["unread"][0]["reason"].is_string(), "{last}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever a text is, and however it is written, a tree's words stand where they are written.
    #[test]
    fn places_are_exact(
        lines in prop::collection::vec("[a-c'\"\\\\$é ]{0,12}", 1..6),
        style in 0..4_usize,
    ) {
        let script = lines.join("\n");
        let text = match style {
            0 => serde_json::to_string(&script).unwrap(),
            1 => format!("'{}'", script.replace('\'', "''").replace('\n', "\n\n          ")),
            2 => format!("|\n          x\n{}", lines.iter().map(|line| format!("          {line}\n")).collect::<String>()),
            _ => format!(">\n          x\n{}", lines.iter().map(|line| format!("          {line}\n")).collect::<String>()),
        };
        let document = document(Form::Yaml(Scalars::Core12), &format!("{WORKFLOW}{text}\n"));
        let value = project(&document, &["jobs.*.steps[*].run:shell"]);
        let mut found = Vec::new();
        words(&value, String::new(), &mut found);
        let is_plain = |word: &str| !word.is_empty() && word.chars().all(char::is_alphanumeric);
        for (pointer, word) in found.iter().filter(|(_, word)| is_plain(word)) {
            // Of a word on several lines the first is shown; it may hold no more than quotes and the line's continuation.
            let line = written(&document, pointer);
            let letters: String = line.chars().filter(|letter| letter.is_alphanumeric()).collect();
            let is_shown = !letters.is_empty() || line.ends_with('\\');
            prop_assert!(is_shown && word.starts_with(&letters), "{word:?} is written {line:?} in {text}");
        }
    }
}

fn comments_of(value: &Json) -> Vec<String> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let path = |comment: &Json| comment["path"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(".");
    let comments = value["comments"].as_array().unwrap_or_else(|| panic!("{value:#}")).iter();
    comments
        .map(|comment| {
            let apart = if comment.get("apart").is_some() { " apart" } else { "" };
            format!("{} {}{apart}: {}", path(comment), text(&comment["stands"]), text(&comment["text"]))
        })
        .collect()
}

#[test]
fn comments_belong_to_what_they_stand_by() {
    let text = "# licence\n\n# the shop\napiVersion: v1 # version\nkind: X\nspec: # all of it\n  # first\n  containers:\n  \
        # one\n  - name: a # named\n    image: x@sha256:0 # v1.2\n    # last of a\n  # two\n  - {name: b, image: y} # flow\n  \
        # end of the list\nlist: [1, # inside\n  2 # second\n  # closing\n  ] # behind\nrun: | # block\n  # no comment\n  x\n# end\n";
    let document = document(Form::Yaml(Scalars::Kubernetes), text);
    let reads = [
        ":comments",
        "spec:comments",
        "spec.containers[*]:comments",
        "spec.containers[*].image:comments",
        "list:comments",
        "kind:comments",
    ];
    let value = project(&document, &reads);
    assert_eq!(
        comments_of(&value[":comments"]),
        [
            "apiVersion above apart: licence",
            "apiVersion above: the shop",
            "apiVersion behind: version",
            "spec behind: all of it",
            "spec.containers above: first",
            "spec.containers.0 above: one",
            "spec.containers.0.name behind: named",
            "spec.containers.0.image behind: v1.2",
            "spec.containers.0 below: last of a",
            "spec.containers.1 above: two",
            "spec.containers.1 behind: flow",
            "spec.containers below: end of the list",
            "list.0 behind: inside",
            "list.1 behind: second",
            "list below: closing",
            "list behind: behind",
            "run behind: block",
            " below: end",
        ]
    );
    assert_eq!(
        comments_of(&value["spec:comments"])[..3],
        [" behind: all of it", "containers above: first", "containers.0 above: one"]
    );
    assert_eq!(comments_of(&value["spec:comments"]).len(), 9);
    let containers = &value["spec"]["containers[*]:comments"];
    assert_eq!(comments_of(&containers[1]), [" above: two", " behind: flow"]);
    assert_eq!(comments_of(&value["spec"]["containers"][0]["image:comments"]), [" behind: v1.2"]);
    assert_eq!(comments_of(&value["list:comments"]).len(), 4);
    assert_eq!(comments_of(&value["kind:comments"]), Vec::<String>::new());
    assert_eq!(written(&document, "/spec/containers/0/image:comments/comments/0"), "# v1.2");
    assert_eq!(written(&document, "/spec/containers/0/image:comments/comments/0/text"), "v1.2");
    assert_eq!(written(&document, "/:comments/comments/0/text"), "licence");
    let led = follow(&document, &Pointer::parse("/spec/containers/0/image:comments/comments/0/text").unwrap()).unwrap();
    assert_eq!(led.path.to_string(), "/spec/containers/0/image");
    assert_eq!(follow(&document, &Pointer::parse("/:comments/comments/99").unwrap()), None);
}

#[test]
fn comments_of_dockerfiles_belong_to_instructions() {
    let text = "# syntax=docker/dockerfile:1\n# global\nARG V=1\n# build stage\nFROM rust:1 AS b\n# make it\nRUN a \\\n  # within\n  && b\n# next\nFROM x\nCMD [\"y\"]\n# end\n";
    let document = document(Form::Dockerfile, text);
    let value = project(&document, &["stages[*].instructions[*]:comments", "stages[*]:comments", ":comments"]);
    assert_eq!(comments_of(&value["stages"][0]["instructions[*]:comments"][0]), [" above: make it", " below: within"]);
    assert_eq!(
        comments_of(&value["stages[*]:comments"][0]),
        [" above: build stage", "instructions.0 above: make it", "instructions.0 below: within"]
    );
    assert_eq!(comments_of(&value["stages[*]:comments"][1]), [" above: next"]);
    assert_eq!(comments_of(&value[":comments"]).last().unwrap(), " below: end");
    assert_eq!(written(&document, "/stages/0/instructions[*]:comments/0/comments/1/text"), "within");
}

#[test]
fn comments_of_hcl_belong_to_blocks_and_arguments() {
    let text = "// the bucket\nresource \"aws_s3_bucket\" \"logs\" { # opens\n  # name\n  bucket = \"a\" # why\n  tags = {\n    /* team */\n    Team = \"x\"\n  }\n  \
        versioning {\n    enabled = true // yes\n    # rest\n  }\n}\n# end\n";
    let document = document(Form::Terraform, text);
    let value = project(&document, &["resource.*.*:comments", ":comments"]);
    assert_eq!(
        comments_of(&value["resource"]["aws_s3_bucket"]["logs:comments"]),
        [
            " above: the bucket",
            " behind: opens",
            "attributes.bucket above: name",
            "attributes.bucket behind: why",
            "attributes.tags.Team above: team",
            "blocks.0.attributes.enabled behind: yes",
            "blocks.0 below: rest",
        ]
    );
    assert_eq!(comments_of(&value[":comments"]).len(), 8);
    assert_eq!(written(&document, "/resource/aws_s3_bucket/logs:comments/comments/4/text"), "team");
}

#[test]
fn comments_of_a_workload_are_those_of_its_parts() {
    let text = "apiVersion: apps/v1\nkind: Deployment # kind\nspec:\n  # the template\n  template:\n    # the pod\n    spec:\n      containers:\n      - name: a # a\n";
    let document = document(Form::Yaml(Scalars::Kubernetes), text);
    let reads: Vec<ReadPath> = ["object:comments", "pod:comments"].iter().map(|read| read.parse().unwrap()).collect();
    let shape = crate::workload::WorkloadKinds::default().shape(&document);
    let value: Json = serde_json::from_str(&Projection::new(&reads).apply(&document, &shape)).unwrap();
    assert_eq!(
        comments_of(&value["object:comments"]),
        [
            "kind behind: kind",
            "spec.template above: the template",
            "spec.template.spec above: the pod",
            "spec.template.spec.containers.0.name behind: a"
        ]
    );
    assert_eq!(comments_of(&value["pod:comments"]), ["spec above: the pod", "spec.containers.0.name behind: a"]);
    let resolved = shape.resolve(&Pointer::parse("/pod:comments/comments/1/text").unwrap()).unwrap();
    let span = follow(&document, &resolved).unwrap().place.unwrap().span;
    assert_eq!(&text[span.range()], "a");
    assert_eq!(ReadPath::to_string(&":comments".parse().unwrap()), ":comments");
}

#[test]
fn comments_of_other_formats_are_unread() {
    let json = document(Form::Json, r#"{"apiVersion": "v1", "kind": "X"}"#);
    assert_eq!(project(&json, &[":comments"])[":comments"], json!({"comments": []}));
}

const POD: &str = "apiVersion: v1\nkind: X\nc:\n";

#[test]
fn a_container_runs_its_command_and_arguments() {
    let text = format!(
        "{POD}- command: [/usr/bin/env, -i, server]\n  args:\n  - --port=$(PORT)\n  - \"$$(HOME)$$\"\n- args: [\"--leader-elect\", 8080]\n\
        - command: [sh, -c]\n  args: [\"exec app --url=$(URL)/$(date) '$(NAME)' \\\"$$HOME\\\"\"]\n- command: [sh, -c, $(SCRIPT)]\n- image: x\n\
        - command: [a, null]\n"
    );
    let document = document(Form::Yaml(Scalars::Kubernetes), &text);
    let value = project(&document, &["c[*].command:exec"]);
    let command = |at: usize| &value["c"][at]["command:exec"]["commands"][0];
    assert_eq!((&command(0)["name"], &command(0)["wrappers"]), (&json!("server"), &json!(["env"])));
    assert_eq!(value["c"][0]["command:exec"]["args"], 3);
    assert_eq!(command(0)["words"][3]["parts"], json!([{"text": "--port="}, {"reference": "PORT"}]));
    assert_eq!(command(0)["words"][4], json!({"text": "$(HOME)$"}));
    assert_eq!(value["c"][1]["command:exec"]["image"], true);
    assert_eq!(command(1)["words"], json!([{"text": "--leader-elect"}, {"text": "8080"}]));
    assert!(command(1).get("name").is_none());
    let script = &command(2)["scripts"][0]["commands"][0];
    assert_eq!(script["name"], "app");
    let parts = &script["words"][2]["parts"];
    assert_eq!(parts.as_array().unwrap()[..2], [json!({"text": "--url="}), json!({"reference": "URL"})]);
    assert_eq!(parts[3]["commands"][0]["name"], "date");
    assert_eq!(script["words"][3]["parts"], json!([{"reference": "NAME", "quoted": true}]));
    assert_eq!(script["words"][4]["parts"][0]["variable"], "HOME");
    assert_eq!(command(3)["scripts"][0]["unknown"], true);
    assert!(value["c"][4].get("command:exec").is_none());
    assert!(value["c"][5]["command:exec"]["unread"][0]["reason"].is_string());
    assert_eq!(written(&document, "/c/0/command:exec/commands/0/words/4"), "$$(HOME)$$");
    assert_eq!(written(&document, "/c/0/command:exec/commands/0/words/3/parts/1"), "$(PORT)");
    assert_eq!(written(&document, "/c/1/command:exec/commands/0/words/0"), "--leader-elect");
    assert_eq!(written(&document, "/c/2/command:exec/commands/0/scripts/0/commands/0/words/1"), "app");
    let led = follow(&document, &Pointer::parse("/c/1/command:exec/commands/0/words/0").unwrap()).unwrap();
    assert_eq!(led.path.to_string(), "/c/1/command");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever comments stand where, each is told once, with its place.
    #[test]
    fn every_comment_is_told(lines in prop::collection::vec("(  |    |)(- )?(a|b|c)?(: )?(x|\\[1, |\\]|\\{|\\}|'é'|\\|)?( ?# [a-c])?", 1..12)) {
        let text = format!("apiVersion: v1\nkind: X\nx:\n{}\n", lines.join("\n"));
        let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new("a.yaml", text.as_str()));
        if let Ok(documents) = unit.parse(&Limits::default()) {
            for document in &documents {
                let value = project(document, &[":comments", "x:comments", "x[*]:comments", "x.*:comments"]);
                let comments = value[":comments"]["comments"].as_array().unwrap();
                prop_assert_eq!(comments.len(), unit.comments(0, &Limits::default()).len());
                for (at, comment) in comments.iter().enumerate() {
                    let written = written(document, &format!("/:comments/comments/{at}"));
                    prop_assert!(written.starts_with('#'), "{}", written);
                    let pointer: Pointer = comment["path"].as_array().unwrap().iter().map(|step| step.as_str().unwrap().to_owned()).collect();
                    prop_assert!(document.at(&pointer).is_some());
                }
            }
        }
    }

    /// What a container runs has its words where they are written, and nothing panics.
    #[test]
    fn words_of_containers_are_exact(words in prop::collection::vec("([a-c]|\\$|\\(|\\)|[A-C]|é|'|\"| ){0,8}", 1..5), cut in 0..5_usize) {
        let cut = cut.min(words.len());
        let container = json!({"command": words[..cut], "args": words[cut..]});
        let text = json!({"apiVersion": "v1", "kind": "X", "c": container}).to_string();
        let document = document(Form::Json, &text);
        let value = project(&document, &["c.command:exec"]);
        let told = value["c"]["command:exec"]["commands"][0]["words"].as_array().unwrap();
        prop_assert_eq!(told.len(), words.len());
        for (at, word) in words.iter().enumerate() {
            prop_assert_eq!(told[at]["text"].as_str().unwrap().to_owned(), word.replace("$$", "$"));
            let written = written(&document, &format!("/c/command:exec/commands/0/words/{at}"));
            let read: String = serde_json::from_str(&format!("\"{written}\"")).unwrap();
            prop_assert_eq!(&read, word);
        }
    }
}

#[test]
fn what_make_reads_of_a_recipe_is_no_program() {
    let text = "image:\n\t@docker build .\n\t- +@ docker \\\n\t  push x\n\t@-\n\techo @x -y\n";
    let unit = Unit::new(Form::Plain(Format::Makefile), Source::new("Makefile", text));
    let document = unit.parse(&Limits::default()).unwrap().remove(0);
    let value = project(&document, &["rules[*].recipe", "rules[*].recipe[*]:shell"]);
    assert_eq!(value["rules"][0]["recipe"][0], "@docker build .");
    let lines = value["rules"][0]["recipe[*]:shell"].as_array().unwrap();
    let names: Vec<&Json> = lines.iter().map(|line| &line["commands"][0]["name"]).collect();
    assert_eq!(names, [&json!("docker"), &json!("docker"), &Json::Null, &json!("echo")]);
    for (path, word) in [
        ("0/commands/0/words/0", "docker"),
        ("0/commands/0/words/2", "."),
        ("1/commands/0/words/0", "docker"),
        ("1/commands/0/words/1", "push"),
        ("3/commands/0/words/1", "@x"),
    ] {
        assert_eq!(written(&document, &format!("/rules/0/recipe[*]:shell/{path}")), word, "{path}");
    }
}

#[test]
fn an_encoded_document_is_read_where_its_text_is_not_known() {
    let text =
        "resource \"p\" \"a\" {\n  policy = jsonencode({ Statement = [{ Action = \"s3:*\", Resource = x.arn }] })\n}\n";
    let text = format!(
        "{text}locals {{\n  q = jsonencode({{ Statement = [x.y] }})\n}}\nresource \"p\" \"b\" {{\n  policy = local.q\n}}\n"
    );
    let document =
        Unit::terraform(vec![Source::new("main.tf", &*text)]).remove(0).parse(&Limits::default()).unwrap().remove(0);
    let value = project(&document, &["resource.p.*.attributes.policy", "resource.p.*.attributes.policy:json"]);
    let tree = |name: &str| value["resource"]["p"][name]["attributes"]["policy:json"].clone();
    let statements = json!([{ "Action": "s3:*", "Resource": { "$unknown": "x.arn" } }]);
    assert_eq!(tree("a"), json!({ "value": { "Statement": statements } }));
    assert_eq!(tree("b"), json!({ "value": { "Statement": [{ "$unknown": "x.y" }] } }));
    let at = |path: &str| written(&document, &format!("/resource/p/{path}"));
    assert_eq!(at("a/attributes/policy:json/value/Statement/0/Action"), "\"s3:*\"");
    assert_eq!(at("a/attributes/policy:json/value/Statement/0/Condition"), "Action");
    assert_eq!(at("b/attributes/policy:json/value/Statement/0"), "local.q");
}
