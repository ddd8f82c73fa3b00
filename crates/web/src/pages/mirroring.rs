//! The pages of mirroring, and the form that makes, tries and changes policies.

use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use base::{Id, Secret};
use mirror::{Direction, MirroringPolicy, Permissions, Work};
use oci::RepoName;
use serde::Deserialize;
use ui::{MirrorState, MirrorView, MirrorWork, MirroringForm, MirroringRow, MirroringView, Refusal, WorkState};

use super::{Failure, Page, Told, Visitor, rules, see_other, view::moment};
use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/mirroring/of/{*name}", get(of_repository))
        .route("/mirroring/save", post(save))
        .route("/mirroring/try", post(try_it))
        .route("/mirroring/{policy}/{action}", post(act))
}

#[derive(Debug, Deserialize)]
struct Which {
    /// One of them, with all there is to know of it.
    policy: Option<String>,
}

async fn of_repository(visitor: Visitor, Path(name): Path<String>, Query(which): Query<Which>) -> Response {
    visitor.answer(match which.policy {
        None => list(&visitor, &name, new_form()).await,
        Some(id) => one(&visitor, (&name, &id), None, None).await,
    })
}

fn new_form() -> MirroringForm {
    let (direction, tag) = ("push".to_owned(), "%n".to_owned());
    MirroringForm { direction, tag, enabled: true, referrers: true, ..MirroringForm::default() }
}

async fn list(visitor: &Visitor, name: &str, form: MirroringForm) -> Page {
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let policies = visitor.app.mirror.list(&visitor.ctx, &name, None).await?;
    let view = MirroringView {
        tabs: visitor.tabs(&name).await,
        policies: policies.iter().map(row).collect(),
        form,
        help: rules::help(),
    };
    Ok(ui::mirroring(&visitor.frame(), &view).into_string())
}

async fn one(
    visitor: &Visitor,
    (name, id): (&str, &str),
    form: Option<MirroringForm>,
    connection: Option<Result<String, String>>,
) -> Page {
    let (name, id): (RepoName, _) = (name.parse().map_err(|_| Failure::NotFound)?, known(id)?);
    let (policy, work) = visitor.app.mirror.work(&visitor.ctx, &name, &id).await?;
    let view = MirrorView {
        tabs: visitor.tabs(&name).await,
        row: row(&policy),
        host: policy.place.host.clone(),
        username: policy.username.clone(),
        has_secret: policy.has_secret(),
        verified: match (policy.place.skip_tls, policy.place.ca_pem.is_empty()) {
            (true, _) => "nobody: whoever is in between reads what is sent",
            (false, true) => "the public roots and this installation's authority",
            (false, false) => "the certificates that were given",
        },
        created: (moment(policy.created_at), policy.created_by.clone()),
        work: work.iter().map(work_row).collect(),
        form: form.unwrap_or_else(|| form_of(&policy)),
        help: rules::help(),
        connection,
    };
    Ok(ui::mirror(&visitor.frame(), &view).into_string())
}

fn row(policy: &MirroringPolicy) -> MirroringRow {
    let form = policy::PolicyForm::from(policy.policy.clone());
    MirroringRow {
        id: policy.id.to_string(),
        push: policy.direction != Direction::Poll,
        remote: policy.remote(),
        rules: form.rules.iter().map(rules::in_words).collect(),
        tag: form.tag_template,
        enabled: form.enabled,
        last_mirrored: policy.last_mirrored_at.map(moment),
        state: match &policy.status {
            None => MirrorState::Waiting,
            Some(status) if status.code == "SUCCESS" => MirrorState::Good(moment(status.at)),
            Some(status) => MirrorState::Failed(moment(status.at), status.detail.clone()),
        },
    }
}

fn work_row(work: &Work) -> MirrorWork {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let progress = work.progress;
    MirrorWork {
        tag: work.tag.to_string(),
        digest: work.digest.to_string(),
        remote_tag: work.remote_tag.to_string(),
        state: match (work.done, &work.error) {
            (true, _) => WorkState::Mirrored,
            (false, None) => WorkState::Waiting,
            (false, Some(why)) => WorkState::Failing(count(work.failures), why.clone()),
        },
        blobs: (count(progress.blobs_done), count(progress.blobs)),
        bytes: (count(progress.bytes_done), count(progress.bytes)),
        at: moment(work.updated_at),
    }
}

fn form_of(policy: &MirroringPolicy) -> MirroringForm {
    let form = policy::PolicyForm::from(policy.policy.clone());
    MirroringForm {
        policy: policy.id.to_string(),
        direction: policy.direction.to_string(),
        host: policy.place.host.clone(),
        remote: policy.place.repository.clone(),
        username: policy.username.clone(),
        ca: policy.place.ca_pem.clone(),
        skip_tls: policy.place.skip_tls,
        referrers: policy.referrers,
        enabled: form.enabled,
        rules: rules::written(&form.rules),
        tag: form.tag_template,
        refused: None,
        connection: None,
    }
}

/// What the form says; its secrets are in no page again.
#[derive(Debug, Deserialize)]
struct Draft {
    repository: String,
    /// Empty for a new one.
    #[serde(default)]
    policy: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    host: String,
    #[serde(default)]
    remote: String,
    #[serde(default)]
    username: String,
    password: Option<Secret>,
    token: Option<Secret>,
    #[serde(default)]
    ca: String,
    #[serde(default)]
    skip_tls: bool,
    #[serde(default)]
    referrers: bool,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    rules: String,
    #[serde(default)]
    tag: String,
}

impl Draft {
    fn direction(&self) -> Result<Direction, Told> {
        match self.direction.as_str() {
            "push" => Ok(Direction::Push),
            "poll" => Ok(Direction::Poll),
            other => Err(Told::OnPage(format!("direction {:?} is neither push nor poll", shortened(other)))),
        }
    }

    fn form(&self) -> Result<mirror::MirroringForm, Told> {
        let secret = |given: &Option<Secret>| given.clone().filter(|secret| !secret.expose().is_empty());
        let text = |text: &str| Some(text.trim().to_owned());
        // A form for both directions has fields that only one of them uses.
        let push = self.direction()? == Direction::Push;
        Ok(mirror::MirroringForm {
            host: text(&self.host),
            remote_repository: text(&self.remote),
            ca_pem: text(&self.ca),
            skip_tls: Some(self.skip_tls),
            username: text(&self.username),
            password: secret(&self.password),
            auth_token: secret(&self.token),
            enabled: Some(self.enabled),
            rules: if push { Some(rules::read(&self.rules).map_err(Told::OnPage)?) } else { None },
            tag_template: text(&self.tag).filter(|_| push),
            // As it was; the form does not ask.
            ignore_unknown_severities: None,
            referrers: Some(self.referrers),
        })
    }

    /// The form again, as it was filled in.
    fn again(&self) -> MirroringForm {
        MirroringForm {
            policy: self.policy.clone(),
            direction: self.direction.clone(),
            host: self.host.clone(),
            remote: self.remote.clone(),
            username: self.username.clone(),
            ca: self.ca.clone(),
            skip_tls: self.skip_tls,
            referrers: self.referrers,
            enabled: self.enabled,
            rules: self.rules.clone(),
            tag: self.tag.clone(),
            refused: None,
            connection: None,
        }
    }

    /// The field that a reason is about: reasons begin with the name that the API has for it.
    fn field(&self, why: &str) -> &'static str {
        const NAMES: [(&str, &str); 6] = [
            ("remoteHost", "host"),
            ("another remoteHost", "password"),
            ("remoteRepository", "remote"),
            ("remoteCA", "ca"),
            ("username", "username"),
            ("direction", "direction"),
        ];
        let named = NAMES.iter().find(|(name, _)| why.starts_with(name)).map(|(_, field)| *field);
        match named {
            Some(field) => field,
            None if why.contains("rules") || rules::read(&self.rules).is_err() => "rules",
            None => "",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Apply {
    /// Also what is there already, now.
    #[serde(default)]
    apply: bool,
}

async fn save(visitor: Visitor, Query(apply): Query<Apply>, Form(draft): Form<Draft>) -> Response {
    match keep(&visitor, &draft, apply.apply).await {
        Ok(policy) => see_other(&page_of(&draft.repository, &policy.id)),
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn keep(visitor: &Visitor, draft: &Draft, apply: bool) -> Result<MirroringPolicy, Told> {
    let (mirror, ctx, name) = (&visitor.app.mirror, &visitor.ctx, named(&draft.repository)?);
    let form = (draft.direction()?, draft.form()?);
    Ok(match draft.policy.as_str() {
        "" => mirror.create(ctx, &name, form, apply).await?,
        id => mirror.update(ctx, (&name, &known(id).map_err(Told::Apart)?), form, apply).await?,
    })
}

async fn try_it(visitor: Visitor, Form(draft): Form<Draft>) -> Response {
    // Only whoever could make the policy has this server call others from here.
    if !visitor.administers(&draft.repository).await {
        return visitor.answer(list(&visitor, &draft.repository, new_form()).await);
    }
    let tried = match draft.form() {
        Ok(form) => visitor.app.mirror.connect(&visitor.ctx, &form).await.map_err(Told::from),
        Err(told) => Err(told),
    };
    match tried {
        Ok(found) => {
            let form = MirroringForm { connection: Some(said(found)), ..draft.again() };
            visitor.answer(list(&visitor, &draft.repository, form).await)
        }
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

/// What another registry lets one do, in words.
fn said(found: Permissions) -> Result<String, String> {
    match (found.read, found.write) {
        (true, true) => Ok("The other registry answers, and lets these credentials read and write there.".to_owned()),
        (true, false) => Ok("The other registry answers, and lets these credentials read there, but not write.".to_owned()),
        (false, true) => Ok("The other registry answers, and lets these credentials write there, but not read.".to_owned()),
        (false, false) => Err(
            "The other registry answers, and lets these credentials neither read nor write there; check user name, password and repository."
                .to_owned(),
        ),
    }
}

async fn refused(visitor: &Visitor, draft: &Draft, told: Told) -> Response {
    match told {
        Told::OnPage(why) if visitor.administers(&draft.repository).await => {
            let form = MirroringForm { refused: Some(Refusal { field: draft.field(&why), why }), ..draft.again() };
            visitor.refused(match draft.policy.as_str() {
                "" => list(visitor, &draft.repository, form).await,
                id => one(visitor, (&draft.repository, id), Some(form), None).await,
            })
        }
        told => visitor.told(told),
    }
}

/// What the buttons of a policy send along.
#[derive(Debug, Deserialize)]
struct About {
    repository: String,
    direction: String,
}

async fn act(visitor: Visitor, Path((id, action)): Path<(String, String)>, Form(about): Form<About>) -> Response {
    if action == "test" {
        let connection = tested(&visitor, &about, &id).await;
        return match connection {
            Ok(connection) => visitor.answer(one(&visitor, (&about.repository, &id), None, Some(connection)).await),
            Err(failure) => visitor.answer(Err(failure)),
        };
    }
    match do_it(&visitor, &about, &id, &action).await {
        Ok(to) => see_other(&to),
        Err(told) => visitor.told(told),
    }
}

/// How it went, in words, also where it did not.
async fn tested(visitor: &Visitor, about: &About, id: &str) -> Result<Result<String, String>, Failure> {
    let name = about.repository.parse().map_err(|_| Failure::NotFound)?;
    let found = visitor.app.mirror.connect_as(&visitor.ctx, &name, &known(id)?).await;
    match found.map_err(Told::from) {
        Ok(found) => Ok(said(found)),
        Err(Told::OnPage(why)) => Ok(Err(why)),
        Err(Told::Apart(failure)) => Err(failure),
    }
}

/// Gives where to go on.
async fn do_it(visitor: &Visitor, about: &About, id: &str, action: &str) -> Result<String, Told> {
    let (mirror, ctx, name) = (&visitor.app.mirror, &visitor.ctx, named(&about.repository)?);
    let id = known(id).map_err(Told::Apart)?;
    let direction: Direction = about.direction.parse().map_err(|_| Told::Apart(Failure::NotFound))?;
    let switch = |on| mirror::MirroringForm { enabled: Some(on), ..mirror::MirroringForm::default() };
    match action {
        "run" => drop(mirror.run_now(ctx, &name, &id).await?),
        "enable" => drop(mirror.update(ctx, (&name, &id), (direction, switch(true)), false).await?),
        "disable" => drop(mirror.update(ctx, (&name, &id), (direction, switch(false)), false).await?),
        "delete" => {
            mirror.delete(ctx, &name, (&id, direction)).await?;
            return Ok(format!("/mirroring/of/{name}"));
        }
        _ => return Err(Told::Apart(Failure::NotFound)),
    }
    Ok(page_of(name.as_str(), &id))
}

fn page_of(name: &str, id: &Id<MirroringPolicy>) -> String {
    format!("/mirroring/of/{name}?policy={id}")
}

fn named(name: &str) -> Result<RepoName, Told> {
    name.parse().map_err(|_| Told::Apart(Failure::NotFound))
}

fn known(id: &str) -> Result<Id<MirroringPolicy>, Failure> {
    id.parse().map_err(|_| Failure::NotFound)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
