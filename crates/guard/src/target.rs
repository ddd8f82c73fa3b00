//! What a request line asks for, read as the engine's router reads it.
//!
//! The router matches the decoded path (so `containers%2Fcreate` is `containers/create`), takes an optional `/v1.NN` in front,
//! and redirects a path that is not clean before it asks us. What it would not match is refused here all the same.

/// The path in its parts and the query in its pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Without the version, decoded, none empty.
    pub(crate) segments: Vec<String>,
    query: Vec<(String, String)>,
    /// The path as it was sent, for the report: never the query.
    pub(crate) path: String,
}

/// Why a request line has no one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unclear(pub(crate) &'static str);

impl Target {
    /// Read a request target of RFC 9112, section 3.2: a path, or a whole URL.
    pub(crate) fn parse(uri: &str) -> Result<Target, Unclear> {
        let (before, query) = uri.split_once('?').unwrap_or((uri, ""));
        let path = path_of(before)?;
        let decoded = decode(path).ok_or(Unclear("the path of this request is not valid percent-encoded text"))?;
        if decoded.contains(['\0', '\n', '\r', '#', '?', '\\']) {
            return Err(Unclear("the path of this request has characters that no path of an engine has"));
        }
        let mut segments: Vec<String> = decoded.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if segments.iter().any(|part| part == "." || part == "..") {
            return Err(Unclear("the path of this request has dots in it; write it without"));
        }
        if segments.first().is_some_and(|first| is_version(first)) {
            segments.remove(0);
        }
        // An older engine takes `;` for `&`.
        if query.contains([';', '#']) {
            return Err(Unclear(
                "the query of this request has a ';' or '#', which programs read differently; encode it",
            ));
        }
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Target { segments, query, path: path.to_owned() })
    }

    /// The one value of a parameter, empty when absent; an engine takes the first of several, so several are refused.
    pub(crate) fn parameter(&self, name: &str) -> Result<&str, Unclear> {
        let mut values = self.query.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (None, _) => Ok(""),
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(Unclear("a parameter of this request stands twice in its query; leave one out")),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(own, _)| own == name)
    }
}

/// The path of a whole URL or of a path alone.
fn path_of(before: &str) -> Result<&str, Unclear> {
    if before.starts_with('/') {
        return Ok(before);
    }
    match before.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            Ok(rest.find('/').map_or("/", |start| &rest[start..]))
        }
        _ => Err(Unclear("the target of this request is neither a path nor a URL")),
    }
}

/// `v1.41`: what the router takes for a version in front of the path.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn decode(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
            out.push(high << 4 | low);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Target;

    #[test]
    fn every_spelling_of_one_path_is_one_path() {
        for spelling in [
            "/containers/create",
            "/v1.41/containers/create",
            "/v1.41/containers/create/",
            "/v1.41//containers///create",
            "//containers/create",
            "/v1.41/containers%2Fcreate",
            "/v1.41/%63ontainers/creat%65?name=x",
            "/v1/containers/create",
            "/v9.99.9/containers/create",
            "http://docker/v1.41/containers/create",
            "HTTP://docker:80/containers/create?x",
        ] {
            assert_eq!(Target::parse(spelling).unwrap().segments, ["containers", "create"], "{spelling}");
        }
        // The router takes one version only, and a version is digits.
        assert_eq!(Target::parse("/v1.41/v1.41/x").unwrap().segments, ["v1.41", "x"]);
        assert_eq!(Target::parse("/volumes/x").unwrap().segments, ["volumes", "x"]);
        assert_eq!(Target::parse("/").unwrap().segments, Vec::<String>::new());
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for unclear in [
            "",
            "*",
            "containers/create",
            "docker:80",
            "ftp://x/containers/create",
            "/a/../containers/create",
            "/a/%2e%2e/containers/create",
            "/./containers/create",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%ff",
            "/a%00",
            "/a%0a",
            "/a%23b",
            "/a%5cb",
            "/images/create?fromImage=good;fromImage=bad",
        ] {
            assert!(Target::parse(unclear).is_err(), "{unclear}");
        }
    }

    #[test]
    fn a_parameter_has_one_value() {
        let target = Target::parse("/images/create?fromImage=a%3A1%2Fb&tag=v3&tag=v4&empty=").unwrap();
        assert_eq!(target.parameter("fromImage"), Ok("a:1/b"));
        assert_eq!(target.parameter("empty"), Ok(""));
        assert_eq!(target.parameter("absent"), Ok(""));
        assert!(target.parameter("tag").is_err());
        assert!(target.has("tag") && !target.has("fromSrc"));
        assert_eq!(target.path, "/images/create");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(.{0,40}|/[a-z0-9/%.;?=&]{0,60})") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert!(target.segments.iter().all(|part| !part.is_empty() && !part.contains('/')));
            }
        }
    }
}
