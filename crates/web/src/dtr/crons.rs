//! What is done by the clock: `/api/v0/crons`.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use base::{Ctx, Kind};
use identity::Level;
use jobs::Cron;
use scan::UpdatesChanges;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Body, Params},
    jobs::{action_of, named},
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v0/crons", get(list).post(set)).route("/api/v0/crons/{action}", get(show).delete(remove))
}

/// Each policy that polls does so half an hour after it last did; this is how DTR wrote it.
const POLLS: &str = "0 */30 * * * *";

/// A recurring job: its kind, and when it runs.
struct Recurring {
    kind: &'static str,
    schedule: Cron,
}

impl Recurring {
    fn view(&self, ctx: &Ctx) -> Value {
        json!({
            "id": self.kind,
            "action": action_of(self.kind),
            "schedule": self.schedule.to_string(),
            "retries": jobs::ATTEMPTS_MAX - 1,
            "capacityMap": null,
            "parameters": null,
            "deadline": "",
            "stopTimeout": "",
            "nextRun": self.schedule.next_after(ctx.now),
        })
    }
}

async fn all(app: &App, ctx: &Ctx) -> Result<Vec<Recurring>, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let set = app.board.crons().await?.into_iter();
    let mut all: Vec<Recurring> =
        set.filter_map(|(kind, schedule)| Some(Recurring { kind, schedule: schedule? })).collect();
    if let Ok(schedule) = POLLS.parse() {
        all.push(Recurring { kind: mirror::POLL_JOB, schedule });
    }
    if app.scan.settings().await?.sync_online {
        let schedule = daily(&app.scan.updates().await?.daily_at.to_string());
        all.extend(schedule.map(|schedule| Recurring { kind: scan::FETCH_JOB, schedule }));
    }
    Ok(all)
}

/// A time of day, `03:00`, as a schedule.
fn daily(at: &str) -> Option<Cron> {
    let (hour, minute) = at.split_once(':')?;
    let (hour, minute) = (hour.parse::<u8>().ok()?, minute.parse::<u8>().ok()?);
    format!("0 {minute} {hour} * * *").parse().ok()
}

async fn list(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    let all = all(&app, &ctx).await?;
    Ok(Json(json!({"crons": all.iter().map(|one| one.view(&ctx)).collect::<Vec<_>>()})))
}

/// The one of an action, or with an id.
async fn one(app: &App, ctx: &Ctx, action: &str) -> Result<Recurring, ApiError> {
    let wanted = |one: &Recurring| one.kind == action || action_of(one.kind) == named(action);
    all(app, ctx).await?.into_iter().find(wanted).ok_or_else(|| no_such(action))
}

fn no_such(action: &str) -> ApiError {
    let why = format!("nothing of the name {action:?} is done by the clock; GET /api/v0/crons lists what is");
    ApiError::new(Kind::NotFound, why).coded("NO_SUCH_CRON")
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(action): Params<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(one(&app, &ctx, &action).await?.view(&ctx)))
}

/// How often it is tried and by whom is the server's business.
#[derive(Deserialize)]
struct Set {
    action: String,
    schedule: String,
}

async fn set(State(app): State<App>, Caller(ctx): Caller, Body(body): Body<Set>) -> Result<Json<Value>, ApiError> {
    let schedule: Cron = body.schedule.parse().map_err(ApiError::invalid)?;
    if schedule.next_after(ctx.now).is_none() {
        return Err(ApiError::invalid(format!("{schedule} never comes")));
    }
    match kind_of(&app, &body.action).await? {
        scan::FETCH_JOB => set_fetch(&app, &ctx, &schedule).await?,
        mirror::POLL_JOB => return Err(fixed_polls()),
        kind => app.board.set_schedule(&ctx, kind, Some(&schedule)).await?,
    }
    Ok(Json(one(&app, &ctx, &body.action).await?.view(&ctx)))
}

/// From now on never, until a schedule is set again.
async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(action): Params<String>,
) -> Result<StatusCode, ApiError> {
    match kind_of(&app, &action).await? {
        scan::FETCH_JOB => {
            let why = "advisories are fetched while scanningSyncOnline is on; switch that off in /api/v0/meta/settings";
            return Err(ApiError::invalid(why));
        }
        mirror::POLL_JOB => return Err(fixed_polls()),
        kind => app.board.set_schedule(&ctx, kind, None).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What jobs of an action are that may be done by the clock, whether they are now or not.
async fn kind_of(app: &App, action: &str) -> Result<&'static str, ApiError> {
    let mut kinds: Vec<&'static str> = app.board.crons().await?.into_iter().map(|(kind, _)| kind).collect();
    kinds.extend([scan::FETCH_JOB, mirror::POLL_JOB]);
    let found = kinds.into_iter().find(|kind| *kind == action || action_of(kind) == named(action));
    found.ok_or_else(|| no_such(action))
}

fn fixed_polls() -> ApiError {
    ApiError::invalid(
        "each poll_mirror policy polls half an hour after it last did; that cannot be changed, but a policy can be off",
    )
}

/// Advisories are fetched once a day, at a minute.
async fn set_fetch(app: &App, ctx: &Ctx, schedule: &Cron) -> Result<(), ApiError> {
    let text = schedule.to_string();
    let time = match text.split(' ').collect::<Vec<_>>()[..] {
        ["0", minute, hour, "*", "*", "*"] => minute.parse::<u8>().ok().zip(hour.parse::<u8>().ok()),
        _ => None,
    };
    let Some((minute, hour)) = time else {
        return Err(ApiError::invalid(format!("advisories are fetched once a day: 0 MINUTE HOUR * * *, not {text}")));
    };
    if !app.scan.settings().await?.sync_online {
        let why = "advisories are not fetched while scanningSyncOnline is off; switch it on in /api/v0/meta/settings";
        return Err(ApiError::invalid(why));
    }
    let daily_at = Some(format!("{hour:02}:{minute:02}"));
    app.scan.change_updates(ctx, UpdatesChanges { daily_at, ..UpdatesChanges::default() }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::daily;

    #[test]
    fn a_time_of_day_is_a_schedule() {
        for (at, cron) in [("03:00", "0 0 3 * * *"), ("10:05", "0 5 10 * * *")] {
            assert_eq!(daily(at).unwrap().to_string(), cron);
        }
        assert_eq!(daily("25:00"), None);
    }
}
