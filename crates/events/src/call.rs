//! Calling a receiver: the address is checked, then called; nothing else is.

use std::{collections::BTreeSet, time::Duration};

use base::{Timestamp, limits};
use outbound::{Outbound, Trust};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::{Endpoint, Error, signature, webhook::Opened};

/// How long a receiver may take for everything, name resolution included.
const PATIENCE: Duration = Duration::from_secs(10);
const REDACTED: &str = "[redacted]";

/// One request to be made.
pub(crate) struct Call<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) tls_cert: &'a str,
    pub(crate) skip_tls: bool,
    pub(crate) content_type: &'a str,
    pub(crate) attributes: &'a [(String, String)],
    pub(crate) delivery: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) body: &'a str,
}

/// What came of a call. Nothing in it holds a secret of the webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    pub request_headers: Vec<(String, String)>,
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the answer.
    pub response: String,
    pub duration_ms: i64,
    /// Why it does not count as delivered; `None` when it does.
    pub error: Option<String>,
}

impl Call<'_> {
    /// Make it.
    pub(crate) async fn post(&self, outbound: &Outbound) -> Attempt {
        let began = Instant::now();
        let headers = self.headers();
        let mut attempt = match tokio::time::timeout(PATIENCE, self.try_post(outbound, &headers)).await {
            Ok(Ok(attempt)) => attempt,
            Ok(Err(error)) => Attempt { error: Some(self.redact(&error)), ..Attempt::default() },
            Err(_) => {
                Attempt { error: Some(format!("no answer within {} s", PATIENCE.as_secs())), ..Attempt::default() }
            }
        };
        let own: BTreeSet<&str> = self.opened.headers.iter().map(|(name, _)| name).collect();
        let hide = |(name, value): (String, String)| {
            let value = if own.contains(name.as_str()) { REDACTED.to_owned() } else { value };
            (name, value)
        };
        attempt.request_headers = headers.into_iter().map(hide).collect();
        attempt.duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        attempt
    }

    async fn try_post(&self, outbound: &Outbound, headers: &[(String, String)]) -> Result<Attempt, String> {
        let endpoint = &self.opened.endpoint;
        check_plain(endpoint, self.skip_tls).map_err(|error| error.to_string())?;
        let addresses = outbound.checked(endpoint.url()).await?;
        let client = outbound.client("assay-webhook", addresses, self.trust())?.timeout(PATIENCE);
        let client = client.build().map_err(sentence)?;
        let mut request = client.post(endpoint.url().clone()).body(self.body.to_owned());
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a header"))?;
            let mut sent =
                HeaderValue::try_from(value).map_err(|_| format!("the value of {name} fits into no header"))?;
            sent.set_sensitive(true);
            request = request.header(name, sent);
        }
        let mut response = request.send().await.map_err(sentence)?;
        let status = response.status();
        let response_headers = self.shown(response.headers());
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
        let response = self.redact(&String::from_utf8_lossy(&body)).replace('\0', "\u{fffd}");
        Ok(Attempt { status: Some(status.as_u16()), response_headers, response, error, ..Attempt::default() })
    }

    /// The headers of the request besides those of the connection. The webhook's own cannot be named as ours.
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), self.content_type.to_owned()),
            ("x-assay-delivery".to_owned(), self.delivery.to_owned()),
            // The same however often it is sent: GitLab's name for it, by which a receiver knows what it did already.
            ("idempotency-key".to_owned(), self.delivery.to_owned()),
        ];
        headers.extend(self.attributes.iter().cloned());
        headers.extend(signature::headers(&self.opened.secrets, self.delivery, self.at, self.body));
        headers.extend(self.opened.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        headers
    }

    /// The head of an answer, as much of it as is kept. What a receiver gives for itself is none of our log's.
    fn shown(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let (mut shown, mut bytes) = (Vec::new(), 0);
        for (name, value) in headers.iter().take(limits::WEBHOOK_RESPONSE_HEADERS) {
            let secret = matches!(name.as_str(), "set-cookie" | "authorization" | "proxy-authenticate");
            let text = String::from_utf8_lossy(value.as_bytes()).replace('\0', "\u{fffd}");
            let value = if secret { REDACTED.to_owned() } else { self.redact(&text) };
            bytes += name.as_str().len() + value.len();
            if bytes > limits::WEBHOOK_RESPONSE_HEAD_BYTES {
                break;
            }
            shown.push((name.as_str().to_owned(), value));
        }
        shown
    }

    /// A text from outside without any secret of this webhook.
    fn redact(&self, text: &str) -> String {
        let mut secrets: Vec<String> = self.opened.headers.iter().map(|(_, value)| value.to_owned()).collect();
        // A receiver may echo the token alone.
        let words = secrets.iter().flat_map(|value| value.split(' ').skip(1).map(str::to_owned)).collect::<Vec<_>>();
        secrets.extend(words);
        let signing = self.opened.secrets.iter();
        secrets.extend(signing.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned()));
        self.opened.endpoint.redact(&secrets, text)
    }

    fn trust(&self) -> Trust<'_> {
        match self.tls_cert {
            _ if self.skip_tls => Trust::Anyone,
            "" => Trust::Roots,
            pem => Trust::Pinned(pem),
        }
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

/// An error of the client, in words.
fn sentence(error: reqwest::Error) -> String {
    match error.is_timeout() {
        true => format!("no answer within {} s", PATIENCE.as_secs()),
        false => outbound::sentence(error),
    }
}
