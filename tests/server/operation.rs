//! What an operator does: start, look, reload, stop.

use super::authority::Authority;
use super::process::{Server, ask, read_answer, request, until};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

const SECRET: &str = "hunter2-in-the-open";

fn pod() -> Value {
    json!({ "object": {
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "<b>p</b>", "namespace": "shop" },
        "spec": { "containers": [{
            "name": "app", "image": "app:1", "securityContext": { "privileged": true },
            "env": [{ "name": "DB_PASSWORD", "value": SECRET }],
        }] },
    } })
}

const ONE_RULE: &str = "name: one\nversion: 1.0.0\nrules: [pss-privileged]\n";

fn one_bundle(directory: &std::path::Path) {
    std::fs::write(directory.join("one.yaml"), ONE_RULE).unwrap();
}

const FOLLOWED: &str = "bundles: [DIR/one.yaml]\nreload: {interval: 20ms}\n";

#[test]
fn a_changed_bundle_is_served_and_a_broken_one_is_not() {
    let server = Server::start(FOLLOWED, one_bundle);
    let write = |text: &str| std::fs::write(server.path("one.yaml"), text).unwrap();
    let allowed = || server.post_json("/v1/evaluate/one", &pod())["allowed"] == true;
    assert!(!allowed());
    write("name: one\nversion: 1.1.0\nrules: [pss-host-namespaces]\n");
    until("the new bundle is served", allowed);
    assert!(server.get("/readyz?verbose").body.contains("bundles: one@1.1.0 sha256:"));
    write("name: one\nversion: 1.2.0\nrules: [no-such-rule]\n");
    let failed = "policy_host_reloads_total{what=\"bundles\",outcome=\"failed\"}";
    until("the broken bundle is noticed", || server.metric(failed) == 1.0);
    assert!(allowed());
    let ready = server.get("/readyz?verbose");
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("the newest files are not served: "), "{}", ready.body);
    assert!(ready.body.contains("one.yaml:3:9: there is no rule `no-such-rule`"), "{}", ready.body);
    assert!(server.get("/").body.contains("The newest bundles are not served"));
    write(ONE_RULE);
    until("the mended bundle is served", || !allowed());
    assert!(!server.get("/readyz?verbose").body.contains("newest"));
    assert_eq!(server.metric("policy_host_reloads_total{what=\"bundles\",outcome=\"done\"}"), 2.0);
}

#[test]
fn reloads_lose_no_request() {
    let server = Server::start("bundles: [DIR/one.yaml]\nreload: {interval: 1h}\n", one_bundle);
    let body = pod().to_string();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut stream = TcpStream::connect(server.listen).unwrap();
            let request = request("POST", "/v1/evaluate/one", body.as_bytes());
            (0..2000).all(|_| ask(&mut stream, &request).status == 200)
        });
        for version in 0..20 {
            std::fs::write(server.path("one.yaml"), ONE_RULE.replace("1.0.0", &format!("1.0.{version}"))).unwrap();
            server.signal("HUP");
            let done = "policy_host_reloads_total{what=\"bundles\",outcome=\"done\"}";
            until("it was reloaded", || server.metric(done) == f64::from(version + 1));
        }
        assert!(asked.join().unwrap());
    });
}

#[test]
fn a_renewed_certificate_is_presented_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let settings = "tls: {certificate: DIR/server.pem, key: DIR/server.key}\nreload: {interval: 20ms}\n";
    let server = Server::start(settings, |directory| authority.write_server_files(directory));
    let expiry = server.metric("policy_host_certificate_expiry_timestamp_seconds{certificate=\"server\"}");
    assert!(expiry > 1e9, "{expiry}");
    let trusted = |authority: &Authority| {
        let name = rustls::pki_types::ServerName::from(server.listen.ip());
        let mut connection = rustls::ClientConnection::new(authority.client(None), name).unwrap();
        connection.complete_io(&mut TcpStream::connect(server.listen).unwrap()).is_ok()
    };
    assert!(trusted(&authority));
    let next = Authority::new();
    assert!(!trusted(&next));
    next.write_server_files(server.directory.path());
    until("the new certificate is presented", || trusted(&next));
    std::fs::write(server.path("server.key"), "rubbish").unwrap();
    let failed = "policy_host_reloads_total{what=\"certificates\",outcome=\"failed\"}";
    until("the broken key is noticed", || server.metric(failed) >= 1.0);
    assert!(trusted(&next));
}

#[test]
fn what_is_in_flight_is_finished_at_the_end() {
    let mut server = Server::start("shutdown: {delay: 500ms, grace: 20s}\n", |_| {});
    let body = pod().to_string();
    let mut idle = TcpStream::connect(server.listen).unwrap();
    assert_eq!(ask(&mut idle, &request("POST", "/v1/evaluate/default", body.as_bytes())).status, 200);
    // Its body comes only after the end was asked for.
    let mut late = TcpStream::connect(server.listen).unwrap();
    let whole = request("POST", "/v1/evaluate/default", body.as_bytes());
    let (first, rest) = whole.split_at(whole.len() - 10);
    late.write_all(first).unwrap();
    until("it is in flight", || server.metric("policy_host_connections") == 2.0);
    server.signal("TERM");
    until("it is not ready any more", || server.get("/readyz").status == 503);
    assert_eq!(server.get("/livez").status, 200);
    // Until whoever routes to it has noticed, it accepts, and sends callers away politely.
    let answer = server.post("/v1/evaluate/default", &body);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    std::thread::sleep(std::time::Duration::from_millis(700));
    late.write_all(rest).unwrap();
    assert_eq!(read_answer(&mut late).unwrap().status, 200);
    assert_eq!(server.ended().code(), Some(0));
    assert!(server.log().iter().any(|entry| entry["message"] == "stopped"));
}

#[test]
fn what_is_missing_is_said_in_one_line_each() {
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                      clusters: [{name: a, cluster: {server: \"https://127.0.0.1:1\"}}]\nusers: [{name: a, user: {}}]\n";
    let settings = "cluster: {mode: kubeconfig, kubeconfig: DIR/kube}\nbundles: [default]\n";
    let server = Server::start(settings, |directory| std::fs::write(directory.join("kube"), kubeconfig).unwrap());
    let wrong: Vec<Value> = server.log().into_iter().filter(|entry| entry["level"] != "INFO").collect();
    let said: Vec<&str> = wrong.iter().map(|entry| entry["message"].as_str().unwrap()).collect();
    let cluster = "the cluster cannot be asked: rules that need other objects are not evaluated";
    let tls = "no TLS certificate is configured: only this machine can call, by plain HTTP";
    assert_eq!(said.iter().filter(|said| **said == cluster).count(), 1, "{wrong:#?}");
    assert_eq!(said.iter().filter(|said| **said == tls).count(), 1, "{wrong:#?}");
    assert_eq!(said.len(), 2, "{wrong:#?}");
    let reason = wrong.iter().find(|entry| entry["message"] == cluster).unwrap()["reason"].as_str().unwrap();
    assert_eq!(reason, "Connection refused");
    let server = Server::start("cluster: {mode: kubeconfig, kubeconfig: DIR/none}\n", |_| {});
    let none = "there is no cluster to ask: rules that need other objects are not evaluated";
    assert_eq!(server.log().iter().filter(|entry| entry["message"] == none).count(), 1, "{:#?}", server.log());
}

#[test]
fn metrics_and_the_status_page_tell_what_happened_and_no_secret() {
    let server = Server::start("log: {level: trace}\nbundles: [default, pod-security-restricted]\n", |_| {});
    for bundle in ["default", "pod-security-restricted", "default"] {
        assert_eq!(server.post_json(&format!("/v1/evaluate/{bundle}"), &pod())["allowed"], false);
    }
    let expected = [
        ("policy_host_requests_total{wire=\"evaluate\",code=\"200\"}", 3.0),
        ("policy_host_decisions_total{bundle=\"default\",decision=\"denied\"}", 2.0),
        (
            "policy_host_rule_outcomes_total{bundle=\"pod-security-restricted\",rule=\"pss-privileged\",outcome=\"fail\"}",
            1.0,
        ),
        ("policy_host_request_duration_seconds_count{wire=\"evaluate\"}", 3.0),
        ("policy_host_queued_reviews", 0.0),
    ];
    for (line, value) in expected {
        assert_eq!(server.metric(line), value, "{line}\n{}", server.get("/metrics").body);
    }
    let page = server.get("/");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert!(page.body.contains("Pod shop/&lt;b&gt;p&lt;/b&gt;"), "{}", page.body);
    assert!(page.body.contains("<code>no-secret-literal-in-env</code>"));
    let mut everything = format!("{}{}", page.body, server.get("/metrics").body);
    until("the log is there", || server.log().iter().filter(|entry| entry["message"] == "denied").count() == 3);
    everything.extend(server.log().iter().map(Value::to_string));
    assert!(!everything.contains(SECRET));
    let denied = server.log().into_iter().find(|entry| entry["message"] == "denied").unwrap();
    assert!(denied["span"]["id"].is_string(), "{denied}");
    assert_eq!((&denied["kind"], &denied["namespace"]), (&json!("Pod"), &json!("shop")));
}

#[test]
fn a_request_keeps_its_id() {
    let server = Server::default();
    let mut stream = TcpStream::connect(server.listen).unwrap();
    let ask_as = |stream: &mut TcpStream, id: &str| {
        let head = format!("GET /v1/openapi.json HTTP/1.1\r\nHost: h\r\nX-Request-Id: {id}\r\n\r\n");
        ask(stream, head.as_bytes()).header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask_as(&mut stream, "abc-123"), "abc-123");
    assert_ne!(ask_as(&mut stream, "no spaces"), "no spaces");
    assert!(ask_as(&mut stream, &"x".repeat(1000)).len() < 100);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let fails = |config: &str| {
        let path = directory.path().join("serve.yaml");
        std::fs::write(&path, config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_policy-host"))
            .args(["serve", "--no-cluster", "--admin", "127.0.0.1:0", "--config"])
            .arg(&path)
            .env_clear()
            .env("POLICY_HOST_CACHE", directory.path().join("cache"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap().replace(&format!("{}/", directory.path().display()), "")
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let cases = [
        ("listen: 1".to_owned(), "error: serve.yaml:1:9: `listen`: expected socket address, found the number 1"),
        ("bundles: [nowhere]".to_owned(), "error: there is no bundle `nowhere`"),
        ("bundles: [default, default]".to_owned(), "error: two bundles are called `default`"),
        ("tls: {certificate: nowhere.pem, key: nowhere.key}".to_owned(), "error: tls.certificate: nowhere.pem: "),
        ("log: {level: 'a=b=c'}".to_owned(), "error: `log.level`: "),
        (format!("listen: {address}"), "error: `listen`: 127.0.0.1:"),
    ];
    for (config, expected) in cases {
        let error = fails(&config);
        assert!(error.lines().any(|line| line.starts_with(expected)), "{config}: {error}");
    }
}
