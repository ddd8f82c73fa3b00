//! Act 10: what must not happen, and the words in which it does not.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::client::Client;
use super::commits::{Shipped, Way};
use super::production::{self, Production};
use super::projects;
use super::server::Server;
use super::site;
use super::trust;
use crate::stage::Steps;
use crate::{command, wait};

/// The registry and the forge say no.
///
/// # Errors
/// They say yes, or say it in other words.
pub fn of_the_server(steps: &mut Steps, server: &Server, way: &Way, good: &Shipped, bad_job: i64) -> Result<()> {
    immutable(steps, server, way, good, bad_job)?;
    let note = steps.step("a trigger refuses a wrong token", || {
        let address = projects::trigger_address(projects::number(server, site::SIGNER)?, "wrong");
        let said = command::refused(&mut server.curl(["--request", "POST", &address]))?;
        ensure!(said.contains("404"), "the answer was {said}");
        Ok(said)
    })?;
    steps.note(note.lines().next().unwrap_or_default());
    read_only(steps, server, way)
}

fn immutable(steps: &mut Steps, server: &Server, way: &Way, good: &Shipped, bad_job: i64) -> Result<()> {
    let (engine, admin) = (&way.builder.engine, &way.builder.admin);
    let base = site::image(site::BASE);
    let overwrite = |job: i64| -> Result<String> {
        let target = site::image(&format!("{}:{job}", site::BUILDS));
        command::run(&mut engine.docker(["tag", &base, &target]))?;
        let said = command::refused(&mut admin.docker(engine, ["push", &target]))?;
        let repository = site::image(site::BUILDS);
        let words = format!("tag={job} cannot be overwritten because {repository} is an immutable repository");
        ensure!(said.contains(&words), "the refusal should say {words:?}, but says:\n{said}");
        Ok(words)
    };
    let words =
        steps.step("an immutable tag refuses another image, from an administrator too", || overwrite(good.job))?;
    steps.note(&words);
    let words = steps.step("also after it was deleted", || {
        let path = format!("/api/v0/repositories/{}/tags/{bad_job}", site::BUILDS);
        server.admin.ask(["api", "DELETE", &path])?;
        overwrite(bad_job)
    })?;
    steps.note(&words);
    Ok(())
}

fn read_only(steps: &mut Steps, server: &Server, way: &Way) -> Result<()> {
    let (engine, reader) = (&way.builder.engine, &way.people.reader);
    let client = Client::new(way.scene.run, "reader", &server.ca)?;
    let note = steps.step("a user who may only read cannot push an image", || {
        client.login(engine, &reader.name, &reader.token)?;
        let target = site::image(&format!("{}:mine", site::RELEASES));
        command::run(&mut engine.docker(["tag", &site::image(site::BASE), &target]))?;
        let said = command::refused(&mut client.docker(engine, ["push", &target]))?;
        ensure!(said.contains("denied"), "the refusal should say denied, but says:\n{said}");
        Ok(said.lines().last().unwrap_or_default().to_owned())
    })?;
    steps.note(&note);
    let note = steps.step("nor a commit", || {
        let said = command::refused(&mut way.code.push(&reader.name, &reader.token))?;
        Ok(said.lines().last().unwrap_or_default().to_owned())
    })?;
    steps.note(&note);
    Ok(())
}

/// The guard says no: to what nobody signed, to what somebody else signed, to a tag that moved after it was signed.
///
/// # Errors
/// It says yes, or says it in other words.
pub fn of_the_guard(steps: &mut Steps, server: &Server, way: &Way, first: &Shipped) -> Result<()> {
    let (builder, people, production) = (way.builder, way.people, way.production);
    let (engine, admin) = (&builder.engine, &builder.admin);
    for repository in ["admin/unsigned", "admin/foreign", "admin/moved"] {
        server.admin.ask(["repository", "create", repository])?;
        server.admin.ask(["grant", repository, "read-write", "--team", site::TEAM])?;
    }
    let base = site::image(site::BASE);
    let push = |name: &str, from: &str| -> Result<String> {
        let target = site::image(name);
        command::run(&mut engine.docker(["tag", from, &target]))?;
        command::run(&mut admin.docker(engine, ["push", "--quiet", &target]))?;
        Ok(target)
    };
    let unsigned = push("admin/unsigned:1", &base)?;
    refuses(steps, production, "an image that nobody signed", &unsigned, "is not signed")?;

    let foreign = push("admin/foreign:1", &base)?;
    steps.step("somebody with a bundle, but not of the team, signs an image", || {
        let outsider = Client::new(way.scene.run, &people.reader.name, &server.ca)?;
        server.admin.ask(["grant", "admin/foreign", "read-write", "--user", &people.reader.name])?;
        trust::add_signer(admin, engine, &people.reader, "admin/foreign")?;
        trust::load_key(&outsider, engine, &people.reader)?;
        outsider.login(engine, &people.reader.name, &people.reader.token)?;
        command::run(&mut outsider.docker(engine, ["trust", "sign", "--local", &foreign]))
    })?;
    refuses(steps, production, "an image that somebody outside the team signed", &foreign, "who is not in team")?;

    let moved = steps.step("the team signs a tag, and the tag moves", || move_signed(way, first, &push))?;
    refuses(steps, production, "a tag that moved after it was signed", &moved, "moved after it was signed")
}

/// Neither image is the last release, so that its chain does not tell of this.
fn move_signed(way: &Way, first: &Shipped, push: &dyn Fn(&str, &str) -> Result<String>) -> Result<String> {
    let (engine, robot) = (&way.builder.engine, &way.people.robot);
    let older = site::image(&format!("{}:{}", site::RELEASES, first.job));
    command::run(&mut way.builder.admin.docker(engine, ["pull", "--quiet", &older]))?;
    let moved = push("admin/moved:1", &site::image(site::BASE))?;
    trust::add_signer(&way.builder.admin, engine, robot, "admin/moved")?;
    way.signer.login(engine, &robot.name, &robot.token)?;
    command::run(&mut way.signer.docker(engine, ["trust", "sign", "--local", &moved]))?;
    // As long as it is what was signed it may be pulled.
    wait::patiently("the signed tag to be known in production", Duration::from_secs(5), || {
        Ok(command::run(&mut way.production.docker(["pull", "--quiet", &moved])).ok())
    })?;
    push("admin/moved:1", &older)
}

/// Pull, run and service create are each refused, in words.
fn refuses(steps: &mut Steps, production: &Production, what: &str, image: &str, words: &str) -> Result<()> {
    let sentence = steps.step(&format!("the guard refuses {what}: pull"), || {
        production::refused(what, || production.docker(["pull", image]), words)
    })?;
    steps.note(&sentence);
    steps.step("… and run", || {
        production::refused(what, || production.docker(["run", "--rm", image, "true"]), words)
    })?;
    // The client pins the digest that the tag has now; nobody signed that one for the team.
    let create = ["service", "create", "--detach", "--with-registry-auth", "--name", "refused", image];
    steps.step("… and service create", || production::refused(what, || production.docker(create), "signed"))?;
    Ok(())
}

/// The files of the home that jobs see hold the signer's key and no other.
///
/// # Errors
/// There is another.
pub fn signer_has_one_key(steps: &mut Steps, signer: &Client) -> Result<()> {
    steps.step("jobs can reach the signer's key, and no root or repository key", || {
        let keys = fs::read_dir(signer.folder().join("trust/private"))?.count();
        ensure!(keys == 1, "the signer's home holds {keys} keys");
        Ok(())
    })
}
