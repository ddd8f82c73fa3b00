//! Headers of a webhook's own, as receivers want them for an `Authorization` or a tenant.

use std::{collections::BTreeMap, fmt};

use base::{Secret, limits};

use crate::Error;

/// Names in lower case, with values that nobody is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

/// What the connection, the body and we ourselves decide (RFC 9110, sections 7.2, 7.6.1 and 8).
const TAKEN: [&str; 17] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];
const TAKEN_BEGINNINGS: [&str; 3] = ["ce-", "webhook-", "x-assay-"];

impl Headers {
    /// What somebody asks for. An error names the header and never quotes a value.
    pub fn new(given: BTreeMap<String, Secret>) -> Result<Headers, Error> {
        let refused = |why: String| Err(Error::Invalid(format!("headers: {why}")));
        if given.len() > limits::WEBHOOK_HEADERS {
            return refused(format!("at most {} can be set", limits::WEBHOOK_HEADERS));
        }
        let (mut headers, mut bytes) = (BTreeMap::new(), 0);
        for (name, value) in given {
            let shown: String = name.chars().take(80).collect();
            let lower = name.to_ascii_lowercase();
            bytes += lower.len() + value.expose().len();
            if reqwest::header::HeaderName::try_from(&lower).is_err() {
                return refused(format!("{shown:?} is not a name of a header"));
            }
            if TAKEN.contains(&&*lower) || TAKEN_BEGINNINGS.iter().any(|taken| lower.starts_with(taken)) {
                return refused(format!("{shown} is set by this server; choose another name"));
            }
            if !value.expose().bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e)) {
                return refused(format!("the value of {shown} may hold printable ASCII only"));
            }
            if headers.insert(lower, value.expose().trim().to_owned()).is_some() {
                return refused(format!("{shown} is given twice"));
            }
        }
        if bytes > limits::WEBHOOK_HEADERS_BYTES {
            return refused(format!("all together have at most {} bytes", limits::WEBHOOK_HEADERS_BYTES));
        }
        Ok(Headers(headers))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// To be sealed.
    pub(crate) fn expose(&self) -> String {
        serde_json::to_string(&self.0).expect("a map of texts")
    }

    /// What was sealed.
    pub(crate) fn opened(bytes: &[u8]) -> Headers {
        Headers(serde_json::from_slice(bytes).unwrap_or_default())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use base::{Secret, limits};

    use super::Headers;

    fn parse(given: &[(&str, &str)]) -> Result<Headers, String> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())));
        Headers::new(given.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_may_be_set_and_what_not() {
        let good = parse(&[("Authorization", "Bearer hush-hush"), ("X-Tenant", "7")]).unwrap();
        assert_eq!(good.names(), ["authorization", "x-tenant"]);
        assert!(!format!("{good:?}").contains("hush"));
        assert_eq!(Headers::opened(good.expose().as_bytes()), good);
        for name in
            ["Host", "content-length", "Transfer-Encoding", "X-Assay-Signature", "webhook-id", "ce-type", "", "a b"]
        {
            parse(&[(name, "hush-hush")]).unwrap_err();
        }
        let long = "x".repeat(limits::WEBHOOK_HEADERS_BYTES);
        for value in ["a\r\nhost: evil", "ü", "\0", &long] {
            let error = parse(&[("x-a", value)]).unwrap_err();
            assert!(!error.contains("evil") && error.starts_with("headers: "), "{error}");
        }
        parse(&[("x-a", "1"), ("X-A", "2")]).unwrap_err();
        let many: Vec<String> = (0..=limits::WEBHOOK_HEADERS).map(|number| format!("x-{number}")).collect();
        parse(&many.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>()).unwrap_err();
    }
}
