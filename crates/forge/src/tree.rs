//! Reading repositories: commits, trees, files; and the refs that keep commits of pipelines.

use base::{Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::{Error, Forge, Oid, ProjectId};

/// What a commit says of itself. None of it is proof of who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    pub sha: Oid,
    pub parents: Vec<Oid>,
    pub author_name: String,
    pub author_email: String,
    pub committed_at: Timestamp,
    /// The first line of the message.
    pub title: String,
    pub message: String,
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// `100644`, `100755`, `120000`, `040000`, `160000`.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    pub oid: Oid,
    pub path: String,
}

/// A message longer than this is cut: it goes into the environment of jobs.
const MESSAGE_BYTES: usize = 8 * 1024;

impl Forge {
    /// A file as it is in a commit; `None` when the commit does not have it. `limit` bounds its bytes.
    pub async fn file(
        &self,
        project: ProjectId,
        commit: &Oid,
        path: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(object) = object(commit, path)? else { return Ok(None) };
        let limit = limit.min(limits::GIT_FILE_BYTES);
        Ok(self.git.ask(project, &["cat-file", "blob", &object], limit).await?.found())
    }

    /// What a commit says; `None` when the repository does not have it.
    pub async fn commit(&self, project: ProjectId, commit: &Oid) -> Result<Option<CommitInfo>, Error> {
        let format = "--format=%H%x00%P%x00%an%x00%ae%x00%ct%x00%B";
        let arguments =
            ["log", "-1", "--no-show-signature", "--no-color", "--no-decorate", format, commit.as_str(), "--"];
        let Some(out) = self.git.ask(project, &arguments, limits::GIT_FILE_BYTES).await?.found() else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&out);
        let mut parts = text.splitn(6, '\0');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (sha, parents, author_name, author_email, seconds, message) =
            (part(), part(), part(), part(), part(), part());
        let message = cut(message.trim_end(), MESSAGE_BYTES);
        Ok(Some(CommitInfo {
            sha: sha.parse()?,
            parents: parents.split_whitespace().map(str::parse).collect::<Result<_, _>>()?,
            author_name: cut(&author_name, 255),
            author_email: cut(&author_email, 255),
            committed_at: Timestamp::from_second(seconds.parse().unwrap_or(0)).unwrap_or_default(),
            title: cut(message.lines().next().unwrap_or_default(), 255),
            message,
        }))
    }

    /// Paths that differ between two commits.
    pub async fn changed_files(&self, project: ProjectId, before: &Oid, after: &Oid) -> Result<Vec<String>, Error> {
        let arguments =
            ["diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--no-renames", before.as_str(), after.as_str()];
        let limit = limits::GIT_FILES * 100;
        let out = self.git.ask(project, &arguments, limit).await?.or_internal("git diff-tree")?;
        Ok(texts(&out).collect())
    }

    /// Paths of all files of a commit.
    pub async fn files(&self, project: ProjectId, commit: &Oid) -> Result<Vec<String>, Error> {
        let arguments = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit.as_str()];
        let out = self.git.ask(project, &arguments, limits::GIT_FILES * 100).await?.or_internal("git ls-tree")?;
        Ok(texts(&out).take(limits::GIT_FILES).collect())
    }

    /// The entries of one folder of a commit; the empty path is its root. `None` when there is no such folder.
    pub async fn tree(&self, project: ProjectId, commit: &Oid, path: &str) -> Result<Option<Vec<TreeEntry>>, Error> {
        let Some(object) = object(commit, path.trim_end_matches('/'))? else { return Ok(None) };
        let asked = self.git.ask(project, &["ls-tree", "-z", &object], limits::GIT_FILES * 100).await?;
        let Some(out) = asked.found() else { return Ok(None) };
        let prefix = path.trim_matches('/');
        let entry = |line: String| {
            let (head, name) = line.split_once('\t')?;
            let mut head = head.split(' ');
            let (mode, kind, oid) = (head.next()?, head.next()?, head.next()?);
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            Some(TreeEntry { mode: mode.to_owned(), kind: kind.to_owned(), oid: oid.parse().ok()?, path })
        };
        Ok(Some(texts(&out).filter_map(entry).collect()))
    }

    /// Keep the commit of a pipeline fetchable, whatever becomes of its branch. Doing it twice is doing it once.
    pub async fn keep_for_pipeline(&self, project: ProjectId, pipeline: i64, commit: &Oid) -> Result<(), Error> {
        let name = pipeline_ref(pipeline);
        let file = self.git.repository(project).join(&name);
        if tokio::fs::try_exists(&file).await.unwrap_or(false) {
            return Ok(());
        }
        let asked = self.git.ask(project, &["update-ref", &name, commit.as_str()], 1024).await?;
        asked.or_internal("git update-ref").map(drop)
    }

    /// Let the commit of a pipeline go. Doing it twice is doing it once.
    pub async fn release_pipeline(&self, project: ProjectId, pipeline: i64) -> Result<(), Error> {
        let asked = self.git.ask(project, &["update-ref", "-d", &pipeline_ref(pipeline)], 1024).await?;
        asked.or_internal("git update-ref").map(drop)
    }
}

impl crate::git::Git {
    /// The branch that a clone checks out.
    pub(crate) async fn set_head(&self, project: ProjectId, default_ref: &str) -> Result<(), Error> {
        let asked = self.ask(project, &["symbolic-ref", "HEAD", default_ref], 1024).await?;
        asked.or_internal("git symbolic-ref").map(drop)
    }
}

fn pipeline_ref(pipeline: i64) -> String {
    format!("refs/pipelines/{pipeline}")
}

/// How git names a path in a commit; `None` for a path that no commit can have.
fn object(commit: &Oid, path: &str) -> Result<Option<String>, Error> {
    if path.len() > 4096 {
        return Err(Error::Invalid("a path has at most 4096 bytes".to_owned()));
    }
    let odd =
        path.contains(['\0', '\n']) || path.starts_with('/') || path.split('/').any(|part| part == ".." || part == ".");
    Ok((!odd).then(|| format!("{commit}:{path}")))
}

fn texts(out: &[u8]) -> impl Iterator<Item = String> {
    out.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(|part| String::from_utf8_lossy(part).into_owned())
}

fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
