//! How a request goes out: as the command line may, or guarded as the server must.

use std::{collections::BTreeMap, sync::Mutex};

use base::limits;
use outbound::{Outbound, Trust, sentence};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header};

use crate::Error;

/// Who makes the connections.
#[derive(Debug)]
pub enum Transport {
    /// A person's own: it goes where it is told to, and follows redirects by itself.
    Open(Client),
    Guarded(Guarded),
}

/// The server's: every host is looked at before it is called.
#[derive(Debug)]
pub struct Guarded {
    outbound: Outbound,
    /// Certificates that are trusted beside the usual ones, PEM; only these and this installation's own, when there are any.
    ca_pem: String,
    skip_tls: bool,
    /// One client for each `host:port`, that connections are kept.
    clients: Mutex<BTreeMap<String, Client>>,
}

impl Guarded {
    pub fn new(outbound: Outbound, ca_pem: &str, skip_tls: bool) -> Guarded {
        Guarded { outbound, ca_pem: ca_pem.to_owned(), skip_tls, clients: Mutex::default() }
    }

    async fn client(&self, url: &Url) -> Result<Client, Error> {
        let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
        let known = self.clients.lock().expect("no holder of this lock can panic").get(&place).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let unreachable = |why: String| Error::Unreachable(format!("{}: {why}", shown(url)));
        let addresses = self.outbound.checked(url).await.map_err(unreachable)?;
        let trust = match self.ca_pem.as_str() {
            _ if self.skip_tls => Trust::Anyone,
            "" => Trust::Roots,
            pem => Trust::Pinned(pem),
        };
        let client = self.outbound.client("assay-mirror", addresses, trust).map_err(unreachable)?;
        let client = client.connect_timeout(limits::REMOTE_CONNECT).read_timeout(limits::REMOTE_SILENCE);
        let client = client.build().map_err(|error| unreachable(sentence(error)))?;
        self.clients.lock().expect("no holder of this lock can panic").insert(place, client.clone());
        Ok(client)
    }
}

impl Transport {
    pub(crate) async fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Error> {
        let client = match self {
            Transport::Open(client) => client.clone(),
            Transport::Guarded(guarded) => guarded.client(url).await?,
        };
        Ok(client.request(method, url.clone()))
    }

    /// Send it, and follow where a store is named instead of an answer; there no credentials go.
    pub(crate) async fn send(&self, method: &Method, url: &Url, request: RequestBuilder) -> Result<Response, Error> {
        let mut response = sent(url, request).await?;
        let mut from = url.clone();
        for _ in 0..limits::REMOTE_REDIRECTS {
            let follows = matches!(*method, Method::GET | Method::HEAD)
                && response.status().is_redirection()
                && response.status() != StatusCode::NOT_MODIFIED;
            if !follows {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let to = location.and_then(|location| from.join(location).ok());
            let to = to.filter(|to| to.scheme() == from.scheme() || to.scheme() == "https");
            let to = to.ok_or_else(|| {
                Error::Unexpected(format!("{} leads to an address that is not followed", shown(&from)))
            })?;
            response = sent(&to, self.request(method.clone(), &to).await?).await?;
            from = to;
        }
        Err(Error::Unexpected(format!("{} leads from one address to the next", shown(url))))
    }
}

async fn sent(url: &Url, request: RequestBuilder) -> Result<Response, Error> {
    let unreachable = |error| Error::Unreachable(format!("{} cannot be reached: {}", shown(url), sentence(error)));
    request.send().await.map_err(unreachable)
}

/// Without what may be a credential: where redirects and uploads lead may be signed addresses of a store.
pub(crate) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
