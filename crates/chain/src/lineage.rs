//! Which entries belong to the story that one reader may know: pure.
//!
//! One digest may lie in repositories of many owners: everybody pushes the same base images. A reader learns of those they may
//! pull from, and of those that these copies were promoted from, for that is what a chain is for.

use std::collections::BTreeSet;

use audit::Body;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub body: Body,
    pub index: Option<u64>,
}

impl Link {
    /// The rest of each subject that begins with this word: `job/7` is `7` of `job/`.
    pub(crate) fn subjects<'a>(&'a self, word: &'static str) -> impl Iterator<Item = &'a str> {
        self.body.subjects.iter().filter_map(move |subject| subject.strip_prefix(word))
    }

    pub(crate) fn detail(&self, name: &str) -> Option<&str> {
        self.body.details.get(name)?.as_str()
    }

    fn is_copy(&self) -> bool {
        matches!(self.body.kind.as_str(), "image.copied" | "image.promoted")
    }

    /// The repository a copy came from. A promotion writes `account/name:tag`, a copy `account/name`.
    fn source(&self) -> Option<&str> {
        self.detail("source").map(without_tag)
    }

    /// The repository a copy went to.
    fn target(&self) -> Option<&str> {
        self.detail("repository").or(self.detail("target")).map(without_tag)
    }
}

/// The entries that this reader may know, in the order of the log, each once. `visible` are repositories, `account/name`.
pub fn lineage(links: Vec<Link>, visible: &BTreeSet<String>) -> Vec<Link> {
    let known = with_sources(&links, visible);
    let mut kept: Vec<Link> = links.into_iter().filter(|link| may_know(link, &known)).collect();
    let place = |link: &Link| (link.index.unwrap_or(u64::MAX), link.body.at, link.body.id.clone());
    kept.sort_by_key(place);
    kept.dedup_by(|one, other| one.body.id == other.body.id);
    kept
}

/// The repositories with all that their copies came from.
fn with_sources(links: &[Link], visible: &BTreeSet<String>) -> BTreeSet<String> {
    let mut known = visible.clone();
    loop {
        let before = known.len();
        for link in links.iter().filter(|link| link.is_copy()) {
            if link.target().is_some_and(|target| known.contains(target)) {
                known.extend(link.source().map(str::to_owned));
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

fn without_tag(image: &str) -> &str {
    image.split_once(':').map_or(image, |(repository, _)| repository)
}

fn may_know(link: &Link, known: &BTreeSet<String>) -> bool {
    if link.is_copy() {
        return link.target().is_some_and(|target| known.contains(target));
    }
    let mut repositories = link.subjects("repository/").peekable();
    repositories.peek().is_none() || repositories.any(|repository| known.contains(repository))
}
