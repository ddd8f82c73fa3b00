//! The tags of one repository.

use axum::{
    extract::{Path, Query},
    response::Response,
};
use base::limits;
use db::Tx;
use oci::RepoName;
use registry::{Origin, TagView, Visibility};
use ui::{RepositoryView, TagRow};

use super::{
    Failure, Page, Visitor,
    repositories::After,
    view::{moment, platform, scan_state},
};
use crate::{
    scanned::scanned,
    signed::{Signed, Standing},
};

/// `GET /repositories/{namespace}/{name}?after=…`
pub(super) async fn list(visitor: Visitor, Path(name): Path<String>, Query(after): Query<After>) -> Response {
    visitor.answer(page(&visitor, &name, &after.after).await)
}

async fn page(visitor: &Visitor, name: &str, after: &str) -> Page {
    let app = &visitor.app;
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let repository = app.registry.repository(&visitor.ctx, &name).await?;
    let page = app.registry.tag_views(&visitor.ctx, &name, after, limits::PAGE_DEFAULT).await?;
    let tabs = visitor.tabs(&name).await;
    let mut tx = app.db.read().await?;
    let signed = Signed::of(app, &mut tx, visitor.ctx.now, &name).await?;
    let age = app.scan.age(&mut tx, visitor.ctx.now).await?;
    let mut tags = Vec::with_capacity(page.items.len());
    for tag in &page.items {
        tags.push(row(visitor, &mut tx, (&name, &signed), tag).await?);
    }
    let view = RepositoryView {
        tabs,
        private: repository.visibility == Visibility::Private,
        immutable: repository.immutable,
        next: tags.last().filter(|_| page.more).map(|row| row.tag.clone()),
        tags,
        snapshot: app.scan.snapshot().label,
        snapshot_age: (age.words(), age.stale),
    };
    Ok(ui::tags(&visitor.frame(), &view).into_string())
}

async fn row(
    visitor: &Visitor,
    tx: &mut Tx,
    (name, signed): (&RepoName, &Signed),
    tag: &TagView,
) -> Result<TagRow, Failure> {
    let image = &tag.image;
    let (signed_by, signature_mismatch) = match signed.standing(&tag.tag, &image.digest) {
        Standing::Unsigned => (Vec::new(), false),
        Standing::Signed(by) => (by, false),
        Standing::Moved => (Vec::new(), true),
    };
    let lapsed = crate::dtr::lapsed(tx, name, tag).await?;
    Ok(TagRow {
        tag: tag.tag.to_string(),
        digest: image.digest.to_string(),
        platform: platform(image.platform.as_ref(), image.is_index()),
        size_bytes: image.total_bytes,
        pushed_by: tag.pushed_by.clone(),
        pushed_at: moment(tag.pushed_at),
        scan: scan_state(&scanned(&visitor.app, tx, visitor.ctx.now, name, image).await?),
        promoted_from: promoted_from(&tag.origin),
        lapsed: lapsed.map(|record| {
            let objections: Vec<&str> = record.decision.objections().map(|reason| reason.sentence.as_str()).collect();
            format!("since {}: {}", moment(record.decided_at), objections.join("; "))
        }),
        signed_by,
        signature_mismatch,
    })
}

fn promoted_from(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Pushed => None,
        Origin::Promoted { source, source_tag: Some(tag), .. } => Some(format!("{source}:{tag}")),
        Origin::Promoted { source, source_tag: None, .. } => Some(source.to_string()),
    }
}
