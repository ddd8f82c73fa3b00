//! What an engine asks: Docker's authorization plugin protocol.
//!
//! <https://docs.docker.com/engine/extend/plugins_authorization/>. The engine shows a body only when it is JSON of at most
//! 1 MiB; a larger one, a chunked one that grows beyond that, and any other type look like no body at all.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The media type of plugin answers.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.1+json";

/// One request that somebody sent to the engine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Question {
    /// The name in the client's certificate; empty on the unix socket.
    pub(crate) user: String,
    pub(crate) request_method: String,
    /// As it stood in the request line.
    pub(crate) request_uri: String,
    /// Base64; the engine leaves it out when it does not show the body.
    request_body: Option<String>,
    /// One value each: of a header that was sent twice, the last.
    request_headers: Option<BTreeMap<String, String>>,
}

/// What the engine is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    pub(crate) allow: bool,
    /// Shown to the person behind "authorization denied by plugin NAME: ".
    pub(crate) msg: String,
    pub(crate) err: String,
}

impl Question {
    /// The body as far as the engine showed it; empty when it did not. `None` when it is not base64.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.request_body.as_deref().unwrap_or_default()).ok()
    }

    /// Whether the request certainly had no body. The engine strips `Transfer-Encoding`, so a chunked request shows neither
    /// a length nor an encoding; but a form, the one body that changes what a query says, must name its type.
    pub(crate) fn is_surely_without_body(&self) -> bool {
        match self.header("content-length") {
            Some(length) => length == "0" && self.header("transfer-encoding").is_none(),
            None => self.header("content-type").is_none() && self.header("transfer-encoding").is_none(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.request_headers.as_ref()?;
        headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    #[cfg(test)]
    pub(crate) fn new(user: &str, method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Question {
        Question {
            user: user.to_owned(),
            request_method: method.to_owned(),
            request_uri: uri.to_owned(),
            request_body: (!body.is_empty()).then(|| STANDARD.encode(body)),
            request_headers: Some(
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ),
        }
    }
}

impl Answer {
    pub(crate) fn allow() -> Answer {
        Answer { allow: true, msg: String::new(), err: String::new() }
    }

    pub(crate) fn refuse(reason: impl Into<String>) -> Answer {
        Answer { allow: false, msg: reason.into(), err: String::new() }
    }
}
