//! Containers of jobs: create, fill, start, watch, end.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Body, Demux, Engine, Stream, encoded, full};
use crate::Error;

/// The label that says whose a container is; its value is the runner's system id.
const OWNER: &str = "assay.runner";
/// The label that says which job it runs.
const JOB: &str = "assay.job";

/// A killed process is gone at once, unless its disk or the engine hangs.
const KILLED: Duration = Duration::from_secs(15);

/// What a job's container is made of.
#[derive(Debug)]
pub(crate) struct ContainerSpec<'a> {
    pub image: &'a str,
    pub command: &'a [String],
    /// Empty: the image's own.
    pub entrypoint: &'a [String],
    pub environment: Vec<String>,
    pub user: Option<&'a str>,
    pub binds: &'a [String],
    pub extra_hosts: &'a [String],
    pub network_mode: Option<&'a str>,
    pub owner: &'a str,
    pub job: u64,
}

/// The output of a started container, as it comes.
#[derive(Debug)]
pub(crate) struct Output {
    answer: Answer,
    demux: Demux,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Waited {
    status_code: i64,
}

impl Engine {
    /// Make a container, not yet started; its id.
    pub(crate) async fn create(&self, spec: &ContainerSpec<'_>) -> Result<String, Error> {
        let mut body = json!({
            "Image": spec.image,
            "Cmd": spec.command,
            "Env": spec.environment,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": false,
            "Labels": { OWNER: spec.owner, JOB: spec.job.to_string() },
            "HostConfig": {
                "Binds": spec.binds,
                "ExtraHosts": spec.extra_hosts,
                // The log goes through the masker to the server; the engine's disk gets no unmasked copy.
                "LogConfig": { "Type": "none", "Config": {} },
            },
        });
        if !spec.entrypoint.is_empty() {
            body["Entrypoint"] = json!(spec.entrypoint);
        }
        if let Some(user) = spec.user {
            body["User"] = json!(user);
        }
        if let Some(network) = spec.network_mode {
            body["HostConfig"]["NetworkMode"] = json!(network);
        }
        let created: Created = self.json(Method::POST, "/containers/create", Some(&body)).await?;
        Ok(created.id)
    }

    /// Unpack an archive at the root of a container, started or not.
    pub(crate) async fn put_archive(&self, id: &str, archive: Body) -> Result<(), Error> {
        let path = format!("/containers/{id}/archive?path=%2F");
        let answer = self.send(Method::PUT, &path, Some("application/x-tar"), archive, None).await?;
        answer.bytes().await.map(drop)
    }

    /// A file or folder of a container as an archive, whose names begin with the last part of `path`.
    pub(crate) async fn get_archive(&self, id: &str, path: &str) -> Result<Answer, Error> {
        let path = format!("/containers/{id}/archive?path={}", encoded(path));
        self.send(Method::GET, &path, None, full(""), None).await
    }

    /// Listen to a container; called before the start, so that no byte is missed.
    pub(crate) async fn attach(&self, id: &str) -> Result<Output, Error> {
        // Without an Upgrade header the engine answers 200 and the raw stream until the container ends.
        let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1");
        let answer = self.send(Method::POST, &path, None, full(""), None).await?;
        Ok(Output { answer, demux: Demux::new() })
    }

    pub(crate) async fn start(&self, id: &str) -> Result<(), Error> {
        self.call(Method::POST, &format!("/containers/{id}/start"), None).await.map(drop)
    }

    /// The exit code, once the container has ended.
    pub(crate) async fn wait(&self, id: &str) -> Result<i64, Error> {
        let path = format!("/containers/{id}/wait?condition=not-running");
        let answer = self.send(Method::POST, &path, None, full(""), None).await?;
        let bytes = answer.bytes().await?;
        let waited: Waited = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Unavailable(format!("the engine did not say how the container ended: {error}")))?;
        Ok(waited.status_code)
    }

    /// End a container's processes and wait until they have ended; it is no error when they have by themselves.
    pub(crate) async fn kill(&self, id: &str) {
        if let Err(error) = self.call(Method::POST, &format!("/containers/{id}/kill"), None).await {
            tracing::debug!(container = id, %error, "the container was not killed");
        }
        // A start before that would find the container running, and do nothing.
        if !matches!(tokio::time::timeout(KILLED, self.wait(id)).await, Ok(Ok(_))) {
            tracing::warn!(container = id, "the container's end was not seen");
        }
    }

    /// Remove every container of this runner, or only those of one job, with their anonymous volumes.
    pub(crate) async fn remove_all(&self, owner: &str, job: Option<u64>) -> Result<usize, Error> {
        let mut labels = vec![format!("{OWNER}={owner}")];
        labels.extend(job.map(|job| format!("{JOB}={job}")));
        let filters = json!({ "label": labels }).to_string();
        let path = format!("/containers/json?all=1&filters={}", encoded(&filters));
        let found: Vec<Created> = self.json(Method::GET, &path, None).await?;
        for container in &found {
            let path = format!("/containers/{}?force=1&v=1", container.id);
            match self.call(Method::DELETE, &path, None).await {
                Ok(_) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found.len())
    }
}

impl Output {
    /// Give what comes next to `each`; `false` at the end.
    pub(crate) async fn next(&mut self, mut each: impl FnMut(&[u8])) -> Result<bool, Error> {
        let Some(chunk) = self.answer.chunk().await? else { return Ok(false) };
        let taken = self.demux.feed(&chunk, |stream, content| match stream {
            Stream::Output | Stream::Error | Stream::System => each(content),
        });
        taken.map(|()| true).map_err(|malformed| Error::Unavailable(malformed.to_string()))
    }
}
