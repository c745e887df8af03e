//! How soon a gap should be closed, and how much work that is.
//!
//! A rule's author ranks both for one place. What a run found moves them, each time by a step:
//!
//! | what | priority | effort |
//! | --- | --- | --- |
//! | severity: milder than the rule's worst, or the bundle lowered or raised it | later or sooner, for each step | |
//! | confidence: the bundle only warns or audits, or the rule guesses | later | |
//! | spread: at least 3 documents, half or more of those checked | sooner | |
//! | fix: every place has a safe one | | low |
//! | fix: every place has one that needs a look | | less |
//! | spread: more than 20 places without a safe fix; more than 200 | | more; twice |
//!
//! A gap that several rules find has the soonest priority and the largest effort of them.

use crate::manifest::{Effort, Priority, Severity};

/// What a run says of the findings of one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// The rule's own rank.
    pub(super) priority: Priority,
    /// The rule's own estimate.
    pub(super) effort: Effort,
    /// The severity of the rule's worst kind of finding.
    pub(super) usual: Severity,
    /// That of its worst finding.
    pub(super) worst: Severity,
    /// Whether any finding is denied, and more than a guess.
    pub(super) sure: bool,
    /// Documents that have findings.
    pub(super) failed: usize,
    /// Documents that it checked.
    pub(super) judged: usize,
    /// Findings.
    pub(super) places: usize,
    /// Findings with a safe fix.
    pub(super) safe: usize,
    /// Findings with a fix, safe or not.
    pub(super) fixable: usize,
}

/// A wide spread, in documents.
const SPREAD: usize = 3;
/// Places that are an afternoon's work.
const MANY: usize = 20;
/// Places that are weeks of work.
const VERY_MANY: usize = 200;

impl Evidence {
    /// How soon.
    pub(super) fn priority(&self) -> Priority {
        let mut rank = self.priority as i32;
        rank += self.usual as i32 - self.worst as i32;
        rank += i32::from(!self.sure);
        rank -= i32::from(self.failed >= SPREAD && self.failed * 2 >= self.judged);
        [Priority::P0, Priority::P1, Priority::P2, Priority::P3][rank.clamp(0, 3) as usize]
    }

    /// How much work.
    pub(super) fn effort(&self) -> Effort {
        if self.safe == self.places {
            return Effort::Small;
        }
        let mut size = self.effort as i32;
        size -= i32::from(self.fixable == self.places);
        let by_hand = self.places - self.safe;
        size += i32::from(by_hand > MANY) + i32::from(by_hand > VERY_MANY);
        [Effort::Small, Effort::Medium, Effort::Large][size.clamp(0, 2) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Evidence = Evidence {
        priority: Priority::P1,
        effort: Effort::Medium,
        usual: Severity::High,
        worst: Severity::High,
        sure: true,
        failed: 1,
        judged: 1,
        places: 1,
        safe: 0,
        fixable: 0,
    };

    #[test]
    fn priority_follows_severity_confidence_and_spread() {
        assert_eq!(ONE.priority(), Priority::P1);
        assert_eq!(Evidence { worst: Severity::Low, ..ONE }.priority(), Priority::P3);
        assert_eq!(Evidence { worst: Severity::Critical, ..ONE }.priority(), Priority::P0);
        assert_eq!(Evidence { sure: false, ..ONE }.priority(), Priority::P2);
        assert_eq!(Evidence { failed: 3, judged: 6, ..ONE }.priority(), Priority::P0);
        assert_eq!(Evidence { failed: 3, judged: 7, ..ONE }.priority(), Priority::P1);
    }

    #[test]
    fn effort_follows_fixes_and_spread() {
        assert_eq!(ONE.effort(), Effort::Medium);
        assert_eq!(Evidence { effort: Effort::Large, safe: 1, fixable: 1, ..ONE }.effort(), Effort::Small);
        assert_eq!(Evidence { fixable: 1, ..ONE }.effort(), Effort::Small);
        assert_eq!(Evidence { places: 21, ..ONE }.effort(), Effort::Large);
        assert_eq!(Evidence { effort: Effort::Small, places: 201, ..ONE }.effort(), Effort::Large);
    }
}
