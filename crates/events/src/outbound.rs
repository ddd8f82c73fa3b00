//! Calling a receiver: the address is checked, then called; nothing else is.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::hmac;
use base::{Secret, limits};
use reqwest::{
    Certificate, Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{Endpoint, Error, address, pinned};

/// How long a receiver may take for everything, name resolution included.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this server may call, and whom it trusts when it does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    /// Hosts whose addresses are not looked at: `host` or `host:port`, lower case.
    allowed: Vec<String>,
    /// This installation's own authority certificate, PEM.
    ca_pem: String,
}

/// One request to be made.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) tls_cert: &'a str,
    pub(crate) skip_tls: bool,
    /// Signs the body in `X-Assay-Signature`.
    pub(crate) secret: Option<&'a Secret<Vec<u8>>>,
    pub(crate) delivery: &'a str,
    pub(crate) body: &'a str,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The beginning of the answer, without the endpoint's secrets.
    pub response: String,
    /// Why it does not count as delivered; `None` when it does.
    pub error: Option<String>,
}

impl Outbound {
    /// `own` is this installation's `host[:port]`, which is always allowed: its webhooks may start its own pipelines.
    /// `allowed` are hosts the operator listed, as `host` (any port) or `host:port`.
    pub fn new(own: &str, allowed: &[String], ca_pem: &str) -> Outbound {
        let own = if has_port(own) { own.to_owned() } else { format!("{own}:443") };
        let allowed = allowed.iter().cloned().chain([own]).map(|entry| entry.to_ascii_lowercase()).collect();
        Outbound(Arc::new(Rules { allowed, ca_pem: ca_pem.to_owned() }))
    }

    pub(crate) async fn post(&self, call: &Call<'_>) -> Attempt {
        let answered = tokio::time::timeout(PATIENCE, self.try_post(call)).await;
        let mut attempt = answered.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        if let Err(error) = &mut attempt {
            *error = call.endpoint.redact(error);
        }
        attempt.unwrap_or_else(|error| Attempt { status: None, response: String::new(), error: Some(error) })
    }

    async fn try_post(&self, call: &Call<'_>) -> Result<Attempt, String> {
        check_plain(call.endpoint, call.skip_tls).map_err(|error| error.to_string())?;
        let addresses = self.checked(call.endpoint).await?;
        let client = self.client(call, addresses)?;
        let mut request = client
            .post(call.endpoint.url().clone())
            .header("content-type", "application/json")
            .header("x-assay-delivery", call.delivery)
            // The same however often it is sent: GitLab's name for it, by which a receiver knows what it did already.
            .header("idempotency-key", call.delivery)
            .body(call.body.to_owned());
        if let Some(secret) = call.secret {
            request = request.header("x-assay-signature", signature(secret, call.body));
        }
        let mut response = request.send().await.map_err(sentence)?;
        let status = response.status();
        let mut body = Vec::new();
        // An answer that breaks off or never ends was an answer all the same; only its beginning is kept.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= limits::WEBHOOK_RESPONSE_BYTES {
                break;
            }
        }
        body.truncate(limits::WEBHOOK_RESPONSE_BYTES);
        let error = match status {
            _ if status.is_success() => None,
            _ if status.is_redirection() => {
                Some(format!("the receiver answered {status}; redirects are not followed, give the final address"))
            }
            _ => Some(format!("the receiver answered {status}")),
        };
        let response = call.endpoint.redact(&String::from_utf8_lossy(&body)).replace('\0', "\u{fffd}");
        Ok(Attempt { status: Some(status.as_u16()), response, error })
    }

    /// The addresses of the endpoint's host, when a webhook may reach it.
    pub(crate) async fn checked(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
        let url = endpoint.url();
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
        match addresses.iter().find(|address| !address::is_public(address.ip())) {
            None => Ok(addresses),
            Some(private) => Err(format!(
                "{host} is at {}, which is not a public address; an operator can allow it with webhook_allow = [{with_port:?}] in \
                 the configuration",
                private.ip()
            )),
        }
    }

    fn client(&self, call: &Call<'_>, addresses: Vec<SocketAddr>) -> Result<Client, String> {
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("assay-webhook/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Checked(addresses)));
        self.trust(builder, call)?.build().map_err(sentence)
    }

    /// The public roots and this installation's own authority; with a certificate of the webhook's own, that one and ours.
    fn trust(&self, builder: ClientBuilder, call: &Call<'_>) -> Result<ClientBuilder, String> {
        if call.skip_tls {
            return Ok(builder.tls_danger_accept_invalid_certs(true));
        }
        if !call.tls_cert.is_empty() {
            let mut certificates = pinned::certificates(call.tls_cert)?;
            certificates.extend(CertificateDer::from_pem_slice(self.0.ca_pem.as_bytes()));
            return Ok(builder.tls_backend_preconfigured(pinned::client(certificates)?));
        }
        let own = Certificate::from_pem(self.0.ca_pem.as_bytes()).map_err(sentence)?;
        Ok(builder.tls_certs_merge([own]))
    }
}

/// Plain HTTP only for those who said that nothing needs to be verified, as in DTR.
pub(crate) fn check_plain(endpoint: &Endpoint, skip_tls: bool) -> Result<(), Error> {
    if endpoint.is_plain() && !skip_tls {
        return Err(Error::Invalid(
            "the endpoint is plain http; use https, or say skipTLSVerification if the way there is trusted".to_owned(),
        ));
    }
    Ok(())
}

/// `sha256=<hex>`: HMAC-SHA256 of the body.
fn signature(secret: &Secret<Vec<u8>>, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

/// An error of the client with its causes, without the URL that it would print whole.
fn sentence(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
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
    use super::Outbound;
    use crate::Endpoint;

    async fn checked(outbound: &Outbound, url: &str) -> Result<(), String> {
        outbound.checked(&url.parse::<Endpoint>().unwrap()).await.map(drop)
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
