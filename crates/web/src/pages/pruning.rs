//! The pages of pruning, and the form that writes and tries policies.

use audit::Filter;
use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use base::{Id, limits};
use oci::RepoName;
use policy::Verdict;
use prune::{Judged, PruningPolicy};
use serde::Deserialize;
use serde_json::Value;
use ui::{GoneTag, PruningForm, PruningRow, PruningView, Refusal, Tried, TriedRow};

use super::{Failure, Page, Told, Visitor, rules, see_other, view::moment};
use crate::App;

/// Tags that a page shows a draft's verdict of; the command line shows all.
const TRIED: usize = 200;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/pruning/of/{*name}", get(of_repository))
        .route("/pruning/save", post(save))
        .route("/pruning/try", post(try_it))
        .route("/pruning/{policy}/{action}", post(act))
}

#[derive(Debug, Deserialize)]
struct Edited {
    /// The policy that the form is to change.
    edit: Option<String>,
}

async fn of_repository(visitor: Visitor, Path(name): Path<String>, Query(edited): Query<Edited>) -> Response {
    visitor.answer(present(&visitor, &name, edited.edit.as_deref()).await)
}

async fn present(visitor: &Visitor, name: &str, edit: Option<&str>) -> Page {
    let form = match edit {
        None => PruningForm { enabled: true, ..PruningForm::default() },
        Some(id) => {
            let name = name.parse().map_err(|_| Failure::NotFound)?;
            form_of(&visitor.app.prune.policy(&visitor.ctx, &name, &known(id)?).await?)
        }
    };
    page(visitor, name, form).await
}

async fn page(visitor: &Visitor, name: &str, form: PruningForm) -> Page {
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let (app, ctx) = (&visitor.app, &visitor.ctx);
    let policies = app.prune.list(ctx, &name).await?;
    let tabs = visitor.tabs(&name).await;
    let view = PruningView {
        policies: policies.iter().map(row).collect(),
        tag_limit: app.registry.repository(ctx, &name).await?.tag_limit,
        form: tabs.administers.then_some(form),
        help: rules::help(),
        gone: gone(app, &name).await?,
        tabs,
    };
    Ok(ui::pruning(&visitor.frame(), &view).into_string())
}

fn row(policy: &PruningPolicy) -> PruningRow {
    let form = policy::PolicyForm::from(policy.policy.clone());
    PruningRow {
        id: policy.id.to_string(),
        enabled: form.enabled,
        rules: form.rules.iter().map(rules::in_words).collect(),
        since: policy.since.map(moment),
        promoted_too: policy.promoted_too,
        last_pruned: policy.last_pruned_at.map(moment),
    }
}

fn form_of(policy: &PruningPolicy) -> PruningForm {
    let form = policy::PolicyForm::from(policy.policy.clone());
    PruningForm {
        policy: policy.id.to_string(),
        rules: rules::written(&form.rules),
        enabled: form.enabled,
        promoted_too: policy.promoted_too,
        refused: None,
        tried: None,
    }
}

/// The latest tags that nobody asked for one by one to be deleted, as the log has them.
async fn gone(app: &App, name: &RepoName) -> Result<Vec<GoneTag>, Failure> {
    let wanted = Filter {
        kind: Some("tag.deleted".to_owned()),
        subject: Some(format!("repository/{name}")),
        newest_first: true,
        limit: Some(limits::PAGE_DEFAULT),
        ..Filter::default()
    };
    let mut gone = Vec::new();
    for entry in app.log.entries(&wanted).await? {
        let body = entry.parsed()?;
        let detail = |name: &str| body.details.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if detail("by") == "request" {
            continue;
        }
        let reasons = body.details.get("reasons").and_then(Value::as_array).cloned().unwrap_or_default();
        gone.push(GoneTag {
            at: moment(body.at),
            tag: detail("tag"),
            digest: detail("digest"),
            by: detail("by"),
            reasons: reasons.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        });
    }
    Ok(gone)
}

/// What the form says.
#[derive(Clone, Debug, Deserialize)]
struct Draft {
    repository: String,
    /// Empty for a new one.
    #[serde(default)]
    policy: String,
    #[serde(default)]
    rules: String,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    promoted_too: bool,
}

impl Draft {
    fn repository(&self) -> Result<RepoName, Told> {
        self.repository.parse().map_err(|_| Told::Apart(Failure::NotFound))
    }

    fn form(&self) -> Result<prune::PruningForm, Told> {
        Ok(prune::PruningForm {
            enabled: Some(self.enabled),
            rules: Some(rules::read(&self.rules).map_err(Told::OnPage)?),
            // As it was; the form does not ask.
            ignore_unknown_severities: None,
            promoted_too: Some(self.promoted_too),
        })
    }

    /// The form again, as it was filled in.
    fn again(&self) -> PruningForm {
        let Draft { policy, rules, enabled, promoted_too, .. } = self.clone();
        PruningForm { policy, rules, enabled, promoted_too, refused: None, tried: None }
    }
}

#[derive(Debug, Deserialize)]
struct Which {
    /// Also the tags there are.
    #[serde(default)]
    all: bool,
}

async fn save(visitor: Visitor, Query(which): Query<Which>, Form(draft): Form<Draft>) -> Response {
    match keep(&visitor, &draft, which.all).await {
        Ok(name) => see_other(&format!("/pruning/of/{name}")),
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn keep(visitor: &Visitor, draft: &Draft, all: bool) -> Result<RepoName, Told> {
    let (prune, ctx, name) = (&visitor.app.prune, &visitor.ctx, draft.repository()?);
    match draft.policy.as_str() {
        "" => drop(prune.create(ctx, &name, draft.form()?, all).await?),
        id => drop(prune.update(ctx, &name, &known(id).map_err(Told::Apart)?, draft.form()?, all).await?),
    }
    Ok(name)
}

async fn try_it(visitor: Visitor, Form(draft): Form<Draft>) -> Response {
    match tried(&visitor, &draft).await {
        Ok(tried) => {
            let form = PruningForm { tried: Some(tried), ..draft.again() };
            visitor.answer(page(&visitor, &draft.repository, form).await)
        }
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn tried(visitor: &Visitor, draft: &Draft) -> Result<Tried, Told> {
    let name = draft.repository()?;
    let page = visitor.app.prune.test(&visitor.ctx, &name, draft.form()?, ("", TRIED, true)).await?;
    Ok(Tried { rows: page.tags.iter().map(tried_row).collect(), more: page.next.is_some() })
}

fn tried_row(judged: &Judged) -> TriedRow {
    let sentences = judged.decision.reasons.iter().map(|reason| reason.sentence.clone());
    TriedRow {
        tag: judged.view.tag.to_string(),
        digest: judged.view.image.digest.to_string(),
        goes: judged.goes(),
        unknown: judged.decision.verdict == Verdict::Unknown,
        // What keeps a tag says more than the rules that it satisfies.
        reasons: match &judged.kept {
            Some(kept) if judged.decision.verdict == Verdict::Allowed => vec![kept.to_string()],
            _ => sentences.collect(),
        },
    }
}

async fn refused(visitor: &Visitor, draft: &Draft, told: Told) -> Response {
    match told {
        // All that can be wrong in this form is in its rules.
        Told::OnPage(why) if visitor.administers(&draft.repository).await => {
            let form = PruningForm { refused: Some(Refusal { field: "rules", why }), ..draft.again() };
            visitor.refused(page(visitor, &draft.repository, form).await)
        }
        told => visitor.told(told),
    }
}

/// What the buttons of a policy send along.
#[derive(Debug, Deserialize)]
struct About {
    repository: String,
}

async fn act(visitor: Visitor, Path((id, action)): Path<(String, String)>, Form(about): Form<About>) -> Response {
    match do_it(&visitor, &about, &id, &action).await {
        Ok(name) => see_other(&format!("/pruning/of/{name}")),
        Err(told) => visitor.told(told),
    }
}

async fn do_it(visitor: &Visitor, about: &About, id: &str, action: &str) -> Result<RepoName, Told> {
    let (prune, ctx, id) = (&visitor.app.prune, &visitor.ctx, known(id).map_err(Told::Apart)?);
    let name: RepoName = about.repository.parse().map_err(|_| Told::Apart(Failure::NotFound))?;
    let enabled = match action {
        "enable" => true,
        "disable" => false,
        "delete" => {
            prune.delete(ctx, &name, &id).await?;
            return Ok(name);
        }
        _ => return Err(Told::Apart(Failure::NotFound)),
    };
    // Of all tags as before; one of future tags begins anew.
    let all = prune.policy(ctx, &name, &id).await?.since.is_none();
    let form = prune::PruningForm { enabled: Some(enabled), ..prune::PruningForm::default() };
    prune.update(ctx, &name, &id, form, all).await?;
    Ok(name)
}

fn known(id: &str) -> Result<Id<PruningPolicy>, Failure> {
    id.parse().map_err(|_| Failure::NotFound)
}
