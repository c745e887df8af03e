//! As much of an API server as a client that lists and watches meets, on loopback, with its failures at the
//! test's command: discovery, lists in pages, watches with bookmarks, metadata alone, and objects that come and go.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A kind that the server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Served {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
}

impl Served {
    fn root(&self) -> String {
        if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        }
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.root(), self.plural)
    }
}

/// What the server does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers with a status.
    Status(u16),
    /// Answers with something that is not JSON.
    Garbage,
    /// Takes the request and says nothing.
    Silence,
}

/// Which requests a fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    List,
    Watch,
}

#[derive(Default)]
struct World {
    /// The version of everything: counts changes.
    version: u64,
    /// Versions from before this one are forgotten.
    oldest: u64,
    kinds: BTreeMap<Served, BTreeMap<(String, String), Value>>,
    events: Vec<(u64, Served, String)>,
    faults: HashMap<(Served, Verb), Fault>,
    /// Whether nothing is answered at all.
    down: bool,
    /// Which generation of connections is alive.
    connections: u64,
    open_watches: usize,
    requests: Vec<(String, String)>,
}

/// The server. It goes when it is dropped.
pub(crate) struct FakeApiServer {
    url: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl FakeApiServer {
    pub(crate) async fn start(kinds: &[Served]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kinds = kinds.iter().map(|kind| (*kind, BTreeMap::new())).collect();
        let world = World { version: 100, kinds, ..World::default() };
        let shared = Arc::new(Shared { world: Mutex::new(world), changes: watch::Sender::new(0) });
        let mut tasks = JoinSet::new();
        let serving = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                connections.spawn(async move {
                    let service = hyper::service::service_fn(|request| answer(Arc::clone(&shared), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, shared, _tasks: tasks }
    }

    pub(crate) fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(self.url.parse().unwrap());
        config.default_retry = false;
        let _ = rustls::crypto::ring::default_provider().install_default();
        kube::Client::try_from(config).unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.shared.changes.send_modify(|changes| *changes += 1);
        result
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap()
    }

    /// Creates an object, or replaces it.
    pub(crate) fn apply(&self, kind: Served, mut object: Value) {
        self.change(|world| {
            world.version += 1;
            object["metadata"]["resourceVersion"] = world.version.to_string().into();
            let mut whole = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
            whole.as_object_mut().unwrap().append(object.as_object_mut().unwrap());
            let object = whole;
            let before = world.kinds.get_mut(&kind).unwrap().insert(key(&object), object.clone());
            world.event(kind, if before.is_some() { "MODIFIED" } else { "ADDED" }, &object);
        });
    }

    pub(crate) fn delete(&self, kind: Served, namespace: &str, name: &str) {
        self.change(|world| {
            world.version += 1;
            let key = (namespace.to_owned(), name.to_owned());
            let mut object = world.kinds.get_mut(&kind).unwrap().remove(&key).unwrap();
            object["metadata"]["resourceVersion"] = world.version.to_string().into();
            world.event(kind, "DELETED", &object);
        });
    }

    /// The objects of all kinds.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.world().kinds.values().flat_map(BTreeMap::values).cloned().collect()
    }

    pub(crate) fn install(&self, kind: Served) {
        self.change(|world| world.kinds.insert(kind, BTreeMap::new()));
    }

    pub(crate) fn uninstall(&self, kind: Served) {
        self.change(|world| {
            world.kinds.remove(&kind);
            world.connections += 1;
        });
    }

    /// Tells all watches that nothing has happened to their kind up to now.
    pub(crate) fn bookmark(&self) {
        self.change(|world| {
            world.version += 1;
            let metadata = json!({"metadata": {"resourceVersion": world.version.to_string()}});
            for kind in world.kinds.keys().copied().collect::<Vec<_>>() {
                world.event(kind, "BOOKMARK", &metadata);
            }
        });
    }

    /// Says something in the watches of a kind.
    pub(crate) fn say(&self, kind: Served, line: &str) {
        self.change(|world| {
            world.version += 1;
            world.events.push((world.version, kind, format!("{line}\n")));
        });
    }

    /// Cuts all watches off.
    pub(crate) fn disconnect(&self) {
        self.change(|world| world.connections += 1);
    }

    /// Forgets what has happened up to now.
    pub(crate) fn compact(&self) {
        self.change(|world| {
            world.version += 1;
            world.oldest = world.version;
            world.events.clear();
        });
    }

    pub(crate) fn fail(&self, kind: Served, verb: Verb, fault: Fault) {
        self.change(|world| world.faults.insert((kind, verb), fault));
    }

    pub(crate) fn mend(&self) {
        self.change(|world| {
            world.faults.clear();
            world.down = false;
        });
    }

    /// Cuts everything off and answers nothing until it is mended.
    pub(crate) fn go_down(&self) {
        self.change(|world| {
            world.down = true;
            world.connections += 1;
        });
    }

    pub(crate) fn open_watches(&self) -> usize {
        self.world().open_watches
    }

    /// Waits until something is true of the server.
    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        self.shared.changes.subscribe().wait_for(|_| condition(self)).await.unwrap();
    }

    /// The paths that were asked for, with queries, and what was accepted.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.world().requests.clone()
    }
}

impl World {
    fn event(&mut self, kind: Served, event: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": event, "object": object}));
        self.events.push((self.version, kind, line));
    }
}

fn key(object: &Value) -> (String, String) {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let metadata_only = accept.contains("as=PartialObjectMetadata");
    let parameter = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    let is_watch = parameter("watch").as_deref() == Some("true");
    let verb = if is_watch { Verb::Watch } else { Verb::List };
    let (served, fault) = {
        let mut world = shared.world.lock().unwrap();
        world.requests.push((format!("{path}?{query}"), accept));
        if world.down {
            return Err(std::io::Error::other("down"));
        }
        let served = world.kinds.keys().find(|kind| kind.path() == path).copied();
        (served, served.and_then(|kind| world.faults.get(&(kind, verb)).copied()))
    };
    match fault {
        Some(Fault::Status(code)) => return Ok(status(code, "told to fail")),
        Some(Fault::Garbage) => return Ok(text(200, "<html>welcome</html>".to_owned())),
        Some(Fault::Silence) => {
            std::future::pending::<()>().await;
        }
        None => {}
    }
    let Some(kind) = served else { return Ok(discovery(&shared, &path)) };
    if is_watch {
        let from = parameter("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
        return Ok(events(shared, kind, from, metadata_only));
    }
    let limit = parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let start: usize = parameter("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    Ok(list(&shared, kind, start, limit, metadata_only))
}

fn discovery(shared: &Shared, path: &str) -> Response<Body> {
    let world = shared.world.lock().unwrap();
    if path == "/apis" {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for kind in world.kinds.keys().filter(|kind| !kind.group.is_empty()) {
            groups.entry(kind.group).or_default().push(kind.version);
        }
        let versions =
            |group: &str, version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
        let groups = groups.into_iter().map(|(group, known)| {
            json!({
                "name": group,
                "versions": known.iter().map(|version| versions(group, version)).collect::<Vec<_>>(),
                "preferredVersion": versions(group, known.last().unwrap()),
            })
        });
        return json_body(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()}));
    }
    let of_path: Vec<_> = world.kinds.keys().filter(|kind| kind.root() == path).collect();
    if of_path.is_empty() && path != "/api/v1" {
        return text(404, "404 page not found".to_owned());
    }
    let resources = of_path.iter().flat_map(|kind| {
        let resource = |name: String, verbs: Value| json!({"name": name, "kind": kind.kind, "verbs": verbs});
        [
            resource(format!("{}/status", kind.plural), json!(["get"])),
            resource(kind.plural.to_owned(), json!(["get", "list", "watch"])),
        ]
    });
    json_body(&json!({"kind": "APIResourceList", "resources": resources.collect::<Vec<_>>()}))
}

fn list(shared: &Shared, kind: Served, start: usize, limit: usize, metadata_only: bool) -> Response<Body> {
    let world = shared.world.lock().unwrap();
    let objects = &world.kinds[&kind];
    let items = objects.values().skip(start).take(limit).map(|object| {
        if metadata_only {
            return metadata_of(object);
        }
        let mut item = object.clone();
        // As in the lists of built-in kinds.
        item.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
        item
    });
    let items: Vec<Value> = items.collect();
    let end = start + items.len();
    let next = if end < objects.len() { end.to_string() } else { String::new() };
    let metadata = json!({"resourceVersion": world.version.to_string(), "continue": next});
    // An empty list may be written as null.
    let items = if items.is_empty() { Value::Null } else { items.into() };
    json_body(&json!({"kind": format!("{}List", kind.kind), "metadata": metadata, "items": items}))
}

fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// An open watch, counted.
struct Open {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    connection: u64,
    seen: u64,
    kind: Served,
    metadata_only: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.world.lock().unwrap().open_watches -= 1;
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

fn events(shared: Arc<Shared>, kind: Served, from: u64, metadata_only: bool) -> Response<Body> {
    let changes = shared.changes.subscribe();
    let connection = {
        let mut world = shared.world.lock().unwrap();
        if from < world.oldest {
            let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
            return text(200, format!("{}\n", json!({"type": "ERROR", "object": gone})));
        }
        world.open_watches += 1;
        world.connections
    };
    shared.changes.send_modify(|changes| *changes += 1);
    let open = Open { shared, changes, connection, seen: from, kind, metadata_only };
    let frames = stream::unfold(Some(open), |open| async move {
        let mut open = open?;
        loop {
            open.changes.borrow_and_update();
            let (next, alive) = {
                let world = open.shared.world.lock().unwrap();
                let new = |(version, kind, _): &&(u64, Served, String)| *version > open.seen && *kind == open.kind;
                (world.events.iter().find(new).cloned(), world.connections == open.connection)
            };
            if !alive {
                return Some((Err(std::io::Error::other("cut off")), None));
            }
            if let Some((version, _, line)) = next {
                open.seen = version;
                let line = if open.metadata_only { only_metadata(&line) } else { line };
                return Some((Ok(Frame::data(Bytes::from(line))), Some(open)));
            }
            open.changes.changed().await.ok()?;
        }
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

fn only_metadata(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    if event["type"] == "BOOKMARK" {
        return line.to_owned();
    }
    format!("{}\n", json!({"type": event["type"], "object": metadata_of(&event["object"])}))
}

fn status(code: u16, message: &str) -> Response<Body> {
    let mut response = json_body(&json!({"kind": "Status", "code": code, "message": message, "status": "Failure"}));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

fn json_body(value: &Value) -> Response<Body> {
    text(200, value.to_string())
}

fn text(code: u16, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed_unsync();
    Response::builder().status(code).body(body).unwrap()
}
