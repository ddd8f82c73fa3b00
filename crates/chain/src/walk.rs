//! The walk: entries about the digest, then about the jobs that pushed it, their pipelines, their commits.

use std::collections::BTreeSet;

use audit::Log;
use base::{Actor, Ctx};
use db::{Db, Tx};
use oci::Digest;
use registry::{Origin, Place, Registry, Right};
use trust::Trust;

use crate::{Error, Link, Named, Node, Signature, Story, judge, lineage, tell};

/// Jobs, pipelines and commits that one chain follows: a digest that more jobs pushed is told by the first of them.
const FOLLOWED: usize = 20;

/// Tells chains; cheap to clone.
#[derive(Clone, Debug)]
pub struct Chain {
    db: Db,
    log: Log,
    trust: Trust,
}

impl Chain {
    pub fn new(db: Db, log: Log, trust: Trust) -> Chain {
        Chain { db, log, trust }
    }

    /// The story of a digest, for somebody who may pull it from at least one repository.
    pub async fn of(&self, ctx: &Ctx, digest: &Digest) -> Result<Story, Error> {
        let mut tx = self.db.read().await?;
        let places = visible(&mut tx, ctx, digest).await?;
        if places.is_empty() {
            return Err(match ctx.actor {
                Actor::Anonymous => Error::Unauthenticated,
                _ => Error::NotFound(digest.clone()),
            });
        }
        let named = self.named(&mut tx, ctx, digest, &places).await?;
        drop(tx);
        let repositories: BTreeSet<String> = places.iter().map(|place| place.repository.to_string()).collect();
        let digest = digest.to_string();
        let links = self.links(&digest, &repositories).await?;
        let nodes: Vec<Node> = links.iter().map(|link| tell(link, &digest)).collect();
        let verdict = judge(&named, &nodes);
        let checkpoint = self.log.checkpoint().map(|note| note.to_string());
        Ok(Story { digest, verdict: verdict.sentence, complete: verdict.complete, nodes, checkpoint })
    }

    /// The tags that name the digest now.
    async fn named(&self, tx: &mut Tx, ctx: &Ctx, digest: &Digest, places: &[Place]) -> Result<Vec<Named>, Error> {
        let mut named = Vec::new();
        for place in places {
            let signed = self.trust.signed_tags_of(tx, ctx.now, &place.repository).await?;
            for tag in &place.tags {
                let Some(view) = Registry::tagged(tx, &place.repository, tag).await? else { continue };
                if view.image.digest != *digest {
                    continue;
                }
                let signature = match signed.iter().find(|signed| signed.tag == tag.as_str()) {
                    None => Signature::None,
                    Some(signed) if signed.digest == *digest => Signature::This,
                    Some(signed) => Signature::Other(signed.digest.to_string()),
                };
                named.push(Named {
                    repository: place.repository.to_string(),
                    tag: tag.to_string(),
                    promoted: matches!(view.origin, Origin::Promoted { .. }),
                    signature,
                });
            }
        }
        Ok(named)
    }

    /// Every entry of the story that the reader may know.
    async fn links(&self, digest: &str, repositories: &BTreeSet<String>) -> Result<Vec<Link>, Error> {
        let mut links = lineage(self.about(digest, &[""]).await?, repositories);
        // Only who pushed it: a job that scanned or signed it did not make it.
        let pushes = links.iter().filter(|link| link.body.kind.starts_with("image."));
        let jobs = followed(pushes.flat_map(|link| link.subjects("job/")));
        let mut made = Vec::new();
        for job in &jobs {
            made.extend(self.about(&format!("job/{job}"), &["job."]).await?);
        }
        for pipeline in &followed(made.iter().flat_map(|link| link.subjects("pipeline/"))) {
            made.extend(self.about(&format!("pipeline/{pipeline}"), &["pipeline."]).await?);
        }
        let projects = followed(made.iter().flat_map(|link| link.subjects("project/")));
        for commit in &followed(made.iter().flat_map(|link| link.subjects("commit/"))) {
            let pushed = self.about(&format!("commit/{commit}"), &["git."]).await?;
            made.extend(
                pushed.into_iter().filter(|link| link.subjects("project/").any(|path| projects.contains(path))),
            );
        }
        links.extend(made);
        Ok(lineage(links, repositories))
    }

    /// The entries about a subject whose kind begins with one of these.
    async fn about(&self, subject: &str, kinds: &[&str]) -> Result<Vec<Link>, Error> {
        let mut links = Vec::new();
        for entry in self.log.about(subject).await? {
            if kinds.iter().any(|kind| entry.kind.starts_with(kind)) {
                links.push(Link { body: entry.parsed()?, index: entry.index });
            }
        }
        Ok(links)
    }
}

/// The repositories with this digest that the actor may pull from.
async fn visible(tx: &mut Tx, ctx: &Ctx, digest: &Digest) -> Result<Vec<Place>, Error> {
    let mut visible = Vec::new();
    for place in Registry::places(tx, digest).await? {
        match Registry::authorize(tx, ctx, &place.repository, Right::Pull).await {
            Ok(_) => visible.push(place),
            Err(registry::Error::Database(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(visible)
}

fn followed<'a>(ids: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    ids.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().take(FOLLOWED).collect()
}
