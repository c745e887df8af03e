//! What is asked: AdmissionReviews of the 2.6 KB Deployment.

use policy_host::document::Source;
use policy_host::parse::{Form, Limits, Scalars, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const DEPLOYMENT: &str = include_str!("../deployment.yaml");

/// A supply of requests, ready to be sent.
#[derive(Clone)]
pub struct Reviews {
    ready: Arc<Vec<Vec<u8>>>,
    /// Whether each object is another.
    new: bool,
    next: Arc<AtomicU64>,
}

impl Reviews {
    /// Always the same object.
    pub fn same() -> Self {
        Self::of(1, false)
    }

    /// A number of objects, in turns.
    pub fn distinct(count: u64) -> Self {
        Self::of(count, false)
    }

    /// Never the same object twice.
    pub fn ever_new() -> Self {
        Self::of(1, true)
    }

    fn of(count: u64, new: bool) -> Self {
        let ready = (0..count).map(request).collect();
        Self { ready: Arc::new(ready), new, next: Arc::default() }
    }

    /// The next request.
    pub fn next(&self, buffer: &mut Vec<u8>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        buffer.clear();
        if self.new {
            buffer.extend(request(number));
        } else {
            buffer.extend_from_slice(&self.ready[(number % self.ready.len() as u64) as usize]);
        }
    }
}

fn request(number: u64) -> Vec<u8> {
    let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("deployment.yaml", DEPLOYMENT));
    let documents = unit.parse(&Limits::default()).expect("invariant: the Deployment parses");
    let mut object = documents[0].root.to_value();
    object["metadata"]["name"] = format!("web-{number}").into();
    let review = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": format!("00000000-0000-0000-0000-{number:012}"),
            "kind": { "group": "apps", "version": "v1", "kind": "Deployment" },
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "operation": "CREATE",
            "namespace": object["metadata"]["namespace"],
            "name": object["metadata"]["name"],
            "userInfo": { "username": "kubernetes-admin", "groups": ["system:masters"] },
            "object": object,
            "oldObject": null,
            "dryRun": false,
        },
    });
    let body = review.to_string();
    let head = "POST /validate/default HTTP/1.1\r\nHost: policy-host\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
