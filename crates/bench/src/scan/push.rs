//! How long a pushed image waits for its scan: one whose layer is new, and one of which every layer is known.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::image::{Image, sum};
use super::{Arguments, middle};
use crate::content::{MANIFEST, SCANNED};
use crate::http::Connection;
use crate::report::Line;
use crate::rows::Say;
use crate::side::{Side, start_assay};

pub const ROWS: [&str; 3] = ["pushed-scan-after-last-byte", "layers-known", "pushed-memory"];

/// How often somebody asks whether the scan is done.
const ASK: Duration = Duration::from_millis(1);
/// No scan of one layer takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pushes of an image whose layer is known.
const KNOWN: usize = 15;

/// A server of its own for each push of the layer: it must not know it.
pub fn rows(arguments: &Arguments, image: &Image, say: Say<'_>) -> Result<()> {
    let (mut after, mut known, mut peak) = (Vec::new(), Vec::new(), 0);
    for round in 0..arguments.rounds.min(3) {
        let folder = arguments.scratch.join(format!("server-{round}"));
        super::forget(&folder)?;
        let (side, _secured) = start_assay(&arguments.assay, &folder)?;
        let (authorization, token) = (side.authorization()?.context("no token")?, access_token(&side)?);
        let pusher = Pusher { side: &side, authorization, token, image };
        let last_byte = pusher.layer(arguments.megabytes_per_second * 1_000_000)?;
        pusher.manifest("first")?;
        pusher.wait("first")?;
        after.push(last_byte.elapsed().as_secs_f64() * 1000.0);
        for number in 0..KNOWN {
            let tag = format!("known{number}");
            let pushed = pusher.manifest(&tag)?;
            pusher.wait(&tag)?;
            known.push(pushed.elapsed().as_secs_f64() * 1000.0);
        }
        peak = peak.max(side.peak_bytes()?);
        drop(side);
        fs::remove_dir_all(&folder)?;
    }
    say(Line::of("pushed-scan-after-last-byte", "ms", middle(after), None));
    say(Line::of("layers-known", "ms", middle(known), None));
    say(Line::memory("pushed-memory", peak, None));
    Ok(())
}

struct Pusher<'a> {
    side: &'a Side,
    authorization: String,
    /// Of whoever asks how the scan is: a password would be stretched anew at each question, some 25 ms of a processor.
    token: String,
    image: &'a Image,
}

impl Pusher<'_> {
    /// Sends the layer no faster than this; gives the moment when its last byte was sent.
    fn layer(&self, bytes_per_second: u64) -> Result<Instant> {
        let mut connection = self.side.connect()?;
        let path = self.upload(&mut connection, &self.image.layer_digest)?;
        let put = self.request("PUT", &path, "application/octet-stream", usize::try_from(self.image.layer_bytes)?);
        let body = Paced::open(&self.image.layer, bytes_per_second)?;
        let (answer, last_byte) = connection.ask_from(&put, body)?;
        ensure!(answer.status == 201, "the layer was answered with {}", answer.status);
        Ok(last_byte)
    }

    /// Pushes a configuration that nobody has seen and the manifest; gives the moment when the latter was acknowledged.
    fn manifest(&self, tag: &str) -> Result<Instant> {
        let mut connection = self.side.connect()?;
        let config = self.image.config(tag);
        let digest = sum(&config[..])?;
        let path = self.upload(&mut connection, &digest)?;
        let put = self.request("PUT", &path, "application/octet-stream", config.len());
        let status = connection.ask(&put, &config)?.status;
        ensure!(status == 201, "a configuration was answered with {status}");
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()},
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": self.image.layer_digest,
                "size": self.image.layer_bytes,
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        let put = self.request("PUT", &format!("/v2/{SCANNED}/manifests/{tag}"), MANIFEST, manifest.len());
        let status = connection.ask(&put, &manifest)?.status;
        ensure!(status == 201, "a manifest was answered with {status}");
        Ok(Instant::now())
    }

    /// Until the scan of the tag is done.
    fn wait(&self, tag: &str) -> Result<()> {
        let (mut connection, begun) = (self.side.connect()?, Instant::now());
        let path = format!("/api/v0/repositories/{SCANNED}/tags/{tag}");
        let ask = self.side.request("GET", &path, &[("PRIVATE-TOKEN", &self.token)], 0);
        loop {
            let answer = connection.fetch(&ask, b"")?;
            ensure!(answer.status == 200, "a tag was answered with {}", answer.status);
            let view: Value = serde_json::from_slice(&answer.body)?;
            let summary = &view[0]["vuln_summary"];
            match summary["last_scan_status"].as_u64() {
                // Read; whether everything in it could be judged is no matter here.
                Some(4 | 6) => return Ok(()),
                Some(0) => bail!("the scan failed: {}", summary["unknown_because"]),
                _ if begun.elapsed() > PATIENCE => bail!("the scan does not end: {summary}"),
                _ => thread::sleep(ASK),
            }
        }
    }

    fn upload(&self, connection: &mut Connection, digest: &str) -> Result<String> {
        let headers = [("Authorization", self.authorization.as_str())];
        let start = self.side.request("POST", &format!("/v2/{SCANNED}/blobs/uploads/"), &headers, 0);
        let started = connection.ask(&start, b"")?;
        ensure!(started.status == 202, "an upload was answered with {}", started.status);
        let location = started.location.unwrap_or_default();
        let path = location.find("/v2/").map_or(location.as_str(), |at| &location[at..]);
        let joined = if path.contains('?') { '&' } else { '?' };
        Ok(format!("{path}{joined}digest={digest}"))
    }

    fn request(&self, method: &str, path: &str, media_type: &str, length: usize) -> Vec<u8> {
        let headers = [("Authorization", self.authorization.as_str()), ("Content-Type", media_type)];
        self.side.request(method, path, &headers, length)
    }
}

/// An access token of the administrator.
fn access_token(side: &Side) -> Result<String> {
    let (basic, body) = (side.basic().unwrap_or_default(), br#"{"tokenLabel": "bench"}"#);
    let headers = [("Authorization", basic), ("Content-Type", "application/json")];
    let made = side.connect()?.fetch(&side.request("POST", "/api/v0/api_tokens", &headers, body.len()), body)?;
    let view: Value = serde_json::from_slice(&made.body)?;
    Ok(view["token"].as_str().context("no access token was made")?.to_owned())
}

/// A file that is read no faster than so many bytes a second.
struct Paced {
    file: File,
    bytes_per_second: u64,
    begun: Instant,
    given: u64,
}

impl Paced {
    fn open(path: &Path, bytes_per_second: u64) -> Result<Paced> {
        Ok(Paced { file: File::open(path)?, bytes_per_second, begun: Instant::now(), given: 0 })
    }
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.given += count as u64;
        let due = Duration::from_micros(self.given * 1_000_000 / self.bytes_per_second);
        thread::sleep(due.saturating_sub(self.begun.elapsed()));
        Ok(count)
    }
}
