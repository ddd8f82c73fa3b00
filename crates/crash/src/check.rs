//! After a restart: what was acknowledged is there, with the right bytes.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use oci::Digest;
use serde_json::Value as Json;

use crate::{
    api::Api,
    chance::Chance,
    ledger::{Key, Value},
    load::World,
};

/// How many questions are under way at once.
const AT_ONCE: usize = 8;
/// Keys that were not touched lately and are looked at again in each round.
const SAMPLE: usize = 15;

/// Compare what the server has with the ledger: what was touched since the last look, and a sample of the rest or all of it.
/// Gives the number of keys looked at, and what is wrong.
pub async fn ledger(world: &World, chance: &mut Chance, all: bool) -> (usize, Vec<String>) {
    let mut keys = world.book().ledger.touched();
    let known = world.book().ledger.keys();
    if all {
        keys = known;
    } else {
        keys.extend((0..SAMPLE).filter_map(|_| chance.pick(&known).cloned()));
    }
    let looked = keys.len();
    let look = |key: Key| async move {
        let found = look(&world.api, &key).await;
        (key, found)
    };
    let found: Vec<_> = stream::iter(keys).map(look).buffer_unordered(AT_ONCE).collect().await;
    let mut problems = Vec::new();
    for (key, found) in found {
        let outcome = found.and_then(|found| world.book().ledger.settle(&key, &found));
        problems.extend(outcome.err());
    }
    (looked, problems)
}

/// What a key holds, its bytes compared with their digest.
pub async fn look(api: &Api, key: &Key) -> Result<Value, String> {
    let path = match key {
        Key::Blob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
        Key::Manifest { repository, digest } => format!("/v2/{repository}/manifests/{digest}"),
        Key::Tag { repository, tag } => format!("/v2/{repository}/manifests/{tag}"),
    };
    let reply = api.get(&path).await.ok_or_else(|| format!("{key}: no whole answer"))?;
    match reply.status {
        404 => Ok(None),
        200 => {
            let actual = Digest::sha256_of(&reply.body).to_string();
            match key {
                Key::Blob { digest, .. } | Key::Manifest { digest, .. } if actual != *digest => {
                    Err(format!("{key}: other bytes were sent ({actual})"))
                }
                _ => Ok(Some(actual)),
            }
        }
        _ => Err(format!("{key}: answered with {}", reply.show())),
    }
}

/// What the server's keys made at an earlier start.
#[derive(Debug, Default)]
pub struct Keys {
    token: Option<String>,
    authority: Option<Bytes>,
}

/// The keys are those of the earlier starts.
pub async fn keys(api: &Api, known: &mut Keys) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if let Some(token) = known.token.replace(api.token.clone()) {
        let reply = api.with_token(&token).get("/v2/").await.context("no whole answer")?;
        if reply.status != 200 {
            problems.push(format!("a token of the last start is answered with {}", reply.show()));
        }
    }
    let authority = api.get("/ca").await.context("the certificate authority is not shown")?.body;
    if known.authority.get_or_insert_with(|| authority.clone()) != &authority {
        problems.push("the certificate authority is another one".to_owned());
    }
    Ok(problems)
}

/// The log verifies against the tables.
pub async fn log(api: &Api) -> Result<Vec<String>> {
    let report = api.with_password("/api/v1/audit/verify").await?;
    if report["clean"] == Json::Bool(true) {
        return Ok(Vec::new());
    }
    let problems = report["problems"].as_array().context("a report has problems")?;
    Ok(problems.iter().map(|problem| format!("the log: {}", problem.as_str().unwrap_or_default())).collect())
}

/// What a start promises to remove is not there any more.
pub fn leftovers(world: &World) -> Vec<String> {
    let state = world.disk.lock();
    let Some(Ok(names)) = state.disk.at("data/blobs/uploads").map(|uploads| state.disk.names(uploads)) else {
        return vec!["there is no folder for uploads".to_owned()];
    };
    let left = names.now.keys().filter(|name| name.to_string_lossy().starts_with("put-"));
    left.map(|name| format!("uploads/{} of a dead process is still there", name.display())).collect()
}
