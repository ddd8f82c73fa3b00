//! Talking to the server: who it is, who we are, what it answered.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use axum::http::{Method, StatusCode};
use base::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A server and an access token to it.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<Secret>,
}

/// The server said no.
#[derive(Debug, thiserror::Error)]
#[error("{message} ({status}{})", request_id.as_ref().map(|id| format!(", request id {id}")).unwrap_or_default())]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// DTR's code for it, where it came in DTR's form.
    pub(crate) code: String,
    pub(crate) message: String,
    /// What the operator looks for in the server's log, where it was the server's fault.
    pub(crate) request_id: Option<String>,
}

/// What `assay login` remembers, in a file only its owner can read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) ca_pem: Option<String>,
    #[serde(default)]
    pub(crate) resolve: Vec<Resolve>,
}

/// An address for a name that no resolver knows, written `HOST:PORT:ADDRESS` as for curl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Resolve {
    host: String,
    port: u16,
    address: IpAddr,
}

impl Client {
    /// The server of the last `assay login`.
    pub(crate) fn remembered() -> Result<Client> {
        let path = Remembered::path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message = "not signed in; use: assay login https://HOST:PORT --username NAME".to_owned();
                let (status, code) = (StatusCode::UNAUTHORIZED, String::new());
                return Err(Refused { status, code, message, request_id: None }.into());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let remembered: Remembered =
            serde_json::from_str(&text).with_context(|| format!("{} is not what login wrote", path.display()))?;
        let mut client = Client::new(&remembered.url, remembered.ca_pem.as_deref(), &remembered.resolve)?;
        client.token = Some(Secret::new(remembered.token));
        Ok(client)
    }

    /// A client of this server that trusts this authority besides the public ones.
    pub(crate) fn new(url: &str, ca_pem: Option<&str>, resolve: &[Resolve]) -> Result<Client> {
        let mut builder = reqwest::Client::builder().https_only(true);
        for Resolve { host, port, address } in resolve {
            builder = builder.resolve(host, SocketAddr::new(*address, *port));
        }
        if let Some(pem) = ca_pem {
            let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).context("the CA is no certificate")?;
            builder = builder.tls_certs_merge([certificate]);
        }
        Ok(Client { http: builder.build()?, url: url.trim_end_matches('/').to_owned(), token: None })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// An answer as it came, whatever is in it.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String> {
        let response = self.request(Method::GET, path).send().await.context("the server cannot be reached")?;
        match response.status().is_success() {
            true => Ok(response.text().await?),
            false => Err(read(response).await.err().context("the server refuses and does not say why")?),
        }
    }

    /// All pages of a list, as if it were one: GitLab's and DTR's APIs tell where the next one is, each in its way.
    pub(crate) async fn all(&self, path: &str) -> Result<Value> {
        self.all_of(Method::GET, path, None).await
    }

    /// The same for a list that is asked for with a body.
    pub(crate) async fn all_of(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (mut whole, mut next) = self.page(&method, path, body).await?;
        while let Some(query) = next {
            let (mut page, after) = self.page(&method, &format!("{path}&{query}"), body).await?;
            let more = items(&mut page).map(std::mem::take).unwrap_or_default();
            let all = items(&mut whole).context("the server gave no list")?;
            // A page without anything is the last one of a plain list, whatever it says.
            next = after.filter(|_| !more.is_empty() || body.is_some());
            all.extend(more);
        }
        Ok(whole)
    }

    /// One page, and what to ask for the next.
    async fn page(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<(Value, Option<String>)> {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.context("the server cannot be reached")?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().filter(|text| !text.is_empty());
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let by_header = header("x-next-page")
            .map(|page| format!("page={}", encoded(page)))
            .or_else(|| header("x-next-page-start").map(|start| format!("pageStart={}", encoded(start))));
        let answer = read(response).await?;
        let start = answer["nextPageStart"].as_str().filter(|start| !start.is_empty());
        let next = by_header.or_else(|| start.map(|start| format!("start={}", encoded(start))));
        Ok((answer, next))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    /// A request to the registry, which takes an access token as a password beside a name.
    pub(super) fn registry(&self, method: Method, path: &str, name: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.basic_auth(name, self.token.as_ref().map(|token| token.expose()))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PUT, path, Some(&body)).await
    }

    /// One call with bytes as they are.
    pub(crate) async fn send_bytes(&self, method: Method, path: &str, bytes: Vec<u8>) -> Result<Value> {
        let request = self.request(method, path).body(bytes);
        read(request.send().await.context("the server cannot be reached")?).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// One call; an answer without a body is `null`.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await.context("the server cannot be reached")?).await
    }

    /// Ask for a new access token with a password.
    pub(crate) async fn new_token(&self, name: &str, password: &Secret, label: &str) -> Result<String> {
        let request = self
            .http
            .post(format!("{}/api/v0/api_tokens", self.url))
            .basic_auth(name, Some(password.expose()))
            .json(&json!({"tokenLabel": label, "generatedBy": "auto"}));
        let answer = read(request.send().await.context("the server cannot be reached")?).await?;
        answer["token"].as_str().map(str::to_owned).context("the server gave no token")
    }
}

/// The things of a page: an array, or the one array in an object.
fn items(page: &mut Value) -> Option<&mut Vec<Value>> {
    match page {
        Value::Array(items) => Some(items),
        Value::Object(map) => map.values_mut().find_map(Value::as_array_mut),
        _ => None,
    }
}

async fn read(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let request_id = response.headers().get("x-request-id").and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let text = response.text().await?;
    let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    if status.is_success() {
        return Ok(value);
    }
    // DTR's form, GitLab's form, or whatever came.
    let message = value["errors"][0]["message"].as_str().or_else(|| value["message"].as_str());
    let message = message.map_or_else(|| value.to_string(), str::to_owned);
    let code = value["errors"][0]["code"].as_str().unwrap_or_default().to_owned();
    Err(Refused { status, code, message, request_id: request_id.filter(|_| status.is_server_error()) }.into())
}

impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Resolve, String> {
        let parts = || {
            let (host, rest) = text.split_once(':')?;
            let (port, address) = rest.split_once(':')?;
            // An IPv6 address may stand in brackets, as curl wants it.
            let address = address.trim_start_matches('[').trim_end_matches(']');
            let plain =
                !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
            if !plain {
                return None;
            }
            Some(Resolve { host: host.to_owned(), port: port.parse().ok()?, address: address.parse().ok()? })
        };
        parts().ok_or_else(|| format!("{text:?} is not of the form HOST:PORT:ADDRESS"))
    }
}

impl TryFrom<String> for Resolve {
    type Error = String;

    fn try_from(text: String) -> Result<Resolve, String> {
        text.parse()
    }
}

impl From<Resolve> for String {
    fn from(Resolve { host, port, address }: Resolve) -> String {
        format!("{host}:{port}:{address}")
    }
}

impl Remembered {
    /// `$ASSAY_LOGIN`, or `assay/login.json` in the user's configuration folder.
    #[expect(clippy::disallowed_methods, reason = "the client's configuration is read here")]
    fn path() -> Result<PathBuf> {
        if let Ok(path) = std::env::var("ASSAY_LOGIN") {
            return Ok(path.into());
        }
        let base = std::env::var("XDG_CONFIG_HOME").map(PathBuf::from);
        let base = base.or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".config")));
        Ok(base.context("neither ASSAY_LOGIN nor HOME is set")?.join("assay/login.json"))
    }

    pub(crate) fn save(&self) -> Result<PathBuf> {
        let path = Remembered::path()?;
        let Some(folder) = path.parent() else { bail!("{} has no folder", path.display()) };
        std::fs::create_dir_all(folder)?;
        let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::Resolve;

    #[test]
    fn addresses_are_given_as_for_curl() {
        for good in ["assay.test:8443:10.199.1.1", "assay.test:8443:::1"] {
            let parsed: Resolve = good.parse().unwrap();
            assert_eq!(String::from(parsed), good);
        }
        assert_eq!(String::from("a:1:[fe80::1]".parse::<Resolve>().unwrap()), "a:1:fe80::1");
        for bad in ["", "assay.test", "assay.test:8443", ":8443:10.0.0.1", "a b:1:10.0.0.1", "a:x:10.0.0.1", "a:1:b"] {
            assert!(bad.parse::<Resolve>().is_err(), "{bad}");
        }
    }
}
