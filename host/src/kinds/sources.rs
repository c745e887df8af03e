//! Kinds of files that programs are made of, and the repository as a whole.

use super::{Kind, Paths, content};
use crate::document::Format;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "OpenAPI",
        title: "A description of an HTTP API.",
        paths: Paths::ANY,
        content: Some(content::OPEN_API),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["json", "yaml"],
        model: "The file as it is written: a mapping with `openapi` or `swagger`, `info`, `paths` and `components`. \
                References are not followed.",
    },
    Kind {
        name: "Protobuf",
        title: "A file of Protocol Buffers.",
        paths: Paths::of(&["**/*.proto"]),
        content: None,
        format: Format::Proto,
        like_kubernetes: false,
        tags: &["proto"],
        model: "`{path, syntax, package, imports, messages, enums, services}`. A message has `name`, `fields` (`name`, \
                `number`, `type`, `repeated`, `optional`), `messages` and `enums`; an enum has `name` and `values` (`name`, \
                `number`); a service has `name` and `methods` (`name`, `input`, `output`, `client_streaming`, \
                `server_streaming`). Types are written as the file writes them. Imports are texts; \
                the relation `called` leads to the files of the repository whose path ends so. `syntax` is `proto2` where it is not said.",
    },
    Kind {
        name: "CargoPackage",
        title: "The manifest of a Rust package or workspace.",
        paths: Paths::of(&["**/Cargo.toml"]),
        content: None,
        format: Format::Toml,
        like_kubernetes: false,
        tags: &["toml"],
        model: "The file as it is written, TOML: dates and times are their texts.",
    },
    Kind {
        name: "PythonProject",
        title: "The project file of a Python package.",
        paths: Paths::of(&["**/pyproject.toml"]),
        content: None,
        format: Format::Toml,
        like_kubernetes: false,
        tags: &["toml"],
        model: "The file as it is written, TOML: dates and times are their texts.",
    },
    Kind {
        name: "NpmPackage",
        title: "The manifest of a package of npm.",
        paths: Paths::of(&["**/package.json"]),
        content: None,
        format: Format::Json,
        like_kubernetes: false,
        tags: &["json"],
        model: "The file as it is written: a mapping with `name`, `scripts`, `engines`, `dependencies` and others.",
    },
    Kind {
        name: "GoModule",
        title: "The module file of Go.",
        paths: Paths::of(&["**/go.mod"]),
        content: None,
        format: Format::GoMod,
        like_kubernetes: false,
        tags: &["go-mod"],
        model: "`{path, module, go, toolchain, require, replace, exclude, retract, tool, godebug}`. `require` has `path`, \
                `version` and `indirect`; `replace` has `path`, `version` where it is given, `with` and `with_version`; \
                `exclude` has `path` and `version`; `retract` has `low` and `high`; `tool` are paths; `godebug` is a mapping. \
                What is not written is absent, lists are empty.",
    },
    Kind {
        name: "Dotenv",
        title: "Variables of an environment.",
        paths: Paths {
            globs: &["**/.env", "**/.env[-_.]*", "**/*.env"],
            in_chart: false,
            except: &["**/*.{d.ts,j2,js,json,md,mjs,py,sh,tmpl,tpl,ts,yaml,yml}"],
        },
        content: None,
        format: Format::Dotenv,
        like_kubernetes: false,
        tags: &["dotenv"],
        model: "`{path, entries}`: a list of `{name, value}` in the order of the file, quotes removed and escapes of double \
                quotes decoded. Variables in values are not replaced.",
    },
    Kind {
        name: "Properties",
        title: "A file of Java properties.",
        paths: Paths::of(&["**/*.properties"]),
        content: None,
        format: Format::Properties,
        like_kubernetes: false,
        tags: &["java-properties"],
        model: "`{path, entries}`: a list of `{name, value}` in the order of the file, escapes decoded and lines joined.",
    },
    Kind {
        name: "Makefile",
        title: "What make builds.",
        paths: Paths {
            globs: &["**/{Makefile,GNUmakefile}", "**/{Makefile,GNUmakefile}[-_.]*", "**/*.mk"],
            in_chart: false,
            except: &["**/*.{am,in,md,py,sh,txt,j2,tmpl,tpl}"],
        },
        content: None,
        format: Format::Makefile,
        like_kubernetes: false,
        tags: &["makefile"],
        model: "`{path, variables, rules}`. `variables` are `{name, operator, value}` at the top level; `rules` are \
                `{targets, prerequisites, recipe}`, with the lines of the recipe joined where they go on and without the tab \
                in front. Variables are not replaced, conditionals not decided: what stands in either branch is there.",
    },
    Kind {
        name: "ShellScript",
        title: "A script of the shell, as text.",
        paths: Paths::of(&["**/*.{sh,bash}"]),
        content: None,
        format: Format::Text,
        like_kubernetes: false,
        tags: &["shell"],
        model: "`{path, lines}`: the lines without their line breaks.",
    },
    Kind {
        name: "SqlMigration",
        title: "A migration of a database's schema.",
        paths: Paths::of(&[
            "**/{migrations,migration,migrate,changelog}/**/*.sql",
            "**/{V,U}[0-9]*__*.sql",
            "**/R__*.sql",
            "**/*.{up,down}.sql",
        ]),
        content: None,
        format: Format::Sql,
        like_kubernetes: false,
        tags: &["sql"],
        model: "`{path, statements}`: each has `text`, without the semicolon, and `words`, its tokens without space and \
                comments. Words that are not quoted are in upper case, all others are as they are written.",
    },
    Kind {
        name: "Repository",
        title: "Which files are there, without what they hold.",
        paths: Paths::ANY,
        content: None,
        format: Format::Listing,
        like_kubernetes: false,
        tags: &["file"],
        model: "`{path, files}`: a list of `{path, bytes}` in the order of the paths, which are relative to the directory \
                that is judged. What `.gitignore` names and what lies in `.git` is left out. A finding at one of `files` is \
                shown at that file.",
    },
];
