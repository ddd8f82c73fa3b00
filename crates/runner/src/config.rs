//! What the operator decides.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use base::Secret;
use serde::Deserialize;

use crate::Error;

/// Everything the runner is told. Unknown keys are refused, so that a misspelt one is not silently ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's address, `https://HOST[:PORT]`; plain HTTP to a loopback address only.
    pub server_url: String,
    /// A runner's authentication token (`glrt-…`, or the one a legacy registration returned).
    pub token: Secret,
    /// Shown at the head of every log.
    #[serde(default = "default_name")]
    pub name: String,
    /// The engine's unix socket.
    #[serde(default = "default_socket")]
    pub docker_socket: PathBuf,
    /// Certificates (PEM) the server's is checked against; without them, those of the operating system.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Where projects stand inside a job's container.
    #[serde(default = "default_builds")]
    pub builds_dir: String,
    /// Given to each job's container as they stand, `HOST:CONTAINER[:MODE]`.
    #[serde(default)]
    pub volumes: Vec<String>,
    /// `NAME:ADDRESS` lines of each job container's hosts file.
    #[serde(default)]
    pub extra_hosts: Vec<String>,
    /// The engine's network for job containers; without it, the engine's default.
    #[serde(default)]
    pub network_mode: Option<String>,
    /// The image of jobs that name none.
    #[serde(default)]
    pub default_image: Option<String>,
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// Jobs at one time.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// The pause between two requests that the server answered at once with "none".
    #[serde(default = "default_check_interval_ms")]
    pub check_interval_ms: u64,
    /// The pause between two pieces of a log until the server names another.
    #[serde(default = "default_trace_interval_ms")]
    pub trace_interval_ms: u64,
    /// `("HOST:PORT", address)`: addresses for names that no resolver knows, for the API and for git.
    #[serde(default)]
    pub resolve: Vec<(String, IpAddr)>,
    /// Variables each job gets beneath its own. Not for secrets: they are not masked.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The runner's own folder: its identity and what jobs in flight need.
    pub work_dir: PathBuf,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

impl Config {
    /// Check what the types do not say.
    pub(crate) fn check(&self) -> Result<reqwest::Url, Error> {
        let invalid = |text: String| Err(Error::Invalid(text));
        let Ok(mut url) = self.server_url.parse::<reqwest::Url>() else {
            return invalid(format!("server_url {:?} is not a URL", self.server_url));
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !url.username().is_empty() {
            return invalid(format!("server_url {:?} is not of the form https://HOST[:PORT]", self.server_url));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return invalid(format!(
                "server_url {:?} is plain HTTP, and the runner's token must not cross a network in the clear; write https://",
                self.server_url
            ));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        if self.token.expose().is_empty() {
            return invalid("token is empty".to_owned());
        }
        if self.concurrency == 0 {
            return invalid("concurrency is 0: no job would ever run".to_owned());
        }
        let mut parts = self.builds_dir.split('/');
        if parts.next() != Some("") || parts.any(|part| part.is_empty() || part == "." || part == "..") {
            return invalid(format!("builds_dir {:?} is not an absolute path without dots", self.builds_dir));
        }
        for (place, _) in &self.resolve {
            if split_place(place).is_none() {
                return invalid(format!("resolve {place:?} is not of the form HOST:PORT"));
            }
        }
        Ok(url)
    }

    /// The names to resolve by hand, as the HTTP client wants them.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.resolve.iter().filter_map(|(place, address)| {
            let (host, port) = split_place(place)?;
            Some((host, SocketAddr::new(*address, port)))
        })
    }
}

/// Whether what is sent there stays on this machine. A name does not say so: whoever answers for it decides.
fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn split_place(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    let plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if plain { Some((host, port.parse().ok()?)) } else { None }
}

fn default_name() -> String {
    "assay runner".to_owned()
}

fn default_socket() -> PathBuf {
    PathBuf::from("/var/run/docker.sock")
}

fn default_builds() -> String {
    "/builds".to_owned()
}

fn default_concurrency() -> usize {
    1
}

fn default_check_interval_ms() -> u64 {
    3_000
}

fn default_trace_interval_ms() -> u64 {
    500
}

#[cfg(test)]
mod tests {
    use super::Config;

    fn parse(more: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"server_url":"https://a.test:8443","token":"glrt-x","work_dir":"/w"{more}}}"#
        ))
    }

    #[test]
    fn fills_in_defaults_and_refuses_unknown_keys() {
        let config = parse("").unwrap();
        assert_eq!(config.check().unwrap().as_str(), "https://a.test:8443/");
        assert_eq!(config.concurrency, 1);
        assert!(!format!("{config:?}").contains("glrt-x"));
        assert!(parse(r#","tokne":"x""#).is_err());
    }

    #[test]
    fn refuses_what_cannot_work() {
        for bad in [
            r#","concurrency":0"#,
            r#","builds_dir":"builds""#,
            r#","builds_dir":"/a/../b""#,
            r#","builds_dir":"/""#,
            r#","resolve":[["no-port","10.0.0.1"]]"#,
            r#","resolve":[["a b:1","10.0.0.1"]]"#,
        ] {
            assert!(parse(bad).unwrap().check().is_err(), "{bad}");
        }
        let to = |server_url: &str| Config { server_url: server_url.to_owned(), ..parse("").unwrap() }.check();
        for bad in
            ["http://a.test", "http://10.0.0.1:8080", "http://localhost:1", "ftp://a.test", "https://u@a.test", "a"]
        {
            assert!(to(bad).is_err(), "{bad}");
        }
        for good in ["http://127.0.0.1:8080", "http://[::1]:8080", "https://a.test"] {
            assert!(to(good).is_ok(), "{good}");
        }
        let config = parse(r#","resolve":[["assay.test:8443","10.0.0.1"]]"#).unwrap();
        assert_eq!(config.resolved().next().unwrap(), ("assay.test", "10.0.0.1:8443".parse().unwrap()));
    }
}
