//! What is asked of the registry again and again: tags, digests, scans.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::server::Server;
use super::site;
use crate::engine::Engine;
use crate::{command, wait};

/// A scan of the largest image takes a second or two.
const SCAN: Duration = Duration::from_secs(60);
/// DTR's `last_scan_status`: completed, and failed.
const SCANNED: i64 = 6;
const SCANNED_IN_PART: i64 = 4;
const SCAN_FAILED: i64 = 0;

/// A tag as DTR's API shows it.
#[derive(Debug)]
pub struct Tag {
    pub digest: String,
    pub critical: i64,
    pub major: i64,
    pub minor: i64,
    pub unknown: i64,
    whole: Value,
}

impl Tag {
    /// Findings that nobody waived.
    pub fn findings(&self) -> i64 {
        self.critical + self.major + self.minor + self.unknown
    }

    /// For a person.
    pub fn sentence(&self) -> String {
        let Tag { digest, critical, major, minor, unknown, .. } = self;
        format!("{digest}: {critical} critical, {major} major, {minor} minor, {unknown} unknown")
    }
}

/// The tag, if it is there.
///
/// # Errors
/// The server does not answer.
pub fn tag(server: &Server, image: &str) -> Result<Option<Tag>> {
    let (repository, name) = image.split_once(':').with_context(|| format!("{image} has no tag"))?;
    let answer = server.admin.ask(["repository", "tags", repository])?;
    let tags = answer.as_array().or_else(|| answer["tags"].as_array()).context("the answer is no list of tags")?;
    let Some(found) = tags.iter().find(|tag| tag["name"] == name) else { return Ok(None) };
    let summary = &found["vuln_summary"];
    let count = |name: &str| summary[name].as_i64().unwrap_or_default();
    let digest = found["digest"].as_str().with_context(|| format!("no digest in {found}"))?.to_owned();
    let (critical, major, minor, unknown) = (count("critical"), count("major"), count("minor"), count("unknown"));
    Ok(Some(Tag { digest, critical, major, minor, unknown, whole: found.clone() }))
}

/// The digest of a tag that has to be there.
///
/// # Errors
/// It is not.
pub fn digest(server: &Server, image: &str) -> Result<String> {
    Ok(tag(server, image)?.with_context(|| format!("there is no {image}"))?.digest)
}

/// Waits until the scan of a tag is done.
///
/// # Errors
/// It failed, or took too long.
pub fn scanned(server: &Server, image: &str) -> Result<Tag> {
    wait::patiently(&format!("the scan of {image}"), SCAN, || {
        let Some(tag) = tag(server, image)? else { return Ok(None) };
        match tag.whole["vuln_summary"]["last_scan_status"].as_i64() {
            Some(SCANNED) => Ok(Some(tag)),
            Some(SCAN_FAILED) => bail!("the scan of {image} failed: {}", tag.whole["vuln_summary"]),
            _ => Ok(None),
        }
    })
}

/// Waits until the scan of a tag is done that holds something nobody can judge, and gives the reason.
///
/// # Errors
/// It failed, everything in it was judged, or it took too long.
pub fn scanned_in_part(server: &Server, image: &str) -> Result<(Tag, String)> {
    wait::patiently(&format!("the scan of {image}"), SCAN, || {
        let Some(tag) = tag(server, image)? else { return Ok(None) };
        let summary = &tag.whole["vuln_summary"];
        match summary["last_scan_status"].as_i64() {
            Some(SCANNED_IN_PART) => {
                let why = summary["unknown_because"].as_str().context("the server does not say what is unknown")?;
                let why = why.to_owned();
                Ok(Some((tag, why)))
            }
            Some(SCANNED) => {
                bail!("{image} holds a program that the starter set cannot judge, and is called judged: {summary}")
            }
            Some(SCAN_FAILED) => bail!("the scan of {image} failed: {summary}"),
            _ => Ok(None),
        }
    })
}

/// What the engine remembers of the push or pull of an image: `docker inspect`'s `RepoDigests`.
///
/// # Errors
/// The engine does not have it.
pub fn local_digest(engine: &Engine, image: &str) -> Result<String> {
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    let listed = command::run(&mut engine.docker(["image", "inspect", "--format", "{{json .RepoDigests}}", image]))?;
    let digests: Vec<String> = serde_json::from_str(listed.trim())?;
    let found = digests.iter().find_map(|entry| entry.strip_prefix(repository)?.strip_prefix('@'));
    Ok(found.with_context(|| format!("{image} has no digest of its own among {digests:?}"))?.to_owned())
}

/// The digest as another implementation sees it: `skopeo inspect` reads the manifest's bytes and hashes them itself.
///
/// # Errors
/// It cannot read it.
pub fn skopeo_digest(engine: &Engine, ca: &std::path::Path, token: &str, image: &str) -> Result<String> {
    let folder = ca.parent().context("the authority's file has a folder")?.join("skopeo-certs");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(ca, folder.join("ca.crt"))?;
    let mut skopeo: Command = engine.inside("skopeo");
    skopeo.args(["inspect", "--format", "{{.Digest}}", "--creds", &format!("admin:{token}"), "--cert-dir"]);
    skopeo.arg(&folder).arg(format!("docker://{}", site::image(image)));
    Ok(command::run(&mut skopeo)?.trim().to_owned())
}

/// Asserts that all of these are one digest.
///
/// # Errors
/// They are not; with the list.
pub fn same(what: &str, digests: &[(&str, String)]) -> Result<()> {
    let Some((_, first)) = digests.first() else { bail!("no digests of {what} to compare") };
    ensure!(digests.iter().all(|(_, digest)| digest == first), "the digests of {what} differ: {digests:?}");
    Ok(())
}
