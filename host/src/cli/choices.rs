//! The words by which the command line calls values of the program's own types.

use crate::bundle::Enforcement;
use crate::integrate::FailurePolicy;
use crate::manifest::{Confidence, Severity};
use crate::report::{Format, GapFormat};
use crate::scaffold::Language;
use clap::ValueEnum;
use clap::builder::PossibleValue;

macro_rules! choices {
    ($($type:ty { $($variant:ident = $word:literal $(: $help:literal)?,)+ })+) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(<$type>::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(<$type>::$variant => PossibleValue::new($word)$(.help($help))?,)+
                })
            }
        }
    )+};
}

choices! {
    Severity {
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
    Confidence {
        Guess = "guess": "What is found may well be something else",
        Likely = "likely": "What the rule cannot see would have to be unusual",
        Certain = "certain": "It follows from what is written",
    }
    Enforcement {
        Deny = "deny": "Refused at admission; fails a pipeline",
        Warn = "warn": "Told to whoever asks, and let through",
        Audit = "audit": "Recorded only",
    }
    FailurePolicy {
        Fail = "fail": "It is refused",
        Ignore = "ignore": "It is let through",
    }
    Format {
        Human = "human": "Frames, for people",
        Concise = "concise": "A line a finding",
        Json = "json": "Everything, for programs",
        Sarif = "sarif": "SARIF 2.1.0, for code scanning and editors",
        Junit = "junit": "JUnit XML, as GitLab and Jenkins read it",
        Github = "github": "Annotations of GitHub Actions",
        Markdown = "markdown": "For the summary of a job or a comment",
        Html = "html": "One page that needs nothing else, with filters",
    }
    GapFormat {
        Markdown = "markdown": "Markdown",
        Html = "html": "One page that needs nothing else",
    }
    Language {
        Rust = "rust": "Rust, with the SDK: components of some kilobytes, as all shipped rules",
        Js = "js": "JavaScript, in QuickJS: components of two megabytes",
        Python = "python": "Python, in CPython: components of twenty megabytes",
        Go = "go": "Go: not yet, and says why",
    }
}
