//! Advisory snapshots: what is in use, making one from feeds or changelogs, signing, publishing, using and fetching another.

mod files;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use advisory::{About, Content, Ecosystem, Import, Snapshot, from_changelog};
use anyhow::{Context, Result, bail, ensure};
use axum::http::Method;
use base::{Clock, limits::ADVISORY_FEED_BYTES};
use clap::Subcommand;
use serde_json::{Value, json};
use tlog::{KeyName, VerifierKey};

use super::Client;
pub(crate) use files::trusted;
use server::Settings;

/// Folders within folders that are looked into.
const DEPTH: usize = 16;

#[derive(Debug, Subcommand)]
pub(crate) enum Advisories {
    /// The snapshot that findings are made with.
    Show,
    /// How the server's scanner stands.
    Status,
    /// Make a snapshot of feeds: files, archives and folders of them, in any format of docs/reference/advisory-feeds.md.
    Build {
        #[arg(required = true, value_name = "FEED")]
        feeds: Vec<PathBuf>,
        #[command(flatten)]
        made: Made,
        /// Also take the built-in starter set.
        #[arg(long)]
        with_starter: bool,
    },
    /// Make a snapshot of what the changelogs of Debian packages say was fixed: a folder of `changelog.Debian.gz` files, as a mirror's
    /// packages or /usr/share/doc have them. It knows nothing of what is affected and not fixed.
    FromMirror {
        folder: PathBuf,
        /// `debian:12`
        #[arg(long)]
        release: Ecosystem,
        #[command(flatten)]
        made: Made,
    },
    /// Make a key pair that snapshots are signed with. Printed is what servers trust.
    Key {
        /// What the key is called, such as `advisories.example.com`.
        #[arg(long)]
        name: KeyName,
        /// Where the signing key goes. Who has this file can sign.
        #[arg(long, value_name = "KEYFILE")]
        out: PathBuf,
    },
    /// Put a signed snapshot into a folder that any web server can serve, with deltas from those that it held before.
    Publish { snapshot: PathBuf, folder: PathBuf },
    /// Write what leads from one snapshot to another. The note of the newer one, if it is signed, goes with it.
    Delta {
        old: PathBuf,
        new: PathBuf,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make the newer snapshot from the older one and a delta. It must be what the note that came with the delta claims.
    Apply {
        old: PathBuf,
        delta: PathBuf,
        /// What must have signed it: what `assay advisories key` printed.
        #[arg(long, value_name = "KEY")]
        key: Vec<VerifierKey>,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Use this snapshot, or this delta to the one in use, from now on; everything scanned before is matched again.
    Use {
        file: PathBuf,
        /// Also when it is older than the one in use.
        #[arg(long)]
        force: bool,
    },
    /// Have the server fetch new advisories now, and wait until it did.
    Fetch,
    /// Show or set where new snapshots come from and whom they are trusted from.
    Settings(Settings),
}

/// The snapshot that is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Made {
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Shown beside every finding made with it.
    #[arg(long)]
    label: String,
    /// Sign it with this key; the file is a tar archive then. `assay advisories key` makes one.
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
}

impl Advisories {
    pub(crate) async fn run(self, client: impl FnOnce() -> Result<Client>) -> Result<Value> {
        match self {
            Advisories::Show => client()?.get("/api/v1/advisories").await,
            Advisories::Status => client()?.get("/api/v0/imagescan/status").await,
            Advisories::Build { feeds, made, with_starter } => build(&feeds, &made, with_starter),
            Advisories::FromMirror { folder, release, made } => from_mirror(&folder, &release, &made),
            Advisories::Key { name, out } => files::key(name, &out),
            Advisories::Publish { snapshot, folder } => files::publish(&snapshot, &folder),
            Advisories::Delta { old, new, out } => files::delta(&old, &new, &out),
            Advisories::Apply { old, delta, key, out } => files::apply(&old, &delta, &key, &out),
            Advisories::Fetch => server::fetch(&client()?).await,
            Advisories::Settings(settings) => settings.run(&client()?).await,
            Advisories::Use { file, force } => {
                client()?.send_bytes(Method::PUT, &format!("/api/v1/advisories?force={force}"), read(&file)?).await
            }
        }
    }
}

fn build(feeds: &[PathBuf], made: &Made, with_starter: bool) -> Result<Value> {
    let mut import = Import::default();
    for feed in feeds {
        each_file(feed, DEPTH, &mut |path| {
            let name = path.display().to_string();
            import.add_archive(&name, &read(path)?).with_context(|| format!("{name} cannot be imported"))
        })?;
    }
    if with_starter {
        import.advisories.extend(advisory::starter().records()?);
    }
    ensure!(
        !import.advisories.is_empty(),
        "none of the files is a feed in a format we know; docs/reference/advisory-feeds.md has them"
    );
    let wrong: Vec<String> = import.wrong.iter().map(ToString::to_string).collect();
    let (files, skipped, wrong_total) = (import.files.clone(), import.skipped.clone(), import.wrong_total);
    let about = About { covered: import.covered.clone(), sources: import.sources(), ..about(made, "feeds") };
    let mut answer = write(about, import.advisories, made)?;
    answer["files"] = json!(files);
    answer["skipped"] = json!(skipped);
    answer["wrong"] = json!(wrong);
    answer["wrongTotal"] = json!(wrong_total);
    Ok(answer)
}

fn from_mirror(folder: &Path, release: &Ecosystem, made: &Made) -> Result<Value> {
    let mut advisories = Vec::new();
    let mut changelogs = 0_u64;
    each_file(folder, DEPTH, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !matches!(&*name, "changelog.Debian.gz" | "changelog.gz" | "changelog.Debian" | "changelog") {
            return Ok(());
        }
        let text = plain(&read(path)?)?;
        let head = String::from_utf8_lossy(&text[..text.len().min(512)]).into_owned();
        if let Some((source, _)) = head.split_once(" (") {
            changelogs += 1;
            advisories.extend(from_changelog(source.trim(), release, &text));
        }
        Ok(())
    })?;
    if advisories.is_empty() {
        bail!("{} holds no changelog of a Debian package that names a CVE", folder.display());
    }
    let about = About { covered: [release.clone()].into(), ..about(made, "changelogs") };
    let mut answer = write(about, advisories, made)?;
    answer["changelogs"] = json!(changelogs);
    Ok(answer)
}

/// A changelog, unpacked when it is packed, within the limit of a feed.
fn plain(bytes: &[u8]) -> Result<Vec<u8>> {
    use std::io::Read;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).take(ADVISORY_FEED_BYTES as u64).read_to_end(&mut text)?;
    Ok(text)
}

fn about(made: &Made, name: &str) -> About {
    About { created: Clock::System.now(), label: made.label.clone(), name: name.to_owned(), ..About::default() }
}

fn write(about: About, advisories: Vec<advisory::Advisory>, made: &Made) -> Result<Value> {
    // Before the work, whether it can be finished.
    let signer = made.sign.as_deref().map(files::signer).transpose()?;
    let snapshot = Snapshot::new(about, advisories)?;
    let note = signer.as_ref().map(|signer| files::note(&snapshot, signer)).transpose()?;
    put(&made.out, &files::packed(Content::Snapshot(snapshot.bytes()), note.as_deref()))?;
    Ok(json!({
        "signedBy": signer.map(|signer| signer.verifier().to_string()),
        "digest": snapshot.digest(),
        "advisories": snapshot.advisory_count(),
        "vulnerabilities": snapshot.vulnerability_count(),
        "packages": snapshot.package_count(),
        "bytes": snapshot.bytes().len(),
    }))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A file, or every regular file below a folder, by name. Links are not followed.
pub(super) fn each_file(path: &Path, depth: usize, to: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let kind = fs::symlink_metadata(path).with_context(|| format!("cannot read {}", path.display()))?.file_type();
    if kind.is_file() {
        return to(path);
    }
    if !kind.is_dir() {
        return Ok(());
    }
    ensure!(depth > 0, "{} is more than {DEPTH} folders deep", path.display());
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut names: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    names.sort();
    names.iter().try_for_each(|name| each_file(name, depth - 1, to))
}
