//! A self-contained page: one style, at most one script, both named by digest in a policy that allows nothing else.

use crate::digest::Digest;
use crate::visible::{Line, visible_lines};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// A whole page around its body. `script` runs when the body is read.
pub(in crate::report) fn page(title: &str, body: Markup, script: &str) -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).bytes()));
    let scripts = if script.is_empty() { "'none'".to_owned() } else { digest(script) };
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {scripts}; base-uri 'none'; form-action 'none'",
        digest(STYLE)
    );
    let body = PreEscaped(visible_lines(&body.0));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (Line(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                @if !script.is_empty() { script { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}
