//! A STAND-IN for a Docker Trusted Registry, written from what is documented of its API alone: no DTR was at hand.
//!
//! It serves lists in pages of at most three things, however many are asked for, over TLS, to one administrator; `/v2` from real bytes
//! to whoever brings a token of its token service. It can be told to answer nonsense, and to stop answering.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use oci::Digest;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub const DTR_PASSWORD: &str = "a password of long ago";
const PAGE: usize = 3;
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Twist {
    Status(u16),
    Garbage,
    Elsewhere,
    /// Half of the body, then nothing more.
    Half,
    /// As many bytes, and others.
    OtherBytes,
    /// A page that says that it comes after itself.
    Circle,
}

#[derive(Default)]
struct Estate {
    /// What a path lists, and in which member of an object, if in any.
    lists: BTreeMap<String, (Option<&'static str>, Vec<Value>)>,
    things: BTreeMap<String, Value>,
    /// `repository/manifests/reference` and `repository/blobs/digest`, with media types.
    content: BTreeMap<String, (String, Vec<u8>)>,
    twists: BTreeMap<String, Twist>,
    asked: Vec<String>,
    /// After so many requests more it answers none.
    patience: Option<usize>,
}

/// The stand-in, until it is dropped.
pub struct Dtr {
    pub address: SocketAddr,
    estate: Arc<Mutex<Estate>>,
    _runtime: tokio::runtime::Runtime,
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Dtr {
    /// With a certificate for 127.0.0.1 in PEM, and its key.
    pub fn start(certificate: &str, key: &str) -> Dtr {
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let estate = Arc::new(Mutex::new(Estate::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state((address, Arc::clone(&estate)));
        let tls = Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        runtime.spawn(async move { axum::serve(tls, router).await });
        Dtr { address, estate, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// More things that a path lists. What DTR lists in an object is told apart by the path.
    pub fn lists(&self, path: &str, things: Value) {
        let last = path.rsplit('/').next().unwrap();
        let member = match last {
            "accounts" => Some("accounts"),
            "members" => Some("members"),
            "teams" => Some("teams"),
            "repositories" => Some("repositories"),
            "publicKeys" => Some("accountPublicKeys"),
            "teamAccess" => Some("teamAccessList"),
            _ => None,
        };
        let mut estate = self.estate.lock().unwrap();
        let list = estate.lists.entry(path.to_owned()).or_insert((member, Vec::new()));
        list.1.extend(things.as_array().unwrap().iter().cloned());
    }

    pub fn has(&self, path: &str, thing: Value) {
        self.estate.lock().unwrap().things.insert(path.to_owned(), thing);
    }

    pub fn twist(&self, path: &str, twist: Twist) {
        self.estate.lock().unwrap().twists.insert(path.to_owned(), twist);
    }

    pub fn untwist(&self) {
        self.estate.lock().unwrap().twists.clear();
    }

    /// Answer so many requests more, or all again.
    pub fn has_patience(&self, requests: Option<usize>) {
        let mut estate = self.estate.lock().unwrap();
        estate.patience = requests.map(|requests| estate.asked.len() + requests);
    }

    pub fn is_out_of_patience(&self) -> bool {
        let estate = self.estate.lock().unwrap();
        estate.patience.is_some_and(|most| estate.asked.len() > most)
    }

    /// The paths that were asked for, and forgotten with it.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.estate.lock().unwrap().asked)
    }

    /// A tag of an image of these layers, each a word and, where nobody may push it, the word `foreign` in front.
    pub fn image(&self, repository: &str, tag: &str, layers: &[&str]) -> Digest {
        let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": layers}});
        let config = config.to_string().into_bytes();
        let layers: Vec<Value> = layers
            .iter()
            .map(|word| match word.strip_prefix("foreign ") {
                Some(word) => json!({
                    "mediaType": FOREIGN, "digest": Digest::sha256_of(word.as_bytes()), "size": word.len(),
                    "urls": ["https://elsewhere.example/layer"],
                }),
                None => {
                    json!({"mediaType": LAYER, "digest": self.blob(repository, word.as_bytes()), "size": word.len()})
                }
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(),
                "digest": self.blob(repository, &config),
            },
        });
        self.document(repository, tag, MANIFEST, manifest.to_string().as_bytes())
    }

    /// A tag of a manifest list of images that are there, and of one that is not when it is named.
    pub fn list_of(&self, repository: &str, tag: &str, images: &[&Digest]) -> Digest {
        let size = |digest: &Digest| {
            let estate = self.estate.lock().unwrap();
            estate.content.get(&format!("{repository}/manifests/{digest}")).map_or(7, |(_, bytes)| bytes.len())
        };
        let manifests: Vec<Value> = images
            .iter()
            .enumerate()
            .map(|(index, digest)| {
                let platform = json!({"os": "linux", "architecture": format!("a{index}")});
                json!({"mediaType": MANIFEST, "digest": digest, "size": size(digest), "platform": platform})
            })
            .collect();
        let list = json!({"schemaVersion": 2, "mediaType": LIST, "manifests": manifests});
        self.document(repository, tag, LIST, list.to_string().as_bytes())
    }

    pub fn document(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256_of(bytes);
        for reference in [tag, digest.as_str()] {
            let path = format!("{repository}/manifests/{reference}");
            self.estate.lock().unwrap().content.insert(path, (media_type.to_owned(), bytes.to_vec()));
        }
        digest
    }

    /// What a tag names.
    pub fn digest(&self, repository: &str, tag: &str) -> String {
        let estate = self.estate.lock().unwrap();
        Digest::sha256_of(&estate.content[&format!("{repository}/manifests/{tag}")].1).to_string()
    }

    fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256_of(bytes);
        let content = ("application/octet-stream".to_owned(), bytes.to_vec());
        self.estate.lock().unwrap().content.insert(format!("{repository}/blobs/{digest}"), content);
        digest
    }
}

type Shared = (SocketAddr, Arc<Mutex<Estate>>);

async fn answer(State((address, estate)): State<Shared>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let silent = {
        let mut estate = estate.lock().unwrap();
        estate.asked.push(path.clone());
        estate.patience.is_some_and(|most| estate.asked.len() > most)
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let estate = estate.lock().unwrap();
    let mut response = match path.strip_prefix("/v2/") {
        Some(content) => pull(&estate, address, content, request.headers()),
        None if !is_admin(request.headers()) => error(401, "NOT_AUTHENTICATED", "the client is not authenticated"),
        None if path == "/auth/token" => {
            let repository = query["scope"].split(':').nth(1).unwrap().to_owned();
            json_answer(&json!({"token": format!("for {repository}"), "expires_in": 300}))
        }
        None => list_or_thing(&estate, &path, &query),
    };
    match estate.twists.get(&path) {
        None => {}
        Some(Twist::Status(status)) => *response.status_mut() = StatusCode::from_u16(*status).unwrap(),
        Some(Twist::Garbage) => *response.body_mut() = Body::from("<html>It works!</html>"),
        Some(Twist::Elsewhere) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert("location", "https://127.0.0.1:1/".parse().unwrap());
        }
        Some(Twist::Circle) => {
            response.headers_mut().insert("x-next-page-start", "again".parse().unwrap());
        }
        Some(twist @ (Twist::Half | Twist::OtherBytes)) => *response.body_mut() = damaged(&estate, &path, *twist),
    }
    response
}

/// The bytes of a blob with their second half gone or changed. The head of the answer promises all of them.
fn damaged(estate: &Estate, path: &str, twist: Twist) -> Body {
    let (_, bytes) = &estate.content[path.strip_prefix("/v2/").unwrap()];
    let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
    let rest = match twist {
        Twist::Half => Err(io::Error::other("cut off")),
        _ => Ok(Bytes::from(vec![b'?'; bytes.len() - half.len()])),
    };
    Body::from_stream(futures_util::stream::iter([Ok(half), rest]))
}

fn pull(estate: &Estate, address: SocketAddr, content: &str, headers: &HeaderMap) -> Response<Body> {
    let repository = content.split("/manifests/").next().unwrap().split("/blobs/").next().unwrap();
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer for {repository}")) {
        let mut refused = error(401, "UNAUTHORIZED", "authentication required");
        let challenge = format!(
            "Bearer realm=\"https://{address}/auth/token\",service=\"{address}\",scope=\"repository:{repository}:pull\""
        );
        refused.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
        return refused;
    }
    let Some((media_type, bytes)) = estate.content.get(content) else {
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let response = Response::builder().header("content-type", media_type).header("content-length", bytes.len());
    let response = response.header("docker-content-digest", Digest::sha256_of(bytes).as_str());
    response.body(Body::from(bytes.clone())).unwrap()
}

fn is_admin(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("admin:{DTR_PASSWORD}")));
    headers.get("authorization").is_some_and(|value| value == &expected)
}

fn list_or_thing(estate: &Estate, path: &str, query: &BTreeMap<String, String>) -> Response<Body> {
    if let Some(thing) = estate.things.get(path) {
        return json_answer(thing);
    }
    let Some((member, things)) = estate.lists.get(path) else {
        // A repository that is there has lists, if empty ones.
        let known = path.rsplit_once('/').is_some_and(|(parent, _)| estate.things.contains_key(parent));
        return if known { json_answer(&json!([])) } else { error(404, "NO_SUCH_THING", "there is no such thing") };
    };
    // A page starts at the id of a thing, which is the name where there is no id.
    let id = |thing: &Value| ["id", "name"].iter().find_map(|name| thing[name].as_str()).map(str::to_owned);
    let enzi = path.starts_with("/enzi/");
    let start = query.get(if enzi { "start" } else { "pageStart" });
    let at =
        start.map_or(0, |start| things.iter().position(|thing| id(thing).as_ref() == Some(start)).unwrap_or_default());
    // Where things have no id, all are on one page.
    let size = if things.iter().all(|thing| id(thing).is_some()) { PAGE } else { things.len() };
    let page: Vec<Value> = things.iter().skip(at).take(size).cloned().collect();
    let next = things.get(at + size).and_then(id).unwrap_or_default();
    let mut body = match member {
        Some(member) => json!({*member: page}),
        None => page.into(),
    };
    if enzi {
        body["nextPageStart"] = next.as_str().into();
    }
    let mut response = json_answer(&body);
    if !enzi && !next.is_empty() {
        response.headers_mut().insert("x-next-page-start", next.parse().unwrap());
    }
    response
}

fn json_answer(value: &Value) -> Response<Body> {
    Response::builder().header("content-type", "application/json").body(Body::from(value.to_string())).unwrap()
}

fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = json!({"errors": [{"code": code, "message": message}]}).to_string();
    Response::builder().status(status).body(Body::from(body)).unwrap()
}
