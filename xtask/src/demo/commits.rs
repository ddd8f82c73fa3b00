//! Acts 7 and 8: a commit is pushed, and comes out as an image that is promoted, signed and running. No human in between.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::accounts::People;
use super::client::Client;
use super::pipelines;
use super::production::{self, Production};
use super::projects::{self, WorkCopy};
use super::registry;
use super::runners::Runners;
use super::scene::{self, Scene};
use super::server::Server;
use super::site;
use super::sources::Builder;
use super::trust;
use crate::images;
use crate::stage::Steps;
use crate::wait;

/// Policies decide as soon as a scan is stored.
const DECISION: Duration = Duration::from_secs(30);

/// One commit, and what became of it.
#[derive(Clone, Debug)]
pub struct Shipped {
    pub commit: String,
    /// The job that built it: its tag.
    pub job: i64,
    pub digest: String,
}

/// Everybody and everything a commit meets on its way.
pub struct Way<'a> {
    pub scene: &'a Scene<'a>,
    pub people: &'a People,
    pub builder: &'a Builder,
    pub signer: &'a Client,
    pub production: &'a Production,
    pub runners: &'a Runners,
    pub code: WorkCopy,
}

/// Pushes an edition and follows it to the running service.
///
/// # Errors
/// It stops on the way.
pub fn ship(steps: &mut Steps, server: &Server, way: &Way, edition: u32) -> Result<Shipped> {
    let before = pipelines::known(server, site::SIGNER)?;
    let commit = steps.step(&format!("edition {edition}: git push"), || {
        fs::write(way.code.folder.join("edition.txt"), format!("{edition}\n"))?;
        projects::commit_and_push(&way.code, way.people, &format!("Edition {edition}"))
    })?;
    let job = steps.beside(&way.runners.code).step("the runner builds and pushes", || built(server, &commit))?;
    let shipped = followed(steps, server, way, &commit, job)?;
    signed_and_deployed(steps, server, way, &shipped, &before)?;
    steps.step(&format!("edition {edition} answers in production"), || {
        production::answers(way.production, &format!("edition {edition}"))
    })?;
    Ok(shipped)
}

/// The same with the server killed in the middle of the build: the job is run once more, under a new number.
///
/// # Errors
/// It stops on the way.
pub fn ship_through_a_crash(steps: &mut Steps, server: &Server, way: &Way, edition: u32) -> Result<Shipped> {
    let before = pipelines::known(server, site::SIGNER)?;
    let commit = steps.step(&format!("edition {edition}: git push"), || {
        fs::write(way.code.folder.join("edition.txt"), format!("{edition}\n"))?;
        projects::commit_and_push(&way.code, way.people, &format!("Edition {edition}"))
    })?;
    let first = steps.step("kill -9 of the server in the middle of the build, and a start", || {
        let pipeline = pipelines::of_commit(server, site::CODE, &commit)?;
        let job = pipelines::running_job(server, site::CODE, pipeline)?;
        server.program.kill_and_restart()?;
        Ok(job)
    })?;
    let job =
        steps.beside(&way.runners.code).step("the build goes on, or is run once more", || built(server, &commit))?;
    let how = if job == first { "the runner kept the job" } else { "the job was run once more under a new number" };
    steps.note(how);
    let shipped = followed(steps, server, way, &commit, job)?;
    signed_and_deployed(steps, server, way, &shipped, &before)?;
    steps.step(&format!("edition {edition} answers in production"), || {
        production::answers(way.production, &format!("edition {edition}"))
    })?;
    Ok(shipped)
}

/// A commit that installs a package with a known advisory, and nothing else: it must not be promoted.
///
/// # Errors
/// It is promoted, or stops elsewhere.
pub fn refuse_vulnerable(
    steps: &mut Steps,
    server: &Server,
    way: &Way,
    package: (&str, &str),
    good: &Shipped,
) -> Result<i64> {
    let (name, version) = package;
    let before = pipelines::known(server, site::SIGNER)?;
    let commit = steps.step(&format!("a commit that installs {name} {version}, made on the spot"), || {
        let deb = images::deb::empty(&way.code.folder, name, version)?;
        let file = deb.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let dockerfile = way.code.folder.join("Dockerfile");
        let good = fs::read_to_string(&dockerfile)?;
        let install =
            format!("USER root\nCOPY {file} /tmp/\nRUN dpkg --install /tmp/{file} && rm /tmp/{file}\nUSER nobody\n");
        fs::write(&dockerfile, good.replace("USER nobody\n", &install))?;
        projects::commit_and_push(&way.code, way.people, &format!("Install {name}"))
    })?;
    let job = steps.beside(&way.runners.code).step("the runner builds and pushes it", || built(server, &commit))?;
    let image = format!("{}:{job}", site::BUILDS);
    let scanned = steps.step("it is scanned", || registry::scanned(server, &image))?;
    steps.note(&scanned.sentence());
    steps
        .step("it is over the threshold, and not promoted", || {
            ensure!(scanned.findings() > 0, "the scan found nothing in {image}: {scanned:?}");
            let decided = wait::patiently("the refusal", DECISION, || refusal(server, job))?;
            let tag = registry::tag(server, &format!("{}:{job}", site::RELEASES))?;
            ensure!(tag.is_none(), "{image} was promoted in spite of {}", scanned.sentence());
            let latest = registry::digest(server, &format!("{}:latest", site::RELEASES))?;
            ensure!(latest == good.digest, "latest moved from {} to {latest}", good.digest);
            ensure!(pipelines::known(server, site::SIGNER)? == before, "a refused image started the signer");
            Ok(decided)
        })
        .map(|why| steps.note(&why))?;
    revert(way)?;
    Ok(job)
}

/// The next commit takes the package out again, so that it differs from the good one in nothing else.
fn revert(way: &Way) -> Result<()> {
    scene::copy_folder(&way.scene.project("flask"), &way.code.folder)?;
    for entry in fs::read_dir(&way.code.folder)?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The first objection of the decision that refused a tag of the builds.
fn refusal(server: &Server, job: i64) -> Result<Option<String>> {
    let answer = server.admin.get(&format!("/api/v1/repositories/{}/tags/{job}/decisions", site::BUILDS))?;
    let decisions = answer["decisions"].as_array().cloned().unwrap_or_default();
    let refused = decisions.iter().find(|decision| decision["verdict"] == "refused");
    Ok(refused.map(|decision| decision["reasons"][0]["sentence"].as_str().unwrap_or_default().to_owned()))
}

fn built(server: &Server, commit: &str) -> Result<i64> {
    let pipeline = pipelines::of_commit(server, site::CODE, commit)?;
    let finished = pipelines::succeeded(server, site::CODE, pipeline)?;
    pipelines::job_named(&finished.jobs, "build")
}

/// From the push to the promotions.
fn followed(steps: &mut Steps, server: &Server, way: &Way, commit: &str, job: i64) -> Result<Shipped> {
    let build = format!("{}:{job}", site::BUILDS);
    let scanned = steps.step("the push is scanned", || registry::scanned(server, &build))?;
    steps.note(&scanned.sentence());
    ensure!(
        scanned.findings() == 0,
        "{build} is not clean, which the story's base is made to be: {}",
        scanned.sentence()
    );
    let digest = scanned.digest;
    steps.step("both policies promote it, under its number and as latest", || {
        for tag in [job.to_string(), "latest".to_owned()] {
            let target = format!("{}:{tag}", site::RELEASES);
            wait::patiently(&format!("{target} to be {digest}"), DECISION, || {
                Ok(registry::tag(server, &target)?.filter(|found| found.digest == digest))
            })?;
        }
        Ok(())
    })?;
    // Two digests of one image would mean that some step rewrote its manifest.
    let skopeo = |image: &str| {
        let token = &way.people.admin_token;
        registry::skopeo_digest(&way.builder.engine, &server.ca, token, image)
    };
    let released = skopeo(&format!("{}:latest", site::RELEASES))?;
    registry::same("the image", &[("scanned", digest.clone()), ("pushed", skopeo(&build)?), ("promoted", released)])?;
    Ok(Shipped { commit: commit.to_owned(), job, digest })
}

/// From the webhook to the service. Two promotions call the trigger twice; the signer's pipelines run one at a time.
fn signed_and_deployed(
    steps: &mut Steps,
    server: &Server,
    way: &Way,
    shipped: &Shipped,
    before: &BTreeSet<i64>,
) -> Result<()> {
    steps
        .beside(&way.runners.signer)
        .step("the webhook starts the signer's pipelines", || pipelines::new_ones(server, site::SIGNER, before, 2))?;
    steps
        .beside(&way.runners.signer)
        .beside(&way.production.guard)
        .step("they run one at a time: sign, then deploy", || one_at_a_time(server, before))?;
    let latest = format!("{}:latest", site::RELEASES);
    steps.step("docker trust inspect: latest is signed by gitlab, for this digest", || {
        trust::signed_by_robot(&way.builder.admin, &way.builder.engine, &latest, &shipped.digest)
    })?;
    steps.step("docker service inspect: production runs this digest", || {
        production::runs(way.production, &shipped.digest)
    })
}

/// One pipeline after the other. One that outages stopped, and a person tried again, has let others pass; but there as
/// well no two jobs run at once.
fn one_at_a_time(server: &Server, before: &BTreeSet<i64>) -> Result<()> {
    let (mut seen, mut whole, mut single) = (BTreeSet::new(), Vec::new(), Vec::new());
    // Each that comes, as long as one comes: an interrupted build may have pushed, and been promoted, before it was run again.
    while let Some(pipeline) =
        pipelines::known(server, site::SIGNER)?.difference(before).find(|new| !seen.contains(*new)).copied()
    {
        seen.insert(pipeline);
        let finished = pipelines::succeeded(server, site::SIGNER, pipeline)?;
        pipelines::job_named(&finished.jobs, "deploy")?;
        let spans: Vec<Span> = pipelines::attempts(server, site::SIGNER, pipeline)?.iter().filter_map(span).collect();
        let (first, last) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
        whole.extend(first.zip(last).filter(|_| !finished.by_hand));
        single.extend(spans);
    }
    for (what, mut spans) in [("pipelines", whole), ("jobs", single)] {
        spans.sort();
        let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        ensure!(apart, "the signer's {what} overlapped: {spans:?}");
    }
    Ok(())
}

/// When it began and ended.
type Span = (Timestamp, Timestamp);

fn span(job: &Value) -> Option<Span> {
    let time = |name: &str| job[name].as_str()?.parse().ok();
    Some((time("started_at")?, time("finished_at")?))
}
