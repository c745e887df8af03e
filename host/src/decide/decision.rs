//! A decision, as every wire carries it.

use super::update::Inherited;
use super::{Decider, FailureMode, NotEvaluatedMode, Review, Verdicts};
use crate::bundle::{Bundle, BundleRule, Enforcement};
use crate::digest::Digest;
use crate::evaluate::{ExemptBy, Finding, Outcome};
use crate::manifest::{Confidence, Severity};
use crate::visible::visible;
use serde::Serialize;
use std::fmt::Write as _;

/// What is decided about one object, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// False when a finding that the bundle enforces by `deny` stands, or when something failed that
    /// the bundle's modes close on, unless that was so before the update under review.
    pub allowed: bool,
    /// For people: every reason with its cure, a line each; empty when it is allowed.
    pub message: String,
    /// Findings enforced by `deny`.
    pub violations: Vec<Violation>,
    /// Findings enforced by `warn`, and those that the object had before the update.
    pub warnings: Vec<Violation>,
    /// Findings enforced by `audit`.
    pub audit: Vec<Violation>,
    /// Findings that an exemption lifts.
    pub exempt: Vec<Exempt>,
    /// Rules that could not decide.
    pub not_evaluated: Vec<Unevaluated>,
    /// Rules that could not run.
    pub errors: Vec<RuleError>,
    /// RFC 6902 operations that apply the safe fixes, where the caller asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<serde_json::Value>,
    /// What decided.
    pub bundle: BundleReference,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The rule's id.
    pub rule: String,
    /// Which kind of finding of the rule it is.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// How bad.
    pub severity: Severity,
    /// How sure the rule is of it.
    pub confidence: Confidence,
    /// What is done about it.
    pub enforcement: Enforcement,
    /// RFC 6901 pointer into the object.
    pub path: String,
    /// What to do.
    pub fix: String,
    /// Whether the bundle denies it, and the object had it before the update, which therefore is not denied.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
}

/// A finding that an exemption lifts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exempt {
    /// The rule's id.
    pub rule: String,
    /// RFC 6901 pointer into the object.
    pub path: String,
    /// The exemption's reason.
    pub reason: String,
    /// Whether the object itself says so, by an annotation, rather than the bundle.
    pub annotation: bool,
}

/// A rule that could not decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unevaluated {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// A rule that could not run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleError {
    /// The rule's id.
    pub rule: String,
    /// What happened.
    pub message: String,
}

/// Names a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleReference {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:…` over everything that decides its verdicts.
    pub digest: String,
}

impl BundleReference {
    /// Names a bundle.
    pub fn new(bundle: &Bundle) -> Self {
        let digest = Digest::from(bundle.fingerprint).to_string();
        Self { name: bundle.name.clone(), version: bundle.version.clone(), digest }
    }
}

/// Lines of a message; what is left out is counted in a last one.
const MESSAGE_LINES: usize = 100;
/// Characters of one line of a message.
const LINE_CHARACTERS: usize = 1000;

impl Decider {
    /// What the verdicts on an object come to.
    pub fn decide(&self, review: &Review) -> Decision {
        let Review { verdicts, inherited } = review;
        let mut decision = Decision {
            allowed: true,
            message: String::new(),
            violations: Vec::new(),
            warnings: Vec::new(),
            audit: Vec::new(),
            exempt: Vec::new(),
            not_evaluated: Vec::new(),
            errors: Vec::new(),
            patch: None,
            bundle: self.reference().clone(),
        };
        let rules = &self.bundle().rules;
        let modes = self.modes();
        let mut failures = Vec::new();
        let mut undecided = Vec::new();
        for outcome in verdicts.outcomes.iter().filter(|outcome| !inherited.passed_over.contains(&outcome.rule)) {
            let rule = &rules[usize::from(outcome.rule)];
            match &outcome.outcome {
                Outcome::Pass | Outcome::NotApplicable(_) => {}
                Outcome::Fail(findings) => {
                    let told = findings.iter().enumerate().filter(|(_, finding)| finding.withheld.is_none());
                    for (index, finding) in told {
                        decision.add(rule, finding, inherited.has_finding(outcome.rule, index));
                    }
                }
                Outcome::NotEvaluated(reason) => {
                    let reason = visible(reason).into_owned();
                    if rule.enforcement == Enforcement::Deny && !inherited.has_rule(outcome.rule) {
                        undecided.push(format!("{}: could not decide: {reason}", rule.id()));
                    }
                    decision.not_evaluated.push(Unevaluated { rule: rule.id().to_owned(), reason });
                }
                Outcome::Error(failure) => failures.push((outcome.rule, visible(&failure.to_string()).into_owned())),
            }
        }
        let too_late = "the deadline of the review passed before it ran";
        let unreached = verdicts.unreached.iter().filter(|rule| !inherited.passed_over.contains(rule));
        failures.extend(unreached.map(|rule| (*rule, too_late.to_owned())));
        let mut closing: Vec<String> = Vec::new();
        for (rule, message) in failures {
            let error = RuleError { rule: rules[usize::from(rule)].id().to_owned(), message };
            if modes.failure == FailureMode::Closed && !inherited.has_rule(rule) {
                closing.push(format!("{}: could not run: {}", error.rule, error.message));
            }
            decision.errors.push(error);
        }
        if modes.not_evaluated == NotEvaluatedMode::Deny {
            closing.append(&mut undecided);
        }
        decision.allowed = decision.violations.is_empty() && closing.is_empty();
        if !decision.allowed {
            decision.message = decision.reasons(closing);
        }
        decision
    }

    /// The decision where nobody could check: overload, a missed deadline, a server that is stopping.
    pub fn undecided(&self, why: &str) -> Decision {
        let closed = self.modes().failure == FailureMode::Closed;
        let message = format!("policy bundle {}: not evaluated: {why}", self.reference().name);
        Decision {
            allowed: !closed,
            message: if closed { message } else { String::new() },
            violations: Vec::new(),
            warnings: Vec::new(),
            audit: Vec::new(),
            exempt: Vec::new(),
            not_evaluated: Vec::new(),
            errors: vec![RuleError { rule: String::new(), message: why.to_owned() }],
            patch: None,
            bundle: self.reference().clone(),
        }
    }

    /// The decision about what nobody has to check: a deletion, say.
    pub fn passed_over(&self) -> Decision {
        let verdicts = Verdicts { outcomes: [].into(), unreached: Vec::new(), remembered: false };
        self.decide(&Review { verdicts, inherited: Inherited::default() })
    }
}

impl Decision {
    fn add(&mut self, rule: &BundleRule, finding: &Finding, inherited: bool) {
        if let Some(reason) = &finding.exempt {
            self.exempt.push(Exempt {
                rule: rule.id().to_owned(),
                path: visible(&finding.path).into_owned(),
                reason: visible(reason).into_owned(),
                annotation: finding.exempt_by == Some(ExemptBy::Annotation),
            });
            return;
        }
        let inherited = inherited && finding.enforcement == Enforcement::Deny;
        let enforcement = if inherited { Enforcement::Warn } else { finding.enforcement };
        let list = match enforcement {
            Enforcement::Deny => &mut self.violations,
            Enforcement::Warn => &mut self.warnings,
            Enforcement::Audit => &mut self.audit,
        };
        list.push(Violation {
            rule: rule.id().to_owned(),
            code: finding.code.clone(),
            message: visible(&message(finding)).into_owned(),
            severity: finding.severity,
            confidence: finding.confidence,
            enforcement,
            path: visible(&finding.path).into_owned(),
            fix: visible(&rule.source.manifest.fix_line()).into_owned(),
            inherited,
        });
    }

    fn reasons(&self, closing: Vec<String>) -> String {
        let lines: Vec<String> = self.violations.iter().map(Violation::line).chain(closing).collect();
        let count = lines.len();
        let plural = if count == 1 { "" } else { "s" };
        let version = if self.bundle.version.is_empty() { "" } else { "@" };
        let mut message =
            format!("policy bundle {}{version}{}: {count} reason{plural}", self.bundle.name, self.bundle.version);
        for line in lines.iter().take(MESSAGE_LINES) {
            message.push_str("\n- ");
            message.extend(visible(line).chars().take(LINE_CHARACTERS));
        }
        if count > MESSAGE_LINES {
            // Writing to a String cannot fail.
            let _ = write!(message, "\n- and {} more", count - MESSAGE_LINES);
        }
        message
    }

    /// What a caller should be told though the object is allowed, a line each.
    pub fn advice(&self) -> Vec<String> {
        let warnings = self.warnings.iter().map(Violation::line);
        let undecided = self.not_evaluated.iter().map(|rule| format!("{}: not evaluated: {}", rule.rule, rule.reason));
        let failed = self.errors.iter().map(|error| {
            let colon = if error.rule.is_empty() { "" } else { ": " };
            format!("{}{colon}could not run: {}", error.rule, error.message)
        });
        warnings.chain(failed).chain(undecided).collect()
    }
}

impl Violation {
    /// The rule, what is wrong, where, and the cure, on one line.
    pub fn line(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        // Not at the end, which a warning may be too long for.
        let before = if self.inherited { "; it was there before" } else { "" };
        format!("{}: {} (at {path}{before}); {}", self.rule, self.message, self.fix)
    }
}

/// What is wrong, with the objects that led to it.
fn message(finding: &Finding) -> String {
    let related = finding.related.iter().map(|label| format!("{}: {}", label.subject, label.text));
    let related: Vec<String> = related.collect();
    let message = &finding.message;
    if related.is_empty() { message.clone() } else { format!("{message} ({})", related.join("; ")) }
}
