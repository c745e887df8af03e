//! Evaluation: from documents and a bundle to verdicts.
//!
//! [`run`](run::run) takes a repository's units through parse, plan, projection, sandbox and memo;
//! [`Judge`] is the part in the middle that every caller shares. Findings leave here with absolute
//! paths, places in the source, severities and exemptions settled.

mod except;
mod inventory;
mod judge;
mod memo;
mod run;
mod secrets;
mod session;
mod verdict;

pub use except::{ANNOTATION, Exception, Origin, Status};
pub(crate) use except::{annotations, settle_annotations};
pub use inventory::{Answer, Card, Collected, Inventory, Overlay, RelatedDocument, Told, Topic, Unavailable};
pub use judge::{Judge, Judged};
pub use memo::Memo;
pub use run::{RunOptions, RunResult, UnitError, run};
pub use secrets::{Secrets, mask_messages};
pub use session::{Keyed, Session};
pub use verdict::{Change, DocumentVerdict, ExemptBy, Finding, Fix, Label, Outcome, Place, RuleOutcome};
