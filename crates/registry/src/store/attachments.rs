//! The SQL of attachments: what the program itself says of an image.

use base::{Id, Timestamp};
use db::{Error, Tx, args};
use oci::{Digest, Tag};

use crate::Repository;

/// `attached` is the kind of an attachment, NULL for what somebody pushed; and TRUE for blobs that only came with one.
pub(super) const ATTACHMENTS_STEP: &str = "ALTER TABLE repository_manifests ADD COLUMN attached TEXT;
      CREATE INDEX repository_manifests_attached ON repository_manifests (repository, digest) WHERE attached IS NOT NULL;
      ALTER TABLE repository_blobs ADD COLUMN attached BOOLEAN NOT NULL DEFAULT FALSE";

/// The types of what cosign attached before bundles, where it did that by reference.
pub(crate) const OLDER_SIGNATURES: [&str; 2] =
    ["application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.dev.cosign.artifact.att.v1+json"];

/// The type of what notation attaches (Notary Project signature specification, "Storage").
const NOTATION_SIGNATURE: &str = "application/vnd.cncf.notary.signature";

/// Make a blob readable that nobody pushed there.
pub(crate) async fn attach_blob(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO repository_blobs (repository, digest, linked_at, attached) VALUES ($1, $2, $3, TRUE)
         ON CONFLICT (repository, digest) DO NOTHING",
        &args![repository, digest.as_str(), now],
    )
    .await?;
    Ok(())
}

/// Put an attachment into a repository; gives whether it was not there before.
pub(crate) async fn attach_manifest(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    kind: &str,
    author: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let added = tx
        .execute(
            "INSERT INTO repository_manifests (repository, digest, pushed_by, pushed_at, attached)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository, digest) DO NOTHING",
            &args![repository, digest.as_str(), author, now, kind],
        )
        .await?;
    Ok(added > 0)
}

/// What was copied is an attachment where it was one; gives whether.
pub(crate) async fn mark_attached(
    tx: &mut Tx,
    from: &Id<Repository>,
    to: &Id<Repository>,
    digest: &Digest,
) -> Result<bool, Error> {
    let sql = "SELECT attached FROM repository_manifests WHERE repository = $1 AND digest = $2";
    let Some(kind) = tx.opt(sql, &args![from, digest.as_str()]).await? else { return Ok(false) };
    let Some(kind) = kind.opt_text("attached")? else { return Ok(false) };
    let sql = "UPDATE repository_manifests SET attached = $3 WHERE repository = $1 AND digest = $2";
    tx.execute(sql, &args![to, digest.as_str(), kind]).await?;
    Ok(true)
}

/// What is attached to an image, of one kind or all.
pub(crate) async fn attached(
    tx: &mut Tx,
    repository: &Id<Repository>,
    subject: &Digest,
    kind: Option<&str>,
) -> Result<Vec<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT m.digest FROM manifests m JOIN repository_manifests l ON l.digest = m.digest AND l.repository = $1
             WHERE m.subject = $2 AND l.attached IS NOT NULL AND (l.attached = $3 OR $3 IS NULL) ORDER BY m.digest",
            &args![repository, subject.as_str(), kind],
        )
        .await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

/// Whether the image is signed in a form that a bundle would hide.
pub(crate) async fn has_older_signature(
    tx: &mut Tx,
    repository: &Id<Repository>,
    subject: &Digest,
) -> Result<bool, Error> {
    let name = subject.as_str().replacen(':', "-", 1);
    let sql = "SELECT 1 AS one FROM tags WHERE repository = $1 AND name IN ($2, $3) LIMIT 1";
    let tags = [format!("{name}.sig"), format!("{name}.att")];
    if tx.opt(sql, &args![repository, tags[0].as_str(), tags[1].as_str()]).await?.is_some() {
        return Ok(true);
    }
    let sql =
        "SELECT 1 AS one FROM manifests m JOIN repository_manifests l ON l.digest = m.digest AND l.repository = $1
         WHERE m.subject = $2 AND COALESCE(m.artifact_type, m.config_type) IN ($3, $4) LIMIT 1";
    let [signature, attestation] = OLDER_SIGNATURES;
    Ok(tx.opt(sql, &args![repository, subject.as_str(), signature, attestation]).await?.is_some())
}

/// The tags under which cosign, before bundles, kept what it said of an image, and what they name.
pub(crate) async fn signature_tags(
    tx: &mut Tx,
    repository: &Id<Repository>,
    subject: &Digest,
) -> Result<Vec<(Tag, Digest)>, Error> {
    let name = subject.as_str().replacen(':', "-", 1);
    let sql = "SELECT name, digest FROM tags WHERE repository = $1 AND name IN ($2, $3, $4) ORDER BY name";
    let names = ["sig", "att", "sbom"].map(|end| format!("{name}.{end}"));
    let rows = tx.all(sql, &args![repository, names[0].as_str(), names[1].as_str(), names[2].as_str()]).await?;
    rows.iter().map(|row| Ok((row.parse("name")?, row.parse("digest")?))).collect()
}

/// Whether somebody else than the program signed the image by its digest: cosign by a tag, or a referrer of cosign, notation or Sigstore.
pub(crate) async fn is_signed(tx: &mut Tx, repository: &Id<Repository>, subject: &Digest) -> Result<bool, Error> {
    let tag = format!("{}.sig", subject.as_str().replacen(':', "-", 1));
    let sql = "SELECT 1 AS one FROM tags WHERE repository = $1 AND name = $2
         UNION ALL SELECT 1 AS one FROM manifests m JOIN repository_manifests l ON l.digest = m.digest AND l.repository = $1
         WHERE m.subject = $3 AND l.attached IS NULL AND (COALESCE(m.artifact_type, m.config_type) IN ($4, $5)
            OR COALESCE(m.artifact_type, m.config_type) LIKE 'application/vnd.dev.sigstore.bundle%') LIMIT 1";
    let [cosign, _] = OLDER_SIGNATURES;
    let args = args![repository, tag.as_str(), subject.as_str(), cosign, NOTATION_SIGNATURE];
    Ok(tx.opt(sql, &args).await?.is_some())
}

/// Attachments whose image is not in the repository, nor can be brought back to it.
pub(crate) async fn lost_attachments(tx: &mut Tx, limit: i64) -> Result<Vec<(Id<Repository>, Digest)>, Error> {
    let rows = tx
        .all(
            "SELECT l.repository, l.digest FROM repository_manifests l JOIN manifests m ON m.digest = l.digest
             WHERE l.attached IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM repository_manifests s
                    WHERE s.repository = l.repository AND s.digest = m.subject)
                AND NOT EXISTS (SELECT 1 FROM deletions d
                    WHERE d.repository = l.repository AND d.deleted LIKE '%' || m.subject || '%')
             ORDER BY l.repository, l.digest LIMIT $1",
            &args![limit],
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse("repository")?, row.parse("digest")?))).collect()
}
