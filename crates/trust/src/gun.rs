//! The name of trust data: `host[:port]/account/name`, where the host is this installation.

use std::{fmt, sync::Arc};

use oci::RepoName;

use crate::Error;

/// A globally unique name whose host was found to be our own: what it says about rights is what its repository says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gun {
    text: Box<str>,
    repository: RepoName,
}

/// The names under which clients reach this installation, `host[:port]`; the first is the one it gives itself.
#[derive(Clone, Debug)]
pub(crate) struct Hosts(Arc<[String]>);

impl Gun {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The repository whose tags are signed.
    pub fn repository(&self) -> &RepoName {
        &self.repository
    }
}

impl fmt::Display for Gun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Hosts {
    pub(crate) fn new(own: &str, aliases: &[String]) -> Hosts {
        Hosts(std::iter::once(own.to_owned()).chain(aliases.iter().cloned()).collect())
    }

    /// The only way to a [`Gun`]. A client hashes and signs the text as it is, so no spelling is mended.
    pub(crate) fn parse(&self, text: &str) -> Result<Gun, Error> {
        let repository = self.0.iter().find_map(|host| text.strip_prefix(host.as_str())?.strip_prefix('/'));
        match repository.map(str::parse::<RepoName>) {
            Some(Ok(repository)) => Ok(Gun { text: text.into(), repository }),
            _ => Err(Error::Gun { given: text.chars().take(80).collect(), own: self.0[0].clone() }),
        }
    }

    /// The names that trust data of this repository can have, the usual one first.
    pub(crate) fn of(&self, repository: &RepoName) -> Vec<Gun> {
        let gun = |host: &String| Gun { text: format!("{host}/{repository}").into(), repository: repository.clone() };
        self.0.iter().map(gun).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Hosts;

    fn hosts() -> Hosts {
        Hosts::new("assay.test:4443", &["dtr.old.test".to_owned()])
    }

    #[test]
    fn own_names_only() {
        for (text, repository) in [
            ("assay.test:4443/admin/flask", "admin/flask"),
            ("dtr.old.test/a/b/c", "a/b/c"),
            ("assay.test:4443/admin/targets", "admin/targets"),
        ] {
            let gun = hosts().parse(text).unwrap();
            assert_eq!((gun.as_str(), gun.repository().to_string().as_str()), (text, repository));
        }
        for bad in [
            "",
            "admin/flask",
            "assay.test:4443",
            "assay.test:4443/",
            "assay.test:4443/flask",
            "assay.test:44430/admin/flask",
            "assay.test/admin/flask",
            "dtr.old.test:4443/admin/flask",
            "docker.io/library/alpine",
            "assay.test:4443/admin/Flask",
            "assay.test:4443/admin//flask",
            "assay.test:4443/admin/../flask",
            "assay.test:4443/admin/_trust",
            "ASSAY.test:4443/admin/flask",
        ] {
            assert!(hosts().parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_has_a_name_per_host() {
        let names: Vec<_> = hosts().of(&"a/b".parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["assay.test:4443/a/b", "dtr.old.test/a/b"]);
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in "(assay.test:4443/)?[a-z/._:-]{0,30}|.{0,60}") {
            if let Ok(gun) = hosts().parse(&text) {
                prop_assert_eq!(gun.as_str(), text);
                prop_assert!(hosts().of(gun.repository()).contains(&gun));
            }
        }
    }
}
