//! The server, spoken to as a stock runner speaks to it: the runner protocol below `/api/v4`.

use std::time::Duration;

use base::{Secret, limits};
use http::StatusCode;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};

use crate::{Config, Error, outcome::Failure, payload::Payload};

/// A held request for a job. Servers hold at most 50 s; a peer that vanished is noticed after this.
const HELD: Duration = Duration::from_secs(120);
const CALL: Duration = Duration::from_secs(60);

/// The longest pause a server may ask for.
const RETRY_AFTER_MAX_S: u64 = 600;

#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    base: Url,
    token: Secret,
    system_id: String,
}

/// What came of asking for a job.
#[derive(Debug)]
pub(crate) enum Asked {
    Job(Box<Payload>),
    /// A job that this runner cannot read; its id and token, to report it.
    Unreadable {
        id: u64,
        token: Secret,
        why: String,
    },
    None,
    /// Somebody else got it: ask again.
    Lost,
    Denied,
    Wait(Duration),
}

/// What the server said to a piece of the log or a report, as far as the runner acts on it.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub status: u16,
    /// How many bytes of the log the server has.
    pub has: Option<usize>,
    /// The job's state there.
    pub job_status: Option<String>,
    pub interval: Option<Duration>,
    pub retry_after: Option<Duration>,
}

/// The id and the credential of one job.
#[derive(Clone, Debug)]
pub(crate) struct JobKey {
    pub id: u64,
    pub token: Secret,
}

impl Server {
    pub(crate) fn new(config: &Config, url: &Url, system_id: String) -> Result<Server, Error> {
        let agent =
            format!("assay-runner {} ({}/{})", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
        let mut client = Client::builder()
            .user_agent(agent)
            .connect_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &config.ca_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            let certificates = certificates.map_err(|error| Error::Invalid(format!("ca_pem: {error}")))?;
            client = client.tls_certs_only(certificates);
        }
        for (host, address) in config.resolved() {
            client = client.resolve(host, address);
        }
        let client = client.build().map_err(|error| Error::Invalid(format!("the HTTP client: {error}")))?;
        let base = url.join("api/v4/").map_err(|error| Error::Invalid(format!("server_url: {error}")))?;
        Ok(Server { client, base, token: config.token.clone(), system_id })
    }

    /// Whether the server takes this runner's token; creates its manager row.
    pub(crate) async fn verify(&self) -> Result<(), Error> {
        let body = json!({ "token": self.token.expose(), "system_id": self.system_id, "info": info() });
        let request =
            self.client.post(self.at("runners/verify")?).header("RUNNER-TOKEN", self.token.expose()).timeout(CALL);
        let response = request.json(&body).send().await.map_err(|error| away(&error))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(Error::Denied { url: self.base.to_string() }),
            status => Err(Error::Unavailable(format!("the server answered {status} to the runner's token"))),
        }
    }

    /// Ask for a job; the server may hold the question until there is one.
    pub(crate) async fn ask(&self, last_update: &mut Option<String>) -> Result<Asked, Error> {
        let mut body = json!({ "token": self.token.expose(), "system_id": self.system_id, "info": info() });
        if let Some(last) = last_update {
            body["last_update"] = json!(last);
        }
        let request =
            self.client.post(self.at("jobs/request")?).header("RUNNER-TOKEN", self.token.expose()).timeout(HELD);
        let response = request.json(&body).send().await.map_err(|error| away(&error))?;
        if let Some(value) = response.headers().get("X-GitLab-Last-Update").and_then(|value| value.to_str().ok()) {
            *last_update = Some(value.to_owned());
        }
        let wait = retry_after(&response);
        match response.status() {
            StatusCode::CREATED => read_job(response).await,
            StatusCode::NO_CONTENT => Ok(Asked::None),
            StatusCode::CONFLICT => Ok(Asked::Lost),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Ok(Asked::Denied),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE if wait.is_some() => {
                Ok(Asked::Wait(wait.unwrap_or_default()))
            }
            status => Err(Error::Unavailable(format!("the server answered {status} to a request for a job"))),
        }
    }

    /// Append a piece of a log.
    pub(crate) async fn append_trace(&self, job: &JobKey, start: usize, piece: Vec<u8>) -> Result<Reply, Error> {
        let range = format!("{start}-{}", start + piece.len().saturating_sub(1));
        let request = self.client.patch(self.at(&format!("jobs/{}/trace?debug_trace=false", job.id))?);
        let request = request.header("Content-Range", range).header("Content-Type", "text/plain").body(piece);
        self.reply(job, request).await
    }

    /// Say how a job stands: `running` as a sign of life, or how it ended.
    pub(crate) async fn update(&self, job: &JobKey, report: Value) -> Result<Reply, Error> {
        let mut body = report;
        body["token"] = json!(job.token.expose());
        body["info"] = info();
        let request = self.client.put(self.at(&format!("jobs/{}", job.id))?).json(&body);
        self.reply(job, request).await
    }

    /// Hand over an artifact of a job.
    pub(crate) async fn upload(
        &self,
        job: &JobKey,
        query: &[(&str, &str)],
        name: String,
        file: tokio::fs::File,
    ) -> Result<u16, Error> {
        let length = file.metadata().await.map_err(Error::io("an artifact's size"))?.len();
        let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(file));
        let part = reqwest::multipart::Part::stream_with_length(body, length).file_name(name);
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.client.post(self.at(&format!("jobs/{}/artifacts", job.id))?).query(query);
        let request = request.header("JOB-TOKEN", job.token.expose()).multipart(form);
        Ok(request.send().await.map_err(|error| away(&error))?.status().as_u16())
    }

    /// The artifacts of another job.
    pub(crate) async fn download(&self, of: u64, token: &Secret) -> Result<Response, Error> {
        let request = self.client.get(self.at(&format!("jobs/{of}/artifacts"))?).header("JOB-TOKEN", token.expose());
        let response = request.send().await.map_err(|error| away(&error))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(Error::NotFound(format!("job {of} has no artifacts, or they have expired"))),
            status => Err(Error::Unavailable(format!("the server answered {status} to a request for artifacts"))),
        }
    }

    async fn reply(&self, job: &JobKey, request: RequestBuilder) -> Result<Reply, Error> {
        let request = request.header("JOB-TOKEN", job.token.expose()).timeout(CALL);
        let response = request.send().await.map_err(|error| away(&error))?;
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let seconds = text("X-GitLab-Trace-Update-Interval").and_then(|text| text.parse::<f64>().ok());
        Ok(Reply {
            status: response.status().as_u16(),
            has: text("Range").and_then(|range| range.rsplit_once('-')).and_then(|(_, end)| end.parse().ok()),
            job_status: text("Job-Status").map(str::to_owned),
            // Our own server may ask for fractions; 15 minutes is the most the stock runner accepts.
            interval: seconds.filter(|s| *s > 0.0).map(|s| Duration::from_secs_f64(s.clamp(0.02, 900.0))),
            retry_after: retry_after(&response),
        })
    }

    fn at(&self, path: &str) -> Result<Url, Error> {
        self.base.join(path).map_err(|error| Error::Invalid(format!("{path}: {error}")))
    }
}

impl Reply {
    /// Whether the server has no use for the job any more.
    pub(crate) fn gone(&self) -> bool {
        let ended = matches!(self.job_status.as_deref(), Some("canceled" | "canceling" | "failed" | "success"));
        ended || matches!(self.status, 401 | 403 | 404)
    }
}

/// The report of a job's end.
pub(crate) fn report(outcome: Result<(), &Failure>, known: &[String], checksum: (usize, String)) -> Value {
    let (length, crc) = checksum;
    let mut body = json!({
        "state": if outcome.is_ok() { "success" } else { "failed" },
        "checksum": crc,
        "output": { "checksum": crc, "bytesize": length },
    });
    match outcome {
        Ok(()) => body["exit_code"] = json!(0),
        Err(failure) => {
            body["failure_reason"] = json!(failure.word(known));
            if let Some(code) = failure.exit_code {
                body["exit_code"] = json!(code);
            }
        }
    }
    body
}

async fn read_job(mut response: Response) -> Result<Asked, Error> {
    #[derive(serde::Deserialize)]
    struct Key {
        id: u64,
        token: Secret,
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        if bytes.len() + chunk.len() > limits::RUNNER_ANSWER_BYTES {
            return Err(Error::Unavailable("the server handed over a job larger than the runner takes".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    match serde_json::from_slice::<Payload>(&bytes) {
        Ok(payload) => Ok(Asked::Job(Box::new(payload))),
        Err(error) => match serde_json::from_slice::<Key>(&bytes) {
            Ok(Key { id, token }) => Ok(Asked::Unreadable { id, token, why: error.to_string() }),
            Err(_) => Err(Error::Unavailable(format!("the server handed over a job that cannot be read: {error}"))),
        },
    }
}

/// What this runner can do, for the server to choose jobs by.
fn info() -> Value {
    let yes = [
        "variables",
        "raw_variables",
        "image",
        "artifacts",
        "artifacts_exclude",
        "upload_multiple_artifacts",
        "upload_raw_artifacts",
        "refspecs",
        "masking",
        "multi_build_steps",
        "trace_reset",
        "trace_checksum",
        "trace_size",
        "cancelable",
        "return_exit_code",
    ];
    let features: serde_json::Map<String, Value> = yes.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
    json!({
        "name": "assay-runner",
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "assay",
        "platform": std::env::consts::OS,
        "architecture": if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH },
        "executor": "docker",
        "shell": "bash",
        "features": features,
    })
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get("Retry-After")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_MAX_S)))
}

/// Errors of the client, without the URL's query.
fn away(error: &reqwest::Error) -> Error {
    let mut text = String::from("the server cannot be reached");
    let mut source = std::error::Error::source(error);
    if source.is_none() {
        text += &format!(": {}", if error.is_timeout() { "no answer in time" } else { "the request failed" });
    }
    while let Some(inner) = source {
        text += &format!(": {inner}");
        source = inner.source();
    }
    Error::Unavailable(text)
}

#[cfg(test)]
mod tests {
    use super::{Reply, report};
    use crate::outcome::Failure;

    #[test]
    fn knows_when_a_job_is_gone() {
        let reply = |status, job: &str| Reply { status, job_status: Some(job.to_owned()), ..Reply::default() };
        for gone in [reply(202, "canceled"), reply(403, "running"), reply(404, ""), reply(200, "failed")] {
            assert!(gone.gone());
        }
        for alive in [reply(202, "running"), reply(416, "running"), reply(500, ""), reply(202, "pending")] {
            assert!(!alive.gone());
        }
    }

    #[test]
    fn reports_how_a_job_ended() {
        let body = report(Err(&Failure::of_exit(4).unwrap_err()), &[], (9, "crc32:cbf43926".to_owned()));
        assert_eq!(body["state"], "failed");
        assert_eq!(body["failure_reason"], "script_failure");
        assert_eq!(body["exit_code"], 4);
        assert_eq!(body["output"]["bytesize"], 9);
        assert_eq!(report(Ok(()), &[], (0, String::new()))["state"], "success");
    }
}
