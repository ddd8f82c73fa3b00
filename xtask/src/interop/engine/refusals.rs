//! What the server refuses, in the words that Docker shows for it.

use std::fs;

use anyhow::{Result, ensure};
use serde_json::json;

use super::bench::Bench;
use crate::command;
use crate::stage::Steps;

/// # Errors
/// Something is not refused, or nobody could tell why.
pub fn play(steps: &mut Steps, bench: &Bench) -> Result<()> {
    let said = steps.step("an immutable tag takes the same image again, and no other", || immutable(bench, "fixed"))?;
    steps.note(&said);
    let said = steps.step("no push and no pull without rights; of a public repository, no push", || rights(bench))?;
    steps.note(&said);
    let said = steps.step("a deleted image: no pull by tag or by digest", || deleted(bench))?;
    steps.note(&said);
    Ok(())
}

/// The last line of what a client printed: what a person reads.
fn last_line(said: &str) -> String {
    said.trim().lines().last().unwrap_or_default().to_owned()
}

/// # Errors
/// As [`play`].
pub fn immutable(bench: &Bench, name: &str) -> Result<String> {
    let settings = json!({"name": name, "immutableTags": true});
    bench.server.ask("POST", "/api/v0/repositories/admin", Some(&settings))?;
    let image = bench.server.image(&format!("admin/{name}:7"));
    bench.renew()?;
    bench.build(&image, &[])?;
    let (digest, _) = bench.push(&image)?;
    ensure!(bench.push(&image)?.0 == digest, "the same image has another digest now");
    bench.renew()?;
    bench.build(&image, &[])?;
    let said = last_line(&command::refused(&mut bench.engine.docker(["push", &image]))?);
    let place = bench.server.image(&format!("admin/{name}"));
    let words = format!("tag=7 cannot be overwritten because {place} is an immutable repository");
    ensure!(said.contains(&words), "docker says {said:?}");
    ensure!(bench.tag(&format!("admin/{name}"), "7")?.0 == digest, "the tag moved");
    Ok(said)
}

fn rights(bench: &Bench) -> Result<String> {
    let password = crate::demo::secret()?;
    let person = json!({"name": "stranger", "password": password});
    bench.server.ask("POST", "/enzi/v0/accounts", Some(&person))?;
    let config = bench.engine.home().join("stranger");
    fs::create_dir_all(&config)?;
    bench.login(&config, "stranger", &password)?;
    let image = bench.server.image("admin/app:stranger");
    bench.build(&image, &[])?;
    let as_stranger = |words: &[&str]| {
        let mut docker = bench.engine.docker(words);
        docker.env("DOCKER_CONFIG", &config);
        docker
    };
    let before = bench.pushed()?;
    let private = bench.server.image("admin/app:1");
    let hidden = "there is no repository admin/app that you may see";
    for (words, expected) in [(["push", &image], hidden), (["pull", &private], "not found")] {
        let said = last_line(&command::refused(&mut as_stranger(&words))?);
        ensure!(said.contains(expected), "docker {} says {said:?}", words[0]);
    }
    // Whoever may pull learns what is missing for more.
    bench.server.ask("PATCH", "/api/v0/repositories/admin/app", Some(&json!({"visibility": "public"})))?;
    command::run(&mut as_stranger(&["pull", &private]))?;
    let said = last_line(&command::refused(&mut as_stranger(&["push", &image]))?);
    bench.server.ask("PATCH", "/api/v0/repositories/admin/app", Some(&json!({"visibility": "private"})))?;
    ensure!(said.contains("read-write"), "docker says {said:?}");
    ensure!(bench.pushed()? == before, "something was pushed all the same");
    Ok(format!("{hidden}\n{said}"))
}

fn deleted(bench: &Bench) -> Result<String> {
    let (digest, _) = bench.tag("admin/second", "1")?;
    bench.server.ask("DELETE", &format!("/v2/admin/second/manifests/{digest}"), None)?;
    bench.forget()?;
    let mut said = String::new();
    for reference in ["admin/second:1".to_owned(), format!("admin/second@{digest}")] {
        said = last_line(&command::refused(&mut bench.engine.docker(["pull", &bench.server.image(&reference)]))?);
        ensure!(said.contains("not found") || said.contains("manifest unknown"), "docker says {said:?}");
    }
    Ok(said)
}
