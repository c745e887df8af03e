//! The watch cache against an API server that lists, watches, forgets, refuses and fails.

use crate::fake_api_server::{FakeApiServer, Fault, Served, Verb};
use crate::sandbox::{ENGINE, rule_that_asks};
use policy_host::bundle::Bundle;
use policy_host::cluster::{CacheLimits, KindState, Timing, WatchCache};
use policy_host::document::{Document, Source};
use policy_host::evaluate::{Ask, Collected, Inventory, Judge, Outcome};
use policy_host::parse::{Form, Limits, Unit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const SERVICE: Served = Served { group: "", version: "v1", kind: "Service", plural: "services" };
const POD: Served = Served { group: "", version: "v1", kind: "Pod", plural: "pods" };
const DEPLOYMENT: Served = Served { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };
const JOB: Served = Served { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
const MONITOR: Served = Served { group: "example.com", version: "v2", kind: "Monitor", plural: "monitors" };
const MONITOR_V1: Served = Served { version: "v1", ..MONITOR };

/// A check whose one rule asks for some things.
fn judge(inventory: Value) -> Judge {
    let bundle = Bundle::of_rules("test", [rule_that_asks(inventory)]);
    Judge::new(&ENGINE, &Arc::new(bundle))
}

fn services() -> Value {
    json!([{"name": "services", "kinds": ["core/Service"], "scope": "namespace", "reads": ["spec.selector"]}])
}

/// Retries at once, and pages of two.
fn eager() -> Timing {
    let moment = Duration::from_millis(1);
    Timing { retry_first: moment, retry_longest: moment * 20, oversize: moment, page: 2, ..Timing::default() }
}

fn start(server: &FakeApiServer, judge: &Judge) -> WatchCache {
    WatchCache::start(Ok(server.client()), &[judge], CacheLimits::default(), eager())
}

/// Far longer than anything takes, so that a test which hangs fails.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap()
}

/// Waits for the word of a kind's state.
async fn becomes(cache: &WatchCache, kind: &str, state: &str) {
    let there = |cache: &WatchCache| {
        cache.status().iter().any(|status| status.kind.to_string() == kind && status.state.name() == state)
    };
    in_time(cache.until(there)).await;
}

/// What a rule is told about an object of a namespace, with its digest.
fn asked(inventory: &dyn Inventory, judge: &Judge, namespace: &str) -> Result<(String, [u8; 32]), String> {
    let metadata = json!({"name": "c", "namespace": namespace, "labels": {"app": "x"}});
    let here = document(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    let told = judge.related(0, &judge.asking(&here, inventory));
    told.map(|told| (told.json(), told.digest())).map_err(|error| error.to_string())
}

fn told(cache: &WatchCache, judge: &Judge, namespace: &str) -> Result<String, String> {
    asked(&cache.inventory(judge).unwrap(), judge, namespace).map(|(json, _)| json)
}

async fn becomes_told(cache: &WatchCache, judge: &Judge, namespace: &str, wanted: &str) {
    in_time(cache.until(|cache| told(cache, judge, namespace).is_ok_and(|told| told == wanted))).await;
}

fn document(object: &Value) -> Document {
    let source = Source::new("<cluster>", object.to_string());
    Unit::new(Form::Json, source).parse(&Limits::default()).unwrap().remove(0)
}

/// What a run over files would tell of the objects that the server has.
fn collected(server: &FakeApiServer, judge: &Judge) -> Collected {
    Collected::new(server.objects().iter().flat_map(|object| judge.cards(&document(object))))
}

fn service(namespace: &str, name: &str, selector: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector, "clusterIP": "10.0.0.1"}})
}

fn shown(services: &[(&str, &str, &str)]) -> String {
    let shown = services.iter().map(|(namespace, name, selector)| {
        format!(
            r#"{{"subject":{{"group":"","version":"v1","kind":"Service","namespace":"{namespace}","name":"{name}"}},"document":{{"spec":{{"selector":"{selector}"}}}}}}"#
        )
    });
    format!(r#"{{"services":[{}]}}"#, shown.collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn rules_are_told_what_a_run_over_the_same_documents_would_tell_them() {
    let server = FakeApiServer::start(&[SERVICE, POD, DEPLOYMENT, JOB]).await;
    let judge = judge(json!([
        {"name": "services", "kinds": ["core/Service"], "scope": "namespace", "reads": ["spec.selector", "kind"]},
        {"name": "everywhere", "kinds": ["core/Service"], "scope": "cluster", "reads": ["metadata.labels"]},
        {"name": "workloads", "kinds": ["workload"], "scope": "namespace",
         "reads": ["pod.metadata.labels", "object.metadata.name"]},
        {"name": "pods", "kinds": ["core/Pod", "core/Service"], "scope": "cluster", "reads": ["*", "pod.metadata"]},
        {"name": "files", "kinds": ["file/Dockerfile"], "scope": "cluster", "reads": ["*"]},
        {"name": "selecting", "kinds": ["core/Service"], "scope": "namespace", "reads": ["spec.selector"],
         "relation": {"selects": {"there": "spec.selector", "here": "metadata.labels"}}},
        {"name": "pods_of_them", "kinds": ["core/Pod"], "scope": "cluster", "via": "selecting", "reads": ["pod.metadata"],
         "relation": {"selected": {"there": "pod.metadata.labels", "here": "spec.selector"}}},
        {"name": "beside", "kinds": ["core/Pod", "core/Service"], "scope": "namespace", "reads": [],
         "relation": {"same": {"there": "metadata.labels.app|object.metadata.labels.app", "here": "metadata.labels.app"}}},
    ]));
    let agree = |cache: &WatchCache| {
        let (inventory, wanted) = (cache.inventory(&judge).unwrap(), collected(&server, &judge));
        ["a", "b", ""].iter().all(|namespace| {
            let wanted = asked(&wanted, &judge, namespace).unwrap();
            asked(&inventory, &judge, namespace).is_ok_and(|told| told == wanted)
        })
    };
    for index in 0..7 {
        server.apply(SERVICE, service(if index % 2 == 0 { "a" } else { "b" }, &format!("s{index}"), "x"));
    }
    let cache = start(&server, &judge);
    assert!(cache.synced(Duration::from_secs(60)).await);
    assert!(agree(&cache));

    let owned_by = |kind: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "o", "controller": true}]);
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}});
    let pod = |name: &str| json!({"metadata": {"name": name, "namespace": "a", "labels": {"app": name}}, "spec": {}});
    let mut owned = pod("owned");
    owned["metadata"]["ownerReferences"] = owned_by("ReplicaSet");
    let mut strange = pod("strange");
    strange["metadata"]["ownerReferences"] = owned_by("Strange");
    for pod in [pod("alone"), owned.clone(), strange, pod("x")] {
        server.apply(POD, pod);
    }
    let metadata = json!({"name": "selecting", "namespace": "a", "labels": {"app": "x"}});
    server.apply(SERVICE, json!({"metadata": metadata, "spec": {"selector": {"app": "x"}}}));
    server.apply(
        DEPLOYMENT,
        json!({"metadata": {"name": "web", "namespace": "a"}, "spec": {"replicas": 1, "template": template}}),
    );
    in_time(cache.until(agree)).await;
    // Related by their labels, by way of each other, and by a value that they share.
    let related: Value = serde_json::from_str(&told(&cache, &judge, "a").unwrap()).unwrap();
    let names = |query: &str| {
        let entries = related[query].as_array().unwrap().iter();
        entries.map(|entry| entry["subject"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names("selecting"), names("pods_of_them")), (vec!["selecting".to_owned()], vec!["x".to_owned()]));
    assert_eq!(related["pods_of_them"][0]["via"], json!([0]));
    assert_eq!(names("beside"), ["x", "selecting"]);
    server.apply(SERVICE, service("a", "s0", "y"));
    server.delete(SERVICE, "b", "s1");
    server.bookmark();
    in_time(cache.until(agree)).await;
    // A Pod that is adopted belongs to its owner from then on.
    let mut alone = pod("alone");
    alone["metadata"]["ownerReferences"] = owned_by("ReplicaSet");
    server.apply(POD, alone);
    in_time(cache.until(agree)).await;
}

#[tokio::test]
async fn only_what_is_asked_for_is_watched_and_no_more_of_it_than_is_read() {
    let server = FakeApiServer::start(&[SERVICE, POD, DEPLOYMENT, JOB]).await;
    server.apply(JOB, json!({"metadata": {"name": "a", "namespace": "n", "labels": {"x": "y"}}, "spec": {"z": 1}}));
    let judge = judge(json!([
        {"name": "services", "kinds": ["core/Service"], "scope": "namespace", "reads": ["spec.selector"]},
        {"name": "labels", "kinds": ["core/Service", "batch/Job"], "scope": "namespace",
         "reads": ["object.metadata.labels", "metadata.labels"]},
    ]));
    let cache = start(&server, &judge);
    assert!(cache.synced(Duration::from_secs(60)).await);
    in_time(server.until(|server| server.open_watches() == 2)).await;
    server.apply(JOB, json!({"metadata": {"name": "b", "namespace": "n"}, "spec": {"z": 1}}));
    let (wanted, _) = asked(&collected(&server, &judge), &judge, "n").unwrap();
    becomes_told(&cache, &judge, "n", &wanted).await;

    let mut objects = BTreeSet::new();
    for (path, accept) in server.requests() {
        let path = path.split_once('?').unwrap().0.to_owned();
        if !matches!(path.as_str(), "/apis" | "/api/v1" | "/apis/batch/v1") {
            objects.insert((path, accept.contains("as=PartialObjectMetadata")));
        }
    }
    assert_eq!(objects, BTreeSet::from([(SERVICE.path(), false), (JOB.path(), true)]));
    let status = cache.status();
    let metadata_only = status.iter().map(|status| (status.kind.to_string(), status.metadata_only));
    assert!(metadata_only.eq([("core/Service".to_owned(), false), ("batch/Job".to_owned(), true)]));
}

#[tokio::test]
async fn a_kind_that_is_not_installed_has_no_objects_until_it_is() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    let judge = judge(json!([
        {"name": "monitors", "kinds": ["example.com/Monitor"], "scope": "cluster", "reads": ["spec"]},
    ]));
    let cache = start(&server, &judge);
    becomes(&cache, "example.com/Monitor", "absent").await;
    assert_eq!(told(&cache, &judge, "").unwrap(), r#"{"monitors":[]}"#);

    server.install(MONITOR);
    server.apply(MONITOR, json!({"metadata": {"name": "a", "namespace": "n"}, "spec": 1}));
    becomes(&cache, "example.com/Monitor", "synced").await;
    let one = |version| {
        format!(
            r#"{{"monitors":[{{"subject":{{"group":"example.com","version":"{version}","kind":"Monitor","namespace":"n","name":"a"}},"document":{{"spec":1}}}}]}}"#
        )
    };
    becomes_told(&cache, &judge, "", &one("v2")).await;

    // Another version takes the place of the one that was watched.
    server.install(MONITOR_V1);
    server.apply(MONITOR_V1, json!({"metadata": {"name": "a", "namespace": "n"}, "spec": 1}));
    server.uninstall(MONITOR);
    becomes_told(&cache, &judge, "", &one("v1")).await;

    server.uninstall(MONITOR_V1);
    becomes(&cache, "example.com/Monitor", "absent").await;
    assert_eq!(told(&cache, &judge, "").unwrap(), r#"{"monitors":[]}"#);
}

#[tokio::test]
async fn without_permission_a_rule_is_not_evaluated_and_says_why() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    server.apply(SERVICE, service("n", "a", "x"));
    server.fail(SERVICE, Verb::List, Fault::Status(403));
    let judge = judge(services());
    let cache = start(&server, &judge);
    assert!(cache.synced(Duration::from_secs(60)).await);
    assert!(matches!(&cache.status()[0].state, KindState::Unavailable { .. }));

    let inventory = cache.inventory(&judge).unwrap();
    let metadata = json!({"name": "c", "namespace": "n"});
    let document = document(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    let related = judge.related(0, &judge.asking(&document, &inventory));
    let outcome = |told| judge.judge(&judge.prepare(&document), &[Ask { rule: 0, told }]).remove(0).outcome;
    let reason = "its query `services` (core/Service) has no answer: core/Service: \
                  the API server does not permit it (403): told to fail";
    assert_eq!(outcome(related), Outcome::NotEvaluated(reason.to_owned()));

    server.mend();
    becomes(&cache, "core/Service", "synced").await;
    assert_eq!(told(&cache, &judge, "n").unwrap(), shown(&[("n", "a", "x")]));
    let related = judge.related(0, &judge.asking(&document, &inventory));
    assert_eq!(outcome(related), Outcome::Pass);
}

#[tokio::test]
async fn who_may_list_but_not_watch_still_gets_news() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    server.fail(SERVICE, Verb::Watch, Fault::Status(403));
    let judge = judge(services());
    let cache = start(&server, &judge);
    becomes(&cache, "core/Service", "stale").await;
    server.apply(SERVICE, service("n", "a", "x"));
    becomes_told(&cache, &judge, "n", &shown(&[("n", "a", "x")])).await;
}

#[tokio::test]
async fn a_server_that_is_gone_leaves_what_was_known() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    server.apply(SERVICE, service("n", "a", "x"));
    let judge = judge(services());
    let cache = start(&server, &judge);
    becomes(&cache, "core/Service", "synced").await;
    server.go_down();
    becomes(&cache, "core/Service", "stale").await;
    assert_eq!(told(&cache, &judge, "n").unwrap(), shown(&[("n", "a", "x")]));
    server.apply(SERVICE, service("n", "b", "x"));
    server.delete(SERVICE, "n", "a");
    server.mend();
    becomes(&cache, "core/Service", "synced").await;
    becomes_told(&cache, &judge, "n", &shown(&[("n", "b", "x")])).await;
    let lists = server.requests().iter().filter(|(path, _)| path.contains("limit=")).count();
    assert_eq!(lists, 1, "a watch is taken up where it broke off");
}

#[tokio::test]
async fn a_watch_that_is_cut_off_goes_on_where_it_was() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    let judge = judge(services());
    let cache = start(&server, &judge);
    for name in ["a", "b", "c"] {
        in_time(server.until(|server| server.open_watches() == 1)).await;
        server.apply(SERVICE, service("n", name, "x"));
        server.disconnect();
    }
    becomes_told(&cache, &judge, "n", &shown(&[("n", "a", "x"), ("n", "b", "x"), ("n", "c", "x")])).await;
    let lists = server.requests().iter().filter(|(path, _)| path.contains("limit=")).count();
    assert_eq!(lists, 1);
}

#[tokio::test]
async fn what_happened_while_a_version_was_forgotten_is_made_up_for() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    for name in ["a", "b", "c"] {
        server.apply(SERVICE, service("n", name, "x"));
    }
    let judge = judge(services());
    let cache = start(&server, &judge);
    becomes(&cache, "core/Service", "synced").await;
    server.go_down();
    becomes(&cache, "core/Service", "stale").await;
    server.delete(SERVICE, "n", "b");
    server.apply(SERVICE, service("n", "c", "y"));
    server.compact();
    server.mend();
    becomes_told(&cache, &judge, "n", &shown(&[("n", "a", "x"), ("n", "c", "y")])).await;
    becomes(&cache, "core/Service", "synced").await;
}

#[tokio::test]
async fn garbage_is_an_error_and_never_an_answer() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    server.apply(SERVICE, service("n", "a", "x"));
    server.fail(SERVICE, Verb::List, Fault::Garbage);
    let judge = judge(services());
    let cache = start(&server, &judge);
    becomes(&cache, "core/Service", "unavailable").await;
    let reason = told(&cache, &judge, "n").unwrap_err();
    assert!(reason.contains("the list is not what an API server says"), "{reason}");
    server.mend();
    becomes(&cache, "core/Service", "synced").await;
    for line in ["{", "<html>", "{\"type\":\"ADDED\",\"object\":{}}", "{\"object\":{},\"type\":\"WHAT\"}", "7"] {
        in_time(server.until(|server| server.open_watches() == 1)).await;
        server.apply(SERVICE, service("n", "a", "y"));
        server.say(SERVICE, line);
        server.apply(SERVICE, service("n", "a", line.get(..1).unwrap()));
        becomes_told(&cache, &judge, "n", &shown(&[("n", "a", line.get(..1).unwrap())])).await;
    }
}

#[tokio::test]
async fn a_silent_server_is_noticed() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    let judge = judge(services());
    let timing = Timing { watch: Duration::ZERO, ..eager() };
    let cache = WatchCache::start(Ok(server.client()), &[&judge], CacheLimits::default(), timing);
    becomes(&cache, "core/Service", "stale").await;
    let state = cache.status().remove(0).state.to_string();
    assert!(state.contains("the API server was silent for 1 seconds"), "{state}");

    server.fail(SERVICE, Verb::List, Fault::Silence);
    let timing = Timing { request: Duration::from_millis(20), ..eager() };
    let cache = WatchCache::start(Ok(server.client()), &[&judge], CacheLimits::default(), timing);
    becomes(&cache, "core/Service", "unavailable").await;
}

#[tokio::test]
async fn too_much_is_not_available_rather_than_partly_there() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    for name in ["a", "b", "c"] {
        server.apply(SERVICE, service("n", name, "x"));
    }
    let judge = judge(services());
    let few = CacheLimits { objects: 2, ..CacheLimits::default() };
    let small = CacheLimits { bytes: 600, ..CacheLimits::default() };
    for (limits, why) in [(few, "more than 2 objects"), (small, "more than 600 bytes")] {
        let cache = WatchCache::start(Ok(server.client()), &[&judge], limits, eager());
        becomes(&cache, "core/Service", "unavailable").await;
        let reason = told(&cache, &judge, "n").unwrap_err();
        assert!(reason.contains(why), "{reason}");
        server.delete(SERVICE, "n", "c");
        becomes(&cache, "core/Service", "synced").await;
        // Beyond the limit again, by a watch this time.
        server.apply(SERVICE, service("n", "c", "x"));
        becomes(&cache, "core/Service", "unavailable").await;
    }
}

#[tokio::test]
async fn an_object_beyond_a_bound_spoils_only_its_namespace() {
    let server = FakeApiServer::start(&[SERVICE]).await;
    server.apply(SERVICE, service("good", "a", "x"));
    server.apply(SERVICE, service("bad", "b", &"x".repeat(2000)));
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let mut deepest = service("worse", "c", "x");
    deepest["status"] = deep;
    server.apply(SERVICE, deepest);
    let judge = judge(services());
    let limits = CacheLimits { card_bytes: 1000, ..CacheLimits::default() };
    let cache = WatchCache::start(Ok(server.client()), &[&judge], limits, eager());
    becomes(&cache, "core/Service", "synced").await;
    assert_eq!(told(&cache, &judge, "good").unwrap(), shown(&[("good", "a", "x")]));
    let bad = told(&cache, &judge, "bad").unwrap_err();
    assert!(bad.contains("Service bad/b cannot be read: what is read of it has"), "{bad}");
    let worse = told(&cache, &judge, "worse").unwrap_err();
    assert!(worse.contains("Service worse/c cannot be read: nested deeper"), "{worse}");
    server.delete(SERVICE, "bad", "b");
    becomes_told(&cache, &judge, "bad", &shown(&[])).await;
}

#[tokio::test]
async fn without_a_cluster_there_is_a_reason() {
    let judge = judge(services());
    let none = Err("no cluster is configured".to_owned());
    let cache = WatchCache::start(none, &[&judge], CacheLimits::default(), Timing::default());
    assert!(cache.synced(Duration::ZERO).await);
    assert_eq!(cache.status()[0].to_string(), "core/Service: unavailable: no cluster is configured");
    assert!(told(&cache, &judge, "n").unwrap_err().ends_with("core/Service: no cluster is configured"));
}

#[tokio::test]
async fn a_cache_serves_whoever_asks_for_what_it_watches_and_ends_with_them() {
    let server = FakeApiServer::start(&[SERVICE, POD]).await;
    server.apply(SERVICE, service("n", "a", "x"));
    let (first, second) = (judge(services()), judge(services()));
    let other = judge(json!([{"name": "p", "kinds": ["core/Pod"], "scope": "cluster", "reads": ["spec"]}]));
    let cache = start(&server, &first);
    assert!(cache.synced(Duration::from_secs(60)).await);
    assert!(cache.inventory(&other).is_none());
    in_time(server.until(|server| server.open_watches() == 1)).await;
    let inventory = cache.inventory(&second).unwrap();
    drop(cache);
    let answer = inventory.answer(0, policy_host::manifest::Scope::Namespace, "n").unwrap();
    assert_eq!(answer.documents().len(), 1);
    drop(inventory);
    in_time(server.until(|server| server.open_watches() == 0)).await;
}
