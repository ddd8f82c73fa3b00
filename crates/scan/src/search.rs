//! Which images have a vulnerability, a component, a layer or a licence, among those that somebody may see.

use base::Ctx;
use db::Tx;
use inventory::{Component, ImageInventory};
use oci::{Digest, RepoName, Tag};
use registry::{Registry, Right};

use crate::{Error, ImageFinding, Scan, findings, layers::blocking, store};

/// Images that are looked up at once.
const PAGE: i64 = 500;

/// Images that one search looks at before it says where to go on. Each is read and perhaps matched, some milliseconds.
const SEARCHED_AT_MOST: usize = 200;

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An id of the vulnerability, any that it has.
    Advisory(String),
    /// The name of a component or of its source package; a version may follow after `@`.
    Component(String),
    /// The digest of a layer as it is stored.
    Layer(Digest),
    /// An SPDX id, or a licence as the package writes it.
    License(String),
}

/// An image in a repository, and what of it was searched for.
#[derive(Clone, Debug)]
pub struct Hit {
    pub repository: RepoName,
    /// Those that name it there, in order.
    pub tags: Vec<Tag>,
    pub digest: Digest,
    /// None of them when a layer was asked for.
    pub components: Vec<Component>,
    /// Only those asked for: of the vulnerability, or of the components.
    pub findings: Vec<ImageFinding>,
}

impl Scan {
    /// The hits among scanned images after `after`, in the order of their digests, and where to go on, if there may be more: a page
    /// may be short, and even empty, and yet not be the last one, because at most 200 images are looked at.
    pub async fn search(
        &self,
        ctx: &Ctx,
        wanted: &Wanted,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Hit>, Option<String>), Error> {
        let (mut hits, mut at, mut looked) = (Vec::new(), after.to_owned(), 0);
        let possible = match wanted {
            Wanted::Advisory(id) => self.inventories_with(id).await?,
            _ => None,
        };
        let mut tx = self.db.read().await?;
        loop {
            let page = store::listed(&mut tx, &at, PAGE).await?;
            if page.is_empty() {
                return Ok((hits, None));
            }
            for store::Listed { digest, inventory, has_subjects } in page {
                at = digest.to_string();
                // An inventory whose subjects were never written down has to be read.
                if has_subjects && possible.as_ref().is_some_and(|possible| !possible.contains(&inventory)) {
                    continue;
                }
                looked += 1;
                self.search_in(&mut tx, ctx, wanted, &digest, &mut hits).await?;
                if hits.len() >= limit || looked >= SEARCHED_AT_MOST {
                    return Ok((hits, Some(at)));
                }
            }
        }
    }

    /// One image, wherever the actor may see it whole.
    async fn search_in(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        wanted: &Wanted,
        digest: &Digest,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Error> {
        let mut found = None;
        for place in Registry::places(tx, digest).await? {
            if Registry::authorize(tx, ctx, &place.repository, Right::Pull).await.is_err() {
                continue;
            }
            let Some(summary) = self.summary(tx, &place.repository, digest).await? else { continue };
            let (Some(inventory), Some(snapshot)) = (&summary.inventory, &summary.snapshot) else { continue };
            if found.is_none() {
                let counted = summary.counts.all() > 0;
                found = self.parts(tx, wanted, digest, (inventory, snapshot, counted)).await?;
            }
            let Some((components, findings)) = found.clone() else { return Ok(()) };
            let repository = place.repository;
            hits.push(Hit { repository, tags: place.tags, digest: digest.clone(), components, findings });
        }
        Ok(())
    }

    /// What of an image is wanted; None when nothing is.
    async fn parts(
        &self,
        tx: &mut Tx,
        wanted: &Wanted,
        digest: &Digest,
        (inventory, snapshot, counted): (&str, &str, bool),
    ) -> Result<Option<(Vec<Component>, Vec<ImageFinding>)>, Error> {
        if let Wanted::Layer(layer) = wanted {
            let layers = Registry::layers(tx, digest).await?;
            return Ok(layers.iter().any(|one| one.digest == *layer).then(Default::default));
        }
        if matches!(wanted, Wanted::Advisory(_)) && !counted {
            return Ok(None);
        }
        let image = self.stored_inventory(inventory).await?;
        let snapshot = if counted { Some(self.snapshot_of(snapshot).await?) } else { None };
        let (wanted, profile) = (wanted.clone(), self.profile);
        blocking(move || {
            let named: Vec<Component> =
                image.components.iter().filter(|one| is_wanted(one, &wanted)).cloned().collect();
            if !matches!(wanted, Wanted::Advisory(_)) && named.is_empty() {
                return None;
            }
            let all = snapshot.map(|snapshot| findings(&image, &snapshot, profile)).unwrap_or_default();
            match &wanted {
                Wanted::Advisory(id) => with_advisory(&image, all, id),
                _ => {
                    let of_named = |finding: &ImageFinding| named.iter().any(|one| one.purl == finding.purl);
                    let findings = all.into_iter().filter(of_named).collect();
                    Some((named, findings))
                }
            }
        })
        .await
    }
}

fn with_advisory(
    image: &ImageInventory,
    mut findings: Vec<ImageFinding>,
    id: &str,
) -> Option<(Vec<Component>, Vec<ImageFinding>)> {
    findings.retain(|finding| {
        finding.about.advisory.eq_ignore_ascii_case(id)
            || finding.about.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(id))
    });
    let affected = |one: &&Component| findings.iter().any(|finding| finding.purl == one.purl);
    let components = image.components.iter().filter(affected).cloned().collect();
    (!findings.is_empty()).then_some((components, findings))
}

fn is_wanted(component: &Component, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Component(text) => {
            let names = |text: &str| component.name == text || component.source == text;
            // A name may begin with `@`, and hold one.
            names(text)
                || text.rsplit_once('@').is_some_and(|(name, version)| names(name) && component.version == version)
        }
        Wanted::License(text) => component
            .licenses
            .iter()
            .any(|license| license == text || license.split([' ', '(', ')']).any(|word| word == text)),
        Wanted::Advisory(_) | Wanted::Layer(_) => false,
    }
}
