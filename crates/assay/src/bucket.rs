//! The `[storage]` table of the configuration: a bucket of an S3-compatible store instead of the folder `blobs/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base::{Secret, limits};
use blob::{Blobs, BucketSettings};
use serde::Deserialize;

/// What can stand in the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    endpoint: String,
    #[serde(default = "first_region")]
    region: String,
    bucket: String,
    #[serde(default)]
    prefix: String,
    key_id: String,
    secret_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    plain_http: bool,
    #[serde(default)]
    redirect: bool,
}

/// Where blobs are.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    Folder(PathBuf),
    Bucket(Box<BucketSettings>),
}

/// What most stores that are not AWS's call the only one they have.
fn first_region() -> String {
    "us-east-1".to_owned()
}

impl Table {
    /// Check all of it and read the files it names.
    pub(crate) fn check(self) -> Result<BucketSettings> {
        self.checked().context("[storage] in the configuration")
    }

    fn checked(self) -> Result<BucketSettings> {
        let endpoint = check_endpoint(&self.endpoint, self.plain_http)?;
        let name = |text: &str| {
            let of = |char: u8| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, b'.' | b'-');
            (3..=63).contains(&text.len()) && text.bytes().all(of)
        };
        ensure!(name(&self.bucket), "bucket {:?} must be 3 to 63 of a-z, 0-9, \".\" and \"-\"", self.bucket);
        ensure!(!self.region.trim().is_empty(), "region must not be empty; leave it out for us-east-1");
        ensure!(!self.key_id.trim().is_empty(), "key_id must not be empty");
        let secret = match (&self.secret_file, environment()) {
            (Some(path), _) => Secret::new(read(path)?.trim().to_owned()),
            (None, Some(secret)) => secret,
            (None, None) => bail!("the secret of {} is missing: secret_file, or ASSAY_STORAGE_SECRET", self.key_id),
        };
        ensure!(!secret.expose().is_empty(), "the secret of {} is empty", self.key_id);
        let ca_pem = self.ca_file.as_deref().map(read).transpose()?;
        Ok(BucketSettings {
            endpoint,
            region: self.region,
            bucket: self.bucket,
            prefix: check_prefix(&self.prefix)?,
            key_id: self.key_id,
            secret,
            ca_pem,
            redirect: self.redirect,
            copy_bytes: limits::BUCKET_COPY_BYTES,
        })
    }
}

impl Storage {
    /// Open it for the server. What is wrong is said to the operator.
    pub(crate) async fn open(&self) -> Result<Blobs> {
        match self {
            Storage::Folder(folder) => Ok(Blobs::at(folder).await?),
            Storage::Bucket(settings) => {
                Blobs::in_bucket(settings).await.with_context(|| format!("the {self} cannot be used"))
            }
        }
    }

    /// What the scanner keeps lies beside the blobs, apart from what was pushed.
    pub(crate) fn records(&self) -> Storage {
        match self {
            Storage::Folder(folder) => Storage::Folder(folder.with_file_name("records")),
            Storage::Bucket(settings) => {
                let prefix = format!("{}records/", settings.prefix);
                Storage::Bucket(Box::new(BucketSettings { prefix, ..(**settings).clone() }))
            }
        }
    }

    /// Whether both are one and the same place.
    pub(crate) fn is(&self, other: &Storage) -> bool {
        match (self, other) {
            (Storage::Folder(one), Storage::Folder(two)) => one == two,
            (Storage::Bucket(one), Storage::Bucket(two)) => {
                (&one.endpoint, &one.bucket, &one.prefix) == (&two.endpoint, &two.bucket, &two.prefix)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Storage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Storage::Folder(folder) => write!(out, "folder {}", folder.display()),
            Storage::Bucket(settings) => {
                write!(out, "bucket {}/{} at {}", settings.bucket, settings.prefix, settings.endpoint)
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the configuration is read here")]
fn environment() -> Option<Secret> {
    std::env::var("ASSAY_STORAGE_SECRET").ok().filter(|secret| !secret.is_empty()).map(Secret::new)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// `https://host` or `https://host:port`. Plain HTTP only where the operator says so in as many words.
fn check_endpoint(endpoint: &str, plain_http: bool) -> Result<String> {
    let endpoint = endpoint.trim_end_matches('/');
    let parsed: axum::http::Uri = endpoint.parse().with_context(|| format!("endpoint {endpoint:?} is not a URL"))?;
    let authority = parsed.authority().with_context(|| format!("endpoint {endpoint:?} has no host"))?;
    ensure!(!authority.as_str().contains('@'), "endpoint must not hold credentials; they are key_id and secret_file");
    ensure!(parsed.path() == "/" && parsed.query().is_none(), "endpoint {endpoint:?} must be without a path");
    match parsed.scheme_str() {
        Some("https") => {}
        Some("http") if plain_http => {}
        Some("http") => bail!(
            "endpoint {endpoint:?} is plain HTTP, over which everybody on the way reads every image; use https://, or say \
             plain_http = true where the network is yours"
        ),
        _ => bail!("endpoint {endpoint:?} must be https://HOST or https://HOST:PORT"),
    }
    Ok(endpoint.to_owned())
}

/// Empty, or words between slashes with one at the end.
fn check_prefix(prefix: &str) -> Result<String> {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return Ok(String::new());
    }
    let word = |word: &str| {
        let of = |char: u8| char.is_ascii_alphanumeric() || matches!(char, b'.' | b'-' | b'_');
        !word.is_empty() && word.len() <= 100 && word.bytes().all(of) && word.bytes().any(|char| char != b'.')
    };
    let good = prefix.split('/').all(word) && prefix.len() <= 500;
    ensure!(good, "prefix {prefix:?} must be words of a-z, A-Z, 0-9, \".\", \"-\", \"_\" with \"/\" between them");
    Ok(format!("{prefix}/"))
}

#[cfg(test)]
mod tests {
    use super::{check_endpoint, check_prefix};

    #[test]
    fn endpoints() {
        assert_eq!(check_endpoint("https://s3.test:9000/", false).unwrap(), "https://s3.test:9000");
        assert!(check_endpoint("http://s3.test", true).is_ok());
        for bad in ["http://s3.test", "s3.test", "ftp://s3.test", "https://u:p@s3.test", "https://s3.test/bucket"] {
            assert!(check_endpoint(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes() {
        assert_eq!(check_prefix("").unwrap(), "");
        assert_eq!(check_prefix("/a/b-1").unwrap(), "a/b-1/");
        for bad in ["a//b", "..", "a/../b", "a b", "ü", &"a/".repeat(300)] {
            assert!(check_prefix(bad).is_err(), "{bad}");
        }
    }
}
