//! One server over HTTP, as its clients see it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use reqwest::{Client, Method, header};
use serde_json::Value;

use crate::{
    content::{INDEX, MANIFEST},
    server::{AUTHORITY, PASSWORD},
};

/// An answer takes less, or there will be none.
const PATIENCE: Duration = Duration::from_secs(20);
const USER: &str = "admin";
pub const REPOSITORIES: [&str; 3] = ["admin/one", "admin/two", "admin/three"];

/// A signed-in client; cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    http: Client,
    base: String,
    pub token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Bytes,
    pub location: String,
    /// The last byte of an upload that is here, as `Range` says.
    pub last: Option<u64>,
}

impl Api {
    /// The connections of all clients; made once, because it reads the machine's certificates although nobody asks for TLS.
    pub fn http() -> Result<Client> {
        Ok(Client::builder().timeout(PATIENCE).pool_max_idle_per_host(16).no_proxy().build()?)
    }

    pub async fn sign_in(http: Client, address: SocketAddr) -> Result<Api> {
        let mut api = Api { http, base: format!("http://{address}"), token: String::new() };
        let scopes: String =
            REPOSITORIES.iter().map(|name| format!("&scope=repository:{name}:pull,push,delete")).collect();
        let path = format!("/auth/token?service={AUTHORITY}{scopes}");
        let answer = api.with_password(&path).await?;
        api.token = answer["token"].as_str().context("no token in the answer")?.to_owned();
        Ok(api)
    }

    /// The same server, with a token of earlier.
    pub fn with_token(&self, token: &str) -> Api {
        Api { token: token.to_owned(), ..self.clone() }
    }

    /// `GET` with the administrator's password; JSON.
    pub async fn with_password(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base)).basic_auth(USER, Some(PASSWORD));
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path} was answered with {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Ask; none when there was no whole answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, String)],
        body: impl Into<reqwest::Body>,
    ) -> Option<Reply> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).bearer_auth(&self.token).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.ok()?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let last = text(header::RANGE).rsplit_once('-').and_then(|(_, last)| last.parse().ok());
        let (status, location) = (answer.status().as_u16(), text(header::LOCATION).to_owned());
        Some(Reply { status, location, last, body: answer.bytes().await.ok()? })
    }

    pub async fn get(&self, path: &str) -> Option<Reply> {
        let accept = [(header::ACCEPT, format!("{MANIFEST}, {INDEX}, */*"))];
        self.ask(Method::GET, path, &accept, Bytes::new()).await
    }
}

impl Reply {
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Status and beginning of the body, to be shown.
    pub fn show(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }
}
