//! Images: what a reference means, whether it is there, pulling it with the job's credentials.

use std::collections::BTreeMap;

use base::{Secret, limits};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use http::{HeaderValue, Method};
use serde::Deserialize;

use super::{Engine, encoded, full};
use crate::{Error, payload};

/// The name Docker Hub has in configuration files of the client.
const HUB_KEYS: [&str; 3] = ["https://index.docker.io/v1/", "index.docker.io", "docker.io"];

/// An image as a job names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Without tag and digest.
    pub repository: String,
    /// A tag, or a digest with its algorithm.
    pub version: String,
}

/// What the engine knows of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageInfo {
    pub id: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    config: Option<ImageConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    #[serde(default)]
    user: String,
}

/// Who may pull from where.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// By registry, `HOST[:PORT]`.
    known: BTreeMap<String, (String, Secret)>,
}

/// `DOCKER_AUTH_CONFIG`, the client's `config.json`.
#[derive(Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, AuthEntry>,
}

#[derive(Deserialize)]
struct AuthEntry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

#[derive(Deserialize)]
struct Progress {
    #[serde(default)]
    error: Option<String>,
}

impl Reference {
    /// `None` when it cannot be an image's name.
    pub(crate) fn parse(text: &str) -> Option<Reference> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(&byte);
        if text.is_empty() || text.len() > 2 * limits::REPOSITORY_NAME_BYTES || !text.bytes().all(plain) {
            return None;
        }
        if text.starts_with(['-', '/', ':', '@', '.']) {
            return None;
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon after the last slash parts the tag; one before it, the registry's port.
        let slash = name.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match name[slash..].split_once(':') {
            Some((last, tag)) => (format!("{}{last}", &name[..slash]), Some(tag)),
            None => (name.to_owned(), None),
        };
        let version = digest.or(tag).unwrap_or("latest").to_owned();
        if repository.is_empty() || repository.ends_with('/') || version.is_empty() || version.contains('@') {
            return None;
        }
        Some(Reference { repository, version })
    }

    /// The registry that has it, `HOST[:PORT]`.
    pub(crate) fn registry(&self) -> &str {
        match self.repository.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
            _ => "docker.io",
        }
    }
}

impl ImageInfo {
    /// The digest under which a registry gave it, if one did.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.repo_digests.as_ref()?.first().map(String::as_str)
    }

    /// Whether its processes run as root unless told otherwise.
    pub(crate) fn runs_as_root(&self) -> bool {
        let user = self.config.as_ref().map_or("", |config| config.user.as_str());
        matches!(user.split(':').next(), Some("" | "root" | "0"))
    }
}

impl Credentials {
    /// Those of the job, and above them those of its variable `DOCKER_AUTH_CONFIG`.
    pub(crate) fn new(job: &[payload::Credential], auth_config: Option<&str>) -> Credentials {
        let mut known = BTreeMap::new();
        for credential in job.iter().filter(|credential| credential.kind == "registry") {
            if let Some(password) = &credential.password {
                known.insert(registry_of(&credential.url), (credential.username.clone(), password.clone()));
            }
        }
        let file = auth_config.and_then(|text| serde_json::from_str::<AuthFile>(text).ok());
        for (place, entry) in file.map(|file| file.auths).unwrap_or_default() {
            if let Some(pair) = entry.pair() {
                known.insert(registry_of(&place), pair);
            }
        }
        Credentials { known }
    }

    /// The `X-Registry-Auth` header for this registry.
    fn header(&self, registry: &str) -> Option<HeaderValue> {
        let (username, password) = self.known.get(registry)?;
        let server = if registry == "docker.io" { HUB_KEYS[0] } else { registry };
        let json = serde_json::json!({
            "username": username, "password": password.expose(), "serveraddress": server,
        });
        let mut value = HeaderValue::try_from(URL_SAFE.encode(json.to_string())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl AuthEntry {
    fn pair(self) -> Option<(String, Secret)> {
        if let (Some(username), Some(password)) = (self.username, self.password) {
            return Some((username, Secret::new(password)));
        }
        let decoded = String::from_utf8(STANDARD.decode(self.auth?.trim()).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        Some((username.to_owned(), Secret::new(password.to_owned())))
    }
}

fn registry_of(place: &str) -> String {
    if HUB_KEYS.contains(&place) {
        return "docker.io".to_owned();
    }
    let bare = place.trim_start_matches("https://").trim_start_matches("http://");
    bare.split('/').next().unwrap_or_default().to_owned()
}

impl Engine {
    /// The image, if the engine has it.
    pub(crate) async fn image(&self, reference: &Reference) -> Result<Option<ImageInfo>, Error> {
        let parting = if reference.version.contains(':') { '@' } else { ':' };
        let name = format!("{}{parting}{}", reference.repository, reference.version);
        // The path keeps its slashes and colons: the engine takes everything up to `/json` as the name.
        match self.json(Method::GET, &format!("/images/{name}/json"), None).await {
            Ok(info) => Ok(Some(info)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pull the image; an answer of 200 may still carry an error in its last line.
    pub(crate) async fn pull(&self, reference: &Reference, credentials: &Credentials) -> Result<(), Error> {
        let path =
            format!("/images/create?fromImage={}&tag={}", encoded(&reference.repository), encoded(&reference.version));
        let auth = credentials.header(reference.registry());
        let mut answer = self.send(Method::POST, &path, None, full(""), auth).await?;
        let mut line = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            for byte in chunk {
                if byte != b'\n' {
                    line.push(byte);
                } else if let Some(error) = pull_error(&std::mem::take(&mut line)) {
                    return Err(Error::Unavailable(error));
                }
                if line.len() > limits::RUNNER_ANSWER_BYTES {
                    return Err(Error::Unavailable("the engine reports on a pull in a line without end".to_owned()));
                }
            }
        }
        pull_error(&line).map_or(Ok(()), |error| Err(Error::Unavailable(error)))
    }
}

fn pull_error(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<Progress>(line).ok()?.error
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    use proptest::prelude::*;

    use super::{Credentials, Reference};

    #[test]
    fn reads_references() {
        for (text, repository, version, registry) in [
            ("docker", "docker", "latest", "docker.io"),
            ("docker:latest", "docker", "latest", "docker.io"),
            ("library/docker:1", "library/docker", "1", "docker.io"),
            ("h:5000/a/b", "h:5000/a/b", "latest", "h:5000"),
            ("h.test:5000/a/b:1.2", "h.test:5000/a/b", "1.2", "h.test:5000"),
            ("localhost/a", "localhost/a", "latest", "localhost"),
            ("h.test/a:1@sha256:ab", "h.test/a", "sha256:ab", "h.test"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference, Reference { repository: repository.to_owned(), version: version.to_owned() });
            assert_eq!(reference.registry(), registry, "{text}");
        }
        for bad in ["", "-x", "a b", "a?b", "a#b", "a/", "a:", "/a", "a@", "a\n", "../a", "a@b@c"] {
            assert!(Reference::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn finds_credentials_and_the_variable_wins() {
        let job = serde_json::from_str::<Vec<crate::payload::Credential>>(
            r#"[{"type":"registry","url":"h:1","username":"gitlab-ci-token","password":"jt"},
                {"type":"registry","url":"i:1","username":"gitlab-ci-token","password":"jt"},
                {"type":"other","url":"j:1","username":"x","password":"y"}]"#,
        )
        .unwrap();
        let file = r#"{"auths":{"https://h:1/v2/":{"auth":"dTpwOnc="},"https://index.docker.io/v1/":{"username":"a","password":"b"}}}"#;
        let credentials = Credentials::new(&job, Some(file));
        let decoded = |registry| {
            let header = credentials.header(registry)?;
            Some(serde_json::from_slice::<serde_json::Value>(&URL_SAFE.decode(header.as_bytes()).unwrap()).unwrap())
        };
        assert_eq!(decoded("h:1").unwrap()["password"], "p:w");
        assert_eq!(decoded("i:1").unwrap()["username"], "gitlab-ci-token");
        assert_eq!(decoded("docker.io").unwrap()["serveraddress"], "https://index.docker.io/v1/");
        assert!(decoded("j:1").is_none());
        assert!(!format!("{credentials:?}").contains("jt"));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}", tricky in "[a:/@.]{0,12}") {
            for text in [text, tricky] {
                if let Some(reference) = Reference::parse(&text) {
                    prop_assert!(!reference.registry().is_empty());
                }
            }
            Credentials::new(&[], Some("{\"auths\":{\"a\":{\"auth\":\"!\"}}}"));
        }
    }
}
