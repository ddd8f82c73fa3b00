//! Finding repositories: in the order of their names, and by the words in them. What an actor may see is asked for once, and the
//! lists of what everybody sees, of his namespaces and of single grants are merged: a page costs the same among ten repositories
//! and among a hundred thousand.

use std::collections::BTreeMap;

use base::{Ctx, limits};
use db::Tx;
use identity::{Level, On, Reach};
use oci::RepoName;

use crate::{Error, Page, Registry, Repository, Visibility, pull::one_more, store};

/// Where a search goes on: behind this word and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub word: String,
    pub name: String,
}

/// Repositories that match and are looked at for one page, though the actor may see none of them; the next page goes on.
const SEARCHED_AT_MOST: usize = 2_000;

impl Registry {
    /// Repositories the actor may see, by name: all, or those of one namespace, after `after`.
    pub async fn repositories(
        &self,
        ctx: &Ctx,
        namespace: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Page<Repository>, Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let items = match Level::reach(&mut tx, &ctx.actor, On::Repository).await? {
            Reach::Everything => store::repositories(&mut tx, namespace, after, one_more(limit)).await?,
            reach => reachable(&mut tx, &reach, namespace, after, limit + 1).await?,
        };
        Ok(Page::of(items, limit))
    }

    /// How many repositories the actor may see: all, or those of one namespace.
    pub async fn count_repositories(&self, ctx: &Ctx, namespace: Option<&str>) -> Result<u64, Error> {
        let mut tx = self.db.read().await?;
        if let Reach::Everything = Level::reach(&mut tx, &ctx.actor, On::Repository).await? {
            return Ok(store::count_repositories(&mut tx, namespace).await?);
        }
        drop(tx);
        let (mut count, mut after) = (0, String::new());
        loop {
            let page = self.repositories(ctx, namespace, &after, limits::PAGE_MAX).await?;
            count += page.items.len() as u64;
            match page.items.last() {
                Some(last) if page.more => after = last.name.to_string(),
                _ => return Ok(count),
            }
        }
    }

    /// Repositories the actor may see with a word in their name that begins with `text`, in the order of these words; of one
    /// namespace where one is given. Gives also where to go on, if there may be more: a page may be short, and even empty, and
    /// yet not be the last one.
    pub async fn search(
        &self,
        ctx: &Ctx,
        text: &str,
        namespace: Option<&str>,
        after: &Found,
        limit: usize,
    ) -> Result<(Vec<Repository>, Option<Found>), Error> {
        let text = text.trim().to_lowercase();
        if text.is_empty() || text.len() > limits::REPOSITORY_NAME_BYTES {
            return Err(Error::Invalid(format!(
                "say what to search for, in at most {} bytes",
                limits::REPOSITORY_NAME_BYTES
            )));
        }
        let limit = limit.clamp(1, limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let reach = Level::reach(&mut tx, &ctx.actor, On::Repository).await?;
        let first = Found { word: text.clone(), name: String::new() };
        let (mut found, mut at, mut looked) = (Vec::new(), first.max(after.clone()), 0);
        let end = behind(&text);
        loop {
            let place = (at.word.as_str(), at.name.as_str());
            let batch = store::repositories_by_word(&mut tx, (&text, &end), place, one_more(limit)).await?;
            let ended = batch.len() <= limit;
            looked += batch.len();
            for (word, repository) in batch {
                at = Found { word, name: repository.name.to_string() };
                let wanted = namespace.is_none_or(|namespace| repository.name.namespace() == namespace);
                if wanted && may_see(&reach, &repository) {
                    found.push(repository);
                    if found.len() == limit {
                        return Ok((found, Some(at)));
                    }
                }
            }
            if ended {
                return Ok((found, None));
            }
            if looked >= SEARCHED_AT_MOST {
                return Ok((found, Some(at)));
            }
        }
    }

    /// Write the words of names that an earlier program did not; at each start.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        const BATCH: i64 = 500;
        loop {
            let unknown = store::repositories_without_words(&mut self.db.read().await?, BATCH).await?;
            if unknown.is_empty() {
                return Ok(());
            }
            db::write!(self.db, ctx, |tx| {
                for (id, name) in &unknown {
                    store::insert_words(tx, id, name).await?;
                }
                Ok::<_, Error>(())
            })?;
        }
    }
}

fn may_see(reach: &Reach, repository: &Repository) -> bool {
    let name = &repository.name;
    repository.visibility == Visibility::Public || reach.covers(name.namespace(), name.as_str())
}

/// The first so many of those that are public, in one of the namespaces, or granted one by one.
async fn reachable(
    tx: &mut Tx,
    reach: &Reach,
    namespace: Option<&str>,
    after: &str,
    wanted: usize,
) -> Result<Vec<Repository>, Error> {
    let Reach::Some { namespaces, names } = reach else { return Ok(Vec::new()) };
    let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
    // All names of a namespace lie between these two; `0` follows `/`, and `{` follows all letters.
    let span = namespace.map_or(("".to_owned(), "{".to_owned()), |name| (format!("{name}/"), format!("{name}0")));
    let mut found = BTreeMap::new();
    let mut add = |repositories: Vec<Repository>| {
        found.extend(repositories.into_iter().map(|repository| (repository.name.to_string(), repository)));
    };
    add(store::public_repositories(tx, after, (&span.0, &span.1), limit).await?);
    for own in namespaces.iter().filter(|own| namespace.is_none_or(|namespace| namespace == *own)) {
        add(store::repositories(tx, Some(own), after, limit).await?);
    }
    let single = names.range(after.to_owned()..).filter(|name| name.as_str() > after);
    let mut present = 0;
    for name in single.filter(|name| **name >= span.0 && **name < span.1) {
        let Ok(name) = name.parse::<RepoName>() else { continue };
        if let Some(repository) = store::repository(tx, &name).await? {
            add(vec![repository]);
            present += 1;
        }
        if present == wanted {
            break;
        }
    }
    Ok(found.into_values().take(wanted).collect())
}

/// The least text that is behind everything that begins with this one. Names are ASCII.
fn behind(text: &str) -> String {
    format!("{text}\u{7f}")
}
