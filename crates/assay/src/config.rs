//! The server's configuration: one TOML file, the environment, flags; the later wins. Checked whole before a port is bound.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use base::Secret;
use identity::{DirectorySettings, OidcSettings};
use serde::Deserialize;

use crate::{
    bucket::{Storage, Stores, Table},
    elsewhere::{LdapTable, OidcTable},
    serve::Args,
};

/// Long enough that a mistake of Friday is noticed on Monday.
const UNDO_DAYS: u16 = 7;

/// What can stand in the file. An unknown key is an error, so that a misspelt one is not silently nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    plain_listen: Option<SocketAddr>,
    url: Option<String>,
    database: Option<Secret>,
    production_engine: Option<String>,
    webhook_allow: Vec<String>,
    sparse_manifests: bool,
    undo_days: Option<u16>,
    untagged_days: Option<u16>,
    storage: Option<Table>,
    oidc: Option<OidcTable>,
    ldap: Option<LdapTable>,
}

/// The configuration the server runs with.
#[derive(Debug)]
pub(crate) struct Config {
    /// The folder that holds everything: database, blobs, git repositories, keys, the log. Absolute, because git is started
    /// in folders of its own.
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    /// Plain HTTP for measurements on this machine; loopback only.
    pub(crate) plain_listen: Option<SocketAddr>,
    /// `https://host:port`.
    pub(crate) url: String,
    /// `host:port`, or the host alone where the URL names no port (443): as clients put it into image references.
    pub(crate) authority: String,
    pub(crate) host: String,
    /// A `postgres://` URL instead of the embedded database.
    pub(crate) database: Option<Secret>,
    /// What `env.sh` of a client bundle points at: `tcp://host:2376`.
    pub(crate) production_engine: Option<String>,
    /// What webhooks may reach although it is not public: `host`, `host:port` or a network.
    pub(crate) webhook_allow: Vec<String>,
    /// Whether manifests are taken that name what is not in their repository.
    pub(crate) sparse_manifests: bool,
    /// How long what was deleted can be brought back.
    pub(crate) undo_days: u16,
    /// How old manifests without a tag become; `None` is for ever.
    pub(crate) untagged_days: Option<u16>,
    /// Where blobs are: the folder `blobs/` in the data folder, unless it says a bucket.
    pub(crate) storage: Storage,
    /// Where a second copy of them is.
    pub(crate) replica_store: Option<Storage>,
    /// An identity provider to sign in with.
    pub(crate) oidc: Option<OidcSettings>,
    /// A directory whose people may sign in, and how often it is asked what became of them.
    pub(crate) ldap: Option<(DirectorySettings, Duration)>,
    /// For the first start; without it one is generated and shown once.
    pub(crate) admin_password: Option<Secret>,
}

impl Config {
    pub(crate) fn read(args: Args) -> Result<Config> {
        let mut file = File::read(args.config.as_deref())?;
        let data = file.data(args.data)?;
        let stores = file.stores(&data)?;
        let listen = args.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8443)));
        let plain_listen = args.plain_listen.or(file.plain_listen);
        if let Some(address) = plain_listen
            && !address.ip().is_loopback()
        {
            bail!(
                "--plain-listen {address} is not a loopback address; passwords must not cross a network in the clear"
            );
        }
        let url = args.url.or(file.url).unwrap_or_else(|| format!("https://localhost:{}", listen.port()));
        let (url, authority, host) = check_url(&url)?;
        for entry in &file.webhook_allow {
            outbound::check_allowed(entry).map_err(anyhow::Error::msg).context("webhook_allow")?;
        }
        Ok(Config {
            data,
            listen,
            plain_listen,
            url,
            authority,
            host,
            database: args.database.map(Secret::new).or(file.database),
            production_engine: args.production_engine.or(file.production_engine),
            webhook_allow: file.webhook_allow,
            sparse_manifests: args.sparse_manifests || file.sparse_manifests,
            undo_days: file.undo_days.unwrap_or(UNDO_DAYS),
            untagged_days: file.untagged_days,
            storage: stores.main,
            replica_store: stores.replica,
            oidc: file.oidc.map(OidcTable::check).transpose()?,
            ldap: file.ldap.map(LdapTable::check).transpose()?,
            admin_password: admin_password(),
        })
    }
}

/// Where the blobs of a server with this configuration are.
pub(crate) fn storage(config: Option<&Path>, data: Option<PathBuf>) -> Result<Storage> {
    let mut file = File::read(config)?;
    let data = file.data(data)?;
    Ok(file.stores(&data)?.main)
}

impl File {
    fn read(path: Option<&Path>) -> Result<File> {
        let Some(path) = path else { return Ok(File::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
    }

    /// The data folder, the flag's or the file's, from the root on.
    fn data(&mut self, flag: Option<PathBuf>) -> Result<PathBuf> {
        let Some(data) = flag.or(self.data.take()) else {
            bail!("where shall the data be? Give --data DIR, ASSAY_DATA or `data` in the configuration");
        };
        std::path::absolute(&data).with_context(|| format!("--data {} is no path", data.display()))
    }

    fn stores(&mut self, data: &Path) -> Result<Stores> {
        self.storage.take().unwrap_or_default().check(data.join("blobs"))
    }
}

/// The first administrator's password: from the environment only, because a flag is visible to every user of the machine.
#[expect(clippy::disallowed_methods, reason = "the configuration is read here")]
fn admin_password() -> Option<Secret> {
    std::env::var("ASSAY_ADMIN_PASSWORD").ok().filter(|password| !password.is_empty()).map(Secret::new)
}

/// The URL without a slash at its end, its host with port, and its host.
fn check_url(url: &str) -> Result<(String, String, String)> {
    let url = url.trim_end_matches('/');
    let parsed: axum::http::Uri = url.parse().with_context(|| format!("{url:?} is not a URL"))?;
    if parsed.scheme_str() != Some("https") || parsed.path() != "/" || parsed.query().is_some() {
        bail!("the URL {url:?} must be https://HOST or https://HOST:PORT, without a path");
    }
    let authority = parsed.authority().context("the URL has no host")?;
    if authority.as_str().contains('@') {
        bail!("the URL {url:?} must not hold credentials");
    }
    Ok((url.to_owned(), authority.as_str().to_owned(), authority.host().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn urls() {
        let (url, authority, host) = check_url("https://assay.test:8443/").unwrap();
        assert_eq!(
            (url.as_str(), authority.as_str(), host.as_str()),
            ("https://assay.test:8443", "assay.test:8443", "assay.test")
        );
        assert_eq!(check_url("https://assay.test").unwrap().1, "assay.test");
        for bad in ["http://a", "https://a/path", "https://u:p@a", "nonsense", "https://a?x=1"] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
