//! The SQL of manifests and tags.

use std::collections::BTreeMap;

use base::{Id, Timestamp};
use db::{Bulk, Error, Row, Tx, Val, args};
use oci::{Descriptor, Digest, Manifest, MediaType, Platform, RepoName, Tag};

use super::{bytes_of, stored};
use crate::{Config, Image, Layer, Origin, Referrer, Repository, TagView, tag::NewTag};

// ── manifests ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Store what a manifest says, once for all repositories. Its bytes are kept as a blob that no repository links.
pub(crate) async fn insert_image(tx: &mut Tx, image: &Image, manifest: &Manifest, now: Timestamp) -> Result<(), Error> {
    let (config, platform) = (image.config.as_ref(), image.platform.as_ref());
    // Only referrers are ever listed with their annotations, and a manifest may have four megabytes of them.
    let annotations = image
        .subject
        .as_ref()
        .map(|_| serde_json::to_string(manifest.annotations()).expect("a map of text to text is JSON"));
    let inserted = tx
        .execute(
            "INSERT INTO manifests (digest, media_type, artifact_type, subject, config, config_type, config_size, size,
                total_bytes, os, architecture, variant, annotations, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (digest) DO NOTHING",
            &args![
                image.digest.as_str(),
                image.media_type.as_str(),
                image.artifact_type.as_ref().map(MediaType::as_str),
                image.subject.as_ref().map(Digest::as_str),
                config.map(|config| config.digest.as_str()),
                config.map(|config| config.media_type.as_str()),
                config.map(|config| stored(config.size)).transpose()?,
                stored(image.size)?,
                stored(image.total_bytes)?,
                platform.map(|platform| platform.os.as_str()),
                platform.map(|platform| platform.architecture.as_str()),
                platform.and_then(|platform| platform.variant.as_deref()),
                annotations,
                now
            ],
        )
        .await?;
    if inserted > 0 {
        let config = manifest.config().map(std::slice::from_ref).unwrap_or_default();
        for (kind, list) in [("config", config), ("layer", manifest.layers()), ("manifest", manifest.manifests())] {
            insert_references(tx, &image.digest, kind, list).await?;
        }
        if image.is_index() {
            sum_children(tx, &image.digest).await?;
        }
    } else if let Some(platform) = platform {
        // It came first where its configuration was missing.
        tx.execute(
            "UPDATE manifests SET os = $2, architecture = $3, variant = $4 WHERE digest = $1 AND os IS NULL",
            &args![
                image.digest.as_str(),
                platform.os.as_str(),
                platform.architecture.as_str(),
                platform.variant.as_deref()
            ],
        )
        .await?;
    }
    Ok(())
}

async fn insert_references(tx: &mut Tx, manifest: &Digest, kind: &str, list: &[Descriptor]) -> Result<(), Error> {
    for (position, named) in list.iter().enumerate() {
        let position = i64::try_from(position).expect("the descriptors of a manifest are few");
        tx.execute(
            "INSERT INTO manifest_references (manifest, kind, position, digest, media_type, size)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &args![
                manifest.as_str(),
                kind,
                position,
                named.digest.as_str(),
                named.media_type.as_str(),
                stored(named.size)?
            ],
        )
        .await?;
    }
    Ok(())
}

/// The size of an index is that of the images it names.
async fn sum_children(tx: &mut Tx, index: &Digest) -> Result<(), Error> {
    tx.execute(
        "UPDATE manifests SET total_bytes = (
            SELECT CAST(COALESCE(SUM(m.total_bytes), 0) AS BIGINT) FROM manifest_references r
            JOIN manifests m ON m.digest = r.digest WHERE r.manifest = $1 AND r.kind = 'manifest')
         WHERE digest = $1",
        &args![index.as_str()],
    )
    .await?;
    Ok(())
}

/// Put a known manifest into a repository; gives whether it was not there before.
pub(crate) async fn add_manifest(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    pushed_by: &str,
    now: Timestamp,
    job: Option<i64>,
) -> Result<bool, Error> {
    let added = tx
        .execute(
            "INSERT INTO repository_manifests (repository, digest, pushed_by, pushed_at, job)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository, digest) DO NOTHING",
            &args![repository, digest.as_str(), pushed_by, now, job],
        )
        .await?;
    Ok(added > 0)
}

/// What a promotion brought stays without a tag too: it may run somewhere.
pub(crate) async fn mark_promoted(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<(), Error> {
    let sql = "UPDATE repository_manifests SET promoted = TRUE WHERE repository = $1 AND digest = $2 AND NOT promoted";
    tx.execute(sql, &args![repository, digest.as_str()]).await?;
    Ok(())
}

pub(crate) async fn remove_manifest(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<(), Error> {
    let sql = "DELETE FROM repository_manifests WHERE repository = $1 AND digest = $2";
    tx.execute(sql, &args![repository, digest.as_str()]).await?;
    Ok(())
}

pub(crate) async fn image(tx: &mut Tx, digest: &Digest) -> Result<Option<Image>, Error> {
    let row = tx.opt("SELECT * FROM manifests WHERE digest = $1", &args![digest.as_str()]).await?;
    row.as_ref().map(image_of).transpose()
}

pub(crate) async fn image_in(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
) -> Result<Option<Image>, Error> {
    let row = tx
        .opt(
            "SELECT m.* FROM repository_manifests l JOIN manifests m ON m.digest = l.digest
             WHERE l.repository = $1 AND l.digest = $2",
            &args![repository, digest.as_str()],
        )
        .await?;
    row.as_ref().map(image_of).transpose()
}

pub(crate) async fn manifest_size(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
) -> Result<Option<u64>, Error> {
    Ok(image_in(tx, repository, digest).await?.map(|image| image.size))
}

pub(super) fn image_of(row: &Row) -> Result<Image, Error> {
    let config = match row.opt_parse("config")? {
        Some(digest) => {
            Some(Config { digest, media_type: row.parse("config_type")?, size: bytes_of(row, "config_size")? })
        }
        None => None,
    };
    let platform = match (row.opt_text("os")?, row.opt_text("architecture")?) {
        (Some(os), Some(architecture)) => {
            Some(Platform { os, architecture, variant: row.opt_text("variant")?, ..Platform::default() })
        }
        _ => None,
    };
    Ok(Image {
        digest: row.parse("digest")?,
        media_type: row.parse("media_type")?,
        artifact_type: row.opt_parse("artifact_type")?,
        subject: row.opt_parse("subject")?,
        config,
        size: bytes_of(row, "size")?,
        total_bytes: bytes_of(row, "total_bytes")?,
        platform,
    })
}

/// What a manifest names, in its order; `kind` is `config`, `layer` or `manifest`.
pub(crate) async fn references(tx: &mut Tx, manifest: &Digest, kind: &str) -> Result<Vec<Layer>, Error> {
    let sql = "SELECT * FROM manifest_references WHERE manifest = $1 AND kind = $2 ORDER BY position";
    let rows = tx.all(sql, &args![manifest.as_str(), kind]).await?;
    rows.iter()
        .map(|row| {
            Ok(Layer {
                digest: row.parse("digest")?,
                media_type: row.parse("media_type")?,
                size: bytes_of(row, "size")?,
            })
        })
        .collect()
}

/// A blob that the manifest names and the repository does not hold in the size it states.
pub(crate) async fn missing_blob(
    tx: &mut Tx,
    repository: &Id<Repository>,
    manifest: &Digest,
) -> Result<Option<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT r.digest, r.media_type FROM manifest_references r
             LEFT JOIN repository_blobs l ON l.digest = r.digest AND l.repository = $1
             LEFT JOIN blobs b ON b.digest = l.digest AND b.size = r.size
             WHERE r.manifest = $2 AND r.kind <> 'manifest' AND b.digest IS NULL ORDER BY r.kind, r.position",
            &args![repository, manifest.as_str()],
        )
        .await?;
    for row in rows {
        if !row.parse::<MediaType>("media_type")?.is_nondistributable() {
            return row.parse("digest").map(Some);
        }
    }
    Ok(None)
}

/// A manifest of the repository that names this digest.
pub(crate) async fn referenced_by(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
) -> Result<Option<Digest>, Error> {
    let row = tx
        .opt(
            "SELECT l.digest FROM manifest_references r
             JOIN repository_manifests l ON l.digest = r.manifest AND l.repository = $1
             WHERE r.digest = $2 ORDER BY l.digest LIMIT 1",
            &args![repository, digest.as_str()],
        )
        .await?;
    row.map(|row| row.parse("digest")).transpose()
}

/// The children of an index that are in the repository.
pub(crate) async fn children_in(
    tx: &mut Tx,
    repository: &Id<Repository>,
    index: &Digest,
) -> Result<Vec<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT r.digest FROM manifest_references r
             JOIN repository_manifests l ON l.digest = r.digest AND l.repository = $1
             WHERE r.manifest = $2 AND r.kind = 'manifest' ORDER BY r.position",
            &args![repository, index.as_str()],
        )
        .await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

pub(crate) async fn referrer_digests(
    tx: &mut Tx,
    repository: &Id<Repository>,
    subject: &Digest,
) -> Result<Vec<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT m.digest FROM manifests m JOIN repository_manifests l ON l.digest = m.digest AND l.repository = $1
             WHERE m.subject = $2 ORDER BY m.digest",
            &args![repository, subject.as_str()],
        )
        .await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

pub(crate) async fn referrers(
    tx: &mut Tx,
    repository: &Id<Repository>,
    subject: &Digest,
    artifact_type: Option<&MediaType>,
    after: &str,
    limit: i64,
) -> Result<Vec<Referrer>, Error> {
    let rows = tx
        .all(
            "SELECT m.* FROM manifests m JOIN repository_manifests l ON l.digest = m.digest AND l.repository = $1
             WHERE m.subject = $2 AND (COALESCE(m.artifact_type, m.config_type) = $3 OR $3 IS NULL) AND m.digest > $4
             ORDER BY m.digest LIMIT $5",
            &args![repository, subject.as_str(), artifact_type.map(MediaType::as_str), after, limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let annotations = row.opt_text("annotations")?.unwrap_or_else(|| "{}".to_owned());
            let annotations = serde_json::from_str(&annotations).map_err(|error| Error::Corrupt(error.to_string()))?;
            Ok(Referrer { image: image_of(row)?, annotations })
        })
        .collect()
}

pub(crate) async fn repositories_with_manifest(
    tx: &mut Tx,
    digest: &Digest,
) -> Result<Vec<(Id<Repository>, RepoName)>, Error> {
    let rows = tx
        .all(
            "SELECT r.id, r.name FROM repository_manifests l JOIN repositories r ON r.id = l.repository
             WHERE l.digest = $1 AND r.deleted_at IS NULL ORDER BY r.name",
            &args![digest.as_str()],
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.parse("name")?))).collect()
}

/// The CI job that made a manifest: the one that set the tag, else the one that pushed it.
pub(crate) async fn job_of(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Option<i64>, Error> {
    let row = tx
        .opt(
            "SELECT COALESCE(t.job, l.job) AS job FROM repository_manifests l
             LEFT JOIN tags t ON t.repository = l.repository AND t.digest = l.digest AND t.name = $3
             WHERE l.repository = $1 AND l.digest = $2",
            &args![repository, digest.as_str(), tag.map(Tag::as_str)],
        )
        .await?;
    row.map_or(Ok(None), |row| row.opt_int("job"))
}

// ── tags ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Set a tag and bind its name to the digest.
pub(crate) async fn set_tag(tx: &mut Tx, repository: &Id<Repository>, new: &NewTag) -> Result<(), Error> {
    let (policy, source, source_tag) = match &new.origin {
        Origin::Pushed => (None, None, None),
        Origin::Promoted { policy, source, source_tag } => {
            (policy.as_ref(), Some(source.as_str()), source_tag.as_ref().map(Tag::as_str))
        }
    };
    tx.execute(
        "INSERT INTO tags (repository, name, digest, pushed_by, pushed_at, job, origin, policy, source_repository,
            source_tag)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, pushed_by = excluded.pushed_by,
            pushed_at = excluded.pushed_at, job = excluded.job, origin = excluded.origin, policy = excluded.policy,
            source_repository = excluded.source_repository, source_tag = excluded.source_tag",
        &args![
            repository,
            new.tag.as_str(),
            new.digest.as_str(),
            &new.pushed_by,
            new.pushed_at,
            new.job,
            new.origin.word(),
            policy,
            source,
            source_tag
        ],
    )
    .await?;
    tx.execute(
        "INSERT INTO tag_names (repository, name, digest) VALUES ($1, $2, $3)
         ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest",
        &args![repository, new.tag.as_str(), new.digest.as_str()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_tag(tx: &mut Tx, repository: &Id<Repository>, tag: &Tag) -> Result<(), Error> {
    let sql = "DELETE FROM tags WHERE repository = $1 AND name = $2";
    tx.execute(sql, &args![repository, tag.as_str()]).await?;
    Ok(())
}

pub(crate) async fn tag_digest(tx: &mut Tx, repository: &Id<Repository>, tag: &Tag) -> Result<Option<Digest>, Error> {
    let sql = "SELECT digest FROM tags WHERE repository = $1 AND name = $2";
    tx.opt(sql, &args![repository, tag.as_str()]).await?.map(|row| row.parse("digest")).transpose()
}

/// Whether a promotion gave the tag what it names now.
pub(crate) async fn tag_is_promoted(tx: &mut Tx, repository: &Id<Repository>, tag: &Tag) -> Result<bool, Error> {
    let sql = "SELECT origin, policy, source_repository, source_tag FROM tags WHERE repository = $1 AND name = $2";
    let row = tx.opt(sql, &args![repository, tag.as_str()]).await?;
    let origin = row.as_ref().map(origin_of).transpose()?;
    Ok(matches!(origin, Some(Origin::Promoted { .. })))
}

/// The digest that the name was given last, also when the tag is deleted.
pub(crate) async fn bound_digest(tx: &mut Tx, repository: &Id<Repository>, tag: &Tag) -> Result<Option<Digest>, Error> {
    let sql = "SELECT digest FROM tag_names WHERE repository = $1 AND name = $2";
    tx.opt(sql, &args![repository, tag.as_str()]).await?.map(|row| row.parse("digest")).transpose()
}

pub(crate) async fn tags(tx: &mut Tx, repository: &Id<Repository>, after: &str, limit: i64) -> Result<Vec<Tag>, Error> {
    let sql = "SELECT name FROM tags WHERE repository = $1 AND name > $2 ORDER BY name LIMIT $3";
    tx.all(sql, &args![repository, after, limit]).await?.iter().map(|row| row.parse("name")).collect()
}

/// The tags that a limit of so many leaves over, the newest first.
pub(crate) async fn tags_beyond(tx: &mut Tx, repository: &Id<Repository>, limit: u32) -> Result<Vec<TagView>, Error> {
    const AT_ONCE: i64 = 1_000;
    let rows = tx
        .all(
            "SELECT m.*, t.name, t.pushed_by, t.pushed_at, t.job, t.origin, t.policy, t.source_repository, t.source_tag
             FROM tags t JOIN manifests m ON m.digest = t.digest
             WHERE t.repository = $1 ORDER BY t.pushed_at DESC, t.name DESC LIMIT $3 OFFSET $2",
            &args![repository, limit, AT_ONCE],
        )
        .await?;
    rows.iter().map(tag_view_of).collect()
}

/// All names ever given in the repository.
pub(crate) async fn tag_names(tx: &mut Tx, repository: &Id<Repository>) -> Result<Vec<Tag>, Error> {
    let sql = "SELECT name FROM tag_names WHERE repository = $1 ORDER BY name";
    tx.all(sql, &args![repository]).await?.iter().map(|row| row.parse("name")).collect()
}

pub(crate) async fn tags_naming(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<Vec<Tag>, Error> {
    let sql = "SELECT name FROM tags WHERE repository = $1 AND digest = $2 ORDER BY name";
    tx.all(sql, &args![repository, digest.as_str()]).await?.iter().map(|row| row.parse("name")).collect()
}

static TAGS_OF: Bulk<1> = Bulk::new(
    "SELECT l.digest, r.name AS repository, t.name FROM repository_manifests l
     JOIN repositories r ON r.id = l.repository JOIN tags t ON t.repository = l.repository AND t.digest = l.digest
     WHERE l.digest IN (VALUES {rows}) AND r.deleted_at IS NULL ORDER BY l.digest, r.name, t.name",
    0,
);

pub(crate) async fn tags_of(tx: &mut Tx, digests: &[&Digest]) -> Result<BTreeMap<Digest, Vec<(RepoName, Tag)>>, Error> {
    let rows: Vec<[Val; 1]> = digests.iter().map(|digest| args![digest.as_str()]).collect();
    let mut tags: BTreeMap<Digest, Vec<(RepoName, Tag)>> = BTreeMap::new();
    for row in TAGS_OF.all(tx, &[], &rows).await? {
        tags.entry(row.parse("digest")?).or_default().push((row.parse("repository")?, row.parse("name")?));
    }
    Ok(tags)
}

pub(crate) async fn tag_views(
    tx: &mut Tx,
    repository: &Id<Repository>,
    after: &str,
    limit: i64,
) -> Result<Vec<TagView>, Error> {
    let rows = tx
        .all(
            "SELECT m.*, t.name, t.pushed_by, t.pushed_at, t.job, t.origin, t.policy, t.source_repository, t.source_tag
             FROM tags t JOIN manifests m ON m.digest = t.digest
             WHERE t.repository = $1 AND t.name > $2 ORDER BY t.name LIMIT $3",
            &args![repository, after, limit],
        )
        .await?;
    rows.iter().map(tag_view_of).collect()
}

pub(crate) async fn tag_view(tx: &mut Tx, repository: &Id<Repository>, tag: &Tag) -> Result<Option<TagView>, Error> {
    let row = tx
        .opt(
            "SELECT m.*, t.name, t.pushed_by, t.pushed_at, t.job, t.origin, t.policy, t.source_repository, t.source_tag
             FROM tags t JOIN manifests m ON m.digest = t.digest WHERE t.repository = $1 AND t.name = $2",
            &args![repository, tag.as_str()],
        )
        .await?;
    row.as_ref().map(tag_view_of).transpose()
}

pub(super) fn tag_view_of(row: &Row) -> Result<TagView, Error> {
    Ok(TagView {
        tag: row.parse("name")?,
        image: image_of(row)?,
        pushed_by: row.text("pushed_by")?,
        pushed_at: row.time("pushed_at")?,
        job: row.opt_int("job")?,
        origin: origin_of(row)?,
    })
}

pub(super) fn origin_of(row: &Row) -> Result<Origin, Error> {
    match row.text("origin")?.as_str() {
        "pushed" => Ok(Origin::Pushed),
        "promoted" => Ok(Origin::Promoted {
            policy: row.opt_text("policy")?,
            source: row.parse("source_repository")?,
            source_tag: row.opt_parse("source_tag")?,
        }),
        other => Err(Error::Corrupt(format!("{other:?} is no origin of a tag"))),
    }
}
