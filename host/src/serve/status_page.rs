//! The status page: what is served, how the inventory is, who was denied. One HTML text that needs nothing
//! else, shows no value of any object, and changes nothing.

use super::review::{Answer, respond};
use super::state::{App, Phase};
use crate::decide::{Decider, FailureMode};
use crate::visible::Html;
use hyper::{StatusCode, header};
use std::fmt::{self, Write as _};

const STYLE: &str = include_str!("status_page.css");

/// The page.
pub(super) fn page(app: &App) -> Answer {
    let mut html = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut html, app);
    let mut answer = respond(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

fn write(html: &mut String, app: &App) -> fmt::Result {
    let state = match app.current_phase() {
        Phase::Starting => "starting",
        Phase::Serving => "serving",
        Phase::Draining | Phase::Stopping => "stopping",
    };
    write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>policy-host</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\
         <header><h1>policy-host</h1><p>{} · {state}</p></header><main>",
        env!("CARGO_PKG_VERSION")
    )?;
    let failure = app.reload_failure();
    if !failure.is_empty() {
        write!(html, "<p class=\"alert\" role=\"alert\">The newest bundles are not served: {}</p>", Html(&failure))?;
    }
    for decider in app.serving.load().bundles.values() {
        bundle(html, decider)?;
    }
    inventory(html, app)?;
    denials(html, app)?;
    html.push_str("</main></body></html>\n");
    Ok(())
}

fn bundle(html: &mut String, decider: &Decider) -> fmt::Result {
    let reference = decider.reference();
    let mode = match decider.modes().failure {
        FailureMode::Closed => "what cannot be judged is denied",
        FailureMode::Open => "what cannot be judged is let through",
    };
    let origin = match &decider.bundle().origin {
        Some(origin) => format!("<br>from <code>{}</code>", Html(origin)),
        None => String::new(),
    };
    write!(
        html,
        "<section><h2>{} <small>{}</small></h2><p><code>{}</code>{origin}<br>{mode}; {} exemptions</p>\
         <details><summary>{} rules</summary><table><thead><tr><th>rule</th><th>enforcement</th><th>severity</th>\
         <th>requirement</th></tr></thead><tbody>",
        Html(&reference.name),
        Html(&reference.version),
        Html(&reference.digest),
        decider.bundle().exemptions.len(),
        decider.bundle().rules.len()
    )?;
    for rule in &decider.bundle().rules {
        let manifest = &rule.source.manifest;
        write!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Html(&manifest.id),
            rule.enforcement.as_str(),
            rule.worst(),
            Html(&manifest.title)
        )?;
    }
    html.push_str("</tbody></table></details></section>");
    Ok(())
}

fn inventory(html: &mut String, app: &App) -> fmt::Result {
    let kinds = app.serving.load().inventory.status();
    if kinds.is_empty() {
        return Ok(());
    }
    html.push_str(
        "<section><h2>Inventory</h2><p>What rules ask for of other objects. Rules that ask for a kind that is not \
         available are not evaluated.</p><table><thead><tr><th>kind</th><th>state</th></tr></thead><tbody>",
    );
    for status in kinds {
        let (kind, state) = (status.kind.to_string(), status.state.to_string());
        write!(html, "<tr><td><code>{}</code></td><td>{}</td></tr>", Html(&kind), Html(&state))?;
    }
    html.push_str("</tbody></table></section>");
    Ok(())
}

fn denials(html: &mut String, app: &App) -> fmt::Result {
    let denials = app.denials.newest();
    html.push_str("<section><h2>Recent denials</h2>");
    if denials.is_empty() {
        html.push_str("<p>None since the server started.</p></section>");
        return Ok(());
    }
    html.push_str(
        "<table><thead><tr><th>when</th><th>object</th><th>by way of</th><th>bundle</th><th>why</th></tr></thead><tbody>",
    );
    for denial in denials {
        write!(
            html,
            "<tr><td><time>{:.0}</time></td><td>{}</td><td>{}</td><td>{}</td><td><ul>",
            denial.at,
            Html(&denial.subject),
            denial.wire,
            Html(&denial.bundle)
        )?;
        for (rule, message) in &denial.reasons {
            write!(html, "<li><code>{}</code> {}</li>", Html(rule), Html(message))?;
        }
        html.push_str("</ul></td></tr>");
    }
    html.push_str("</tbody></table></section>");
    Ok(())
}
