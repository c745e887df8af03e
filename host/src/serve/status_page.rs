//! The status page: what is served, how the inventory is, who was denied. One HTML text that needs nothing
//! else, shows no value of any object, and changes nothing.

use super::review::{Answer, respond};
use super::state::{App, Phase};
use crate::decide::{Decider, FailureMode};
use crate::visible::Line;
use hyper::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("status_page.css");

/// The page.
pub(super) fn page(app: &App) -> Answer {
    let mut answer = respond(StatusCode::OK, "text/html; charset=utf-8", markup(app).into_string());
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

fn markup(app: &App) -> Markup {
    let state = match app.current_phase() {
        Phase::Starting => "starting",
        Phase::Serving => "serving",
        Phase::Draining | Phase::Stopping => "stopping",
    };
    let failure = app.reload_failure();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "policy-host" }
                meta name="viewport" content="width=device-width";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "policy-host" }
                    p { (env!("CARGO_PKG_VERSION")) " · " (state) }
                }
                main {
                    @if !failure.is_empty() {
                        p .alert role="alert" { "The newest bundles are not served: " (Line(&failure)) }
                    }
                    @for decider in app.serving.load().bundles.values() { (bundle(decider)) }
                    (inventory(app))
                    (denials(app))
                }
            }
        }
    }
}

fn bundle(decider: &Decider) -> Markup {
    let reference = decider.reference();
    let mode = match decider.modes().failure {
        FailureMode::Closed => "what cannot be evaluated is denied",
        FailureMode::Open => "what cannot be evaluated is admitted",
    };
    let bundle = decider.bundle();
    html! {
        section {
            h2 { (Line(&reference.name)) " " small { (Line(&reference.version)) } }
            p {
                code { (Line(&reference.digest)) }
                @if let Some(origin) = &bundle.origin { br; "from " code { (Line(origin)) } }
                br;
                (mode) "; " (bundle.exemptions.len()) " exemptions"
            }
            details {
                summary { (bundle.rules.len()) " rules" }
                table {
                    thead { tr { th { "rule" } th { "enforcement" } th { "severity" } th { "requirement" } } }
                    tbody {
                        @for rule in &bundle.rules {
                            tr {
                                td { code { (Line(rule.id())) } }
                                td { (rule.enforcement.as_str()) }
                                td { (rule.worst().to_string()) }
                                td { (Line(&rule.source.manifest.title)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn inventory(app: &App) -> Markup {
    let kinds = app.serving.load().inventory.status();
    html! {
        @if !kinds.is_empty() {
            section {
                h2 { "Inventory" }
                p {
                    "What rules ask for of other objects. Rules that ask for a kind that is not available are not evaluated."
                }
                table {
                    thead { tr { th { "kind" } th { "state" } } }
                    tbody {
                        @for status in kinds {
                            tr {
                                td { code { (Line(&status.kind.to_string())) } }
                                td { (Line(&status.state.to_string())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn denials(app: &App) -> Markup {
    let denials = app.denials.newest();
    html! {
        section {
            h2 { "Recent denials" }
            @if denials.is_empty() {
                p { "None since the server started." }
            } @else {
                table {
                    thead { tr { th { "when" } th { "object" } th { "by way of" } th { "bundle" } th { "why" } } }
                    tbody {
                        @for denial in denials {
                            tr {
                                td { time { (format!("{:.0}", denial.at)) } }
                                td { (Line(&denial.subject)) }
                                td { (denial.wire) }
                                td { (Line(&denial.bundle)) }
                                td {
                                    ul {
                                        @for (rule, message) in &denial.reasons {
                                            li { code { (Line(rule)) } " " (Line(message)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
