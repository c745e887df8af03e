//! Peers that mean harm, or mean well and are slow: what they can hold is bounded, and others are answered.

use super::authority::Authority;
use super::process::{Answer, PATIENCE, Server, ask, read_answer, request, try_ask, until};
use crate::sandbox::Guest;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::ClientConfig;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

const POD: &str =
    r#"{"object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}}"#;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.listen).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the server closes.
fn closed(stream: &mut TcpStream) -> bool {
    stream.read_to_end(&mut Vec::new()).is_ok_and(|read| read == 0)
}

#[test]
fn large_bodies_are_refused_whether_they_say_so_or_not() {
    let server = Server::start("limits: {bodyBytes: 10000}\n", |_| {});
    let path = "/v1/evaluate/default";
    let mut stream = connect(&server);
    let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(
        ask(&mut stream, head.as_bytes()).problem(),
        "413 the body has more than 10000 bytes (limit `limits.bodyBytes`)"
    );
    let mut stream = connect(&server);
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(5);
    let chunked = format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
    assert_eq!(try_ask(&mut stream, chunked.as_bytes()).unwrap().status, 413);
    let refused = connect(&server);
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(100_000));
    let answer = try_ask(&mut { refused }, long.as_bytes());
    assert!(answer.is_err() || answer.is_ok_and(|answer| matches!(answer.status, 414 | 431)));
    // Eight megabytes are read where that is the bound, in whatever time that takes.
    let server = Server::start("limits: {deadline: 60s}\n", |_| {});
    let object = json!({ "object": { "apiVersion": "x.example/v1", "kind": "Blob", "metadata": { "name": "c" }, "data": { "k": "x".repeat(8_000_000) } } });
    assert_eq!(server.post_json(path, &object)["allowed"], true);
}

#[test]
fn slow_peers_are_cut_and_named() {
    let limits = "limits: {headerTimeout: 200ms, bodyTimeout: 200ms, idleTimeout: 200ms, writeTimeout: 200ms}\n";
    let server = Server::start(limits, |_| {});
    let reason = |reason: &str| server.metric(&format!("policy_host_connections_cut_total{{reason=\"{reason}\"}}"));
    let mut silent = connect(&server);
    assert!(closed(&mut silent));
    assert_eq!(reason("silent"), 1.0);
    let mut half = connect(&server);
    half.write_all(b"POST /v1/gatekeeper HTTP/1.1\r\nHost: ").unwrap();
    assert!(closed(&mut half));
    assert_eq!(reason("header_timeout"), 1.0);
    let mut body = connect(&server);
    body.write_all(b"POST /v1/evaluate/default HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{").unwrap();
    assert_eq!(
        read_answer(&mut body).unwrap().problem(),
        "408 the body did not come in time (limit `limits.bodyTimeout`)"
    );
    // A kept connection is silent between requests, and ends so.
    let mut kept = connect(&server);
    assert_eq!(ask(&mut kept, &request("POST", "/v1/evaluate/default", POD.as_bytes())).status, 200);
    assert!(closed(&mut kept));
    assert_eq!(reason("silent"), 2.0);
    // One that takes no answer: requests whose answers fill every buffer on the way.
    let mut deaf = connect(&server);
    deaf.set_nonblocking(true).unwrap();
    let openapi = request("GET", "/v1/openapi.json", b"").repeat(100);
    until("the deaf connection is cut", || {
        let _ = deaf.write(&openapi);
        reason("write_timeout") == 1.0
    });
    until("all are gone", || server.metric("policy_host_connections") == 0.0);
}

#[test]
fn more_connections_than_there_is_room_for_wait() {
    let server = Server::start("limits: {connections: 2, idleTimeout: 300ms}\n", |_| {});
    let _first = connect(&server);
    let _second = connect(&server);
    until("both are counted", || server.metric("policy_host_connections") == 2.0);
    // It waits until the silent ones are cut, and is answered then; the probes have a port of their own.
    let mut third = connect(&server);
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(ask(&mut third, &request("POST", "/v1/evaluate/default", POD.as_bytes())).status, 200);
}

#[test]
fn rubbish_is_answered_or_cut_and_harms_nobody() {
    let server = Server::default();
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://[::bad/ HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = connect(&server);
        let answered = try_ask(&mut stream, rubbish);
        assert!(answered.as_ref().is_ok_and(|answer| answer.status >= 400) || answered.is_err(), "{answered:?}");
    }
    assert_eq!(server.post("/v1/evaluate/default", POD).status, 200);
}

/// A directory of one component with such an `evaluate`, which is a bundle by the directory's name.
pub(super) fn guest(directory: &std::path::Path, body: &str) {
    let rules = directory.join("guest");
    std::fs::create_dir_all(&rules).unwrap();
    std::fs::write(rules.join("guest.wasm"), Guest::evaluating(body).with_manifest()).unwrap();
}

const LOOP: &str = "(loop (br 0)) unreachable";

#[test]
fn overload_is_answered_at_once_by_the_failure_mode() {
    for (mode, status, allowed) in [("closed", 429, false), ("open", 200, true)] {
        let settings = format!(
            "bundles: [{{bundle: DIR/guest, failureMode: {mode}}}]\nlimits: {{workers: 1, queue: 1}}\nmemo: {{bytes: 0}}\n"
        );
        let server = Server::start(&settings, |directory| guest(directory, LOOP));
        // Each takes the rule's whole deadline, so that eight at once find no room.
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| server.post(GUEST, POD))).collect();
            asked.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        let overloaded: Vec<&Answer> = answers.iter().filter(|answer| answer.body.contains("overloaded")).collect();
        assert!(!overloaded.is_empty(), "{answers:?}");
        for answer in overloaded {
            assert_eq!((answer.status, &answer.json()["allowed"]), (status, &json!(allowed)), "{mode}");
        }
        assert!(server.metric("policy_host_rejected_reviews_total{reason=\"overloaded\"}") > 0.0);
    }
}

pub(super) const GUEST: &str = "/v1/evaluate/guest";

#[test]
fn a_rule_that_cannot_run_denies_unless_the_bundle_is_open() {
    for (mode, allowed) in [("closed", false), ("open", true)] {
        let settings = format!("bundles: [{{bundle: DIR/guest, failureMode: {mode}}}]\n");
        let server = Server::start(&settings, |directory| guest(directory, "unreachable"));
        let verdict = server.post_json(GUEST, &serde_json::from_str(POD).unwrap());
        assert_eq!(verdict["allowed"], allowed, "{verdict}");
        assert_eq!(verdict["errors"][0]["rule"], "guest");
        assert!(verdict["errors"][0]["message"].as_str().unwrap().starts_with("it trapped: "));
        assert_eq!(server.metric("policy_host_sandbox_errors_total{rule=\"guest\",failure=\"trap\"}"), 1.0);
    }
}

#[test]
fn a_review_ends_at_its_deadline() {
    let settings = "bundles: [DIR/guest]\nlimits: {deadline: 50ms, workers: 1}\n";
    let server = Server::start(settings, |directory| guest(directory, LOOP));
    let answer = server.post(GUEST, POD);
    let verdict = answer.json();
    assert_eq!(verdict["allowed"], false);
    assert!(
        answer.body.contains("it did not answer within 200 ms") || answer.body.contains("the deadline passed"),
        "{verdict}"
    );
}

fn secured(settings: &str, authority: &Authority) -> Server {
    let files = "tls: {certificate: DIR/server.pem, key: DIR/server.key, clientAuthorities: DIR/ca.pem";
    Server::start(&format!("{files}{settings}}}\n"), |directory| authority.write_server_files(directory))
}

fn ask_secured(server: &Server, client: &Arc<ClientConfig>, path: &str, body: &str) -> std::io::Result<Answer> {
    let name = rustls::pki_types::ServerName::from(server.listen.ip());
    let connection = rustls::ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, connect(server));
    try_ask(&mut stream, &request("POST", path, body.as_bytes()))
}

#[test]
fn only_gatekeeper_has_to_present_a_certificate_and_a_good_one() {
    let authority = Authority::new();
    let other = Authority::new();
    let server = secured("", &authority);
    let empty = r#"{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":[]}}"#;
    let gatekeeper = |client: &Arc<ClientConfig>| ask_secured(&server, client, "/v1/gatekeeper", empty);
    assert_eq!(gatekeeper(&authority.client(Some(&authority))).unwrap().status, 200);
    let nobody = gatekeeper(&authority.client(None)).unwrap();
    assert_eq!(
        (nobody.status, &nobody.json()["response"]["systemError"]),
        (401, &json!("a client certificate is needed"))
    );
    assert!(gatekeeper(&authority.client(Some(&other))).is_err());
    let client_with =
        |usage, expired| authority.client_with(Some(authority.certificate(usage, expired)), &[&rustls::version::TLS13]);
    assert!(gatekeeper(&client_with(ExtendedKeyUsagePurpose::ClientAuth, true)).is_err());
    assert!(gatekeeper(&client_with(ExtendedKeyUsagePurpose::ServerAuth, false)).is_err());
    let webhook = ask_secured(&server, &authority.client(None), "/v1/evaluate/default", POD);
    assert_eq!(webhook.unwrap().status, 200);
    // Everybody, where that is configured.
    let server = secured(", clientCertificates: all", &authority);
    assert!(ask_secured(&server, &authority.client(None), "/v1/evaluate/default", POD).is_err());
    assert_eq!(
        ask_secured(&server, &authority.client(Some(&authority)), "/v1/evaluate/default", POD).unwrap().status,
        200
    );
}

#[test]
fn old_tls_is_spoken_only_where_it_is_asked_for() {
    let authority = Authority::new();
    let old = authority.client_with(None, &[&rustls::version::TLS12]);
    let path = "/v1/evaluate/default";
    assert!(ask_secured(&secured("", &authority), &old, path, POD).is_err());
    assert_eq!(ask_secured(&secured(", minimum: '1.2'", &authority), &old, path, POD).unwrap().status, 200);
    // Plain HTTP on the TLS port.
    assert!(try_ask(&mut connect(&secured("", &authority)), &request("POST", path, POD.as_bytes())).is_err());
}
