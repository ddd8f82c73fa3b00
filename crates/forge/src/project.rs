//! The nouns: a project, its name, its place.

use std::{fmt, str::FromStr};

use base::{AccountName, InvalidName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RefName;

/// The number of a project, as GitLab's clients name it; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProjectId(pub i64);

/// The last part of a project's path. Letters of both cases, because existing projects have them; an image name made of
/// it must be lower case, which is for the pipeline's author to see to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(Box<str>);

/// `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectPath {
    pub namespace: AccountName,
    pub name: ProjectName,
}

/// How a client names a project: by its number or by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectRef {
    Id(ProjectId),
    Path(ProjectPath),
}

/// Who may read a project besides those who have a right in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Private,
    /// Everybody who signed in.
    Internal,
    /// Everybody.
    Public,
}

/// A project and its repository.
#[derive(Clone, Debug)]
pub struct Project {
    pub id: ProjectId,
    pub path: ProjectPath,
    pub description: String,
    pub visibility: Visibility,
    /// Protected: it cannot be deleted or moved to a commit that does not follow the present one.
    pub default_branch: String,
    pub created_at: Timestamp,
}

/// A project to be created.
#[derive(Clone, Debug)]
pub struct NewProject {
    pub path: ProjectPath,
    pub description: String,
    pub visibility: Visibility,
    /// `main` when absent.
    pub default_branch: Option<String>,
}

const NAME_BYTES: usize = 100;

impl Project {
    /// The full name of the default branch.
    pub fn default_ref(&self) -> String {
        format!("refs/heads/{}", self.default_branch)
    }

    /// What the log keeps of a project's settings.
    pub(crate) fn state(&self) -> String {
        format!("{} {} {}", self.id, self.visibility, self.default_branch)
    }
}

impl NewProject {
    /// The default branch, checked to be one.
    pub(crate) fn branch(&self) -> Result<String, InvalidName> {
        let branch = self.default_branch.clone().unwrap_or_else(|| "main".to_owned());
        RefName::branch(&branch)?;
        Ok(branch)
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl ProjectName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ProjectName, InvalidName> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let ending = [".", ".git", ".atom", ".lock"].iter().any(|ending| text.ends_with(ending));
        if first && !ending && text.len() <= NAME_BYTES && text.bytes().all(good) && !text.contains("..") {
            Ok(ProjectName(text.into()))
        } else {
            let expected =
                "1 to 100 letters, digits, '_', '-' or '.', the first no '-' or '.', not ending in .git or .";
            Err(InvalidName::new("project name", text, expected))
        }
    }
}

impl FromStr for ProjectPath {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ProjectPath, InvalidName> {
        let Some((namespace, name)) = text.split_once('/') else {
            return Err(InvalidName::new("project path", text, "NAMESPACE/NAME"));
        };
        Ok(ProjectPath { namespace: namespace.parse()?, name: name.parse()? })
    }
}

impl FromStr for ProjectRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ProjectRef, InvalidName> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let id = text.parse().map_err(|_| InvalidName::new("project id", text, "a number"))?;
            return Ok(ProjectRef::Id(ProjectId(id)));
        }
        text.parse().map(ProjectRef::Path)
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for ProjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &*self.0)
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProjectRef::Id(id) => id.fmt(out),
            ProjectRef::Path(path) => path.fmt(out),
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Visibility::Private => "private",
            Visibility::Internal => "internal",
            Visibility::Public => "public",
        })
    }
}

impl FromStr for Visibility {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Visibility, InvalidName> {
        match text {
            "private" => Ok(Visibility::Private),
            "internal" => Ok(Visibility::Internal),
            "public" => Ok(Visibility::Public),
            other => Err(InvalidName::new("visibility", other, "private, internal or public")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ProjectName, ProjectPath, ProjectRef};

    #[test]
    fn names_and_paths() {
        for good in ["flask", "Flask_2", "a.b-c", "_x", "0"] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", ".x", "x.git", "x.", "a..b", "a/b", "a b", "ä", "x;y", "$x", &"a".repeat(101)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
        assert!(matches!("42".parse::<ProjectRef>().unwrap(), ProjectRef::Id(id) if id.0 == 42));
        assert!(matches!("admin/flask".parse::<ProjectRef>().unwrap(), ProjectRef::Path(_)));
        for bad in ["", "flask", "a/b/c", "99999999999999999999", "../x"] {
            assert!(bad.parse::<ProjectRef>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in ".{0,40}") {
            if let Ok(path) = text.parse::<ProjectPath>() {
                prop_assert_eq!(path.to_string(), text.clone());
            }
            let _ = text.parse::<ProjectRef>();
        }
    }
}
