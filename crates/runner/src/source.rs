//! The source of a job: fetched by this machine's git, delivered into the container as archives.
//!
//! ```text
//!  git fetch ─► objects ─┬─ .git, packed by us ──────────────► PUT /containers/ID/archive
//!                        └─ git archive SHA, piped through ──► PUT /containers/ID/archive
//! ```
//!
//! The tree is never checked out here: attributes, links, submodules and odd names of an untrusted repository meet the
//! container only. git gets a fixed environment, no configuration but ours, no hooks, two protocols, and everything that
//! comes from the server after `--`.

use std::{path::Path, process::Stdio};

use base::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, StreamBody};
use tokio::{io::AsyncReadExt, process::Command};
use tokio_util::io::ReaderStream;

use crate::{Error, container::Container, engine::Body, files::pack_folder, job::Job, outcome::Failure};

/// What git says that goes into the log.
const GIT_WORDS_BYTES: u64 = 64 * 1024;

/// `export-ignore` and `export-subst` would make an archive differ from a checkout; this file outranks the repository's.
const ATTRIBUTES: &str = "* -export-ignore -export-subst\n";

/// Where the source comes from, with the credential taken out of the URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub url: String,
    /// `scheme://host:port/`: where the credential may go.
    base: String,
    authorization: Option<Secret>,
}

impl Origin {
    /// `None` for anything but a plain http or https URL.
    pub(crate) fn parse(repo_url: &str) -> Option<Origin> {
        let mut url: reqwest::Url = repo_url.parse().ok()?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let decode = |text: &str| String::from_utf8(percent_decoded(text)).ok();
        let (user, password) = (decode(url.username())?, url.password().map(decode));
        let authorization = match password {
            None if user.is_empty() => None,
            password => {
                let pair = format!("{user}:{}", password.flatten().unwrap_or_default());
                Some(Secret::new(format!("Authorization: Basic {}", STANDARD.encode(pair))))
            }
        };
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        let base = url.join("/").ok()?.to_string();
        Some(Origin { url: url.to_string(), base, authorization })
    }
}

/// Fetch the source and put it into the container.
pub(crate) async fn get(job: &Job<'_>, container: &Container) -> Result<(), Failure> {
    match job.variables.get("GIT_STRATEGY").unwrap_or("fetch") {
        "none" | "empty" => {
            job.log.line("Skipping Git repository setup");
            return Ok(());
        }
        "fetch" | "clone" => {}
        other => {
            return Err(Failure::configuration(format!("GIT_STRATEGY {other:?} is not fetch, clone, empty or none")));
        }
    }
    let git_info = &job.payload.git_info;
    let hex = git_info.sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !matches!(git_info.sha.len(), 40 | 64) {
        return Err(Failure::system("the server named a commit that is not the name of a commit"));
    }
    if let Some(bad) = git_info.refspecs.iter().find(|refspec| !plain_refspec(refspec)) {
        return Err(Failure::system(format!("the server named a refspec that is not one: {bad:?}")));
    }
    let Some(origin) = Origin::parse(git_info.repo_url.expose()) else {
        return Err(Failure::system("the server named a repository that is not at an http or https URL"));
    };
    let folder = job.claim.folder.join("src");
    let git = Git { job, origin: &origin, folder: &folder };
    git.fetch().await?;
    let short: String = git_info.sha.chars().take(8).collect();
    job.log.line(&format!("Checking out {short} as detached HEAD (ref is {})...", git_info.reference));
    git.deliver(container).await?;
    if job.variables.get("GIT_SUBMODULE_STRATEGY").is_some_and(|strategy| !matches!(strategy, "" | "none")) {
        job.log.line("\x1b[0;33mWARNING: this runner does not fetch submodules\x1b[0;m");
    } else {
        job.log.line("Skipping Git submodules setup");
    }
    Ok(())
}

struct Git<'a> {
    job: &'a Job<'a>,
    origin: &'a Origin,
    folder: &'a Path,
}

impl Git<'_> {
    async fn fetch(&self) -> Result<(), Failure> {
        let info = &self.job.payload.git_info;
        let sha = info.sha.as_str();
        let format = if sha.len() == 64 { "sha256" } else { "sha1" };
        let home = &self.job.claim.folder;
        if let Some(pem) = &self.job.runner.config.ca_pem {
            tokio::fs::write(home.join("ca.pem"), pem).await.map_err(Error::io("the server's CA for git"))?;
        }
        tokio::fs::create_dir(self.folder).await.map_err(Error::io("the source's folder"))?;
        self.run(&["init", "--quiet", "--template=", &format!("--object-format={format}")]).await?;
        let attributes = self.folder.join(".git/info");
        tokio::fs::create_dir_all(&attributes).await.map_err(Error::io("the source's attributes"))?;
        let written = tokio::fs::write(attributes.join("attributes"), ATTRIBUTES).await;
        written.map_err(Error::io("the source's attributes"))?;

        let depth = format!("--depth={}", info.depth);
        let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        if info.depth > 0 {
            self.job.log.line(&format!("Fetching changes with git depth set to {}...", info.depth));
            arguments.push(&depth);
        } else {
            self.job.log.line("Fetching changes...");
        }
        arguments.extend(["--", self.origin.url.as_str()]);
        let asked = arguments.len();
        arguments.extend(info.refspecs.iter().map(String::as_str));
        if arguments.len() == asked {
            arguments.push(sha);
        }
        self.run(&arguments).await?;
        // The branch may have moved on by more than the depth; a server that keeps the commit gives it by name.
        let object = format!("{sha}^{{commit}}");
        if self.quietly(&["cat-file", "-e", &object]).await.is_err() {
            arguments.truncate(asked);
            arguments.push(sha);
            self.run(&arguments).await?;
        }
        self.run(&["update-ref", "--no-deref", "HEAD", sha]).await?;
        self.run(&["read-tree", sha]).await?;
        self.run(&["config", "remote.origin.url", &self.origin.url]).await?;
        self.run(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]).await
    }

    async fn deliver(&self, container: &Container) -> Result<(), Failure> {
        let engine = &self.job.runner.engine;
        let project = self.job.place.project_dir();
        let (from, to) = (self.folder.join(".git"), self.job.claim.folder.join("git.tar"));
        let (prefix, mtime_s) = (format!("{}/.git", &project[1..]), self.job.runner.clock.now().as_second());
        let packed = to.clone();
        let packing = tokio::task::spawn_blocking(move || {
            pack_folder(&from, &prefix, "info/attributes".as_ref(), &packed, mtime_s)
        });
        let packing = packing.await.map_err(|error| Failure::system(format!("packing the repository: {error}")))?;
        packing.map_err(Error::io("packing the repository"))?;
        let file = tokio::fs::File::open(&to).await.map_err(Error::io("the packed repository"))?;
        engine.put_archive(&container.id, streamed(file)).await?;

        let prefix = format!("--prefix={}/", &project[1..]);
        let mut command = self.command();
        command.args(["archive", "--format=tar", &prefix, &self.job.payload.git_info.sha]);
        let mut child = command.spawn().map_err(Error::io("git"))?;
        let output = child.stdout.take().ok_or_else(|| Failure::system("git has no output"))?;
        let words = words_of(&mut child);
        let (put, words) = tokio::join!(engine.put_archive(&container.id, streamed(output)), words);
        let status = child.wait().await.map_err(Error::io("git"))?;
        // An engine that stopped reading makes git fail without a word.
        if !status.success() && !words.is_empty() {
            return Err(Failure::system(format!("git archive failed: {words}")));
        }
        put?;
        if status.success() { Ok(()) } else { Err(Failure::system(format!("git archive ended with {status}"))) }
    }

    /// Run git, its words going to the log.
    async fn run(&self, arguments: &[&str]) -> Result<(), Failure> {
        let (success, words) = self.output(arguments).await?;
        if !words.is_empty() {
            self.job.log.line(&words);
        }
        let what = arguments.first().copied().unwrap_or_default();
        let last = words.lines().last().unwrap_or("it did not say why");
        if success { Ok(()) } else { Err(Failure::system(format!("git {what} failed: {last}"))) }
    }

    async fn quietly(&self, arguments: &[&str]) -> Result<(), Failure> {
        let (success, words) = self.output(arguments).await?;
        if success { Ok(()) } else { Err(Failure::system(words)) }
    }

    async fn output(&self, arguments: &[&str]) -> Result<(bool, String), Failure> {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::null());
        let mut child = command.spawn().map_err(Error::io("git, which must be installed"))?;
        let words = words_of(&mut child).await;
        let status = child.wait().await.map_err(Error::io("git"))?;
        Ok((status.success(), words))
    }

    fn command(&self) -> Command {
        let home = &self.job.claim.folder;
        let mut command = Command::new("git");
        command.env_clear().current_dir(self.folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_ALLOW_PROTOCOL", "http:https");
        // Configuration by environment: it is in no process list, which is what the credential needs.
        let settings = self.settings();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (key, value)) in settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    fn settings(&self) -> Vec<(String, String)> {
        let fixed = [
            ("protocol.file.allow", "never"),
            ("core.hooksPath", "/dev/null"),
            ("core.attributesFile", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("core.sshCommand", "false"),
            ("credential.helper", ""),
            ("submodule.recurse", "false"),
            ("fetch.recurseSubmodules", "false"),
            ("transfer.bundleURI", "false"),
            // The credential must not follow to another place.
            ("http.followRedirects", "false"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("tar.umask", "0000"),
        ];
        let mut settings: Vec<_> = fixed.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let config = &self.job.runner.config;
        if let Some(authorization) = &self.origin.authorization {
            settings.push((format!("http.{}.extraHeader", self.origin.base), authorization.expose().clone()));
        }
        if config.ca_pem.is_some() {
            settings.push(("http.sslCAInfo".to_owned(), self.job.claim.folder.join("ca.pem").display().to_string()));
        }
        for (place, address) in &config.resolve {
            settings.push(("http.curloptResolve".to_owned(), format!("{place}:{address}")));
        }
        settings
    }
}

/// What a process says on its standard error, the beginning of it.
async fn words_of(child: &mut tokio::process::Child) -> String {
    let Some(mut stream) = child.stderr.take() else { return String::new() };
    let mut words = Vec::new();
    let read = (&mut stream).take(GIT_WORDS_BYTES).read_to_end(&mut words).await;
    let drained = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    if let Err(error) = read.and(drained.map(|_| 0)) {
        tracing::debug!(%error, "git's words broke off");
    }
    String::from_utf8_lossy(&words).trim().to_owned()
}

pub(crate) fn streamed(reader: impl tokio::io::AsyncRead + Send + 'static) -> Body {
    let stream = ReaderStream::with_capacity(reader, base::limits::CHUNK_BYTES);
    StreamBody::new(stream.map_ok(hyper::body::Frame::data)).boxed_unsync()
}

fn plain_refspec(text: &str) -> bool {
    let bare = text.strip_prefix('+').unwrap_or(text);
    bare.starts_with("refs/") && text.len() < 1024 && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Origin, percent_decoded, plain_refspec};

    #[test]
    fn takes_the_credential_out_of_the_url() {
        let origin = Origin::parse("https://gitlab-ci-token:jt%2Fabc@h.test:8443/g/p.git").unwrap();
        assert_eq!(origin.url, "https://h.test:8443/g/p.git");
        assert_eq!(origin.base, "https://h.test:8443/");
        // base64 of gitlab-ci-token:jt/abc
        let header = origin.authorization.as_ref().unwrap().expose();
        assert_eq!(header, "Authorization: Basic Z2l0bGFiLWNpLXRva2VuOmp0L2FiYw==");
        assert!(!format!("{origin:?}").contains("abc"));
        assert!(Origin::parse("http://h/g/p.git").unwrap().authorization.is_none());
        for bad in ["ssh://h/p", "file:///etc", "ext::sh -c x", "--upload-pack=x", "", "http://h/p?x=y", "/g/p"] {
            assert!(Origin::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn takes_only_refspecs() {
        for good in [
            "+refs/pipelines/7:refs/pipelines/7",
            "refs/heads/main:refs/remotes/origin/main",
            "+refs/tags/*:refs/tags/*",
        ] {
            assert!(plain_refspec(good));
        }
        for bad in ["", "--upload-pack=x", "main", "+refs/heads/a b", "refs/x\n"] {
            assert!(!plain_refspec(&bad.replace("\\n", "\n")), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_password_stays_in_the_url(password in "[a-zA-Z0-9%_~!$&()*+,;=-]{8,30}", path in "[a-z]{1,8}") {
            let Some(origin) = Origin::parse(&format!("https://u:{password}@host.test/{path}.git")) else { return Ok(()) };
            let shown = format!("{origin:?}");
            prop_assert!(!shown.contains(&password));
            prop_assert_eq!(origin.url, format!("https://host.test/{path}.git"));
        }

        #[test]
        fn never_panics(text in ".{0,60}", encoded in "[%0-9a-zé]{0,20}") {
            Origin::parse(&text);
            plain_refspec(&text);
            percent_decoded(&encoded);
        }
    }
}
