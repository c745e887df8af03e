//! As much of an OCI registry as a client meets, on loopback, with its failures at the test's command: manifests,
//! blobs, uploads, tags, referrers, tokens, and every way in which a registry lies, dawdles or breaks off.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use policy_host::digest::Digest;
use policy_host::oci::model::{Descriptor, Index, Manifest};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What the registry does instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers with a status, and a `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Says how long the body is, and closes the connection half way.
    BreakOff,
    /// Sends another byte than it should.
    Corrupt,
    /// Sends something else altogether, under the digest that was asked for.
    Lie(&'static str),
    /// Says that it is elsewhere.
    Redirect(String),
    /// Sends a byte now and then.
    Drip,
    /// Takes the request and says nothing.
    Silence,
    /// Answers, and then has another manifest under the tag.
    MoveTag(String, Digest),
}

/// Whom the registry wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door {
    /// Nobody.
    Open,
    /// A user with a password.
    Basic,
    /// Whoever has the token that is given at this place; without one, at its own `/token`.
    Bearer(Option<String>),
}

/// The `Authorization` that a door of the kind [`Door::Basic`] wants: `me:secret`.
pub(crate) const BASIC: &str = "Basic bWU6c2VjcmV0";
/// The token that is given.
pub(crate) const TOKEN: &str = "Bearer the-token";

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

struct World {
    blobs: BTreeMap<Digest, Bytes>,
    /// By repository and tag or digest.
    manifests: BTreeMap<(String, String), (String, Bytes)>,
    faults: Vec<(String, Fault, usize)>,
    door: Door,
    lists_referrers: bool,
    asked: Vec<Asked>,
}

/// The registry. It goes when it is dropped.
pub(crate) struct FakeRegistry {
    pub(crate) host: String,
    world: Arc<Mutex<World>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl FakeRegistry {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let world = World {
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            faults: Vec::new(),
            door: Door::Open,
            lists_referrers: true,
            asked: Vec::new(),
        };
        let world = Arc::new(Mutex::new(world));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (served, name) = (Arc::clone(&world), host.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, served, name) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { host, world, stop: Some(stop) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// `oci://HOST/PATH`, where the registry is.
    pub(crate) fn reference(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.host)
    }

    /// Does this to the next so many requests whose method and path contain the text.
    pub(crate) fn fault(&self, text: &str, fault: Fault, times: usize) {
        self.world().faults.push((text.to_owned(), fault, times));
    }

    pub(crate) fn set_door(&self, door: Door) {
        self.world().door = door;
    }

    /// Whether it knows the referrers API, and says so when it is given a manifest with a subject.
    pub(crate) fn lists_referrers(&self, lists: bool) {
        self.world().lists_referrers = lists;
    }

    /// What was asked since the last time, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.world().asked)
    }

    /// The digest of what is under a tag.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Digest {
        Digest::of(&self.world().manifests[&(repository.to_owned(), tag.to_owned())].1)
    }

    /// The manifest under a tag or digest.
    pub(crate) fn manifest(&self, repository: &str, name: &str) -> Option<Bytes> {
        self.world().manifests.get(&(repository.to_owned(), name.to_owned())).map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn put_blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.world().blobs.insert(digest, Bytes::copy_from_slice(bytes));
        digest
    }

    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        for name in [tag.to_owned(), digest.to_string()] {
            let manifest = (media_type.to_owned(), Bytes::copy_from_slice(bytes));
            self.world().manifests.insert((repository.to_owned(), name), manifest);
        }
        digest
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, world: Arc<Mutex<World>>, host: String) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (world, host) = (Arc::clone(&world), host.clone());
        connections.spawn(async move {
            let service = hyper::service::service_fn(|request| answer(Arc::clone(&world), host.clone(), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    world: Arc<Mutex<World>>,
    host: String,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorization = head.headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let line = format!("{} {path}", head.method);
    let (fault, mut response) = {
        let mut world = world.lock().unwrap();
        let (method, path) = (head.method.to_string(), path.clone());
        world.asked.push(Asked { method, path, authorization: authorization.clone() });
        let fault = world.take_fault(&line);
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let response = match world.refuse(&host, head.uri.path(), authorization.as_deref()) {
            Some(refusal) => refusal,
            None => world.answer(&head.method, head.uri.path(), head.uri.query(), content_type, body),
        };
        if let Some(Fault::MoveTag(tag, digest)) = &fault {
            world.move_tag(tag, *digest);
        }
        (fault, response)
    };
    match fault {
        None | Some(Fault::MoveTag(..)) => {}
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Status(status, after)) => {
            response = status_only(StatusCode::from_u16(status).unwrap());
            if let Some(after) = after {
                response.headers_mut().insert("retry-after", after.into());
            }
        }
        Some(Fault::Redirect(location)) => {
            response = status_only(StatusCode::TEMPORARY_REDIRECT);
            response.headers_mut().insert("location", location.parse().unwrap());
        }
        Some(Fault::Lie(text)) => {
            let (mut head, _) = response.into_parts();
            head.headers.remove("content-length");
            response = Response::from_parts(head, full(Bytes::from_static(text.as_bytes())));
        }
        Some(fault) => response = spoilt(response, &fault).await,
    }
    Ok(response)
}

/// The answer with a body that breaks off, is wrong, or takes for ever.
async fn spoilt(response: Response<Body>, fault: &Fault) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let mut bytes = body.collect().await.unwrap().to_bytes().to_vec();
    head.headers.insert("content-length", bytes.len().into());
    let body = match fault {
        Fault::BreakOff => {
            bytes.truncate(bytes.len() / 2);
            let broken = std::io::Error::other("broken off");
            let frames = [Ok(Frame::data(Bytes::from(bytes))), Err(broken)];
            // The first half is to arrive before the end is noticed.
            let frames = stream::iter(frames).then(async |frame| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                frame
            });
            StreamBody::new(Box::pin(frames)).boxed_unsync()
        }
        Fault::Drip => {
            let frames = stream::iter(bytes).then(async |byte| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(Frame::data(Bytes::from(vec![byte])))
            });
            StreamBody::new(Box::pin(frames)).boxed_unsync()
        }
        _ => {
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            full(Bytes::from(bytes))
        }
    };
    Response::from_parts(head, body)
}

impl World {
    fn take_fault(&mut self, line: &str) -> Option<Fault> {
        let fault = self.faults.iter_mut().find(|(text, _, times)| *times > 0 && line.contains(text.as_str()))?;
        fault.2 -= 1;
        Some(fault.1.clone())
    }

    fn move_tag(&mut self, tag: &str, digest: Digest) {
        let found = self.manifests.iter().find(|((_, name), _)| *name == digest.to_string());
        let ((repository, _), manifest) = found.map(|(key, value)| (key.clone(), value.clone())).unwrap();
        self.manifests.insert((repository, tag.to_owned()), manifest);
    }

    /// Whoever is not let in gets told how.
    fn refuse(&self, host: &str, path: &str, authorization: Option<&str>) -> Option<Response<Body>> {
        let (wanted, challenge) = match &self.door {
            Door::Open => return None,
            Door::Basic => (BASIC, "Basic realm=\"registry\"".to_owned()),
            Door::Bearer(realm) => {
                let realm = realm.clone().unwrap_or_else(|| format!("http://{host}/token"));
                (TOKEN, format!("Bearer realm=\"{realm}\",service=\"registry\""))
            }
        };
        if path == "/token" || authorization == Some(wanted) {
            return None;
        }
        let mut response = status_only(StatusCode::UNAUTHORIZED);
        response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
        Some(response)
    }

    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        content_type: &str,
        body: Bytes,
    ) -> Response<Body> {
        if path == "/token" {
            return json(&serde_json::json!({ "token": "the-token" }));
        }
        let Some(path) = path.strip_prefix("/v2/") else { return status_only(StatusCode::NOT_FOUND) };
        for (part, what) in
            [("/manifests/", 'm'), ("/blobs/uploads/", 'u'), ("/blobs/", 'b'), ("/tags/", 't'), ("/referrers/", 'r')]
        {
            let Some((repository, name)) = path.rsplit_once(part) else { continue };
            return match (what, method.as_str()) {
                ('m', "PUT") => self.take_manifest(repository, name, content_type, body),
                ('m', _) => self.give_manifest(repository, name),
                ('u', "POST") => {
                    let mut response = status_only(StatusCode::ACCEPTED);
                    let location = format!("/v2/{repository}/blobs/uploads/one?state=x");
                    response.headers_mut().insert("location", location.parse().unwrap());
                    response
                }
                ('u', "PUT") => self.take_blob(query.unwrap_or_default(), body),
                ('b', _) => self.give_blob(name),
                ('t', _) => {
                    let of = self.manifests.keys().filter(|(of, name)| of == repository && !name.contains(':'));
                    json(&serde_json::json!({ "name": repository, "tags": of.map(|(_, tag)| tag).collect::<Vec<_>>() }))
                }
                ('r', _) => self.give_referrers(repository, name),
                _ => status_only(StatusCode::METHOD_NOT_ALLOWED),
            };
        }
        status_only(StatusCode::NOT_FOUND)
    }

    fn give_manifest(&self, repository: &str, name: &str) -> Response<Body> {
        let Some((media_type, bytes)) = self.manifests.get(&(repository.to_owned(), name.to_owned())) else {
            return status_only(StatusCode::NOT_FOUND);
        };
        let mut response = Response::new(full(bytes.clone()));
        let headers = response.headers_mut();
        headers.insert("content-type", media_type.parse().unwrap());
        headers.insert("content-length", bytes.len().into());
        headers.insert("docker-content-digest", Digest::of(bytes).to_string().parse().unwrap());
        response
    }

    fn take_manifest(&mut self, repository: &str, name: &str, media_type: &str, body: Bytes) -> Response<Body> {
        let digest = Digest::of(&body);
        let subject = Manifest::parse(&body).ok().and_then(|manifest| manifest.subject);
        for name in [name.to_owned(), digest.to_string()] {
            self.manifests.insert((repository.to_owned(), name), (media_type.to_owned(), body.clone()));
        }
        let mut response = status_only(StatusCode::CREATED);
        response.headers_mut().insert("docker-content-digest", digest.to_string().parse().unwrap());
        if let (Some(subject), true) = (subject, self.lists_referrers) {
            response.headers_mut().insert("oci-subject", subject.digest.to_string().parse().unwrap());
        }
        response
    }

    fn take_blob(&mut self, query: &str, body: Bytes) -> Response<Body> {
        let digest = Digest::of(&body);
        if !query.replace("%3A", ":").contains(&digest.to_string()) {
            return status_only(StatusCode::BAD_REQUEST);
        }
        self.blobs.insert(digest, body);
        status_only(StatusCode::CREATED)
    }

    fn give_blob(&self, name: &str) -> Response<Body> {
        match name.parse().ok().and_then(|digest| self.blobs.get::<Digest>(&digest)) {
            Some(bytes) => Response::new(full(bytes.clone())),
            None => status_only(StatusCode::NOT_FOUND),
        }
    }

    fn give_referrers(&self, repository: &str, name: &str) -> Response<Body> {
        if !self.lists_referrers {
            return status_only(StatusCode::NOT_FOUND);
        }
        let about = |bytes: &Bytes| {
            let manifest = Manifest::parse(bytes).ok()?;
            (manifest.subject.as_ref()?.digest.to_string() == name).then(|| Descriptor {
                artifact_type: Some(manifest.kind().to_owned()),
                annotations: manifest.annotations.clone(),
                ..Descriptor::of(&manifest.media_type, bytes)
            })
        };
        let by_digest = self.manifests.iter().filter(|((of, name), _)| of == repository && name.contains(':'));
        let found = by_digest.filter_map(|(_, (_, bytes))| about(bytes)).collect();
        Response::new(full(Bytes::from(Index::new(found).to_bytes())))
    }
}

fn json(value: &serde_json::Value) -> Response<Body> {
    Response::new(full(Bytes::from(value.to_string())))
}

fn status_only(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
