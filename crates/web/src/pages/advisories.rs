//! The advisories in use, and the forms that bring newer ones.

use axum::{extract::Request, response::Response};
use base::Timestamp;
use identity::Level;
use ui::{AdvisoriesView, SourceView, UpdatesView};

use super::{Failure, Page, Visitor, see_other, view::moment};
use crate::dtr::uploaded;

/// `GET /advisories`
pub(super) async fn show(visitor: Visitor) -> Response {
    visitor.answer(page(&visitor).await)
}

async fn page(visitor: &Visitor) -> Page {
    visitor.require_account()?;
    let app = &visitor.app;
    let standing = app.scan.standing(&visitor.ctx).await?;
    let may_change = Level::is_admin(&mut app.db.read().await?, &visitor.ctx.actor).await?;
    let (snapshot, updates) = (standing.snapshot, standing.updates);
    let at = |at: Option<Timestamp>| at.map(moment);
    let view = AdvisoriesView {
        label: snapshot.label,
        digest: snapshot.digest,
        age: (standing.age.words(), standing.age.stale),
        in_use_since: at(standing.snapshot_since),
        signed_by: snapshot.signed_by,
        vulnerabilities: snapshot.vulnerabilities,
        advisories: snapshot.advisories,
        packages: snapshot.packages,
        sources: snapshot
            .sources
            .into_iter()
            .map(|source| SourceView { name: source.name, date: at(source.date), records: source.records })
            .collect(),
        updates: UpdatesView {
            scanner_on: standing.settings.enabled,
            online: standing.settings.sync_online,
            urls: updates.urls.iter().map(ToString::to_string).collect(),
            daily_at: updates.daily_at.to_string(),
            trusted: updates.keys.iter().map(|key| format!("{}+{}", key.name(), key.id())).collect(),
            stale_days: updates.stale_days,
            error: standing.update_error,
            asked_at: at(standing.asked_at),
            answered_at: at(standing.answered_at),
            progress: standing.progress,
        },
        may_change,
    };
    Ok(ui::advisories(&visitor.frame(), &view).into_string())
}

/// `POST /advisories/upload`: the form of the page. What is refused is told there.
pub(super) async fn upload(visitor: Visitor, request: Request) -> Response {
    let app = &visitor.app;
    // Before reading a large body, and again in the transaction that adopts it.
    if let Err(failure) = may_change(&visitor).await {
        return visitor.answer(Err(failure));
    }
    let bytes = match uploaded(request).await {
        Ok(bytes) => bytes,
        Err(error) => {
            let (kind, message) = error.told();
            return visitor.answer(Err(Failure::Other(kind, message)));
        }
    };
    back(&visitor, app.scan.use_snapshot(&visitor.ctx, bytes, false).await.map(drop))
}

/// `POST /advisories/fetch`
pub(super) async fn fetch(visitor: Visitor) -> Response {
    back(&visitor, visitor.app.scan.request_fetch(&visitor.ctx).await.map(drop))
}

async fn may_change(visitor: &Visitor) -> Result<(), Failure> {
    Level::require_admin(&mut visitor.app.db.read().await?, &visitor.ctx.actor).await?;
    match visitor.app.scan.settings().await?.enabled {
        true => Ok(()),
        false => Err(Failure::Other(base::Kind::Invalid, scan::Error::SwitchedOff.to_string())),
    }
}

fn back(visitor: &Visitor, outcome: Result<(), scan::Error>) -> Response {
    match outcome {
        Ok(()) => see_other("/advisories"),
        // It is said in full, and not taken for a page that is not there.
        Err(error @ scan::Error::Invalid(_)) => visitor.answer(Err(Failure::Other(error.kind(), error.to_string()))),
        Err(error) => visitor.answer(Err(error.into())),
    }
}
