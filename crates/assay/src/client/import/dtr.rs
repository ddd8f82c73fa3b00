//! The API of a DTR: lists, page by page, as whoever signed in there sees them.
//!
//! What it answers is somebody else's text. Whatever is no list of things is said of the thing that was asked for, and the rest goes
//! on; only a refused sign-in, and a host that cannot be reached any more, end the import.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use axum::http::{StatusCode, header};
use base::Secret;
use reqwest::{Response, Url, redirect::Policy};
use serde_json::Value;

use super::{flag, part, signed_out};

/// Things of one page; DTR's default of 10 makes ten times the requests.
const PAGE: usize = 100;
/// Pages of one list: a million things. A DTR that never ends is none.
const PAGES: usize = 10_000;
/// One answer of the API. A page of tags with the findings of each is some megabytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// How long a DTR may take to accept a connection, and to send the next bytes.
const CONNECT: Duration = Duration::from_secs(20);
const NEXT_BYTES: Duration = Duration::from_secs(120);
/// How often one thing is asked for, and the first pause between; each further one is three times as long.
pub(super) const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct Dtr {
    /// Follows no redirect: it carries the password.
    api: reqwest::Client,
    /// Follows those that storage backends send layers with, and carries no password.
    pub(super) blobs: reqwest::Client,
    pub(super) url: Url,
    pub(super) user: String,
    pub(super) password: Secret,
}

/// Why the DTR did not tell what was asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing more can be asked.
    Stop(anyhow::Error),
    /// 404: it has no such thing, or is too old to know of such things.
    Absent,
    /// It said something else.
    Said(String),
}

impl Dtr {
    pub(super) fn new(url: &str, user: String, password: Secret, ca: Option<&str>, insecure: bool) -> Result<Dtr> {
        let url: Url = url.parse().with_context(|| format!("{url:?} is no address; expected https://HOST"))?;
        ensure!(url.scheme() == "https" && url.host().is_some(), "the DTR's address begins with https://");
        ensure!(
            matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty(),
            "the DTR's address is https://HOST or https://HOST:PORT and nothing behind it"
        );
        let client = |redirects: Policy| {
            let mut builder = reqwest::Client::builder()
                .https_only(true)
                .redirect(redirects)
                .connect_timeout(CONNECT)
                .read_timeout(NEXT_BYTES)
                .tls_danger_accept_invalid_certs(insecure);
            if let Some(pem) = ca {
                let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).context("the CA is no certificate")?;
                builder = builder.tls_certs_merge([certificate]);
            }
            Ok::<_, anyhow::Error>(builder.build()?)
        };
        Ok(Dtr { api: client(Policy::none())?, blobs: client(Policy::limited(5))?, url, user, password })
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// One request with the password, so that a wrong one is not tried again and again. Whether it is an administrator's.
    pub(super) async fn sign_in(&self) -> Result<bool> {
        match self.get(&format!("/enzi/v0/accounts/{}", part(&self.user))).await {
            Ok((_, own)) => Ok(flag(&own, "isAdmin")),
            Err(Trouble::Stop(error)) => Err(error),
            Err(Trouble::Absent) => Err(anyhow!("{} is no DTR: it has no /enzi/v0/accounts", self.url())),
            Err(Trouble::Said(why)) => Err(anyhow!("the DTR does not let anybody sign in: {why}")),
        }
    }

    /// All pages of a list.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let (size, start) = if path.starts_with("/enzi/") { ("limit", "start") } else { ("pageSize", "pageStart") };
        let join = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut seen, mut from) = (Vec::new(), BTreeSet::new(), String::new());
        for _ in 0..PAGES {
            let (next, page) = self.get(&format!("{path}{join}{size}={PAGE}{from}")).await?;
            let found = items(page).ok_or_else(|| Trouble::Said("the DTR answered no list".to_owned()))?;
            // A page without anything is the last one, whatever it says.
            let next = next.filter(|_| !found.is_empty());
            all.extend(found);
            let Some(next) = next else { return Ok(all) };
            from = format!("&{start}={}", part(&next));
            if !seen.insert(next) {
                return Err(Trouble::Said("the DTR's pages lead back to one that was read".to_owned()));
            }
        }
        Err(Trouble::Said(format!("the DTR's list has more than {PAGES} pages")))
    }

    /// One thing.
    pub(super) async fn thing(&self, path: &str) -> Result<Value, Trouble> {
        Ok(self.get(path).await?.1)
    }

    /// One thing at an address that is known to be of the DTR.
    pub(super) async fn with_password(&self, url: Url) -> Result<Value, Trouble> {
        Ok(self.get_url(url.as_str()).await?.1)
    }

    /// One answer, and where it says that the next page starts.
    async fn get(&self, path: &str) -> Result<(Option<String>, Value), Trouble> {
        self.get_url(&format!("{}{path}", self.url())).await
    }

    async fn get_url(&self, url: &str) -> Result<(Option<String>, Value), Trouble> {
        let mut failed = Trouble::Absent;
        for attempt in 0..TRIES {
            pause(attempt).await;
            let request = self.api.get(url).basic_auth(&self.user, Some(self.password.expose()));
            failed = match request.header(header::ACCEPT, "application/json").send().await {
                Err(error) => unanswered(error),
                Ok(response) if passes(response.status()) => Trouble::Said(self.said(response).await),
                Ok(response) => match self.read(response).await {
                    Ok(read) => return Ok(read),
                    Err(Broken::Off(why)) => Trouble::Said(why),
                    Err(Broken::Said(trouble)) => return Err(trouble),
                },
            };
        }
        Err(failed)
    }

    async fn read(&self, response: Response) -> Result<(Option<String>, Value), Broken> {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let message = format!("the DTR refuses the name {} or its password", self.user);
            return Err(Broken::Said(Trouble::Stop(signed_out(message))));
        }
        if status == StatusCode::NOT_FOUND {
            return Err(Broken::Said(Trouble::Absent));
        }
        if status.is_redirection() {
            let why = "the DTR's API leads elsewhere, where the password is not sent; name the address that it has now";
            return Err(Broken::Said(Trouble::Said(format!("{why} ({status})"))));
        }
        if !status.is_success() {
            return Err(Broken::Said(Trouble::Said(self.said(response).await)));
        }
        let next = response.headers().get("x-next-page-start").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = whole(response, ANSWER_BYTES).await?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Broken::Said(Trouble::Said(format!("the DTR answered no JSON: {error}"))))?;
        let next = next.or_else(|| value["nextPageStart"].as_str().map(str::to_owned));
        Ok((next.filter(|next| !next.is_empty()), value))
    }

    /// What an answer that is no success says.
    async fn said(&self, response: Response) -> String {
        let status = response.status();
        let bytes = whole(response, 64 * 1024).await.unwrap_or_default();
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match value["errors"][0]["message"].as_str() {
            Some(message) => format!("the DTR says: {message} ({status})"),
            None => format!("the DTR answered {status}"),
        }
    }
}

/// Why an answer could not be read: it broke off, which another try may mend, or said something.
pub(super) enum Broken {
    Off(String),
    Said(Trouble),
}

/// A body, as long as it is no longer than that.
pub(super) async fn whole(mut response: Response, most: usize) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(bytes),
            Ok(Some(chunk)) if bytes.len() + chunk.len() > most => {
                return Err(Broken::Said(Trouble::Said(format!("the DTR's answer has more than {most} bytes"))));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Err(_) => return Err(Broken::Off("the DTR's answer broke off".to_owned())),
        }
    }
}

/// Whether a status may be another one in a moment.
pub(super) fn passes(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// None before the first try.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(PAUSE * 3u32.pow(attempt - 1)).await;
    }
}

/// There was no answer: nobody is there, or somebody hung up on this one thing.
pub(super) fn unanswered(error: reqwest::Error) -> Trouble {
    let gone = error.is_connect() || error.is_timeout();
    let error = anyhow::Error::from(error.without_url());
    if gone {
        let next = "the DTR cannot be reached; once it can, the same command goes on where this one ended";
        return Trouble::Stop(error.context(next));
    }
    Trouble::Said(format!("the DTR gave no answer: {error:#}"))
}

/// The things of a page: an array, or the one array of an object. Where there are none, a DTR writes `null`.
fn items(page: Value) -> Option<Vec<Value>> {
    match page {
        Value::Array(items) => Some(items),
        Value::Null => Some(Vec::new()),
        Value::Object(map) => {
            let empty = map.values().any(Value::is_null);
            let list = map.into_iter().find_map(|(_, value)| match value {
                Value::Array(items) => Some(items),
                _ => None,
            });
            list.or(empty.then(Vec::new))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::items;

    #[test]
    fn a_page_is_a_list_in_any_of_its_forms() {
        assert_eq!(items(json!([1])), Some(vec![json!(1)]));
        assert_eq!(items(json!({"repository": {"a": []}, "teamAccessList": [1]})), Some(vec![json!(1)]));
        assert_eq!(items(json!({"teams": null, "nextPageStart": ""})), Some(vec![]));
        assert!(items(json!({"errors": "none"})).is_none() && items(json!("list")).is_none());
    }
}
