//! `sign`, `attest` and `verify`: who stands behind a bundle in a registry.

use super::args::{AttestArguments, Format, SignArguments, SignerArguments, VerifyArguments};
use super::terminal::{errln, outln};
use super::{CommandResult, Exit, key, oci, terminal};
use crate::oci::admit::{Admit, AllowUnsigned};
use crate::oci::{Attached, ByPolicy, ByRequirement, Claim, Reference, Session};
use crate::trust::{MAX_BUNDLE_BYTES, NAMED_PREDICATES, PrivateKey, Requirement, TrustPolicy, predicate_type};
use serde_json::json;
use serde_json::value::RawValue;
use std::io::{self, Read};
use std::path::Path;

pub(super) fn sign(arguments: &SignArguments) -> CommandResult {
    let (session, reference, key) = signer(&arguments.signer)?;
    let attached = session.attach(&reference, &Claim::signature(), &key)?;
    let legacy = match arguments.legacy {
        // What was signed, should the tag have moved.
        true => Some(session.sign_under_tag(&attached.reference, &key)?),
        false => None,
    };
    told(&attached, legacy.as_ref(), &key, arguments.signer.format)
}

pub(super) fn attest(arguments: &AttestArguments) -> CommandResult {
    let Some(predicate_type) = predicate_type(&arguments.predicate_type) else {
        let names: Vec<&str> = NAMED_PREDICATES.iter().map(|(name, _)| *name).collect();
        return Err(format!("`{}` is none of {}, and no URI", arguments.predicate_type, names.join(", ")).into());
    };
    let claim = Claim { predicate_type, predicate: &predicate(&arguments.predicate)? };
    let (session, reference, key) = signer(&arguments.signer)?;
    told(&session.attach(&reference, &claim, &key)?, None, &key, arguments.signer.format)
}

pub(super) fn verify(arguments: &VerifyArguments) -> CommandResult {
    let admit: Box<dyn Admit> = match &arguments.trust {
        // A key on the command line goes over a variable.
        Some(trust) if arguments.key.is_empty() => Box::new(ByPolicy(TrustPolicy::read(trust)?)),
        _ => {
            let keys: Result<Vec<_>, _> = arguments.key.iter().map(|path| key::read_public(path)).collect();
            Box::new(ByRequirement(Requirement::any_of(keys?)))
        }
    };
    let session = oci::session_with(&arguments.registry, admit)?;
    let (reference, admission) = session.verify(&arguments.reference.parse()?)?;
    if arguments.format == Format::Json {
        let verified = json!({
            "reference": reference.to_string(), "digest": reference.digest, "admitted": admission.0,
        });
        terminal::print_json(&verified)?;
    } else {
        outln!("{reference}");
        errln!("{}", admission.0);
    }
    Ok(Exit::Clean)
}

fn signer(arguments: &SignerArguments) -> Result<(Session, Reference, PrivateKey), Box<dyn std::error::Error>> {
    let reference = arguments.reference.parse()?;
    let key = key::read(&arguments.key)?;
    // Nothing is run: what is signed is named by whoever signs it.
    let session = oci::session_with(&arguments.registry, Box::new(AllowUnsigned))?;
    Ok((session, reference, key))
}

fn told(attached: &Attached, legacy: Option<&Attached>, key: &PrivateKey, format: Format) -> CommandResult {
    let hint = key.public().hint();
    if format == Format::Json {
        let signed = json!({
            "reference": attached.reference.to_string(), "digest": attached.reference.digest,
            "manifest": attached.manifest, "legacyManifest": legacy.map(|legacy| legacy.manifest), "key": hint,
        });
        terminal::print_json(&signed)?;
        return Ok(Exit::Clean);
    }
    outln!("{}", attached.reference);
    errln!("signed by the key {hint}, in the manifest {}", attached.manifest);
    if let Some(legacy) = legacy {
        errln!("and in the older form in the manifest {}", legacy.manifest);
    }
    Ok(Exit::Clean)
}

/// What is said, as it was written but for white space around it.
fn predicate(path: &Path) -> Result<Box<RawValue>, String> {
    let shown = path.display();
    let read = || -> io::Result<String> {
        let source: Box<dyn Read> =
            if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(crate::files::open(path)?) };
        let mut text = String::new();
        source.take(MAX_BUNDLE_BYTES as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| format!("{shown}: {}", crate::plain::value(&error)))?;
    if text.len() > MAX_BUNDLE_BYTES {
        return Err(format!("{shown}: it is longer than {MAX_BUNDLE_BYTES} bytes"));
    }
    let value: Box<RawValue> = serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
    if value.get().starts_with('{') { Ok(value) } else { Err(format!("{shown}: it is not a JSON object")) }
}
