//! The rules of one installation.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Certificate, Client, ClientBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{address, network::Network, pinned};

/// What this server may call, and whom it trusts when it does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    /// Hosts whose addresses are not looked at: `host` or `host:port`, lower case.
    allowed: Vec<String>,
    /// Networks whose addresses may be called although they are not public.
    networks: Vec<Network>,
    /// This installation's own authority certificate, PEM.
    ca_pem: String,
}

/// Whose certificates are good for one call.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The public roots', and this installation's own authority's.
    Roots,
    /// Those of this PEM text, and this installation's own authority's.
    Pinned(&'a str),
    /// Anybody's.
    Anyone,
}

impl Outbound {
    /// `own` is this installation's `host[:port]`, which is always allowed: its webhooks may start its own pipelines.
    /// `allowed` is what the operator listed: `host` (any port), `host:port`, or a network as `10.1.0.0/16`.
    pub fn new(own: &str, allowed: &[String], ca_pem: &str) -> Outbound {
        let own = if has_port(own) { own.to_owned() } else { format!("{own}:443") };
        let networks = allowed.iter().filter_map(|entry| entry.parse().ok()).collect();
        let allowed = allowed.iter().cloned().chain([own]).map(|entry| entry.to_ascii_lowercase()).collect();
        Outbound(Arc::new(Rules { allowed, networks, ca_pem: ca_pem.to_owned() }))
    }

    /// The addresses of the URL's host, when it may be reached; otherwise why not.
    pub async fn checked(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let found = tokio::net::lookup_host((host, port)).await;
                found.map_err(|error| format!("the name {host} cannot be resolved: {error}"))?.collect()
            }
        };
        if addresses.is_empty() {
            return Err(format!("the name {host} has no address"));
        }
        let with_port = format!("{host}:{port}");
        if self.0.allowed.iter().any(|entry| *entry == host || *entry == with_port) {
            return Ok(addresses);
        }
        let listed = |address: IpAddr| self.0.networks.iter().any(|network| network.contains(address));
        match addresses.iter().find(|address| !address::is_public(address.ip()) && !listed(address.ip())) {
            None => Ok(addresses),
            Some(private) => Err(format!(
                "{host} is at {}, which is not a public address; an operator can allow it with webhook_allow = [{with_port:?}] in \
                 the configuration",
                private.ip()
            )),
        }
    }

    /// A client that calls these addresses, whatever the name in a URL, and follows no redirect. The caller sets its patience.
    pub fn client(&self, agent: &str, addresses: Vec<SocketAddr>, trust: Trust<'_>) -> Result<ClientBuilder, String> {
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .user_agent(format!("{agent}/{}", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Checked(addresses)));
        match trust {
            Trust::Anyone => Ok(builder.tls_danger_accept_invalid_certs(true)),
            Trust::Pinned(pem) => {
                let mut certificates = pinned::certificates(pem)?;
                certificates.extend(CertificateDer::from_pem_slice(self.0.ca_pem.as_bytes()));
                Ok(builder.tls_backend_preconfigured(pinned::client(certificates)?))
            }
            Trust::Roots => {
                let own = Certificate::from_pem(self.0.ca_pem.as_bytes()).map_err(sentence)?;
                Ok(builder.tls_certs_merge([own]))
            }
        }
    }
}

/// Whether an entry of the operator's list is a host, a host with a port, or a network; otherwise what is wrong with it.
pub fn check_allowed(entry: &str) -> Result<(), String> {
    if entry.contains("://") || entry.is_empty() || entry.contains(char::is_whitespace) {
        return Err(format!("{entry:?} is no host; write it as jenkins.intern, jenkins.intern:443 or 10.1.0.0/16"));
    }
    if entry.contains('/') { entry.parse::<Network>().map(drop) } else { Ok(()) }
}

/// An error of the client with its causes, without the URL that it would print whole.
pub fn sentence(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty())
        && !(authority.starts_with('[') && authority.ends_with(']'))
}

/// Answers every question for an address with those that were checked, so that a name cannot change its mind in between.
#[derive(Debug)]
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbound, check_allowed};

    async fn checked(outbound: &Outbound, url: &str) -> Result<(), String> {
        outbound.checked(&url.parse().unwrap()).await.map(drop)
    }

    #[tokio::test]
    async fn private_places_are_refused_however_they_are_written() {
        let outbound = Outbound::new("assay.test:8443", &[], "");
        let refused = [
            "https://127.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://127.1/",
            "https://0/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://[fd00::1]/",
        ];
        for url in refused {
            let error = checked(&outbound, url).await.unwrap_err();
            assert!(error.contains("public address") || error.contains("resolved"), "{url}: {error}");
        }
        checked(&outbound, "https://1.1.1.1/").await.unwrap();
    }

    #[tokio::test]
    async fn a_listed_network_opens_its_addresses_only() {
        let outbound = Outbound::new("assay.test", &["127.0.0.0/8".to_owned(), "10.1.0.0/16".to_owned()], "");
        for url in ["https://127.0.0.1/", "https://2130706433/", "https://[::ffff:127.0.0.1]/", "https://10.1.2.3:9/"] {
            checked(&outbound, url).await.unwrap();
        }
        for url in ["https://10.2.0.1/", "https://169.254.169.254/", "https://[::1]/"] {
            checked(&outbound, url).await.unwrap_err();
        }
        for bad in ["", "https://jenkins.intern", "10.0.0.0/99", "jenkins.intern/path", "a b"] {
            check_allowed(bad).unwrap_err();
        }
        for good in ["jenkins.intern", "jenkins.intern:443", "10.1.0.0/16", "[::1]:80"] {
            check_allowed(good).unwrap();
        }
    }

    #[tokio::test]
    async fn the_listed_and_the_own_are_allowed_by_host_and_port() {
        let listed = ["localhost".to_owned(), "127.0.0.1:9000".to_owned()];
        let outbound = Outbound::new("127.0.0.2:8443", &listed, "");
        for url in ["https://localhost:1/", "https://127.0.0.1:9000/", "https://127.0.0.2:8443/api"] {
            checked(&outbound, url).await.unwrap();
        }
        for url in ["https://127.0.0.1/", "https://127.0.0.1:9001/", "https://127.0.0.2/"] {
            checked(&outbound, url).await.unwrap_err();
        }
        let own = Outbound::new("127.0.0.2", &[], "");
        checked(&own, "https://127.0.0.2/").await.unwrap();
        checked(&own, "https://127.0.0.2:1/").await.unwrap_err();
    }
}
