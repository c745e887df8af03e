//! The check itself: evidence is offered piece by piece, until what is required is there.

use super::identity::Claims;
use super::policy::{Means, Requirement, Signer};
use super::refusal::{Problem, Reason, Refusal, Rejected};
use super::sigstore_bundle::{Bundle, Material, PAYLOAD_TYPE};
use super::simple_signing::{self, MAX_PAYLOAD_BYTES, SimpleSignature};
use super::statement::{SIGNATURE, Statement};
use super::target::Target;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// How many signatures and attestations of one digest are looked at: whoever may write to a repository can attach
/// any number.
pub const MAX_EVIDENCE: usize = 100;

/// A signature or attestation, as a registry has it.
#[derive(Debug)]
pub enum Evidence<'e> {
    /// A sigstore bundle.
    Bundle(&'e [u8]),
    /// The older form of a signature.
    Simple(&'e SimpleSignature),
}

/// A check of one target.
pub struct Check<'c> {
    requirement: &'c Requirement,
    /// What was asked for.
    asked: &'c Target,
    /// What signatures are to name.
    target: &'c Target,
    signed: BTreeSet<Arc<str>>,
    attested: Vec<Option<Arc<str>>>,
    rejected: Vec<Rejected>,
    offered: usize,
}

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub signers: Vec<Arc<str>>,
    /// What is attested, and by whom.
    pub attestations: Vec<(String, Arc<str>)>,
}

impl<'c> Check<'c> {
    /// Begins a check of `asked`, whose signatures name `target`.
    pub fn new(requirement: &'c Requirement, asked: &'c Target, target: &'c Target) -> Self {
        let attested = vec![None; requirement.attestations.len()];
        Self { requirement, asked, target, signed: BTreeSet::new(), attested, rejected: Vec::new(), offered: 0 }
    }

    /// Whether everything that is required is there.
    pub fn is_satisfied(&self) -> bool {
        self.signed.len() >= self.requirement.threshold && self.attested.iter().all(Option::is_some)
    }

    /// Whether more evidence is of no use: all is there, or too much was looked at.
    pub fn is_over(&self) -> bool {
        self.is_satisfied() || self.offered >= MAX_EVIDENCE
    }

    /// Looks at a piece of evidence; `origin` is what refusals call it.
    pub fn offer(&mut self, origin: &str, evidence: &Evidence<'_>) {
        let outcome = match evidence {
            Evidence::Bundle(bytes) => self.bundle(bytes),
            Evidence::Simple(signature) => self.simple(signature),
        };
        match outcome {
            Ok(()) => self.offered += 1,
            Err(problem) => self.reject(origin, problem),
        }
    }

    /// Takes note of evidence that cannot count.
    pub fn reject(&mut self, origin: &str, problem: Problem) {
        self.offered += 1;
        self.rejected.push(Rejected { origin: origin.to_owned(), problem });
    }

    /// The outcome.
    ///
    /// # Errors
    /// Says what is missing, what was there instead, and what would satisfy the check.
    pub fn finish(self) -> Result<Verified, Box<Refusal>> {
        let requirement = self.requirement;
        let missing = self.attested.iter().position(Option::is_none).map(|index| &requirement.attestations[index]);
        let (reason, mut remedy) = if self.signed.len() < requirement.threshold {
            let reason = Reason::Signatures { counted: self.signed.len(), needed: requirement.threshold };
            let repository = self.target.repository();
            let signers = Names(&requirement.signers);
            let remedy = match requirement.threshold {
                1 => format!("a signature for `{repository}` by {signers}"),
                many => format!("signatures for `{repository}` by {many} of {signers}"),
            };
            (reason, format!("{remedy}; `policy-host sign {} --key FILE` makes one by a key", self.asked))
        } else if let Some(missing) = missing {
            let predicate = &missing.predicate_type;
            let remedy = format!(
                "an attestation by {}; `policy-host attest {} --type {predicate} --predicate FILE --key FILE` makes one",
                Names(&missing.signers),
                self.asked
            );
            (Reason::Attestation(predicate.clone()), remedy)
        } else {
            let attestations = requirement.attestations.iter().zip(self.attested);
            return Ok(Verified {
                signers: self.signed.into_iter().collect(),
                attestations: attestations.filter_map(|(of, by)| Some((of.predicate_type.clone(), by?))).collect(),
            });
        };
        if self.rejected.iter().any(|rejected| matches!(rejected.problem, Problem::Repository { .. })) {
            remedy.push_str("; where this is a mirror, `mirrorOf` in the trust policy names its origin");
        }
        if self.offered >= MAX_EVIDENCE {
            remedy.push_str(&format!("; only {MAX_EVIDENCE} signatures and attestations are looked at"));
        }
        Err(Box::new(Refusal { target: self.asked.clone(), reason, rejected: self.rejected, remedy }))
    }

    fn bundle(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let bundle = Bundle::parse(bytes)?;
        if bundle.payload_type != PAYLOAD_TYPE {
            return Err(Problem::PayloadType(bundle.payload_type));
        }
        // Who made it, before a word of it is read.
        let makers: Vec<Signer> = match &bundle.material {
            Material::Key(hint) => {
                let made = bundle.signed();
                let by = self.by_key(&made, &bundle.signature);
                if by.is_empty() {
                    return Err(Problem::Key { hint: Some(hint.clone()) });
                }
                by
            }
            Material::Certificate => self.by_identity(bytes)?,
        };
        let statement = Statement::parse(&bundle.payload)?;
        let wanted = statement.predicate_type == SIGNATURE
            || self.requirement.attestations.iter().any(|wanted| wanted.predicate_type == statement.predicate_type);
        if !wanted {
            return Err(Problem::Predicate(statement.predicate_type));
        }
        statement.check_subject(self.target, self.requirement.named)?;
        let mut counted = false;
        for maker in &makers {
            counted |= self.count(maker, &statement.predicate_type);
        }
        match (counted, makers.first()) {
            (false, Some(maker)) => {
                Err(Problem::NotEntitled { signer: maker.name.to_string(), predicate: statement.predicate_type })
            }
            _ => Ok(()),
        }
    }

    fn simple(&mut self, signature: &SimpleSignature) -> Result<(), Problem> {
        let SimpleSignature { payload, signature } = signature;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Problem::TooLarge { bytes: payload.len(), bound: MAX_PAYLOAD_BYTES });
        }
        let signature =
            BASE64_STANDARD.decode(signature).map_err(|error| Problem::malformed(format!("its signature: {error}")))?;
        let makers = self.by_key(payload, &signature);
        let Some(first) = makers.first() else { return Err(Problem::Key { hint: None }) };
        simple_signing::check_payload(payload, self.target)?;
        let mut counted = false;
        for maker in &makers {
            counted |= self.count(maker, SIGNATURE);
        }
        if counted {
            return Ok(());
        }
        Err(Problem::NotEntitled { signer: first.name.to_string(), predicate: SIGNATURE.to_owned() })
    }

    /// Everybody who could sign anything here.
    fn signers(&self) -> impl Iterator<Item = &Signer> {
        let attesters = self.requirement.attestations.iter().flat_map(|attestation| &attestation.signers);
        self.requirement.signers.iter().chain(attesters)
    }

    /// Whose keys made a signature: at most one, since a trust policy has no key twice.
    fn by_key(&self, message: &[u8], signature: &[u8]) -> Vec<Signer> {
        let made = |signer: &&Signer| match &signer.means {
            Means::Key(key) => key.verifies(message, signature),
            Means::Identity(_) => false,
        };
        self.signers().find(made).cloned().into_iter().collect()
    }

    /// Whose certificate made a signature. More than one entry may mean the same.
    fn by_identity(&self, bundle: &[u8]) -> Result<Vec<Signer>, Problem> {
        let mut identities = self.signers().filter_map(|signer| match &signer.means {
            Means::Identity(identity) => Some((signer, identity)),
            Means::Key(_) => None,
        });
        let Some((_, any)) = identities.next() else { return Err(Problem::NoIdentities) };
        // All identities of a trust policy have one root.
        let Claims { issuer, subject } = any.root().claims(bundle, self.target.hex()).map_err(Problem::Certificate)?;
        let mut makers: Vec<Signer> = Vec::new();
        for signer in self.signers() {
            let Means::Identity(identity) = &signer.means else { continue };
            if identity.is(&issuer, &subject) && makers.iter().all(|known| known.name != signer.name) {
                makers.push(signer.clone());
            }
        }
        if makers.is_empty() { Err(Problem::Identity { issuer, subject }) } else { Ok(makers) }
    }

    /// Counts what somebody made, where they may make it.
    fn count(&mut self, maker: &Signer, predicate_type: &str) -> bool {
        let is_maker = |signer: &Signer| signer.name == maker.name;
        if predicate_type == SIGNATURE {
            let may = self.requirement.signers.iter().any(is_maker);
            if may {
                self.signed.insert(maker.name.clone());
            }
            return may;
        }
        let mut counted = false;
        for (index, wanted) in self.requirement.attestations.iter().enumerate() {
            if wanted.predicate_type == predicate_type && wanted.signers.iter().any(is_maker) {
                self.attested[index].get_or_insert_with(|| maker.name.clone());
                counted = true;
            }
        }
        counted
    }
}

/// Signers, as a refusal lists them.
struct Names<'n>(&'n [Signer]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, signer) in self.0.iter().enumerate() {
            let (separator, name) = (if index == 0 { "" } else { ", " }, &signer.name);
            match &signer.means {
                Means::Key(key) => write!(out, "{separator}the key `{name}` ({})", key.hint())?,
                Means::Identity(identity) => write!(out, "{separator}`{name}` ({identity})")?,
            }
        }
        Ok(())
    }
}
