//! A self-contained page: one style, at most one script, both named by digest in a policy that allows nothing else.

use crate::digest::Digest;
use crate::visible::{Html, visible_lines};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const STYLE: &str = include_str!("page.css");

/// A whole page around the HTML of its body. `script` runs when the body is read.
pub(in crate::report) fn page(title: &str, body: &str, script: &str) -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).bytes()));
    let scripts = if script.is_empty() { "'none'".to_owned() } else { digest(script) };
    let element = if script.is_empty() { String::new() } else { format!("<script>{script}</script>\n") };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}; script-src {scripts}; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{}{element}</body>\n</html>\n",
        digest(STYLE),
        Html(title),
        visible_lines(body),
    )
}
