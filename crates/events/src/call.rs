//! Calling a receiver: the address is checked, then called; nothing else is.

use std::time::Duration;

use aws_lc_rs::hmac;
use base::{Secret, limits};
use outbound::{Outbound, Trust};

use crate::{Endpoint, Error};

/// How long a receiver may take for everything, name resolution included.
const PATIENCE: Duration = Duration::from_secs(10);

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

impl Call<'_> {
    /// Make it.
    pub(crate) async fn post(&self, outbound: &Outbound) -> Attempt {
        let answered = tokio::time::timeout(PATIENCE, self.try_post(outbound)).await;
        let mut attempt = answered.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        if let Err(error) = &mut attempt {
            *error = self.endpoint.redact(error);
        }
        attempt.unwrap_or_else(|error| Attempt { status: None, response: String::new(), error: Some(error) })
    }

    async fn try_post(&self, outbound: &Outbound) -> Result<Attempt, String> {
        check_plain(self.endpoint, self.skip_tls).map_err(|error| error.to_string())?;
        let addresses = outbound.checked(self.endpoint.url()).await?;
        let client = outbound.client("assay-webhook", addresses, self.trust())?.timeout(PATIENCE);
        let client = client.build().map_err(sentence)?;
        let mut request = client
            .post(self.endpoint.url().clone())
            .header("content-type", "application/json")
            .header("x-assay-delivery", self.delivery)
            // The same however often it is sent: GitLab's name for it, by which a receiver knows what it did already.
            .header("idempotency-key", self.delivery)
            .body(self.body.to_owned());
        if let Some(secret) = self.secret {
            request = request.header("x-assay-signature", signature(secret, self.body));
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
        let response = self.endpoint.redact(&String::from_utf8_lossy(&body)).replace('\0', "\u{fffd}");
        Ok(Attempt { status: Some(status.as_u16()), response, error })
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

/// `sha256=<hex>`: HMAC-SHA256 of the body.
fn signature(secret: &Secret<Vec<u8>>, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

/// An error of the client, in words.
fn sentence(error: reqwest::Error) -> String {
    match error.is_timeout() {
        true => format!("no answer within {} s", PATIENCE.as_secs()),
        false => outbound::sentence(error),
    }
}
