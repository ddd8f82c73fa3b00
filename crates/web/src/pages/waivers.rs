//! The pages of waivers: the list, the form that asks for one, and what others answer.

use std::collections::{BTreeMap, btree_map::Entry};

use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use base::{Id, Timestamp};
use bom::Justification;
use identity::Level;
use oci::{Digest, Reference, RepoName};
use promote::{Approval, NewWaiver, Waiver, WaiverScope};
use serde::Deserialize;
use ui::{Refusal, WaiverForm, WaiverRow, WaiverState, WaiversView};

use super::{Failure, Page, Told, Visitor, see_other, view::moment};
use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/waivers", get(list))
        .route("/waivers/new", get(ask))
        .route("/waivers/create", post(create))
        .route("/waivers/settings", post(settings))
        .route("/waivers/{waiver}/{action}", post(act))
}

#[derive(Debug, Deserialize)]
struct Which {
    /// `admin/shop`, `admin/*`, a digest, `everywhere`; all that the reader may see when it is absent.
    #[serde(default)]
    scope: String,
}

async fn list(visitor: Visitor, Query(which): Query<Which>) -> Response {
    visitor.answer(page(&visitor, &which.scope, None).await)
}

async fn page(visitor: &Visitor, scope: &str, refused: Option<String>) -> Page {
    let (promote, ctx) = (&visitor.app.promote, &visitor.ctx);
    let (waivers, repository) = match scope {
        "" => {
            visitor.require_account()?;
            (promote.all_waivers(ctx).await?, None)
        }
        text => {
            let scope: WaiverScope = text.parse().map_err(|_| Failure::NotFound)?;
            let found = promote.waivers(ctx, &scope).await?;
            (found, if let WaiverScope::Repository(name) = scope { Some(name) } else { None })
        }
    };
    // Many are of few scopes.
    let mut may = BTreeMap::new();
    for waiver in &waivers {
        if let Entry::Vacant(unknown) = may.entry(waiver.scope.to_string()) {
            unknown.insert(promote.may_waive(ctx, &waiver.scope).await?);
        }
    }
    let tabs = match &repository {
        Some(name) => Some(visitor.tabs(name).await),
        None => None,
    };
    let view = WaiversView {
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        tabs,
        waivers: waivers.iter().map(|waiver| row(visitor, waiver, may[&waiver.scope.to_string()])).collect(),
        need_approval: promote.waivers_need_approval().await?,
        administrator: Level::is_admin(&mut visitor.app.db.read().await?, &ctx.actor).await?,
        refused: refused.map(|why| Refusal { field: "", why }),
    };
    Ok(ui::waivers(&visitor.frame(), &view).into_string())
}

fn row(visitor: &Visitor, waiver: &Waiver, may: bool) -> WaiverRow {
    let now = visitor.ctx.now;
    let expired = waiver.expires_at.is_some_and(|at| at <= now);
    let component = waiver.component.as_ref().map(|name| match &waiver.version {
        Some(version) => format!("{name} {version}"),
        None => name.clone(),
    });
    let state = match &waiver.approval {
        _ if expired => WaiverState::Expired,
        Approval::Proposed => WaiverState::Proposed,
        Approval::NotNeeded => WaiverState::InForce(None),
        Approval::Given { by, at } => WaiverState::InForce(Some((by.clone(), moment(*at)))),
    };
    WaiverRow {
        id: waiver.id.to_string(),
        advisory: waiver.advisory.clone(),
        component,
        scope: waiver.scope.to_string(),
        justification: waiver.justification.map(|why| why.as_str().to_owned()),
        reason: waiver.reason.clone(),
        author: waiver.author.clone(),
        created: moment(waiver.created_at),
        approvable: may && state == WaiverState::Proposed && !waiver.is_by(&visitor.ctx.actor),
        state,
        until: waiver.expires_at.map(moment),
        removable: may,
    }
}

/// What a link to the form says, and the form itself.
#[derive(Clone, Debug, Default, Deserialize)]
struct Draft {
    /// The image it was asked from.
    #[serde(default)]
    repository: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    advisory: String,
    #[serde(default)]
    component: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    reason: String,
    /// A day.
    #[serde(default)]
    until: String,
}

impl Draft {
    fn new_waiver(&self) -> Result<NewWaiver, Refusal> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let refused = |field| move |why: String| Refusal { field, why };
        let scope = self.scope.trim();
        Ok(NewWaiver {
            scope: scope.parse().map_err(|_| {
                let why = "write namespace/name, namespace/* for all in it, the digest of an image, layer:DIGEST, or everywhere";
                refused("scope")(format!("{:?} is nowhere; {why}", scope.chars().take(80).collect::<String>()))
            })?,
            advisory: self.advisory.trim().to_owned(),
            component: text(&self.component),
            version: text(&self.version),
            reason: self.reason.replace("\r\n", "\n").trim().to_owned(),
            justification: text(&self.justification)
                .map(|word| word.parse::<Justification>())
                .transpose()
                .map_err(refused("justification"))?,
            expires_at: text(&self.until).map(|day| end_of(&day)).transpose().map_err(refused("until"))?,
        })
    }
}

/// The end of a day, in UTC.
fn end_of(day: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{:?} is no day; write it as 2027-12-31", day.chars().take(40).collect::<String>());
    let midnight: Timestamp = format!("{day}T00:00:00Z").parse().map_err(|_| wrong())?;
    midnight.checked_add(std::time::Duration::from_secs(24 * 60 * 60)).map_err(|_| wrong())
}

async fn ask(visitor: Visitor, Query(draft): Query<Draft>) -> Response {
    visitor.answer(form(&visitor, &draft, None).await)
}

async fn form(visitor: &Visitor, draft: &Draft, refused: Option<Refusal>) -> Page {
    visitor.require_account()?;
    let from = from(visitor, draft).await?;
    let scopes = match &from {
        Some((name, digest)) => scopes(visitor, name, digest).await?,
        None => Vec::new(),
    };
    if from.is_some() && scopes.is_empty() {
        let why = "Only who administers the image's repositories, owns their namespace or is an administrator waives a finding; ask one of them.";
        return Ok(ui::message(&visitor.frame(), "New waiver", why, &visitor.ctx.request_id).into_string());
    }
    let draft = draft.clone();
    let view = WaiverForm {
        from: from.map(|(name, digest)| (name.to_string(), digest.to_string())),
        scopes,
        scope: draft.scope,
        advisory: draft.advisory,
        component: draft.component,
        version: draft.version,
        justification: draft.justification,
        justifications: Justification::ALL.into_iter().map(|why| (why.as_str(), meaning(why))).collect(),
        reason: draft.reason,
        until: draft.until,
        need_approval: visitor.app.promote.waivers_need_approval().await?,
        refused,
    };
    Ok(ui::waiver_form(&visitor.frame(), &view).into_string())
}

/// The image it was asked from, if the reader may see it.
async fn from(visitor: &Visitor, draft: &Draft) -> Result<Option<(RepoName, Digest)>, Failure> {
    if draft.image.is_empty() {
        return Ok(None);
    }
    let name: RepoName = draft.repository.parse().map_err(|_| Failure::NotFound)?;
    let digest: Digest = draft.image.parse().map_err(|_| Failure::NotFound)?;
    visitor.app.registry.image(&visitor.ctx, &name, &Reference::Digest(digest.clone())).await?;
    Ok(Some((name, digest)))
}

/// Where a finding of an image can be waived by this reader, the narrowest first.
async fn scopes(visitor: &Visitor, name: &RepoName, digest: &Digest) -> Result<Vec<(String, String)>, Failure> {
    let mut all = vec![
        (WaiverScope::Image(digest.clone()), "this image, in every repository".to_owned()),
        (WaiverScope::Repository(name.clone()), format!("every image in {name}")),
    ];
    if let Ok(namespace) = name.namespace().parse() {
        all.push((WaiverScope::Namespace(namespace), format!("every repository of {}", name.namespace())));
    }
    all.push((WaiverScope::Everywhere, "everywhere".to_owned()));
    let mut open = Vec::new();
    for (scope, words) in all {
        if visitor.app.promote.may_waive(&visitor.ctx, &scope).await? {
            open.push((scope.to_string(), words));
        }
    }
    Ok(open)
}

fn meaning(justification: Justification) -> &'static str {
    match justification {
        Justification::ComponentNotPresent => "the component is not in it",
        Justification::VulnerableCodeNotPresent => "the vulnerable code is not in it",
        Justification::VulnerableCodeNotInExecutePath => "the vulnerable code is never run",
        Justification::VulnerableCodeCannotBeControlledByAdversary => "nobody can make the vulnerable code do harm",
        Justification::InlineMitigationsAlreadyExist => "something in it prevents the harm",
    }
}

async fn create(visitor: Visitor, Form(draft): Form<Draft>) -> Response {
    let new = match draft.new_waiver() {
        Ok(new) => new,
        Err(refusal) => return visitor.refused(form(&visitor, &draft, Some(refusal)).await),
    };
    match visitor.app.promote.create_waiver(&visitor.ctx, new).await.map_err(Told::from) {
        Ok(waiver) => see_other(&format!("/waivers?scope={}", waiver.scope)),
        Err(Told::OnPage(why)) => {
            let refusal = Refusal { field: field(&why), why };
            visitor.refused(form(&visitor, &draft, Some(refusal)).await)
        }
        Err(told) => visitor.told(told),
    }
}

/// The field that a reason is about.
fn field(why: &str) -> &'static str {
    const BEGINNINGS: [(&str, &str); 5] = [
        ("name the advisory", "advisory"),
        ("a component", "component"),
        ("a version", "version"),
        ("say why", "reason"),
        ("the waiver would have expired", "until"),
    ];
    BEGINNINGS.iter().find(|(beginning, _)| why.starts_with(beginning)).map_or("", |(_, field)| field)
}

#[derive(Debug, Deserialize)]
struct Settings {
    need: bool,
}

async fn settings(visitor: Visitor, Form(settings): Form<Settings>) -> Response {
    let set = visitor.app.promote.set_waivers_need_approval(&visitor.ctx, settings.need).await;
    match set.map_err(Told::from) {
        Ok(()) => see_other("/waivers"),
        Err(told) => visitor.told(told),
    }
}

async fn act(visitor: Visitor, Path((id, action)): Path<(String, String)>, Form(back): Form<Which>) -> Response {
    match do_it(&visitor, &id, &action).await {
        Ok(()) if back.scope.is_empty() => see_other("/waivers"),
        Ok(()) => see_other(&format!("/waivers?scope={}", back.scope)),
        Err(Told::OnPage(why)) => visitor.refused(page(&visitor, &back.scope, Some(why)).await),
        Err(told) => visitor.told(told),
    }
}

async fn do_it(visitor: &Visitor, id: &str, action: &str) -> Result<(), Told> {
    let (promote, ctx) = (&visitor.app.promote, &visitor.ctx);
    let id: Id<Waiver> = id.parse().map_err(|_| Told::Apart(Failure::NotFound))?;
    // Who may not see it does not learn that it is there.
    promote.waiver(ctx, &id).await?;
    match action {
        "approve" => drop(promote.approve_waiver(ctx, &id).await?),
        "withdraw" => promote.delete_waiver(ctx, &id).await?,
        _ => return Err(Told::Apart(Failure::NotFound)),
    }
    Ok(())
}
