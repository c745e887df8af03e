//! Evaluation: from documents and a bundle to verdicts.
//!
//! [`run`](run::run) takes a repository's units through parse, plan, projection, sandbox and memo;
//! [`Judge`] is the part in the middle that every caller shares. Findings leave here with absolute
//! paths, places in the source, severities and exemptions settled.

mod absence;
mod built;
mod callers;
mod cover;
mod credential;
mod credentials;
mod doubt;
mod except;
mod inventory;
mod judge;
mod memo;
mod passes;
mod plan;
mod readings;
mod related;
mod run;
mod secrets;
mod session;
mod shards;
mod verdict;

pub use except::{ANNOTATION, Exception, Insertion, Origin, Reason, Status, insertion, is_excepted, with_insertion};
pub(crate) use except::{annotations, settle_annotations};
#[cfg(test)]
pub(crate) use inventory::tests as inventory_tests;
pub use inventory::{
    Answer, Asking, Card, Collected, Inventory, Keys, Overlay, Probe, RelatedDocument, Told, Topic, Unavailable,
};
pub(crate) use inventory::{Index, POSTING_BYTES, matching};
pub use judge::{Answered, Ask, Judge, Judged};
pub use memo::Memo;
pub use plan::{Grouping, Plan};
pub use related::RelatedLabel;
pub use run::{RunOptions, RunResult, UnitError, run};
pub(crate) use secrets::mask_outcomes;
pub use secrets::{Secrets, mask_messages};
pub use session::{Cost, Keyed, Session, Tries};
pub use shards::MemoUse;
pub use verdict::{Change, DocumentVerdict, ExemptBy, Finding, Fix, Label, Outcome, Place, RuleOutcome, Withheld};
