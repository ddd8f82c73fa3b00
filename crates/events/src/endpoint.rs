//! The URL a webhook calls, with a form in which it may be shown.

use std::{fmt, str};

use base::limits;
use reqwest::Url;

use crate::Error;

/// A secret that is shorter is no secret, and cutting it out would garble every text.
const SECRET_BYTES_MIN: usize = 4;

/// Where a webhook sends to. Its query may hold a token, so there is no way to print it but [`Endpoint::redacted`].
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The URL itself, to be sealed.
    pub(crate) fn expose(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// `https://host/path?token=[redacted]&ref=[redacted]`.
    pub fn redacted(&self) -> String {
        let url = &self.0;
        let who = if url.username().is_empty() && url.password().is_none() { "" } else { "[redacted]@" };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let mut out = format!("{}://{who}{host}{port}{}", url.scheme(), url.path());
        for (index, pair) in url.query().into_iter().flat_map(|query| query.split('&')).enumerate() {
            out.push(if index == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, _)) => out.push_str(&format!("{name}=[redacted]")),
                None => out.push_str("[redacted]"),
            }
        }
        out
    }

    /// A text that may quote this endpoint (an error, an answer), without the endpoint's secrets and these further ones.
    pub(crate) fn redact(&self, further: &[String], text: &str) -> String {
        let mut secrets: Vec<String> = further.to_vec();
        for (name, value) in self.0.query_pairs() {
            secrets.push(if value.is_empty() { name.into_owned() } else { value.into_owned() });
        }
        let raw = self.0.query().into_iter().flat_map(|query| query.split('&'));
        secrets.extend(raw.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned()));
        secrets.push(self.0.username().to_owned());
        secrets.extend(self.0.password().map(str::to_owned));
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        // The longest first: one may be part of another.
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[redacted]"))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.redacted())
    }
}

impl str::FromStr for Endpoint {
    type Err = Error;

    /// The error never quotes the text.
    fn from_str(text: &str) -> Result<Endpoint, Error> {
        let refused = |why: &str| Error::Invalid(format!("the endpoint of a webhook {why}"));
        if text.len() > limits::WEBHOOK_URL_BYTES {
            return Err(refused(&format!("has at most {} bytes", limits::WEBHOOK_URL_BYTES)));
        }
        let mut url = Url::parse(text).map_err(|error| refused(&format!("must be a URL: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(refused("must begin with https:// or, with skipTLSVerification, http://"));
        }
        if url.host().is_none() || url.port_or_known_default() == Some(0) {
            return Err(refused("must name a host and, if any, a real port"));
        }
        url.set_fragment(None);
        Ok(Endpoint(url))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Endpoint;

    #[test]
    fn shown_without_its_secrets() {
        let cases = [
            (
                "https://assay.test:8443/api/v4/projects/2/trigger/pipeline?token=s3cr3t&ref=main",
                "https://assay.test:8443/api/v4/projects/2/trigger/pipeline?token=[redacted]&ref=[redacted]",
            ),
            ("https://me:pass@jenkins.test/job?hush", "https://[redacted]@jenkins.test/job?[redacted]"),
            ("http://h/#frag", "http://h/"),
        ];
        for (given, shown) in cases {
            let endpoint: Endpoint = given.parse().unwrap();
            assert_eq!(endpoint.redacted(), shown);
            assert_eq!(format!("{endpoint:?}"), shown);
        }
    }

    #[test]
    fn refused() {
        let long = format!("https://h/{}", "a".repeat(5000));
        for bad in ["", "h", "/x", "ftp://h/", "file:///etc/passwd", "https://", "https://h:0/", &long] {
            let error = bad.parse::<Endpoint>().unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains("passwd"), "{error}");
        }
    }

    #[test]
    fn an_echo_is_redacted_in_either_spelling() {
        let endpoint: Endpoint = "https://h/?token=a%2Fb%2Fc%2Fd".parse().unwrap();
        assert_eq!(endpoint.redact(&[], "got a/b/c/d and a%2Fb%2Fc%2Fd"), "got [redacted] and [redacted]");
    }

    proptest! {
        #[test]
        fn no_secret_is_ever_shown(secret in "[A-Za-z0-9]{8,40}") {
            let endpoint: Endpoint = format!("https://u:{secret}@h.test/p?token={secret}").parse().unwrap();
            prop_assert!(!endpoint.redacted().contains(&secret));
            let debug = format!("{endpoint:?}");
            prop_assert!(!debug.contains(&secret));
        }

        #[test]
        fn never_panics(text in ".{0,100}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                endpoint.redacted();
            }
        }
    }
}
