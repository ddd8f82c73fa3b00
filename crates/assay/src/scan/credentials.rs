//! What `docker login` remembers: `$DOCKER_CONFIG/config.json`, and the helpers it names.

use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use base::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use remote::Credentials;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: String,
}

#[derive(Default, Deserialize)]
struct Auth {
    /// Base64 of `name:password`.
    #[serde(default)]
    auth: String,
}

/// Answer of a credential helper (docker-credential-helpers, "get").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for a registry's `host[:port]`, if there are any.
pub(crate) fn credentials(host: &str) -> Result<Option<Credentials>> {
    let Some(path) = config_path() else { return Ok(None) };
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let config: Config = serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?;
    // Docker Hub's entry has the address of its first API.
    let keys: &[&str] = match host {
        "docker.io" | "index.docker.io" => &["https://index.docker.io/v1/", "docker.io"],
        _ => &[host],
    };
    for key in keys {
        if let Some(helper) = config.cred_helpers.get(*key) {
            return ask(helper, key);
        }
        let plain = [(*key).to_owned(), format!("https://{key}"), format!("http://{key}")];
        let auth = plain.iter().find_map(|key| config.auths.get(key)).map(|auth| auth.auth.as_str());
        if let Some(auth) = auth.filter(|auth| !auth.is_empty()) {
            return decoded(auth).map(Some).with_context(|| format!("{} of {host} cannot be read", path.display()));
        }
        if !config.creds_store.is_empty()
            && let Some(found) = ask(&config.creds_store, key)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn config_path() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

fn decoded(auth: &str) -> Result<Credentials> {
    let bytes = STANDARD.decode(auth).context("auth is not base64")?;
    let text = String::from_utf8(bytes).context("auth is not text")?;
    let (name, secret) = text.split_once(':').context("auth has no colon in it")?;
    Ok(Credentials::Password { name: name.to_owned(), secret: Secret::new(secret.trim_end_matches('\0').to_owned()) })
}

/// A helper that knows nothing of the registry says so with its exit code, and that is no error.
fn ask(helper: &str, key: &str) -> Result<Option<Credentials>> {
    if helper.is_empty() || !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        bail!("{helper:?} is no name of a credential helper");
    }
    let program = format!("docker-credential-{helper}");
    let child =
        Command::new(&program).arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("{program} does not start"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(key.as_bytes()).with_context(|| format!("{program} does not listen"))?;
    }
    let output = child.wait_with_output().with_context(|| format!("{program} does not end"))?;
    if !output.status.success() {
        return Ok(None);
    }
    let Helped { username, secret } =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{program} gave no credentials"))?;
    // A credential helper gives a refresh token under this name.
    let secret = Secret::new(secret);
    Ok(Some(match username.as_str() {
        "<token>" => Credentials::Refresh(secret),
        _ => Credentials::Password { name: username, secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::{Credentials, decoded};

    #[test]
    fn auth_is_a_name_and_a_secret() {
        let Credentials::Password { name, secret } = decoded("YWRhOmI6Yw==").unwrap() else { panic!("a password") };
        assert_eq!((name.as_str(), secret.expose().as_str()), ("ada", "b:c"));
        assert!(decoded("YWRh").is_err() && decoded("%").is_err());
    }
}
