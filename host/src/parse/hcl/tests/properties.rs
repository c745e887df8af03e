//! Whatever is written: nothing panics, and places are in the text.

use super::{check_spans, module, sources};
use crate::document::Source;
use crate::parse::Limits;
use crate::parse::hcl::{Group, comments, group, parse_module, parse_variables};
use proptest::prelude::*;

const TOKENS: &str = "(\"|\\$\\{|%\\{|\\}|\\{|\\[|\\]|\\(|\\)|<<A\n|<<-A\n|\n *A\n|A|a|é|=|==|=>|,|\n|\r\n| |#|//|/\\*|\\*/|\\$\\$\\{|%%\\{|\\\\|~|~\\}|if a|else|endif|for a in a|endfor|\\?|:|\\.|\\.\\.\\.|\\*|1|1e5|!|-|\\+|/|<|a = 1\n|a\u{300}|\\{b=1,c=2\\}|\"\\$\\{a\\}\"|%\\{if a\\}|%\\{endif\\}|var\\.a|local\\.b|length\\(|\\[for x in |concat\\(|format\\(\"%s\", )";

/// A module as people write them, to be mutated.
const REAL: &str = "terraform {\n  required_version = \">= 1.5\"\n  backend \"s3\" {\n    bucket = \"state\"\n  }\n}\n\nvariable \"tags\" {\n  type    = map(string)\n  default = { team = \"a\" } # one\n}\n\nlocals {\n  name = \"${var.prefix}-app\"\n  all  = merge(var.tags, { for k, v in local.more : k => upper(v) if v != \"\" })\n  more = { x = \"1\" }\n  user = <<-EOT\n    #!/bin/sh\n    echo ${local.name} %{ if true }yes%{ else }no%{ endif }\n  EOT\n}\n\nresource \"aws_instance\" \"web\" {\n  count         = var.on ? 1 : 0\n  ami           = data.aws_ami.a.id\n  user_data     = local.user\n  tags          = local.all\n  /* block */\n  dynamic \"ebs\" {\n    for_each = [for s in [1, 2] : s * 10]\n    content {\n      size = ebs.value\n    }\n  }\n}\n";

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let files = sources(&[("main.tf", &text)]);
        if let Ok(node) = parse_module("d", &files, &Limits::default()) {
            check_spans(&node, &files);
        }
    }

    #[test]
    fn arbitrary_modules_have_sound_spans(
        tokens in proptest::collection::vec(TOKENS, 0..24),
        tfvars in "([a-z]{1,3} = (1|\"é\"|var\\.a|\\[\\{a=1\\}\\])\n){0,3}",
    ) {
        let text = format!("b \"é\" {{\n x = {}\n}}\nvariable a {{\n default = [1]\n}}\nlocals {{\n b = {{ k = \"v\" }}\n}}\n", tokens.concat());
        let files = sources(&[("main.tf", &text), ("terraform.tfvars", &tfvars)]);
        match parse_module("d", &files, &Limits::default()) {
            Ok(node) => check_spans(&node, &files),
            Err(error) => prop_assert!(files[usize::from(error.file)].text.is_char_boundary(error.at)),
        }
        for comment in comments(&files[0], &Limits::default()) {
            prop_assert!(files[0].text.get(comment).is_some_and(|text| text.starts_with(['#', '/'])));
        }
    }

    #[test]
    fn a_mutated_module_is_read_or_refused(cut in 0usize..REAL.len(), length in 0usize..40, put in TOKENS) {
        prop_assert!(module(&[("main.tf", REAL)]).is_ok());
        let mut text = REAL.to_owned();
        text.replace_range(cut..(cut + length).min(REAL.len()), &put);
        let files = sources(&[("main.tf", &text)]);
        match parse_module("d", &files, &Limits::default()) {
            Ok(node) => check_spans(&node, &files),
            Err(error) => prop_assert!(text.is_char_boundary(error.at)),
        }
    }

    #[test]
    fn arbitrary_json_has_sound_spans(text in "(\\{|\\}|\\[|\\]|,|:|\"resource\"|\"t\"|\"//\"|\"\\$\\{a\"|\"\\$\\{1\\}\"|\"terraform\"|\"backend\"|1|-1|null|true| ){0,30}") {
        let files = [Source::new("d/main.tf.json", text.as_str()), Source::new("d/terraform.tfvars.json", text.as_str())];
        for files in [&files[..1], &files[..]] {
            if let Ok(node) = parse_module("d", files, &Limits::default()) {
                check_spans(&node, files);
            }
        }
        let _ = parse_variables(&files[1], &Limits::default());
    }

    /// What is read together depends neither on the order of files nor on modules that call each other.
    #[test]
    fn calls_in_any_shape_end(calls in proptest::collection::vec((0usize..5, 0usize..5), 0..12)) {
        let mut texts = vec![String::from("variable \"x\" {\n default = 0\n}\noutput \"o\" {\n value = var.x\n}\n"); 5];
        for (at, (from, to)) in calls.iter().enumerate() {
            texts[*from].push_str(&format!("module \"m{at}\" {{\n source = \"../d{to}\"\n x = [var.x, module.m{}.o]\n}}\n", at / 2));
        }
        let files: Vec<Source> = texts.iter().enumerate().map(|(at, text)| Source::new(format!("d{at}/main.tf"), text.as_str())).collect();
        let reversed: Vec<Source> = files.iter().rev().cloned().collect();
        let groups = group(files);
        prop_assert_eq!(&groups, &group(reversed));
        for group in groups {
            let Group::Module(sources) = group else { continue };
            if let Ok(node) = parse_module("d", &sources, &Limits::default()) {
                check_spans(&node, &sources);
            }
        }
    }
}
