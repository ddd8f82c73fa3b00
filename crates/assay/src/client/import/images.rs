//! Tags and what they name, those that were pushed first before the others: a later push wins here as it did there.

use std::sync::atomic::Ordering;

use anyhow::Result;
use base::Timestamp;
use oci::Tag;
use serde_json::Value;

use super::{
    Import,
    copy::{Copier, NotCopied},
    flag, part,
    registry::Registry,
    report::{Outcome, Report},
    text,
};
use crate::tell;

const KIND: &str = "image";

/// How far the images of one repository are.
struct At<'r> {
    repository: &'r str,
    number: usize,
    total: usize,
}

impl Import {
    pub(super) async fn images(&mut self) -> Result<()> {
        let Import { dtr, target, report, move_tags, repositories, .. } = self;
        let copier = Copier::new(Registry::new(dtr), target);
        for (repository, settings) in repositories.iter() {
            let (namespace, name) = repository.split_once('/').unwrap_or((repository, ""));
            let mut tags =
                match dtr.list(&format!("/api/v0/repositories/{}/{}/tags", part(namespace), part(name))).await {
                    Ok(tags) => tags,
                    Err(trouble) => {
                        report.trouble(KIND, repository, trouble)?;
                        continue;
                    }
                };
            tags.sort_by_key(|tag| text(tag, "updatedAt").parse::<Timestamp>().unwrap_or(Timestamp::MIN));
            within_limit(report, repository, &mut tags, settings["tagLimit"].as_u64().unwrap_or_default());
            for (index, tag) in tags.iter().enumerate() {
                let at = At { repository, number: index + 1, total: tags.len() };
                one(&copier, report, (*move_tags, target.dry_run), &at, tag).await?;
                report.bytes = copier.bytes.load(Ordering::Relaxed);
            }
        }
        if !repositories.is_empty() {
            report.note("results of scans are not carried: this server scans what comes");
        }
        Ok(())
    }
}

/// Where a limit was set after the tags were, the oldest would be dropped here with each further one.
fn within_limit(report: &mut Report, repository: &str, tags: &mut Vec<Value>, limit: u64) {
    let beyond = tags.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    if limit > 0 {
        for tag in tags.drain(..beyond) {
            let why = format!("the repository keeps {limit} tags, and this is an older one");
            report.row(KIND, format!("{repository}:{}", text(&tag, "name")), Outcome::Left, why);
        }
    }
}

async fn one(
    copier: &Copier<'_>,
    report: &mut Report,
    (move_tags, dry_run): (bool, bool),
    at: &At<'_>,
    tag: &Value,
) -> Result<()> {
    let (repository, name) = (at.repository, text(tag, "name"));
    let image = format!("{repository}:{name}");
    if let Err(error) = name.parse::<Tag>() {
        report.row(KIND, image, Outcome::Left, error);
        return Ok(());
    }
    match bring(copier, (move_tags, dry_run), at, tag).await {
        Ok(true) => report.carried(KIND, &image),
        Ok(false) => report.there(KIND, &image),
        Err(NotCopied::Stop(error)) => return Err(error),
        Err(NotCopied::Because(outcome, why)) => {
            report.row(KIND, image, outcome, why);
            return Ok(());
        }
    }
    if flag(tag, "inNotary") {
        let why = "a signature is about the old host's name; sign the image again here";
        report.row("signature", image, Outcome::Left, why);
    }
    Ok(())
}

/// Have a tag here; whether it was not yet.
async fn bring(
    copier: &Copier<'_>,
    (move_tags, dry_run): (bool, bool),
    at: &At<'_>,
    tag: &Value,
) -> Result<bool, NotCopied> {
    let (repository, name) = (at.repository, text(tag, "name"));
    if let Some(here) = copier.tag_here(repository, name).await? {
        // The API may know the tag by the digest of one image where the registry has an index.
        if here == text(tag, "digest") {
            return Ok(false);
        }
        let there = copier.tag_there(repository, name).await?.unwrap_or_default();
        if here == there {
            return Ok(false);
        }
        if !move_tags {
            let why = format!("it is {here} here and {there} there; --move-tags takes what is there");
            return Err(NotCopied::Because(Outcome::Differs, why));
        }
    }
    if !dry_run {
        let mib = copier.bytes.load(Ordering::Relaxed) / (1024 * 1024);
        tell(&format!("{repository}: image {} of {}, {name} ({mib} MiB so far)", at.number, at.total));
        copier.tag(repository, name).await?;
    }
    Ok(true)
}
