//! The page of an account: its access tokens, its robots, and who pushes. A value that is made is in one answer and nowhere else.

use std::time::Duration;

use axum::{
    Form, Router,
    extract::{Path, Query},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use base::{AccountName, Id, Secret, Timestamp, limits};
use identity::{AccessToken, AccountKind, Level, NewRobot, NewToken, On, Permit, Robot, Scope};
use serde::Deserialize;
use ui::{AccountView, Refusal, RobotForm, RobotRow, TokenForm, TokenRow};

use super::{Failure, Page, Told, Visitor, see_other, view::moment};
use crate::{App, dtr::agent};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/accounts", get(own))
        .route("/accounts/{name}", get(show))
        .route("/accounts/{name}/tokens", post(make_token))
        .route("/accounts/{name}/tokens/{token}/revoke", post(revoke))
        .route("/accounts/{name}/robots", post(make_robot))
        .route("/accounts/{name}/robots/{robot}/{action}", post(act))
        .route("/accounts/{name}/pushers", post(pushers))
}

#[derive(Debug, Deserialize)]
struct Find {
    /// An organization that is looked for by its name.
    name: Option<String>,
}

/// `GET /accounts`: one's own page.
async fn own(visitor: Visitor, Query(find): Query<Find>) -> Response {
    match (visitor.ctx.principal(), find.name.as_deref().map(str::parse::<AccountName>)) {
        (_, Some(Ok(name))) => see_other(&format!("/accounts/{name}")),
        (Some(principal), None) => see_other(&format!("/accounts/{}", principal.name)),
        (_, Some(Err(_))) => visitor.answer(Err(Failure::NotFound)),
        (None, None) => visitor.answer(Err(Failure::SignIn)),
    }
}

/// What a page shows beside what is there: a form that was refused, a value that was made.
#[derive(Default)]
struct News {
    token_form: TokenForm,
    robot_form: RobotForm,
    refused: Option<String>,
    made: Option<(String, Secret)>,
}

async fn show(visitor: Visitor, Path(name): Path<String>) -> Response {
    visitor.answer(page(&visitor, &name, News::default()).await)
}

async fn page(visitor: &Visitor, name: &str, news: News) -> Page {
    visitor.require_account()?;
    let (identity, ctx) = (&visitor.app.identity, &visitor.ctx);
    let name = known(name)?;
    Level::require_owner(&mut visitor.app.db.read().await?, &ctx.actor, name.as_str()).await?;
    let account = identity.account(ctx, &name).await?;
    let organization = account.kind == AccountKind::Organization;
    let (tokens, owns) = match organization {
        true => (None, Vec::new()),
        false => {
            let tokens = identity.tokens(ctx, &name).await?;
            let of = identity.organizations_of(ctx, &name).await?;
            let owned = of.into_iter().filter(|(_, owner)| *owner);
            let tokens = tokens.iter().filter(|token| token.job.is_none()).map(|token| token_row(token, ctx.now));
            (Some(tokens.collect()), owned.map(|(org, _)| org.account.name.to_string()).collect())
        }
    };
    let robots = identity.robots(ctx, &name).await?;
    let view = AccountView {
        organization,
        owns,
        tokens,
        robots: robots.iter().map(|robot| robot_row(robot, ctx.now)).collect(),
        only_robots_push: visitor.app.registry.only_robots_push(ctx, &name).await?,
        token_form: news.token_form,
        robot_form: news.robot_form,
        refused: news.refused.map(|why| Refusal { field: "", why }),
        made: news.made.map(|(what, value)| (what, value.expose().clone())),
        name: name.to_string(),
    };
    Ok(ui::account(&visitor.frame(), &view).into_string())
}

fn token_row(token: &AccessToken, now: Timestamp) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        label: token.label.clone(),
        scope: token.scope.iter().flat_map(|scope| scope.places()).map(written).collect(),
        created: moment(token.created_at),
        last_used: token.last_used_at.map(moment),
        expires: token.expires_at.map(moment),
        state: match (token.active, token.expires_at.is_some_and(|at| at <= now)) {
            (_, true) => (false, "ended"),
            (false, false) => (false, "switched off"),
            (true, false) => (true, "active"),
        },
        automatic: token.automatic,
    }
}

fn robot_row(robot: &Robot, now: Timestamp) -> RobotRow {
    let usable = |token: &&AccessToken| token.active && token.expires_at.is_none_or(|at| now < at);
    let name = robot.account.name.as_str();
    RobotRow {
        own: name.split_once('+').map_or(name, |(_, own)| own).to_owned(),
        description: robot.account.full_name.clone(),
        grants: robot.grants.iter().map(written).collect(),
        last_used: robot.tokens.iter().filter_map(|token| token.last_used_at).max().map(moment),
        expires: robot.tokens.first().and_then(|token| token.expires_at).map(moment),
        tokens: robot.tokens.iter().filter(usable).count(),
    }
}

/// `ops/shop read-write`, `project ops/shop read-only`: a line of a form.
fn written(permit: &Permit) -> String {
    let project = if permit.on == On::Project { "project " } else { "" };
    format!("{project}{} {}", permit.place, permit.level)
}

/// The lines of a form.
fn permits(text: &str) -> Result<Vec<Permit>, String> {
    let permit = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (on, place, level) = match words[..] {
            ["project", place, level] => (On::Project, place, level),
            [place, level] => (On::Repository, place, level),
            _ => return Err(format!("the line {:?} is none of PLACE LEVEL and project PLACE LEVEL", shortened(line))),
        };
        let level = level.parse().map_err(|error: identity::Error| error.to_string())?;
        Ok(Permit { on, place: place.parse().map_err(|error: identity::Error| error.to_string())?, level })
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(permit).collect()
}

/// After so many days; nothing when nothing was said, and never after 0.
fn end(visitor: &Visitor, days: &str) -> Result<Option<Option<Timestamp>>, String> {
    let text = days.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{:?} is no number of days that can be; 0 is never", shortened(text));
    let days: u32 = text.parse().map_err(|_| wrong())?;
    if days == 0 {
        return Ok(Some(None));
    }
    let after = Duration::from_secs(24 * 60 * 60).saturating_mul(days);
    visitor.ctx.now.checked_add(after).map(|at| Some(Some(at))).map_err(|_| wrong())
}

/// The value may be shown: what was asked for is done.
async fn with_value(visitor: &Visitor, name: &str, what: String, value: Secret) -> Response {
    visitor.answer(page(visitor, name, News { made: Some((what, value)), ..News::default() }).await)
}

#[derive(Clone, Debug, Deserialize)]
struct TokenDraft {
    #[serde(default)]
    label: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    days: String,
}

async fn make_token(
    visitor: Visitor,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(draft): Form<TokenDraft>,
) -> Response {
    let refusal = match token(&visitor, &name, &headers, &draft).await {
        Ok((token, value)) => {
            return with_value(&visitor, &name, format!("The token {:?} was made.", token.label), value).await;
        }
        Err((field, Told::OnPage(why))) => Refusal { field, why },
        Err((_, told)) => return visitor.told(told),
    };
    let TokenDraft { label, scope, days } = draft;
    let token_form = TokenForm { label, scope, days, refused: Some(refusal) };
    visitor.refused(page(&visitor, &name, News { token_form, ..News::default() }).await)
}

/// What was refused comes with the field it is about.
type Made<T> = Result<(T, Secret), (&'static str, Told)>;

async fn token(visitor: &Visitor, name: &str, headers: &HeaderMap, draft: &TokenDraft) -> Made<AccessToken> {
    let beside = |field| move |why: String| (field, Told::OnPage(why));
    let name = known(name).map_err(|failure| ("", Told::Apart(failure)))?;
    let places = permits(&draft.scope).map_err(beside("scope"))?;
    let scope = if places.is_empty() { None } else { Some(Scope::new(places)) };
    let new = NewToken {
        label: draft.label.trim().to_owned(),
        expires_at: end(visitor, &draft.days).map_err(beside("days"))?.flatten(),
        scope: scope.transpose().map_err(|error| ("scope", error.into()))?,
        automatic: false,
        agent: agent(headers),
    };
    visitor.app.identity.create_token(&visitor.ctx, &name, new).await.map_err(|error| ("", error.into()))
}

async fn revoke(visitor: Visitor, Path((name, token)): Path<(String, String)>) -> Response {
    let Ok(token) = token.parse::<Id<AccessToken>>() else { return visitor.answer(Err(Failure::NotFound)) };
    match visitor.app.identity.revoke_token(&visitor.ctx, &token).await.map_err(Told::from) {
        Ok(()) => back(&visitor, &name),
        Err(told) => refused(&visitor, &name, told).await,
    }
}

#[derive(Clone, Debug, Deserialize)]
struct RobotDraft {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    grants: String,
    #[serde(default)]
    days: String,
}

async fn make_robot(
    visitor: Visitor,
    Path(owner): Path<String>,
    headers: HeaderMap,
    Form(draft): Form<RobotDraft>,
) -> Response {
    let refusal = match robot(&visitor, &owner, &headers, &draft).await {
        Ok((robot, value)) => {
            let what = format!("The robot {} was made. This is its token.", robot.account.name);
            return with_value(&visitor, &owner, what, value).await;
        }
        Err((field, Told::OnPage(why))) => Refusal { field, why },
        Err((_, told)) => return visitor.told(told),
    };
    let RobotDraft { name, description, grants, days } = draft;
    let robot_form = RobotForm { name, description, grants, days, refused: Some(refusal) };
    visitor.refused(page(&visitor, &owner, News { robot_form, ..News::default() }).await)
}

async fn robot(visitor: &Visitor, owner: &str, headers: &HeaderMap, draft: &RobotDraft) -> Made<Robot> {
    let beside = |field| move |why: String| (field, Told::OnPage(why));
    let owner = known(owner).map_err(|failure| ("", Told::Apart(failure)))?;
    let usual = visitor.ctx.now.checked_add(limits::ROBOT_TOKEN_LIFETIME).ok();
    let new = NewRobot {
        name: owner.robot(draft.name.trim()).map_err(|error| ("name", Told::OnPage(error.to_string())))?,
        description: draft.description.trim().to_owned(),
        grants: permits(&draft.grants).map_err(beside("grants"))?,
        expires_at: end(visitor, &draft.days).map_err(beside("days"))?.unwrap_or(usual),
        agent: agent(headers),
    };
    visitor.app.identity.create_robot(&visitor.ctx, new).await.map_err(|error| ("", error.into()))
}

async fn act(
    visitor: Visitor,
    Path((owner, robot, action)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let Ok(name) = known(&owner).and_then(|owner| owner.robot(&robot).map_err(|_| Failure::NotFound)) else {
        return visitor.answer(Err(Failure::NotFound));
    };
    let (identity, ctx) = (&visitor.app.identity, &visitor.ctx);
    let told = match action.as_str() {
        "rotate" => match identity.rotate_robot(ctx, &name, None, limits::ROTATION_GRACE, &agent(&headers)).await {
            Ok((_, value)) => return with_value(&visitor, &owner, format!("A new token of {name}."), value).await,
            Err(error) => error.into(),
        },
        "delete" => match identity.delete_robot(ctx, &name).await {
            Ok(()) => return back(&visitor, &owner),
            Err(error) => error.into(),
        },
        _ => Told::Apart(Failure::NotFound),
    };
    refused(&visitor, &owner, told).await
}

/// The page again with the reason; for who may not see it there is none.
async fn refused(visitor: &Visitor, name: &str, told: Told) -> Response {
    match told {
        Told::OnPage(why) => visitor.refused(page(visitor, name, News { refused: Some(why), ..News::default() }).await),
        told => visitor.told(told),
    }
}

#[derive(Debug, Deserialize)]
struct Pushers {
    only_robots: bool,
}

async fn pushers(visitor: Visitor, Path(name): Path<String>, Form(form): Form<Pushers>) -> Response {
    let Ok(namespace) = known(&name) else { return visitor.answer(Err(Failure::NotFound)) };
    let set = visitor.app.registry.set_only_robots_push(&visitor.ctx, &namespace, form.only_robots).await;
    match set.map_err(Told::from) {
        Ok(()) => back(&visitor, &name),
        Err(told) => refused(&visitor, &name, told).await,
    }
}

fn back(visitor: &Visitor, name: &str) -> Response {
    match known(name) {
        Ok(name) => see_other(&format!("/accounts/{name}")),
        Err(failure) => visitor.answer(Err(failure)),
    }
}

/// A robot has no page of its own: it stands on its owner's.
fn known(name: &str) -> Result<AccountName, Failure> {
    let name: Option<AccountName> = name.parse().ok();
    name.filter(|name| name.robot_owner().is_none()).ok_or(Failure::NotFound)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
