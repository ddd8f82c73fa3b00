//! The pages of policies and decisions, and the form that writes and tries policies.

use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use base::{Id, Kind, limits};
use oci::RepoName;
use promote::{DecisionRecord, Error, PromotionPolicy, Trials};
use serde::Deserialize;
use ui::{DecisionView, DecisionsView, PoliciesView, PolicyForm, PolicyRow, Refusal, TrialRow, TrialsView, Verdict};

use super::{Failure, Page, Told, Visitor, rules, see_other, view::moment};
use crate::App;

/// Images that a page shows a draft's verdict of; the command line shows all.
const TRIALS: usize = 200;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/policies/of/{*name}", get(of_repository))
        .route("/policies/save", post(save))
        .route("/policies/try", post(try_it))
        .route("/policies/{policy}/delete", post(delete))
        .route("/decisions/of/{*name}", get(decisions))
        .route("/decisions/{decision}", get(decision))
}

#[derive(Debug, Deserialize)]
struct Side {
    #[serde(default = "yes")]
    source: bool,
}

fn yes() -> bool {
    true
}

async fn of_repository(visitor: Visitor, Path(name): Path<String>, Query(side): Query<Side>) -> Response {
    let empty = PolicyForm { tag: "%n".to_owned(), ..PolicyForm::default() };
    visitor.answer(page(&visitor, &name, side.source, empty).await)
}

async fn page(visitor: &Visitor, name: &str, source: bool, form: PolicyForm) -> Page {
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let (app, ctx) = (&visitor.app, &visitor.ctx);
    let found = app.promote.policies(ctx, &name, source).await?;
    let tabs = visitor.tabs(&name).await;
    let view = PoliciesView {
        source,
        policies: found.iter().map(|policy| row(policy, source, tabs.administers)).collect(),
        form: (tabs.administers && source).then_some(form),
        help: rules::help(),
        tabs,
    };
    Ok(ui::policies(&visitor.frame(), &view).into_string())
}

fn row(policy: &PromotionPolicy, source: bool, deletable: bool) -> PolicyRow {
    let form = policy::PolicyForm::from(policy.policy.clone());
    PolicyRow {
        id: policy.id.to_string(),
        other: if source { policy.target.to_string() } else { policy.source.to_string() },
        tag: form.tag_template,
        enabled: form.enabled,
        rules: form.rules.iter().map(rules::line).collect(),
        last_promoted: policy.last_promoted_at.map(moment),
        deletable,
    }
}

/// What the form says.
#[derive(Clone, Debug, Deserialize)]
struct Draft {
    source: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    rules: String,
}

impl Draft {
    fn source(&self) -> Result<RepoName, Failure> {
        self.source.parse().map_err(|_| Failure::NotFound)
    }

    fn form(&self) -> Result<policy::PolicyForm, Error> {
        Ok(policy::PolicyForm {
            enabled: true,
            rules: rules::read(&self.rules).map_err(Error::Policy)?,
            target_repository: self.target.trim().to_owned(),
            tag_template: self.tag.trim().to_owned(),
            ignore_unknown_severities: false,
        })
    }

    /// The form again, as it was filled in.
    fn again(&self) -> PolicyForm {
        let Draft { target, tag, rules, .. } = self.clone();
        PolicyForm { target, tag, rules, ..PolicyForm::default() }
    }
}

#[derive(Debug, Deserialize)]
struct Apply {
    #[serde(default)]
    apply: bool,
}

async fn save(visitor: Visitor, Query(apply): Query<Apply>, Form(draft): Form<Draft>) -> Response {
    match create(&visitor, &draft, apply.apply).await {
        Ok(source) => see_other(&format!("/policies/of/{source}")),
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn create(visitor: &Visitor, draft: &Draft, apply: bool) -> Result<RepoName, Told> {
    let source = draft.source().map_err(Told::Apart)?;
    visitor.app.promote.create_policy(&visitor.ctx, &source, draft.form()?, apply).await?;
    Ok(source)
}

#[derive(Debug, Deserialize)]
struct When {
    #[serde(default)]
    past: bool,
}

async fn try_it(visitor: Visitor, Query(when): Query<When>, Form(draft): Form<Draft>) -> Response {
    match tried(&visitor, &draft, when.past).await {
        Ok(trials) => {
            let rows = trials.trials.iter().map(trial_row).collect();
            let trials = TrialsView { past: when.past, rows, more: trials.next.is_some() };
            let form = PolicyForm { trials: Some(trials), ..draft.again() };
            visitor.answer(page(&visitor, &draft.source, true, form).await)
        }
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn tried(visitor: &Visitor, draft: &Draft, past: bool) -> Result<Trials, Told> {
    let source = draft.source().map_err(Told::Apart)?;
    let (promote, form) = (&visitor.app.promote, draft.form()?);
    Ok(match past {
        true => promote.try_past(&visitor.ctx, &source, form, "", TRIALS).await?,
        false => promote.try_now(&visitor.ctx, &source, form, "", TRIALS).await?,
    })
}

fn trial_row(trial: &promote::Trial) -> TrialRow {
    TrialRow {
        tag: trial.tag.to_string(),
        digest: trial.digest.to_string(),
        at: moment(trial.at),
        verdict: verdict(trial.decision.verdict),
        was: trial.past.as_ref().map(|past| verdict(past.decision.verdict)),
        target: trial.target_tag.as_ref().map(ToString::to_string).map_err(Clone::clone),
        present: trial.present,
        reasons: trial.decision.reasons.iter().map(|reason| reason.sentence.clone()).collect(),
    }
}

fn verdict(verdict: policy::Verdict) -> Verdict {
    match verdict {
        policy::Verdict::Allowed => Verdict::Allowed,
        policy::Verdict::Refused => Verdict::Refused,
        policy::Verdict::Unknown => Verdict::Unknown,
    }
}

async fn delete(visitor: Visitor, Path(id): Path<String>) -> Response {
    match removed(&visitor, &id).await {
        Ok(source) => see_other(&format!("/policies/of/{source}")),
        Err(failure) => visitor.answer(Err(failure)),
    }
}

async fn removed(visitor: &Visitor, id: &str) -> Result<RepoName, Failure> {
    let id: Id<PromotionPolicy> = id.parse().map_err(|_| Failure::NotFound)?;
    Ok(visitor.app.promote.delete_policy_by_id(&visitor.ctx, &id).await?)
}

impl From<Error> for Told {
    fn from(error: Error) -> Told {
        match error.kind() {
            Kind::Invalid | Kind::Conflict | Kind::Denied => Told::OnPage(error.to_string()),
            _ if matches!(error, Error::Registry(registry::Error::NameUnknown(_))) => Told::OnPage(error.to_string()),
            _ => Told::Apart(error.into()),
        }
    }
}

async fn refused(visitor: &Visitor, draft: &Draft, told: Told) -> Response {
    match told {
        Told::OnPage(why) if visitor.administers(&draft.source).await => {
            let form = PolicyForm { refused: Some(Refusal { field: "", why }), ..draft.again() };
            visitor.refused(page(visitor, &draft.source, true, form).await)
        }
        told => visitor.told(told),
    }
}

#[derive(Debug, Deserialize)]
struct Before {
    #[serde(default)]
    before: String,
}

async fn decisions(visitor: Visitor, Path(name): Path<String>, Query(before): Query<Before>) -> Response {
    visitor.answer(decisions_page(&visitor, &name, &before.before).await)
}

async fn decisions_page(visitor: &Visitor, name: &str, before: &str) -> Page {
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let found = visitor.app.promote.decisions_in(&visitor.ctx, &name, before, limits::PAGE_DEFAULT).await?;
    let next = found.last().filter(|_| found.len() == limits::PAGE_DEFAULT).map(|last| last.id.to_string());
    let view = DecisionsView {
        tabs: visitor.tabs(&name).await,
        decisions: found.iter().map(|record| decision_view(record, false)).collect(),
        next,
    };
    Ok(ui::decisions(&visitor.frame(), &view).into_string())
}

async fn decision(visitor: Visitor, Path(id): Path<String>) -> Response {
    visitor.answer(decision_page(&visitor, &id).await)
}

async fn decision_page(visitor: &Visitor, id: &str) -> Page {
    let id: Id<DecisionRecord> = id.parse().map_err(|_| Failure::NotFound)?;
    let explained = visitor.app.promote.decision(&visitor.ctx, &id).await?;
    let view = decision_view(&explained.record, explained.statement.is_some());
    Ok(ui::decision(&visitor.frame(), &view).into_string())
}

fn decision_view(record: &DecisionRecord, signed: bool) -> DecisionView {
    let outcome = |outcome| match outcome {
        policy::Outcome::Satisfied => "satisfied",
        policy::Outcome::Unsatisfied => "not satisfied",
        policy::Outcome::Unknown => "unknown",
    };
    let reasons = record.decision.reasons.iter();
    DecisionView {
        id: record.id.to_string(),
        repository: record.repository.to_string(),
        tag: record.tag.to_string(),
        digest: record.digest.to_string(),
        verdict: verdict(record.decision.verdict),
        effect: (record.effect.to_string(), record.effect.reason().map(str::to_owned)),
        decided: moment(record.decided_at),
        evaluator: record.decision.evaluator.clone(),
        reasons: reasons.map(|reason| (outcome(reason.outcome), reason.sentence.clone())).collect(),
        policy_digest: record.decision.policy_digest.clone(),
        evidence_digest: record.decision.evidence_digest.clone(),
        decision_digest: record.decision.digest(),
        signed,
    }
}
