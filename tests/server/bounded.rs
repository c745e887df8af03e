//! What all callers together can hold: memory within the container's limit, and descriptors for the second port.

use super::process::{Answer, PATIENCE, Server, ask, read_answer, request, try_ask, until};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The memory limit of the container, as `bundles/deploy/deployment.yaml` has it.
const CONTAINER: usize = 512 << 20;
/// What is in use once nobody asks for anything any more.
const AT_REST: usize = 120 << 20;

#[test]
fn the_container_is_the_one_that_is_deployed() {
    let deployment = include_str!("../../bundles/deploy/deployment.yaml");
    assert!(deployment.contains("limits: {cpu: \"1\", memory: 512Mi}"), "{deployment}");
}

/// A server that waits for whatever a busy machine takes its time for.
const PATIENT: &str = "limits: {bodyTimeout: 60s, deadline: 60s}\n";

/// A review of a Deployment that has what the safe fixes of the default bundle cure, and beside it some JSON.
fn review(beside: &str) -> String {
    let object = format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web","namespace":"shop"}},"spec":{{"replicas":2,
        "selector":{{"matchLabels":{{"app":"web"}}}},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{
        "containers":[{{"name":"app","image":"app:1.0.0"}}]}}}},"beside":{beside}}}}}"#
    );
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"1","operation":"CREATE",
        "kind":{{"group":"apps","version":"v1","kind":"Deployment"}},
        "namespace":"shop","name":"web","userInfo":{{"username":"u"}},"object":{object},"oldObject":null}}}}"#
    )
}

/// JSON of so many values and about `bytes` bytes.
fn values(count: usize, bytes: usize) -> String {
    let value = "1".repeat((bytes / count).saturating_sub(1).max(1));
    let mut text = String::from("[");
    for _ in 1..count {
        text.push_str(&value);
        text.push(',');
    }
    text + "1]"
}

/// Sends the same request on so many connections at once, and gives the answers' statuses with how often each came.
fn at_once(server: &Server, connections: usize, sent: &[u8]) -> [usize; 4] {
    let counts = [const { AtomicUsize::new(0) }; 4];
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(server.listen).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let at = match try_ask(&mut stream, sent).map(|answer| answer.status) {
                    Ok(200) => 0,
                    Ok(413 | 429) => 1,
                    Ok(503) => 2,
                    other => panic!("neither an answer nor a refusal: {other:?}"),
                };
                counts[at].fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    counts.map(AtomicUsize::into_inner)
}

/// The server never had more than its container has, and gives it back.
#[track_caller]
fn assert_bounded(server: &Server) {
    let peak = server.memory("VmHWM");
    assert!(peak < CONTAINER, "{} MiB at the most", peak >> 20);
    until("nothing is charged", || server.metric("policy_host_request_memory_bytes") == 0.0);
    until(&format!("memory is given back, of {} MiB", peak >> 20), || server.memory("VmRSS") <= AT_REST);
    // And it goes on as ever.
    assert_eq!(server.post("/mutate/default", &review("0")).status, 200);
}

#[test]
fn reviews_of_a_million_values_stay_within_the_container() {
    let large = request("POST", "/mutate/default", review(&values(900_000, 2_700_000)).as_bytes());
    for connections in [16, 150] {
        // As much time as it takes: memory is what is looked at.
        let server = Server::start(PATIENT, |_| {});
        // One alone has the room.
        let alone = ask(&mut TcpStream::connect(server.listen).unwrap(), &large);
        assert_eq!(alone.status, 200, "{}", alone.body);
        let [answered, refused, late, _] = at_once(&server, connections, &large);
        assert_eq!(answered + refused + late, connections);
        assert!(refused > 0, "{answered} answered, {late} too late");
        assert!(server.metric("policy_host_rejected_reviews_total{reason=\"memory\"}") > 0.0);
        assert_bounded(&server);
    }
}

#[test]
fn objects_of_many_keys_stay_within_the_container() {
    let members: Vec<String> = (0..120_000).map(|at| format!("\"{at:x}\":{{\"a\":{{}}}}")).collect();
    let object = format!("{{{}}}", members.join(","));
    let server = Server::start(PATIENT, |_| {});
    for path in ["/mutate/default", "/validate/default"] {
        at_once(&server, 24, &request("POST", path, review(&object).as_bytes()));
    }
    assert_bounded(&server);
}

#[test]
fn keys_of_gatekeeper_are_counted_with_what_they_hold() {
    let key = json!({
        "v": 1, "bundle": "default", "operation": "CREATE",
        "object": { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": vec![Vec::<u8>::new(); 7_500] },
    });
    let keys = vec![key.to_string(); 256];
    let body = json!({
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": { "keys": keys },
    });
    let server = Server::default();
    let answer = server.post("/v1/gatekeeper", &body.to_string());
    assert_eq!(answer.status, 413);
    let said = answer.json()["response"]["systemError"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("(limit `limits.memoryBytes`)"), "{said}");
    assert_bounded(&server);
}

#[test]
fn bodies_are_charged_as_they_arrive_and_not_when_they_are_announced() {
    let server = Server::start(PATIENT, |_| {});
    let body = vec![b' '; 8 << 20];
    let whole = request("POST", "/v1/evaluate/default", &body);
    let mut streams: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(server.listen).unwrap()).collect();
    // Announced alone they hold next to nothing.
    for stream in &mut streams {
        stream.write_all(&whole[..1000]).unwrap();
    }
    until("all are read", || server.metric("policy_host_request_memory_bytes") >= 100.0 * 16384.0);
    assert!(server.metric("policy_host_request_memory_bytes") <= 100.0 * 2.0 * 16384.0);
    // All but the last byte.
    std::thread::scope(|scope| {
        for stream in &mut streams {
            scope.spawn(|| stream.write_all(&whole[1000..whole.len() - 1]).unwrap());
        }
    });
    let (used, limit) =
        (server.metric("policy_host_request_memory_bytes"), server.metric("policy_host_request_memory_limit_bytes"));
    assert!(used <= limit && limit == (128 << 20) as f64, "{used} of {limit}");
    assert!(server.memory("VmHWM") < CONTAINER);
    // Others are answered meanwhile: large ones leave room for small ones.
    let small = r#"{"object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}}"#;
    assert_eq!(server.post("/v1/evaluate/default", small).status, 200);
    let mut refused = 0;
    for stream in &mut streams {
        stream.write_all(b" ").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let answer = read_answer(stream).unwrap();
        // Blanks are no JSON.
        assert!([400, 429].contains(&answer.status), "{answer:?}");
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.problem().contains("(limit `limits.memoryBytes`)"), "{answer:?}");
            refused += 1;
        }
    }
    assert!((70..=95).contains(&refused), "{refused} refused");
    assert_bounded(&server);
}

#[test]
fn small_pieces_of_a_body_hold_no_more_than_its_bytes() {
    let server = Server::start(PATIENT, |_| {});
    let chunks = "1\r\n \r\n".repeat(20_000);
    let sent =
        format!("POST /v1/evaluate/default HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let answer = ask(&mut TcpStream::connect(server.listen).unwrap(), sent.as_bytes());
                assert_eq!(answer.status, 400, "{answer:?}");
            });
        }
    });
    assert_bounded(&server);
}

/// A Deployment of so many containers, in which most rules find something in each.
fn containers(count: usize) -> String {
    let containers: Vec<_> =
        (0..count).map(|at| json!({ "name": format!("container-{at}-{}", "n".repeat(200)), "image": "app" })).collect();
    json!({ "object": {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "template": { "spec": { "containers": containers } } },
    } })
    .to_string()
}

#[test]
fn answers_that_nobody_reads_are_charged() {
    let server = Server::start("limits: {writeTimeout: 60s, bodyTimeout: 60s, deadline: 60s}\n", |_| {});
    let path = "/v1/evaluate/default";
    let body = containers(300);
    let length = server.post(path, &body).body.len();
    assert!(length > 400_000, "{length}");
    // More answers than the buffers on the way take, so that each connection ends up with one that waits.
    let sent = request("POST", path, body.as_bytes()).repeat(40);
    let connect = |_| {
        let stream = TcpStream::connect(server.listen).unwrap();
        stream.set_nonblocking(true).unwrap();
        (stream, 0)
    };
    let mut deaf: Vec<(TcpStream, usize)> = (0..8).map(connect).collect();
    until("every connection has an answer that waits", || {
        for (stream, at) in &mut deaf {
            *at += stream.write(&sent[*at..]).unwrap_or(0);
        }
        server.metric("policy_host_request_memory_bytes") >= (deaf.len() * length) as f64
    });
    let limit = server.metric("policy_host_request_memory_limit_bytes");
    assert!(server.metric("policy_host_request_memory_bytes") <= limit);
    drop(deaf);
    assert_bounded(&server);
}

#[test]
fn what_never_fits_is_told_apart_from_what_does_not_fit_now() {
    let server = Server::start("limits: {bodyBytes: 100000, memoryBytes: 800000}\n", |_| {});
    let path = "/validate/default";
    let answer = server.post(path, &review(&values(20_000, 40_000)));
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.problem().contains("more than one may have (limit `limits.memoryBytes`)"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(server.post(path, &review(&values(200, 400))).status, 200);
}

#[test]
fn an_object_that_is_too_large_to_be_cured_gets_no_patch() {
    let server = Server::start(PATIENT, |_| {});
    let mutated = |beside: &str| server.post("/mutate/default", &review(beside)).json()["response"].clone();
    let cured = mutated("0");
    assert!(cured["patch"].is_string(), "{cured}");
    let rejected = || server.metric("policy_host_rejected_reviews_total{reason=\"cure\"}");
    assert_eq!(rejected(), 0.0);
    let not_cured = mutated(&values(100_000, 300_000));
    assert_eq!((&not_cured["allowed"], &not_cured["patch"]), (&json!(true), &json!(null)), "{not_cured}");
    assert_eq!(rejected(), 1.0);
}

/// Lets this process open as many files as it may.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[test]
fn the_second_port_answers_while_silent_connections_take_all_there_are() {
    raise_descriptors();
    let patient = "limits: {connections: 5000, headerTimeout: 60s, idleTimeout: 60s}\n";
    // A soft limit alone is raised; a hard one leaves the second port what it needs.
    for (limits, most) in [("ulimit -S -n 256", 5000.0), ("ulimit -n 1024", 1024.0 - 192.0)] {
        let server = Server::start_after(limits, patient, |_| {});
        // More than wait to be accepted cannot even connect.
        let connect = |_| TcpStream::connect_timeout(&server.listen, Duration::from_secs(5)).ok();
        let silent: Vec<TcpStream> = (0..1_100).map_while(connect).collect();
        assert!(silent.len() > f64::min(most, 1_100.0) as usize - 300, "{}", silent.len());
        let expected = f64::min(most, 1_100.0);
        until("as many as may be are accepted", || server.metric("policy_host_connections") >= expected - 300.0);
        for path in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(server.get(path).status, 200, "{limits}: {path}");
        }
        assert!(server.metric("policy_host_connections") <= most, "{limits}");
        let warned = server
            .log()
            .iter()
            .any(|entry| entry["message"].as_str().is_some_and(|text| text.contains("fewer connections")));
        assert_eq!(warned, most < 5000.0, "{:?}", server.log());
    }
}

#[test]
fn a_new_connection_may_not_be_silent_for_long() {
    let server = Server::start("limits: {headerTimeout: 300ms, idleTimeout: 60s}\n", |_| {});
    let mut kept = TcpStream::connect(server.listen).unwrap();
    let pod = r#"{"object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}}"#;
    let asked = request("POST", "/v1/evaluate/default", pod.as_bytes());
    assert_eq!(ask(&mut kept, &asked).status, 200);
    let mut silent = TcpStream::connect(server.listen).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "it is closed");
    assert_eq!(server.metric("policy_host_connections_cut_total{reason=\"silent\"}"), 1.0);
    // One that has said something has longer.
    assert_eq!(ask(&mut kept, &asked).status, 200);
}

#[test]
fn headers_are_bounded_in_bytes_and_in_fields() {
    let server = Server::default();
    let ask = |fields: &str| -> Answer {
        let sent = format!("GET /v1/openapi.json HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        ask(&mut TcpStream::connect(server.listen).unwrap(), sent.as_bytes())
    };
    let fields = |count: usize| (0..count).map(|at| format!("x-{at}: y\r\n")).collect::<String>();
    assert_eq!(ask(&fields(63)).status, 200);
    assert_eq!(ask(&fields(64)).status, 431);
    let long = |bytes: usize| format!("x-a: {}\r\n", "y".repeat(bytes));
    assert_eq!(ask(&long((32 << 10) - 100)).status, 200);
    for bytes in [32 << 10, 40 << 10, 60 << 10] {
        assert_eq!(ask(&long(bytes)).status, 431, "{bytes}");
    }
    // The second port has the same bounds.
    let second = |bytes: usize| {
        let sent = format!("GET /livez HTTP/1.1\r\nHost: h\r\n{}\r\n", long(bytes));
        try_ask(&mut TcpStream::connect(server.admin).unwrap(), sent.as_bytes()).map_or(0, |answer| answer.status)
    };
    assert_eq!(second(1000), 200);
    assert_ne!(second(200 << 10), 200);
}
