//! Image references as people and tools write them: `host:port/account/name:tag@digest`.

use std::{fmt, str};

use base::{InvalidName, limits};

use crate::{Digest, Reference, RepoName, Tag, name};

/// A reference to an image, perhaps on another registry, so that its path may have one component only (`alpine`); whoever
/// needs one of our repositories asks for [`ImageRef::repo`].
///
/// Read as Docker reads it: the part before the first `/` is a host when it has a `.` or a `:` or is `localhost`. An
/// image id is not a reference: it would reach content without naming where it came from.
/// <https://github.com/distribution/reference>
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    host: Option<Box<str>>,
    path: Box<str>,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageRef {
    /// `host` or `host:port`, as it was written.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the reference names this `host[:port]`; names of hosts have no case.
    pub fn is_on(&self, host: &str) -> bool {
        self.host().is_some_and(|own| own.eq_ignore_ascii_case(host))
    }

    /// The repository as it was written, of one or more components.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The repository as one of ours, which has an account in front.
    pub fn repo(&self) -> Result<RepoName, InvalidName> {
        self.path.parse()
    }

    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What is pulled: the digest if there is one, else the tag, else `latest`.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(digest.clone()),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag("latest".parse().expect("latest is a tag")),
        }
    }

    /// The same image by this digest alone.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> ImageRef {
        ImageRef { host: self.host.clone(), path: self.path.clone(), tag: None, digest: Some(digest) }
    }
}

impl str::FromStr for ImageRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ImageRef, InvalidName> {
        const EXPECTED: &str = "[host[:port]/]account/name[:tag][@digest]";
        const ID: &str = "the name of an image; an image id does not say where the image came from";
        let refused = |expected| InvalidName::new("image reference", text, expected);
        if is_image_id(text) {
            return Err(refused(ID));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (host, rest) = match rest.split_once('/') {
            Some((first, behind)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), behind),
            _ => (None, rest),
        };
        if !host.is_none_or(is_host) {
            return Err(refused(EXPECTED));
        }
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        if path.len() > limits::REPOSITORY_NAME_BYTES || !name::is_path(path) {
            return Err(refused(EXPECTED));
        }
        Ok(ImageRef { host: host.map(Into::into), path: path.into(), tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(out, "{host}/")?;
        }
        out.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            write!(out, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(out, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ImageRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// `sha256:<hex>` of any length, or 64 hexadecimal digits: what an engine takes for the id of an image it has.
fn is_image_id(text: &str) -> bool {
    let hexadecimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("sha256:") {
        Some(hex) => hexadecimal(hex),
        None => text.len() == 64 && hexadecimal(text),
    }
}

/// A DNS name, IPv4 address or bracketed IPv6 address, with or without a port.
fn is_host(text: &str) -> bool {
    // RFC 1035: 255 bytes at most, and a port.
    if text.len() > 261 {
        return false;
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, behind)) = rest.split_once(']') else { return false };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            match behind.strip_prefix(':') {
                Some(port) => (None, Some(port)),
                None if behind.is_empty() => (None, None),
                None => return false,
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_none_or(|port| digits(port) && port.parse::<u16>().is_ok())
        && host.is_none_or(|host| host.split('.').all(is_label))
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ImageRef;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_part_is_found() {
        let text = format!("dtr.example.com:4443/admin/flask:latest@{DIGEST}");
        let reference: ImageRef = text.parse().unwrap();
        assert_eq!(reference.host(), Some("dtr.example.com:4443"));
        assert!(reference.is_on("DTR.example.com:4443") && !reference.is_on("dtr.example.com"));
        assert_eq!(reference.repo().unwrap().as_str(), "admin/flask");
        assert_eq!(reference.tag().unwrap().as_str(), "latest");
        assert_eq!(reference.reference().as_str(), DIGEST);
        assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn hosts_are_told_from_paths_as_docker_does() {
        let host = |text: &str| text.parse::<ImageRef>().unwrap().host().map(str::to_owned);
        assert_eq!(host("admin/flask"), None);
        assert_eq!(host("localhost/flask"), Some("localhost".to_owned()));
        assert_eq!(host("10.0.0.1/flask:1"), Some("10.0.0.1".to_owned()));
        assert_eq!(host("[fd00::1]:5000/a/b"), Some("[fd00::1]:5000".to_owned()));
        assert_eq!(host("host:5000/flask"), Some("host:5000".to_owned()));
        assert_eq!(host("alpine:3.19"), None);
        assert!("alpine".parse::<ImageRef>().unwrap().repo().is_err());
    }

    #[test]
    fn refuses() {
        let id = &DIGEST[7..];
        let bad = [
            "",
            ":",
            "@",
            "/",
            "a:",
            ":a",
            "a@",
            "a@b",
            "HOST/a",
            "a/B",
            "host:port/a/b",
            "host:99999/a/b",
            "host:/a",
            "-h.x/a",
            "h..x/a",
            "[::1/a",
            "[::g]/a",
            "a:b:c",
            "a/b:t@sha256:00",
            "a b",
            "a/b\n",
            id,
            DIGEST,
            "sha256:e3b0c442",
            "https://h.x/a",
        ];
        for bad in bad {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in "([a-z0-9.:/@-]{0,40}|.{0,60})") {
            if let Ok(reference) = text.parse::<ImageRef>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
