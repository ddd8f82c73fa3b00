//! The `[storage]` table of the configuration: a bucket of an S3-compatible store instead of the folder `blobs/`, and in
//! `[storage.replica]` where a second copy of everything is kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base::{Secret, limits};
use blob::{Blobs, BucketSettings};
use serde::Deserialize;

/// What can stand in the table, and in the one of the replica store.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Table {
    folder: Option<PathBuf>,
    endpoint: Option<String>,
    region: Option<String>,
    bucket: Option<String>,
    prefix: Option<String>,
    key_id: Option<String>,
    secret_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    plain_http: Option<bool>,
    redirect: Option<bool>,
    replica: Option<Box<Table>>,
}

/// Where blobs are.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    Folder(PathBuf),
    Bucket(Box<BucketSettings>),
}

/// The main store, and the replica store if there is one.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) main: Storage,
    pub(crate) replica: Option<Storage>,
}

/// Where the secrets of the two are when no file holds them.
const MAIN_SECRET: &str = "ASSAY_STORAGE_SECRET";
const REPLICA_SECRET: &str = "ASSAY_STORAGE_REPLICA_SECRET";

/// What most stores that are not AWS's call the only one they have.
fn first_region() -> String {
    "us-east-1".to_owned()
}

impl Table {
    /// Check all of it and read the files it names. `blobs` is the folder without a bucket.
    pub(crate) fn check(mut self, blobs: PathBuf) -> Result<Stores> {
        let replica = self.replica.take();
        ensure!(self.folder.is_none(), "[storage] in the configuration: only [storage.replica] can name a folder");
        let main = match self == Table::default() {
            true => Storage::Folder(blobs),
            false => self.bucket(MAIN_SECRET).context("[storage] in the configuration")?,
        };
        let replica = replica.map(|table| table.replica_of(&main)).transpose();
        Ok(Stores { replica: replica.context("[storage.replica] in the configuration")?, main })
    }

    fn replica_of(mut self, main: &Storage) -> Result<Storage> {
        ensure!(self.replica.is_none(), "a replica store has no replica store");
        ensure!(self.redirect.is_none(), "redirect is of [storage]; nobody is sent to the replica store");
        let replica = match self.folder.take() {
            Some(folder) => {
                ensure!(self == Table::default(), "give a folder, or a bucket, not both");
                ensure!(folder.is_absolute(), "folder {} must be an absolute path", folder.display());
                Storage::Folder(folder)
            }
            None => self.bucket(REPLICA_SECRET)?,
        };
        let apart = !replica.meets(main) && !replica.meets(&main.records());
        ensure!(apart, "the {replica} is where the blobs are already (the {main}); a copy must be somewhere else");
        Ok(replica)
    }

    fn bucket(self, secret: &str) -> Result<Storage> {
        let endpoint = check_endpoint(&self.endpoint.context("endpoint is missing")?, self.plain_http == Some(true))?;
        let bucket = self.bucket.context("bucket is missing")?;
        let name = |text: &str| {
            let of = |char: u8| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, b'.' | b'-');
            (3..=63).contains(&text.len()) && text.bytes().all(of)
        };
        ensure!(name(&bucket), "bucket {bucket:?} must be 3 to 63 of a-z, 0-9, \".\" and \"-\"");
        let region = self.region.unwrap_or_else(first_region);
        ensure!(!region.trim().is_empty(), "region must not be empty; leave it out for us-east-1");
        let key_id = self.key_id.context("key_id is missing")?;
        ensure!(!key_id.trim().is_empty(), "key_id must not be empty");
        let secret = match (&self.secret_file, environment(secret)) {
            (Some(path), _) => Secret::new(read(path)?.trim().to_owned()),
            (None, Some(secret)) => secret,
            (None, None) => bail!("the secret of {key_id} is missing: secret_file, or {secret}"),
        };
        ensure!(!secret.expose().is_empty(), "the secret of {key_id} is empty");
        Ok(Storage::Bucket(Box::new(BucketSettings {
            endpoint,
            region,
            bucket,
            prefix: check_prefix(&self.prefix.unwrap_or_default())?,
            key_id,
            secret,
            ca_pem: self.ca_file.as_deref().map(read).transpose()?,
            redirect: self.redirect == Some(true),
            copy_bytes: limits::BUCKET_COPY_BYTES,
        })))
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

    /// Whether one of the two is, or lies in, the other one.
    fn meets(&self, other: &Storage) -> bool {
        match (self, other) {
            (Storage::Folder(one), Storage::Folder(two)) => {
                let (one, two) = (resolved(one), resolved(two));
                one.starts_with(&two) || two.starts_with(&one)
            }
            (Storage::Bucket(one), Storage::Bucket(two)) => {
                let inside = |outer: &str, inner: &str| {
                    let own =
                        |rest: &str| rest.is_empty() || rest.starts_with("blobs/") || rest.starts_with("uploads/");
                    inner.strip_prefix(outer).is_some_and(own)
                };
                let host = |settings: &BucketSettings| settings.endpoint.to_ascii_lowercase();
                (host(one), &one.bucket) == (host(two), &two.bucket)
                    && (inside(&one.prefix, &two.prefix) || inside(&two.prefix, &one.prefix))
            }
            _ => false,
        }
    }
}

/// The path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or(Path::new(""))),
        None => path.to_owned(),
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
fn environment(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|secret| !secret.is_empty()).map(Secret::new)
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
    use std::path::{Path, PathBuf};

    use super::{Storage, Stores, Table, check_endpoint, check_prefix};

    fn stores(folder: &Path, table: &str) -> anyhow::Result<Stores> {
        let secret = folder.join("secret");
        std::fs::write(&secret, "s")?;
        let bucket = format!("bucket = \"bytes\"\nkey_id = \"k\"\nsecret_file = {secret:?}");
        let table = table.replace("BUCKET", &format!("endpoint = \"https://s3.test\"\n{bucket}"));
        let table = table.replace("SHOUTED", &format!("endpoint = \"https://S3.test/\"\n{bucket}"));
        toml::from_str::<Table>(&table)?.check(folder.join("blobs"))
    }

    #[test]
    fn a_replica_store_is_somewhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |text: &str| stores(folder.path(), text);
        let inside = |name: &str| format!("[replica]\nfolder = {:?}", folder.path().join(name));
        std::fs::create_dir(folder.path().join("blobs")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("blobs"), folder.path().join("link")).unwrap();
        for (good, main) in [(inside("copies"), "folder"), (format!("BUCKET\n{}", inside("blobs")), "bucket")] {
            let stores = at(&good).unwrap();
            assert!(stores.main.to_string().starts_with(main) && matches!(stores.replica, Some(Storage::Folder(_))));
        }
        for good in ["BUCKET\nprefix = \"a\"\n[replica]\nBUCKET\nprefix = \"b\"", "[replica]\nBUCKET"] {
            assert!(matches!(at(good).unwrap().replica, Some(Storage::Bucket(_))), "{good}");
        }
        assert!(at("BUCKET").unwrap().replica.is_none());
        let bad = ["blobs", "blobs/in", "link", "link/in", "", "records", "./blobs"].map(inside);
        let worse = [
            "[replica]",
            "[replica]\nfolder = \"copies\"",
            "[replica]\nfolder = \"/copies\"\nBUCKET",
            "[replica]\nfolder = \"/copies\"\n[replica.replica]\nfolder = \"/more\"",
            "[replica]\nBUCKET\nredirect = true",
            "BUCKET\n[replica]\nSHOUTED",
            "BUCKET\nprefix = \"a\"\n[replica]\nBUCKET\nprefix = \"a/records/\"",
            "BUCKET\nprefix = \"a/blobs\"\n[replica]\nBUCKET\nprefix = \"a\"",
            "folder = \"/blobs\"",
            "region = \"here\"",
        ];
        for bad in bad.iter().map(String::as_str).chain(worse) {
            assert!(at(bad).is_err(), "{bad}");
        }
        assert_eq!(super::resolved(Path::new("/no/such/path")), PathBuf::from("/no/such/path"));
    }

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
