//! A double of the server: the runner protocol, and git's smart HTTP by the real `git upload-pack`.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path as FilePath, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, sync::watch, task::JoinSet, time::timeout};
use tokio_rustls::{TlsAcceptor, rustls};

/// What the server saw.
#[derive(Default)]
pub struct Seen {
    pub queue: VecDeque<Value>,
    pub logs: BTreeMap<u64, String>,
    pub reports: BTreeMap<u64, Value>,
    pub canceled: bool,
    pub artifacts: Vec<(BTreeMap<String, String>, String, Vec<u8>)>,
    pub refuse_token: bool,
    pub asked: usize,
    pub git_calls: usize,
}

pub struct Double {
    pub url: String,
    pub sha: String,
    state: Shared,
    _serving: JoinSet<()>,
    _folder: tempfile::TempDir,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<watch::Sender<u64>>,
    repository: PathBuf,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}

impl Double {
    pub async fn start() -> Double {
        let folder = tempfile::tempdir().unwrap();
        let sha = make_repository(folder.path());
        let state = Shared {
            seen: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
            repository: folder.path().join("p.git"),
        };
        let routes = Router::new()
            .route("/api/v4/runners/verify", post(verify))
            .route("/api/v4/jobs/request", post(request))
            .route("/api/v4/jobs/{id}/trace", patch(trace))
            .route("/api/v4/jobs/{id}", put(update))
            .route("/api/v4/jobs/{id}/artifacts", post(artifacts).get(give_artifacts))
            .route("/g/p.git/info/refs", get(git_refs))
            .route("/g/p.git/git-upload-pack", post(git_fetch))
            .layer(axum::extract::DefaultBodyLimit::max(16 * 1024 * 1024))
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Double { url, sha, state, _serving: serving, _folder: folder }
    }

    /// The same server once more behind TLS, under a name no resolver knows: its port and its CA.
    pub async fn with_tls(&mut self, name: &str) -> (u16, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plain = self.url.replace("http://", "");
        self._serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                connections.spawn(async move {
                    let Ok(mut outside) = acceptor.accept(stream).await else { return };
                    let mut inside = tokio::net::TcpStream::connect(plain).await.unwrap();
                    // Either side may hang up first.
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        self.url = format!("https://{name}:{port}");
        (port, made.cert.pem())
    }

    /// A job whose fields are these, laid over what every job has.
    pub fn job(&self, id: u64, more: &Value) -> Value {
        let mut job = json!({
            "id": id, "token": "job-token-0123456789", "allow_git_fetch": true,
            "job_info": { "name": "build", "stage": "test", "project_id": 1, "project_full_path": "g/p" },
            "git_info": {
                "repo_url": self.url.replace("://", "://gitlab-ci-token:job-token-0123456789@") + "/g/p.git",
                "ref": "main", "ref_type": "branch", "sha": self.sha, "before_sha": "0".repeat(40), "depth": 20,
                "refspecs": ["+refs/heads/main:refs/remotes/origin/main"],
            },
            "runner_info": { "timeout": 120 }, "image": { "name": super::engine::IMAGE },
            "features": { "failure_reasons": ["script_failure", "runner_system_failure", "job_execution_timeout"] },
        });
        for (key, value) in more.as_object().unwrap() {
            job[key] = value.clone();
        }
        job
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        self.state.change(change)
    }

    /// Wait until what the server saw fulfils the condition.
    pub async fn until<T>(&self, what: &str, mut condition: impl FnMut(&Seen) -> Option<T>) -> T {
        let mut changes = self.state.changed.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = condition(&self.state.seen.lock().unwrap()) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        match timeout(Duration::from_secs(60), waiting).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}; logs: {:?}", self.state.seen.lock().unwrap().logs),
        }
    }

    pub async fn report(&self, id: u64) -> (Value, String) {
        self.until("a report", |seen| {
            let report = seen.reports.get(&id)?;
            Some((report.clone(), seen.logs.get(&id).cloned().unwrap_or_default()))
        })
        .await
    }
}

async fn verify(State(state): State<Shared>) -> Response {
    let refuse = state.seen.lock().unwrap().refuse_token;
    if refuse { StatusCode::FORBIDDEN.into_response() } else { Json(json!({ "id": 1 })).into_response() }
}

/// Held for a moment, as the real server holds it.
async fn request(State(state): State<Shared>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["token"], "glrt-token");
    assert_eq!(body["info"]["features"]["trace_checksum"], true);
    let mut changes = state.changed.subscribe();
    state.change(|seen| seen.asked += 1);
    let waiting = async {
        loop {
            let job = state.seen.lock().unwrap().queue.pop_front();
            match job {
                Some(job) => return job,
                None => changes.changed().await.unwrap(),
            }
        }
    };
    match timeout(Duration::from_secs(5), waiting).await {
        Ok(job) => (StatusCode::CREATED, Json(job)).into_response(),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn trace(State(state): State<Shared>, Path(id): Path<u64>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["JOB-TOKEN"], "job-token-0123456789");
    let start: usize = headers["Content-Range"].to_str().unwrap().split_once('-').unwrap().0.parse().unwrap();
    state.change(|seen| {
        let status = if seen.canceled { "canceled" } else { "running" };
        let log = seen.logs.entry(id).or_default();
        let code = if start == log.len() {
            log.push_str(std::str::from_utf8(&body).unwrap());
            StatusCode::ACCEPTED
        } else {
            StatusCode::RANGE_NOT_SATISFIABLE
        };
        let headers = [
            ("Range", format!("0-{}", log.len())),
            ("Job-Status", status.to_owned()),
            ("X-GitLab-Trace-Update-Interval", "0.05".to_owned()),
        ];
        (code, headers).into_response()
    })
}

async fn update(State(state): State<Shared>, Path(id): Path<u64>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["token"], "job-token-0123456789");
    if body["state"] != "running" {
        state.change(|seen| seen.reports.insert(id, body));
    }
    Json(json!({})).into_response()
}

async fn artifacts(
    State(state): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let boundary = multer::parse_boundary(headers["Content-Type"].to_str().unwrap()).unwrap();
    let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    let field = form.next_field().await.unwrap().unwrap();
    assert_eq!(field.name(), Some("file"));
    let name = field.file_name().unwrap().to_owned();
    let bytes = field.bytes().await.unwrap().to_vec();
    state.change(|seen| seen.artifacts.push((query, name, bytes)));
    StatusCode::CREATED.into_response()
}

async fn give_artifacts(State(state): State<Shared>) -> Response {
    state.seen.lock().unwrap().artifacts.first().map(|(_, _, bytes)| bytes.clone()).into_response_or_404()
}

trait OrNotFound {
    fn into_response_or_404(self) -> Response;
}

impl OrNotFound for Option<Vec<u8>> {
    fn into_response_or_404(self) -> Response {
        self.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
    }
}

/// base64 of gitlab-ci-token:job-token-0123456789
const GIT_CREDENTIAL: &str = "Basic Z2l0bGFiLWNpLXRva2VuOmpvYi10b2tlbi0wMTIzNDU2Nzg5";

async fn git_refs(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let mut body =
        if headers.contains_key("Git-Protocol") { Vec::new() } else { b"001e# service=git-upload-pack\n0000".to_vec() };
    body.extend(upload_pack(&state, &headers, &["--advertise-refs"], &[]).await);
    ([("Content-Type", "application/x-git-upload-pack-advertisement")], Body::from(body)).into_response()
}

async fn git_fetch(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let body = upload_pack(&state, &headers, &[], &body).await;
    ([("Content-Type", "application/x-git-upload-pack-result")], Body::from(body)).into_response()
}

async fn upload_pack(state: &Shared, headers: &HeaderMap, more: &[&str], input: &[u8]) -> Vec<u8> {
    assert_eq!(headers["Authorization"], GIT_CREDENTIAL);
    state.change(|seen| seen.git_calls += 1);
    let mut command = Command::new("git");
    command.args(["upload-pack", "--stateless-rpc"]).args(more).arg(&state.repository);
    if let Some(version) = headers.get("Git-Protocol") {
        command.env("GIT_PROTOCOL", version.to_str().unwrap());
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).await.unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap().stdout
}

/// A project with what a hostile one may hold too: attributes, a link out of it, an executable.
fn make_repository(folder: &FilePath) -> String {
    let work = folder.join("work");
    std::fs::create_dir_all(work.join("sub")).unwrap();
    std::fs::write(work.join("README"), "the readme\n").unwrap();
    std::fs::write(work.join("ignored"), "not left out\n").unwrap();
    std::fs::write(work.join(".gitattributes"), "ignored export-ignore\nREADME export-subst\n").unwrap();
    std::fs::write(work.join("sub/run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
    let git = |arguments: &[&str], at: &FilePath| {
        let output = std::process::Command::new("git")
            .current_dir(at)
            .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"], &work);
    git(&["add", "."], &work);
    git(&["update-index", "--chmod=+x", "sub/run.sh"], &work);
    git(&["commit", "-qm", "first"], &work);
    git(&["clone", "-q", "--bare", "work", "p.git"], folder);
    git(&["rev-parse", "HEAD"], &work)
}
