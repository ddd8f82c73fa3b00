//! What the operator decides.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use base::Secret;
use serde::Deserialize;
use tlog::VerifierKey;

use crate::Error;

/// The slowest refresh: a revocation is to be known within five seconds.
const REFRESH_MS_MAX: u64 = 4_000;

/// Everything the guard is told. Unknown keys are refused, so that a misspelt one is not silently ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's address, `https://HOST[:PORT]`.
    pub server_url: String,
    /// An access token of the guard's account.
    pub token: Secret,
    /// Certificates (PEM) the server's is checked against; without them, those of the operating system.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Where the engine finds the plugin: `/run/docker/plugins/NAME.sock` for `--authorization-plugin=NAME`.
    #[serde(default = "default_socket")]
    pub socket: PathBuf,
    /// The engine's own unix socket, where local images are looked up.
    #[serde(default = "default_engine_socket")]
    pub engine_socket: PathBuf,
    /// The guard's own folder: the pinned key and the last allow-set.
    pub state_dir: PathBuf,
    /// The key that signs allow-sets (`assay admission key`). Without it, the one the server first shows is pinned.
    #[serde(default)]
    pub verifier_key: Option<String>,
    /// `("HOST:PORT", address)`: addresses for names that no resolver knows.
    #[serde(default)]
    pub resolve: Vec<(String, IpAddr)>,
    /// The pause between two questions whether there is a newer set.
    #[serde(default = "default_refresh_ms")]
    pub refresh_ms: u64,
}

impl Config {
    /// Check what the types do not say; gives the server's address and the configured key.
    pub(crate) fn check(&self) -> Result<(reqwest::Url, Option<VerifierKey>), Error> {
        let invalid = |text: String| Err(Error::Invalid(text));
        let Ok(url) = self.server_url.parse::<reqwest::Url>() else {
            return invalid(format!("server_url {:?} is not a URL", self.server_url));
        };
        if url.scheme() != "https" || !url.has_host() || !url.username().is_empty() || url.path() != "/" {
            return invalid(format!("server_url {:?} is not of the form https://HOST[:PORT]", self.server_url));
        }
        if self.token.expose().is_empty() {
            return invalid("token is empty".to_owned());
        }
        if self.refresh_ms == 0 || self.refresh_ms > REFRESH_MS_MAX {
            return invalid(format!("refresh_ms is {}, and must be 1 to {REFRESH_MS_MAX}", self.refresh_ms));
        }
        for (place, _) in &self.resolve {
            if split_place(place).is_none() {
                return invalid(format!("resolve {place:?} is not of the form HOST:PORT"));
            }
        }
        let key = self.verifier_key.as_deref().map(str::parse::<VerifierKey>).transpose();
        Ok((url, key.map_err(|error| Error::Invalid(format!("verifier_key: {error}")))?))
    }

    /// The names to resolve by hand, as the HTTP client wants them.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.resolve.iter().filter_map(|(place, address)| {
            let (host, port) = split_place(place)?;
            Some((host, SocketAddr::new(*address, port)))
        })
    }
}

fn split_place(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    if host.is_empty() { None } else { Some((host, port.parse().ok()?)) }
}

fn default_socket() -> PathBuf {
    PathBuf::from("/run/docker/plugins/assay.sock")
}

fn default_engine_socket() -> PathBuf {
    PathBuf::from("/var/run/docker.sock")
}

fn default_refresh_ms() -> u64 {
    1_000
}

#[cfg(test)]
mod tests {
    use super::Config;

    fn parse(more: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"server_url":"https://a.test:8443","token":"secret-x","state_dir":"/w"{more}}}"#
        ))
    }

    #[test]
    fn fills_in_defaults_and_refuses_what_cannot_work() {
        let config = parse("").unwrap();
        assert!(config.check().is_ok());
        assert!(!format!("{config:?}").contains("secret-x"));
        assert!(parse(r#","tokne":"x""#).is_err());
        for bad in [
            r#","refresh_ms":0"#,
            r#","refresh_ms":60000"#,
            r#","resolve":[["no-port","10.0.0.1"]]"#,
            r#","verifier_key":"nonsense""#,
        ] {
            assert!(parse(bad).unwrap().check().is_err(), "{bad}");
        }
        let plain = parse("").map(|mut config| {
            config.server_url = "http://a.test".to_owned();
            config
        });
        assert!(plain.unwrap().check().is_err(), "a token must not cross a network in the clear");
    }
}
