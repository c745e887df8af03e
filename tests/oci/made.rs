//! Bundles out of any bytes: what is fetched is only opened later.

use policy_host::digest::Digest;
use policy_host::oci::artifact::Built;
use policy_host::oci::model::{Descriptor, EMPTY_JSON, Index, Manifest, annotation, media};
use std::collections::BTreeMap;

/// A bundle of some components of so many bytes each.
pub(crate) fn bundle(components: usize, bytes: usize) -> Built {
    let mut contents = BTreeMap::new();
    let mut add = |media_type: &str, bytes: Vec<u8>| {
        let descriptor = Descriptor::of(media_type, &bytes);
        contents.insert(Digest::of(&bytes), bytes);
        descriptor
    };
    let definition = add(media::DEFINITION, b"name: made\nversion: 1.0.0\nrules: []\n".to_vec());
    let mut first = Manifest::new(add(media::EMPTY, EMPTY_JSON.to_vec()), vec![definition]);
    first.artifact_type = Some(media::BUNDLE.to_owned());
    let first = add(media::MANIFEST, first.to_bytes());
    let mut children = vec![first.with(annotation::KIND, media::BUNDLE)];
    for index in 0..components {
        // A title is never a path: this one would be a bad one.
        let layer = add(media::WASM, noise(index, bytes)).with(annotation::TITLE, "../../../etc/passwd");
        let config = add(media::WASM_CONFIG, format!("{{\"number\":{index}}}").into_bytes());
        let component = add(media::MANIFEST, Manifest::new(config, vec![layer]).to_bytes());
        children.push(component.with(annotation::KIND, media::WASM_CONFIG));
    }
    let mut index = Index::new(children);
    index.annotations.insert(annotation::KIND.to_owned(), media::BUNDLE.to_owned());
    let root = add(media::INDEX, index.to_bytes());
    Built { root, contents }
}

/// Bytes that are not those of another number.
fn noise(number: usize, length: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
