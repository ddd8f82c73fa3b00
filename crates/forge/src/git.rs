//! The `git` program: its environment, its configuration, and short questions to it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use base::limits;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{Error, Oid, ProjectId};

/// What git may say on its standard error before we stop listening.
pub(crate) const WORDS_BYTES: u64 = 8 * 1024;

/// Settings of every child. None of them comes from a repository, a user or the system.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/nonexistent",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    // A ref and its objects are on disk before the push is answered.
    "core.fsync=committed,loose-object,reference",
    "protocol.file.allow=never",
    "safe.bareRepository=explicit",
    "transfer.fsckObjects=true",
    "transfer.bundleURI=false",
    "receive.autogc=false",
    "receive.updateServerInfo=false",
    "receive.advertisePushOptions=false",
    "receive.hideRefs=refs/pipelines",
    "uploadpack.allowFilter=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "i18n.logOutputEncoding=UTF-8",
];

/// The repositories of one folder.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    folder: PathBuf,
    serving: Arc<Semaphore>,
    asking: Arc<Semaphore>,
}

impl Git {
    pub(crate) fn new(folder: PathBuf) -> Git {
        Git {
            folder,
            serving: Arc::new(Semaphore::new(limits::GIT_CHILDREN)),
            asking: Arc::new(Semaphore::new(limits::GIT_CHILDREN)),
        }
    }

    pub(crate) fn repository(&self, project: ProjectId) -> PathBuf {
        self.folder.join(format!("{project}.git"))
    }

    /// A place among the children that serve clients.
    pub(crate) async fn place(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.serving).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A `git` that knows nothing but this repository and our settings.
    pub(crate) fn command(&self, repository: &Path, more: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().current_dir(&self.folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent").env("GIT_DIR", repository);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_ATTR_NOSYSTEM", "1");
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_OPTIONAL_LOCKS", "0");
        for setting in SETTINGS.iter().chain(more) {
            command.args(["-c", setting]);
        }
        command
    }

    /// Make an empty repository.
    pub(crate) async fn create(&self, project: ProjectId, default_branch: &str) -> Result<(), Error> {
        let made = self.folder.join(format!("{project}.new"));
        let gone = tokio::fs::remove_dir_all(&made).await;
        if let Err(error) = gone
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io("clearing what a crash left")(error));
        }
        let branch = format!("--initial-branch={default_branch}");
        let arguments = ["init", "--quiet", "--bare", "--template=", "--object-format=sha1", &branch];
        let finished = self.finish(self.command(&made, &[]), &arguments, 1024).await?;
        finished.or_internal("git init")?;
        tokio::fs::rename(&made, self.repository(project)).await.map_err(Error::io("placing the new repository"))
    }

    /// Ask git about a repository; the answer has at most `limit` bytes.
    pub(crate) async fn ask(&self, project: ProjectId, arguments: &[&str], limit: usize) -> Result<Finished, Error> {
        let _place = self.asking.acquire().await.expect("the semaphore is never closed");
        self.finish(self.command(&self.repository(project), &[]), arguments, limit).await
    }

    async fn finish(&self, mut command: Command, arguments: &[&str], limit: usize) -> Result<Finished, Error> {
        let mut child = command
            .args(arguments)
            .spawn()
            .map_err(|error| Error::Unavailable(format!("git cannot be started ({error}); is it installed?")))?;
        let (out, words) = (child.stdout.take(), child.stderr.take());
        let (out, words) = tokio::join!(read_some(out, limit as u64 + 1), read_some(words, WORDS_BYTES));
        let out = out.map_err(Error::io("reading git's answer"))?;
        if out.len() > limit {
            return Err(Error::TooLarge(format!("the answer has more than {limit} bytes")));
        }
        let words = String::from_utf8_lossy(&words.unwrap_or_default()).trim().to_owned();
        let status = child.wait().await.map_err(Error::io("waiting for git"))?;
        Ok(Finished { success: status.success(), out, words })
    }

    /// All refs below a prefix, with the objects they name.
    pub(crate) async fn refs(&self, project: ProjectId, patterns: &[&str]) -> Result<Vec<(String, Oid)>, Error> {
        let mut arguments = vec!["for-each-ref", "--format=%(objectname) %(refname)", "--"];
        arguments.extend(patterns);
        let limit = limits::GIT_FILES * limits::GIT_REF_BYTES;
        let out = self.ask(project, &arguments, limit).await?.or_internal("git for-each-ref")?;
        let text = String::from_utf8_lossy(&out);
        let refs = text.lines().filter_map(|line| line.split_once(' '));
        refs.map(|(oid, name)| Ok((name.to_owned(), oid.parse()?))).collect()
    }
}

/// What a short question to git gave.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) out: Vec<u8>,
    pub(crate) words: String,
}

impl Finished {
    /// The answer; a failure is ours.
    pub(crate) fn or_internal(self, what: &str) -> Result<Vec<u8>, Error> {
        if self.success { Ok(self.out) } else { Err(Error::Internal(format!("{what} failed: {}", self.words))) }
    }

    /// The answer, or nothing when git did not find what was asked for.
    pub(crate) fn found(self) -> Option<Vec<u8>> {
        self.success.then_some(self.out)
    }
}

/// At most `limit` bytes; the rest is read and thrown away, so that the child does not hang on a full pipe.
pub(crate) async fn read_some(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    (&mut stream).take(limit).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(kept)
}
