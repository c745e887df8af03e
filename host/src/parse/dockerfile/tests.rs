use super::parse;
use crate::document::{Node, Value};
use crate::parse::Limits;
use proptest::prelude::*;
use serde_json::json;

fn root(text: &str) -> Node {
    match parse(text, "Dockerfile", &Limits::default()) {
        Ok(root) => root,
        Err(error) => panic!("{error} at {} of {text:?}", error.at),
    }
}

fn value(text: &str) -> serde_json::Value {
    root(text).to_value()
}

/// The first instruction behind a `FROM`.
fn first(text: &str) -> serde_json::Value {
    value(&format!("FROM scratch\n{text}"))["stages"][0]["instructions"][0].clone()
}

fn fails(text: &str) -> (usize, String) {
    match parse(text, "Dockerfile", &Limits::default()) {
        Ok(_) => panic!("{text:?} is accepted"),
        Err(error) => (error.at, error.message),
    }
}

/// Every span lies in the text, on character boundaries, and every string that claims to be a
/// slice of the file (`source`) is one.
fn check_spans(node: &Node, text: &str) {
    assert!(text.get(node.span.range()).is_some(), "{:?} of {text:?}", node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| check_spans(item, text)),
        Value::Object(entries) => {
            for entry in entries {
                assert!(text.get(entry.key_span.range()).is_some(), "{:?} of {text:?}", entry.key_span);
                if &*entry.key == "source" {
                    assert_eq!(entry.value.as_str(), text.get(entry.value.span.range()));
                }
                check_spans(&entry.value, text);
            }
        }
        _ => {}
    }
}

fn slice<'a>(text: &'a str, node: Option<&Node>) -> &'a str {
    &text[node.expect("the node is there").span.range()]
}

#[test]
fn a_whole_file() {
    let text = "# syntax=docker/dockerfile:1\n\nARG V=1.80\nFROM --platform=$BUILDPLATFORM rust:${V} AS Builder\nARG V\nENV A=\"x $V\"\nRUN --mount=type=cache,target=/c \\\n    # why\n    make\n\nFROM scratch\nCOPY --from=builder /a /b\nCMD [\"/b\"]\n";
    assert_eq!(
        value(text),
        json!({
            "path": "Dockerfile",
            "directives": { "syntax": "docker/dockerfile:1", "escape": "\\" },
            "args": [{ "name": "V", "default": "1.80" }],
            "stages": [
                {
                    "index": 0, "name": "builder", "image": "rust:${V}", "resolved": "rust:1.80",
                    "platform": "$BUILDPLATFORM", "final": false, "feeds_final": true,
                    "args": { "V": "1.80", "A": "x 1.80" },
                    "instructions": [
                        { "instruction": "ARG", "source": "ARG V", "command": "V", "pairs": [{ "name": "V" }] },
                        { "instruction": "ENV", "source": "ENV A=\"x $V\"", "command": "A=\"x $V\"",
                          "pairs": [{ "name": "A", "value": "x $V" }] },
                        { "instruction": "RUN",
                          "source": "RUN --mount=type=cache,target=/c \\\n    # why\n    make",
                          "flags": { "mount": ["type=cache,target=/c"] }, "form": "shell", "command": "make" },
                    ],
                },
                {
                    "index": 1, "image": "scratch", "resolved": "scratch", "final": true, "feeds_final": true,
                    "args": {},
                    "instructions": [
                        { "instruction": "COPY", "source": "COPY --from=builder /a /b",
                          "flags": { "from": ["builder"] }, "form": "shell", "command": "/a /b",
                          "sources": ["/a"], "destination": "/b" },
                        { "instruction": "CMD", "source": "CMD [\"/b\"]", "form": "exec", "exec": ["/b"],
                          "command": "[\"/b\"]" },
                    ],
                },
            ],
        })
    );
    check_spans(&root(text), text);
}

#[test]
fn values_carry_the_span_of_their_text() {
    let text = "FROM --platform=linux/amd64 alpine:3 AS a\nHEALTHCHECK --interval=30s CMD [\"curl\", \"-f\"]\nRUN a \\\n && b\nFROM a\n";
    let root = root(text);
    let stage = root.path(&["stages"]).and_then(|stages| stages.item(0)).expect("a stage");
    assert_eq!(slice(text, Some(stage)), &text[..text.len() - "FROM a\n".len()]);
    assert_eq!(slice(text, stage.get("image")), "alpine:3");
    assert_eq!(slice(text, stage.get("name")), "a");
    assert_eq!(slice(text, stage.get("platform")), "linux/amd64");
    let health = stage.get("instructions").and_then(|list| list.item(0)).expect("an instruction");
    assert_eq!(slice(text, health.path(&["flags", "interval"]).and_then(|list| list.item(0))), "30s");
    assert_eq!(slice(text, health.get("exec").and_then(|list| list.item(1))), "-f");
    assert_eq!(slice(text, health.get("command")), "[\"curl\", \"-f\"]");
    let run = stage.get("instructions").and_then(|list| list.item(1)).expect("an instruction");
    assert_eq!(run.get("command").and_then(Node::as_str), Some("a  && b"));
    assert_eq!(slice(text, run.get("command")), "a \\\n && b");
    assert_eq!(slice(text, run.get("source")), "RUN a \\\n && b");
    assert_eq!(slice(text, run.get("instruction")), "RUN");
}

#[test]
fn directives_stand_before_anything_else() {
    assert_eq!(value("#escape = `\n# Check=skip=all\nFROM a`\nb\n")["stages"][0]["image"], "ab");
    assert_eq!(value("# Check=skip=all\nFROM a")["directives"], json!({ "check": "skip=all", "escape": "\\" }));
    assert_eq!(value("# hello\n# escape=`\nFROM a")["directives"], json!({ "escape": "\\" }));
    assert_eq!(value("\n# escape=`\nFROM a")["directives"], json!({ "escape": "\\" }));
    assert_eq!(value("\u{feff}# escape=`\r\nFROM a\r\n")["directives"], json!({ "escape": "`" }));
    assert_eq!(fails("# escape=x\nFROM a").0, 9);
    assert!(fails("# syntax=a\n# syntax=b\nFROM a").1.contains("twice"));
}

#[test]
fn continuations_join_as_in_buildkit() {
    let command = |text: &str| first(text)["command"].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!(command("RUN a \\\n\n  # no\n\t# no\n b"), "a  b");
    assert_eq!(command("RUN a\\  \n  b"), "a  b");
    assert_eq!(command("RUN a\\\\\nRUN b"), "a\\\\");
    assert_eq!(command("RUN a \\\r\n b\r\n"), "a  b");
    assert_eq!(command("run a \\"), "a");
    assert_eq!(command("\\\nRUN a"), "a");
    assert_eq!(first("RUN a \\\n\n# c\n")["source"], "RUN a \\");
    assert_eq!(command("  RUN # not a comment"), "# not a comment");
}

#[test]
fn exec_form_is_a_whole_json_array_of_strings() {
    let form = |text: &str| first(text)["form"].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!(first("CMD [\"a\\u00e9\\n\", \"\\ud83d\\ude00\"]")["exec"], json!(["aé\n", "😀"]));
    assert_eq!(first("CMD [\"\\ud800\"]")["exec"], json!(["\u{fffd}"]));
    assert_eq!(first("CMD []")["exec"], json!([]));
    for shell in ["RUN [ -f x ] && y", "RUN ['a']", "RUN [\"a\"", "RUN [\"a\"] x", "RUN [\"a\",]", "RUN [\"\\x\"]"] {
        assert_eq!(form(shell), "shell", "{shell}");
    }
    assert_eq!(form("RUN [\"a\", \\\n \"b\"]"), "exec");
    assert!(fails("FROM a\nRUN [\"a\", 1]").1.contains("only strings"));
    assert_eq!(fails("FROM a\nRUN [[\"a\"]]").0, 11);
    assert!(fails("FROM a\nSHELL bash").1.contains("SHELL"));
}

#[test]
fn heredocs() {
    assert_eq!(
        first("RUN <<EOF\n# kept\necho $A\nEOF\nRUN x")["heredocs"],
        json!([{ "name": "EOF", "content": "# kept\necho $A\n", "expand": true }])
    );
    assert_eq!(first("RUN <<EOF\na\nEOF\nRUN x")["source"], "RUN <<EOF\na\nEOF");
    assert_eq!(
        first("COPY <<-'A' <<B x /dest/\n\tone\n\tA\n\ttwo\nB\n"),
        json!({
            "instruction": "COPY", "source": "COPY <<-'A' <<B x /dest/\n\tone\n\tA\n\ttwo\nB", "form": "shell",
            "command": "<<-'A' <<B x /dest/",
            "heredocs": [
                { "name": "A", "content": "one\n", "expand": false },
                { "name": "B", "content": "\ttwo\n", "expand": true },
            ],
            "sources": ["x"], "destination": "/dest/",
        })
    );
    assert_eq!(
        first("RUN 3<<  eo'f' cat\neof")["heredocs"][0],
        json!({ "name": "eof", "content": "", "expand": false })
    );
    assert_eq!(first("RUN <<eo\\'f\neo'f")["heredocs"][0]["name"], "eo'f");
    assert_eq!(first("RUN <<$EOF\n$EOF")["heredocs"][0]["name"], "$EOF");
    for none in ["RUN echo $(( 4 << 1 )) > /n", "RUN a << B\nRUN c <<- D", "RUN a <<", "RUN $((1<<2))", "RUN \"1<<2\""]
    {
        assert_eq!(first(none)["heredocs"], json!(null), "{none}");
    }
    for none in ["RUN \"<<A\"", "RUN cat<<A", "RUN a <<<A", "RUN echo 'x <<A", "RUN [\"<<A\"]", "USER <<A"] {
        assert_eq!(first(none)["heredocs"], json!(null), "{none}");
    }
    assert_eq!(first("ONBUILD RUN <<A\nx\nA")["trigger"]["heredocs"][0]["content"], "x\n");
    assert_eq!(first("ONBUILD RUN <<A\nx\nA")["source"], "ONBUILD RUN <<A\nx\nA");
    assert_eq!(fails("FROM a\nRUN <<A\nx").0, 7);
    assert!(fails("FROM a\nCOPY x <<A\nA").1.contains("destination"));
}

#[test]
fn pairs() {
    let pairs = |text: &str| first(text)["pairs"].clone();
    assert_eq!(pairs("ENV a b  c"), json!([{ "name": "a", "value": "b  c" }]));
    assert_eq!(
        pairs("ENV a=\"b c\" d=e\\ f g='$h' i=${j:-k}"),
        json!([
            { "name": "a", "value": "b c" }, { "name": "d", "value": "e f" },
            { "name": "g", "value": "$h" }, { "name": "i", "value": "${j:-k}" },
        ])
    );
    assert_eq!(
        pairs("LABEL \"a b\"=c \\\n d="),
        json!([{ "name": "a b", "value": "c" }, { "name": "d", "value": "" }])
    );
    assert_eq!(pairs("ARG a b=c"), json!([{ "name": "a" }, { "name": "b", "value": "c" }]));
    assert!(fails("FROM a\nENV a").1.contains("a name and a value"));
    assert!(fails("FROM a\nENV a=b c").1.contains('c'));
    assert!(fails("FROM a\nARG =b").1.contains("name"));
    assert!(fails("FROM a\nENV a=\"b").1.contains("quote"));
}

#[test]
fn flags_onbuild_and_healthcheck() {
    assert_eq!(
        first("RUN --mount=type=secret,id=a --mount=\"type=tmpfs\" --network=none --x -- ls")["flags"],
        json!({ "mount": ["type=secret,id=a", "type=tmpfs"], "network": ["none"], "x": [""] })
    );
    assert_eq!(first("RUN --x ls")["command"], "ls");
    assert_eq!(
        first("ONBUILD COPY --chown=1 a b")["trigger"],
        json!({
            "instruction": "COPY", "source": "COPY --chown=1 a b", "flags": { "chown": ["1"] },
            "form": "shell", "command": "a b", "sources": ["a"], "destination": "b",
        })
    );
    assert_eq!(
        first("HEALTHCHECK --retries=3 cmd curl x"),
        json!({
            "instruction": "HEALTHCHECK", "source": "HEALTHCHECK --retries=3 cmd curl x",
            "flags": { "retries": ["3"] }, "form": "shell", "command": "curl x", "kind": "CMD",
        })
    );
    assert_eq!(
        first("HEALTHCHECK NONE"),
        json!({ "instruction": "HEALTHCHECK", "source": "HEALTHCHECK NONE", "kind": "NONE" })
    );
    assert_eq!(first("COPY [\"a b\", \"c\"]")["sources"], json!(["a b"]));
    for bad in [
        "HEALTHCHECK",
        "HEALTHCHECK CMD",
        "HEALTHCHECK NONE x",
        "HEALTHCHECK CMD []",
        "HEALTHCHECK x",
        "COPY a",
        "ONBUILD",
        "ONBUILD ONBUILD RUN x",
        "ONBUILD FROM x",
        "USER",
        "VOLUME []",
        "FROM a b",
        "FROM a AS 1",
        "FROM",
    ] {
        assert!(fails(&format!("FROM a\n{bad}")).0 >= 7, "{bad}");
    }
}

#[test]
fn errors_point_at_the_instruction() {
    assert_eq!(fails("FROM a\n  FOO b"), (9, "unknown instruction `FOO`".to_owned()));
    assert_eq!(fails("RUN x\nFROM a"), (0, "RUN comes before the first FROM".to_owned()));
    assert_eq!(fails("# only\n"), (7, "there is no FROM".to_owned()));
    assert_eq!(fails("").1, "there is no FROM");
    assert_eq!(fails("FROM a\n\\\n").1, "a line continuation continues nothing");
}

#[test]
fn stages_and_variables() {
    let text = "ARG A=1\nARG B\nARG C=${A}2\nFROM a:$A AS one\nARG A\nARG B\nENV P=/x:$PATH Q=$A\nENV R=$Q\nARG Q=no\nFROM one AS two\nARG C\nFROM b:$B AS three\nRUN --mount=type=bind,from=two,target=/x ls\nFROM x:${B:-y}\nCOPY --from=2 a b\nCOPY --from=nginx a b\n";
    let stages = value(text)["stages"].clone();
    assert_eq!(stages[0]["resolved"], "a:1");
    assert_eq!(stages[0]["args"], json!({ "A": "1", "B": null, "P": null, "Q": "1", "R": "1" }));
    assert_eq!(stages[1]["stage"], 0);
    assert_eq!(stages[1]["args"], json!({ "P": null, "Q": "1", "R": "1", "C": "12" }));
    assert_eq!(stages[2].get("resolved"), None);
    assert_eq!(stages[3]["resolved"], "x:y");
    let feeds: Vec<_> = (0..4).map(|index| stages[index]["feeds_final"].clone()).collect();
    assert_eq!(feeds, [true, true, true, true]);
    let unused = value("FROM a AS x\nFROM b\nCOPY --from=1 a b\nRUN --mount=from=0 ls");
    assert_eq!(unused["stages"][0]["feeds_final"], false);
}

fn limited(text: &str, limits: &Limits) -> String {
    parse(text, "Dockerfile", limits).err().map(|error| error.message).unwrap_or_default()
}

#[test]
fn bounds() {
    let limits = Limits { bytes: 4096, depth: 8, nodes: 100, ..Limits::default() };
    assert!(limited(&"#".repeat(5000), &limits).contains("limit `bytes`"));
    assert!(limited(&format!("FROM a\n{}", "USER a\n".repeat(50)), &limits).contains("limit `nodes`"));
    assert!(limited(&format!("FROM a{}", "${b:-".repeat(50)), &limits).contains("limit `depth`"));
    let doubling: String = (1..30).map(|n| format!("ARG A{n}=$A{m}$A{m}\n", m = n - 1)).collect();
    assert!(
        limited(&format!("ARG A0=xx\n{doubling}FROM a"), &Limits { nodes: 1000, ..limits }).contains("limit `bytes`")
    );
}

/// Each of these must be done in about linear time; the test would not end otherwise.
#[test]
fn hostile_sizes() {
    let n = 1 << 20;
    let limits = Limits::default();
    for text in [
        format!("FROM a\nRUN {}", "[".repeat(n)),
        format!("FROM a\nRUN {}", "\\\n".repeat(n)),
        format!("FROM a\nRUN {}", "x \\\n#\n".repeat(n / 4)),
        format!("FROM a\nRUN {}", "<<".repeat(n)),
        format!("FROM a\nRUN {}", "<<a ".repeat(n / 4)),
        format!("FROM a\nRUN {}", "<< a ".repeat(n / 4)),
        format!("FROM a\n{}", "RUN << a\n".repeat(n / 16)),
        format!("FROM a\nRUN {}", "${a:-".repeat(n / 4)),
        format!("FROM a\nRUN << {}", "\"${a:-".repeat(n / 4)),
        format!("FROM a\nRUN {}x", "--a=b ".repeat(n / 4)),
        format!("FROM a\nENV {}", "a=b ".repeat(n / 4)),
        format!("FROM a\nENV {}", "\\".repeat(n)),
        format!("FROM a\nARG {}", "a ".repeat(n / 2)),
        format!("FROM a\nCMD [{}", "\"a\",".repeat(n / 4)),
        "FROM a AS b\n".repeat(n / 16),
        "FROM b AS b\nENV a=b\n".repeat(n / 32),
        format!("FROM a\n{}", "ONBUILD ".repeat(n / 8)),
        "\r".repeat(n),
        "#\n".repeat(n),
    ] {
        let _ = parse(&text, "Dockerfile", &limits);
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        if let Ok(root) = parse(&text, "Dockerfile", &Limits::default()) {
            check_spans(&root, &text);
        }
    }

    #[test]
    fn arbitrary_dockerfiles_have_sound_spans(
        lines in proptest::collection::vec(
            "(RUN|COPY|ADD|ENV|ARG|LABEL|CMD|HEALTHCHECK CMD|ONBUILD RUN|VOLUME|FROM|USER|#|)[ \t]{0,2}(--a=[é'\"b]{0,3} )?([a-zé$\\{}:\"'\\[\\]<=, -]{0,3}|<<A|<<-'A'|AS |\\$\\{a:-b\\}|\\\\\\\\){0,6}(\\\\)?\r?",
            0..8,
        ),
        end in "(\nA\n?)?",
    ) {
        let text = format!("FROM a\n{}{end}", lines.join("\n"));
        if let Ok(root) = parse(&text, "Dockerfile", &Limits::default()) {
            check_spans(&root, &text);
        }
    }

    #[test]
    fn every_instruction_alone_has_sound_spans(
        body in "(RUN|COPY|ADD|ENV|LABEL|ARG|CMD|HEALTHCHECK CMD|ONBUILD COPY|VOLUME|USER) (--a=[é'\"b]{0,3} )?([a-zé=]{1,4}|\"é \"|\\\\\n ?|\\[\"a\", \"é\"\\]| |\\$é){1,8}",
    ) {
        let text = format!("\u{feff}FROM é\n{body}");
        if let Ok(root) = parse(&text, "Dockerfile", &Limits::default()) {
            check_spans(&root, &text);
        }
    }
}

#[test]
fn what_runs_a_shell_form_is_named_where_something_says_it() {
    let shells = |text: &str| -> Vec<String> {
        let stages = value(text)["stages"].as_array().unwrap().clone();
        let all = stages.iter().flat_map(|stage| stage["instructions"].as_array().unwrap().clone());
        all.map(|instruction| {
            let found = if instruction["trigger"].is_null() { instruction } else { instruction["trigger"].clone() };
            found["shell"].as_str().unwrap_or("-").to_owned()
        })
        .collect()
    };
    assert_eq!(shells("FROM a\nRUN x\nSHELL [\"/bin/bash\", \"-c\"]\nRUN x\nCMD [\"x\"]\n"), ["-", "-", "bash", "-"]);
    let powershell = "FROM mcr.microsoft.com/windows/servercore:ltsc2022 AS b\nRUN x\n\
                      SHELL [\"C:\\\\ps\\\\PowerShell.exe\", \"-Command\"]\nRUN x\nONBUILD RUN x\nCOPY a b\nFROM b\nHEALTHCHECK CMD x\n";
    assert_eq!(shells(powershell), ["cmd", "-", "powershell", "powershell", "-", "powershell"]);
    assert_eq!(shells("# escape=`\nFROM a\nRUN x\n"), ["cmd"]);
    assert_eq!(shells("FROM golang:1.25-nanoserver\nRUN x\nFROM golang:1.25\nRUN x\n"), ["cmd", "-"]);
}
