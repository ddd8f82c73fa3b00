//! DTR's own API: `/api/v0` and `/enzi/v0`, so that scripts of a DTR or MSR estate keep working.

mod access;
mod accounts;
mod body;
mod crons;
mod event;
mod events;
mod index;
mod jobs;
mod keys;
mod manifests;
mod meta;
mod mirroring;
mod promotions;
mod pruning;
mod repositories;
mod robots;
mod scan_export;
mod scan_image;
mod scan_search;
mod scan_service;
mod scans;
mod settings;
mod tag_view;
mod tags;
mod teams;
mod tokens;
mod vex;
mod waivers;
mod webhooks;

use axum::{Router, middleware::from_fn};

pub(crate) use self::{
    body::{Asked, Body, Params, unread},
    repositories::{Named, Paging},
    scan_service::uploaded,
    tag_view::lapsed,
    tags::NamedTag,
    tokens::agent,
};

use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(accounts::routes())
        .merge(keys::routes())
        .merge(teams::routes())
        .merge(access::routes())
        .merge(robots::routes())
        .merge(tokens::routes())
        .merge(repositories::routes())
        .merge(index::routes())
        .merge(tags::routes())
        .merge(manifests::routes())
        .merge(scans::routes())
        .merge(scan_service::routes())
        .merge(scan_search::routes())
        .merge(scan_export::routes())
        .merge(settings::routes())
        .merge(meta::routes())
        .merge(events::routes())
        .merge(jobs::routes())
        .merge(crons::routes())
        .merge(webhooks::routes())
        .merge(promotions::routes())
        .merge(pruning::routes())
        .merge(mirroring::routes())
        .merge(waivers::routes())
        .merge(vex::routes())
        .layer(from_fn(body::json_only))
}
