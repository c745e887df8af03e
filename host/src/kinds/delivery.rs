//! Kinds of files that build and deliver: images, pipelines, charts, and what keeps dependencies up to date.

use super::{Kind, Paths, content};
use crate::document::Format;

/// Endings of sources, texts and templates that are called after Dockerfiles.
const NO_DOCKERFILES: &[&str] = &[
    "**/*.{c,cc,cpp,cs,css,go,h,html,java,js,jsx,kt,lua,mjs,nix,php,pl,ps1,py,rb,rs,scala,scss,swift,ts,tsx,vue}",
    "**/*.{adoc,bash,bats,bzl,cfg,conf,dockerignore,ini,ipynb,json,json5,lock,log,md,mdx,pdf,png,rst,sh,svg,toml,txt,xml,\
     yaml,yml,zsh}",
    "**/*.{bak,diff,orig,patch,rej,sha256,sig,swp,tmp}",
    "**/*.{ejs,erb,gotmpl,hbs,in,j2,jinja,jinja2,m4,mustache,njk,template,tera,tmpl,tpl}",
];

const ACTION_MODEL: &str = "The file as it is written: a mapping with `name`, `inputs`, `outputs` and `runs`.";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "Dockerfile",
        title: "How an image is built, by Docker or by whoever reads the same language.",
        paths: Paths {
            globs: &[
                "**/{Dockerfile,Containerfile}",
                "**/{Dockerfile,Containerfile}[-_.]*",
                "**/*.{Dockerfile,Containerfile}",
            ],
            in_chart: false,
            except: NO_DOCKERFILES,
        },
        content: None,
        format: Format::Dockerfile,
        like_kubernetes: false,
        tags: &["dockerfile"],
        model: "`{path, directives, args, stages}`. Each of `stages` has `index`, `name`, `image`, `resolved`, `stage`, \
                `final`, `feeds_final`, `args` and `instructions`; an instruction has `instruction`, `source`, `flags`, \
                `form`, `exec` or `command`, and `heredocs`. `host/src/parse/dockerfile/mod.rs` says it all.",
    },
    Kind {
        name: "GitHubWorkflow",
        title: "A workflow of GitHub Actions.",
        paths: Paths::of(&["**/.github/workflows/*.{yml,yaml}"]),
        content: Some(content::WORKFLOW),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `on`, `permissions`, `env` and `jobs`. `on` is a key, not `true`.",
    },
    Kind {
        name: "GitHubAction",
        title: "An action of GitHub Actions.",
        paths: Paths::of(&["**/action.{yml,yaml}"]),
        content: Some(content::ACTION),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: ACTION_MODEL,
    },
    Kind {
        name: "GitLabPipeline",
        title: "A pipeline of GitLab.",
        paths: Paths::of(&["**/.gitlab-ci.{yml,yaml}", "**/*.gitlab-ci.{yml,yaml}", "**/.gitlab/ci/**/*.{yml,yaml}"]),
        content: None,
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping of keywords (`stages`, `variables`, `include`, `default`, `workflow`) \
                and jobs. `!reference [job, key]` is the list `[job, key]`.",
    },
    Kind {
        name: "Buildspec",
        title: "What AWS CodeBuild runs.",
        paths: Paths::of(&["**/buildspec*.{yml,yaml}"]),
        content: Some(content::BUILDSPEC),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `version`, `env`, `phases` and `artifacts`.",
    },
    Kind {
        name: "Compose",
        title: "An application of Docker Compose.",
        paths: Paths::of(&["**/docker-compose*.{yml,yaml}", "**/compose.{yml,yaml}", "**/compose[-.]*.{yml,yaml}"]),
        content: Some(content::COMPOSE),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `services`, `networks`, `volumes` and `secrets`. Merge keys are \
                merged; `extends`, `include` and variables are not followed.",
    },
    Kind {
        name: "HelmChart",
        title: "The metadata of a Helm chart.",
        paths: Paths::of(&["**/Chart.yaml"]),
        content: None,
        format: Format::Yaml,
        like_kubernetes: true,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `apiVersion`, `name`, `version`, `appVersion` and `dependencies`.",
    },
    Kind {
        name: "HelmValues",
        title: "Values of a Helm chart: those that it has by itself, and those that lie beside it.",
        paths: Paths::in_chart(&["values*.{yaml,yml}", "ci/*values.{yaml,yml}"]),
        content: None,
        format: Format::Yaml,
        like_kubernetes: true,
        tags: &["yaml"],
        model: "The file as it is written.",
    },
    Kind {
        name: "HelmValuesSchema",
        title: "The schema of a Helm chart's values.",
        paths: Paths::in_chart(&["values.schema.json"]),
        content: None,
        format: Format::Json,
        like_kubernetes: false,
        tags: &["json"],
        model: "The file as it is written: a JSON Schema.",
    },
    Kind {
        name: "HelmTemplate",
        title: "A template of a Helm chart, as text. To check what it renders, pipe that in or use `--render`.",
        paths: Paths::in_chart(&["templates/**"]),
        content: None,
        format: Format::Text,
        like_kubernetes: false,
        tags: &["yaml", "text"],
        model: "`{path, lines}`: the lines without their line breaks, actions of the template included.",
    },
    Kind {
        name: "Skaffold",
        title: "How Skaffold builds and deploys.",
        paths: Paths::of(&["**/skaffold*.{yml,yaml}"]),
        content: Some(content::SKAFFOLD),
        format: Format::Yaml,
        like_kubernetes: true,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `apiVersion`, `build`, `manifests`, `deploy` and `profiles`.",
    },
    Kind {
        name: "Dependabot",
        title: "Which dependencies GitHub's Dependabot keeps up to date.",
        paths: Paths::of(&["**/.github/dependabot.{yml,yaml}"]),
        content: Some(content::DEPENDABOT),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `version` and `updates`.",
    },
    Kind {
        name: "Renovate",
        title: "Which dependencies Renovate keeps up to date.",
        paths: Paths::of(&[
            "**/renovate.{json,json5,jsonc}",
            "**/.{github,gitlab}/renovate.{json,json5,jsonc}",
            "**/.renovaterc",
            "**/.renovaterc.{json,json5,jsonc}",
        ]),
        content: None,
        format: Format::Json5,
        like_kubernetes: false,
        tags: &["json", "json5"],
        model: "The file as it is written, JSON with comments or JSON5: a mapping with `extends`, `packageRules` and others.",
    },
];
