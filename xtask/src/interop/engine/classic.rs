//! The older image store of the same engine: schema 2 is pushed, and both formats are pulled.

use anyhow::{Result, ensure};

use super::bench::{Bench, SCHEMA_2};
use super::refusals;
use crate::command;
use crate::stage::Steps;

/// # Errors
/// It does not work with this server.
pub fn play(steps: &mut Steps, bench: &Bench) -> Result<()> {
    let (one, two) = (bench.server.image("admin/classic:1"), bench.server.image("admin/classic-copy:1"));
    steps.step("docker login", || {
        bench.login(&bench.engine.home().join(".docker"), "admin", &bench.server.password).map(drop)
    })?;
    let digest = steps.step("docker build, docker push: schema 2", || {
        let driver = command::run(&mut bench.engine.docker(["info", "--format", "{{.Driver}}"]))?;
        ensure!(driver.trim() == "overlay2", "images are in {driver}");
        bench.build(&one, &[])?;
        let (digest, _) = bench.push(&one)?;
        ensure!(
            bench.tag("admin/classic", "1")? == (digest.clone(), SCHEMA_2.to_owned()),
            "the tag names something else"
        );
        Ok(digest)
    })?;
    steps.note(&digest);
    steps.step("docker push again and elsewhere: layers exist already, and are mounted", || {
        let [blobs, ..] = bench.pushed()?;
        let (again, said) = bench.push(&one)?;
        ensure!(again == digest && said.contains("Layer already exists"), "it was pushed again: {said}");
        bench.docker(&["tag", &one, &two])?;
        let (copied, said) = bench.push(&two)?;
        ensure!(copied == digest && said.contains("Mounted from admin/classic"), "nothing was mounted: {said}");
        // It mounts layers and sends the configuration. Manifests it sends again, and a tag that is set again is news.
        ensure!(bench.pushed()?[0] == blobs + 1, "more than the configuration was sent again");
        Ok(())
    })?;
    steps.step("docker pull by tag and by digest, and what containerd's store has pushed", || {
        let by_digest = bench.server.image(&format!("admin/classic@{digest}"));
        for (image, expected) in [
            (one.clone(), digest.clone()),
            (by_digest, digest.clone()),
            (bench.server.image("admin/app:1"), bench.tag("admin/app", "1")?.0),
            (bench.server.image("admin/buildkit:1"), bench.tag("admin/buildkit", "1")?.0),
            (bench.server.image("admin/platforms:1"), bench.tag("admin/platforms", "1")?.0),
        ] {
            bench.forget()?;
            ensure!(bench.pull(&[&image])? == expected, "{image} gave another image");
            let said = bench.docker(&["run", "--rm", "--network", "none", &image])?;
            ensure!(said.contains("tini version"), "the container said {said:?}");
        }
        Ok(())
    })?;
    let said = steps.step("an immutable tag takes the same image again, and no other", || {
        refusals::immutable(bench, "fixed-classic")
    })?;
    steps.note(&said);
    Ok(())
}
