//! What is about a bundle: attached, found, copied, with and without a registry that lists it.

use super::{Client, published};
use crate::fake_registry::FakeRegistry;
use bytes::Bytes;
use policy_host::oci::Reference;
use policy_host::oci::model::{Descriptor, EMPTY_JSON, Index, Manifest, media};
use policy_host::oci::registry::{Registry, fallback_tag};

const KIND: &str = "application/vnd.example.note+json";

/// Attaches a note to what is under `team/made:1`.
fn attach(registry: &FakeRegistry, client: &Client, note: &str) -> Descriptor {
    let reference: Reference = registry.reference("team/made:1").parse().unwrap();
    let subject = registry.digest("team/made", "1");
    registry.put_blob(note.as_bytes());
    registry.put_blob(EMPTY_JSON);
    let mut manifest =
        Manifest::new(Descriptor::of(media::EMPTY, EMPTY_JSON), vec![Descriptor::of("text/plain", note.as_bytes())]);
    manifest.artifact_type = Some(KIND.to_owned());
    let size = registry.manifest("team/made", "1").unwrap().len() as u64;
    manifest.subject = Some(Descriptor { digest: subject, size, ..Descriptor::of(media::INDEX, b"") });
    let bytes = Bytes::from(manifest.to_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = Registry::new(&client.session.options);
    runtime.block_on(asked.attach(&reference.repository, &bytes)).unwrap()
}

fn found(registry: &FakeRegistry, client: &Client, kind: Option<&str>) -> Vec<Descriptor> {
    let reference: Reference = registry.reference("team/made:1").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = Registry::new(&client.session.options);
    let subject = registry.digest("team/made", "1");
    runtime.block_on(asked.referrers(&reference.repository, subject, kind)).unwrap()
}

#[test]
fn a_registry_that_lists_referrers_is_asked() {
    let (registry, built) = published(1);
    let client = Client::new();
    let note = attach(&registry, &client, "one");
    assert_eq!(registry.manifest("team/made", &fallback_tag(built.root.digest)), None);
    assert_eq!(found(&registry, &client, Some(KIND))[0].digest, note.digest);
    assert_eq!(found(&registry, &client, Some("another/kind")), []);
}

#[test]
fn others_have_an_index_under_a_tag() {
    let (registry, built) = published(1);
    registry.lists_referrers(false);
    let client = Client::new();
    assert_eq!(found(&registry, &client, None), []);
    let notes = [attach(&registry, &client, "one"), attach(&registry, &client, "two")];
    attach(&registry, &client, "two"); // again: nothing new
    let index = Index::parse(&registry.manifest("team/made", &fallback_tag(built.root.digest)).unwrap()).unwrap();
    assert_eq!(index.manifests, notes);
    assert_eq!(found(&registry, &client, Some(KIND)), notes);
    assert_eq!(found(&registry, &client, Some("another/kind")), []);
}

#[test]
fn copies_take_along_what_is_about_a_bundle() {
    let (from, built) = published(2);
    let client = Client::new();
    let note = attach(&from, &client, "one");
    let fetched = client.pull(&from.reference("team/made:1")).unwrap();
    let listing = client.session.listing(&fetched).unwrap();
    assert_eq!(listing.referrers.len(), 1);

    let to = FakeRegistry::start();
    to.lists_referrers(false);
    client.session.push(&to.reference("copy/made:1").parse().unwrap(), &listing, &client.session.store).unwrap();
    assert_eq!(to.digest("copy/made", "1"), built.root.digest);
    assert!(to.manifest("copy/made", &note.digest.to_string()).is_some());
    let index = Index::parse(&to.manifest("copy/made", &fallback_tag(built.root.digest)).unwrap()).unwrap();
    assert_eq!(index.manifests[0].digest, note.digest);
}
