//! Images of several platforms: pushed whole and by one platform, saved and loaded as a layout of OCI, pulled for another machine.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::bench::{Bench, OCI_INDEX, OCI_MANIFEST};
use crate::stage::Steps;

const REPOSITORY: &str = "admin/platforms";
/// A platform that this machine is not.
const FOREIGN: &str = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };

/// # Errors
/// It does not work with this server.
pub fn play(steps: &mut Steps, bench: &Bench) -> Result<()> {
    let image = bench.server.image(&format!("{REPOSITORY}:1"));
    let digest = steps.step("docker build for two platforms, docker push: one index of both", || {
        bench.renew()?;
        bench.build(&image, &["--platform", "linux/amd64,linux/arm64"])?;
        let (digest, _) = bench.push(&image)?;
        ensure!(bench.tag(REPOSITORY, "1")? == (digest.clone(), OCI_INDEX.to_owned()), "the tag names something else");
        ensure!(
            architectures(&bench.manifest(REPOSITORY, "1")?) == ["amd64", "arm64"],
            "the index has other platforms"
        );
        Ok(digest)
    })?;
    steps.step("docker pull --platform: the image of another machine, under the same digest", || {
        bench.forget()?;
        let platform = format!("linux/{FOREIGN}");
        ensure!(bench.pull(&["--platform", &platform, &image])? == digest, "the tag gave another index");
        let seen = ["image", "inspect", "--platform", &platform, "--format", "{{.Architecture}}", &image];
        ensure!(bench.docker(&seen)?.trim() == FOREIGN, "the image is for another machine");
        Ok(())
    })?;
    steps.step("docker push --platform: that image alone, as the index names it", || one_platform(bench, &image))?;
    steps.step("docker save, docker load, docker push: an OCI layout keeps the index's digest", || {
        bench.forget()?;
        bench.pull(&["--platform", "linux/amd64", &image])?;
        bench.docker(&["pull", "--platform", "linux/arm64", &image])?;
        let layout = bench.context.join("layout.tar");
        carry(bench, &image, &layout)?;
        let carried = bench.server.image("admin/carried:1");
        bench.docker(&["tag", &image, &carried])?;
        let (pushed, _) = bench.push(&carried)?;
        ensure!(pushed == digest && bench.tag("admin/carried", "1")?.0 == digest, "{pushed} was pushed, not {digest}");
        Ok(())
    })
}

/// The architectures that an index has images for.
fn architectures(index: &Value) -> Vec<&str> {
    let entries = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default();
    let known = entries.iter().filter_map(|entry| entry["platform"]["architecture"].as_str());
    known.filter(|architecture| *architecture != "unknown").collect()
}

fn one_platform(bench: &Bench, image: &str) -> Result<()> {
    let index = bench.manifest(REPOSITORY, "1")?;
    let entries = index["manifests"].as_array().context("an index has manifests")?;
    let named = entries.iter().find(|entry| entry["platform"]["architecture"] == FOREIGN);
    let alone = bench.server.image("admin/alone:1");
    bench.docker(&["tag", image, &alone])?;
    bench.docker(&["push", "--platform", &format!("linux/{FOREIGN}"), &alone])?;
    let (digest, kind) = bench.tag("admin/alone", "1")?;
    ensure!(
        kind == OCI_MANIFEST && named.is_some_and(|entry| entry["digest"] == digest.as_str()),
        "the {kind} {digest} was pushed, and the index is {index}"
    );
    Ok(())
}

/// Out of the engine into a file, and back when the engine has forgotten it.
fn carry(bench: &Bench, image: &str, layout: &Path) -> Result<()> {
    let layout = layout.display().to_string();
    bench.docker(&["image", "save", "--output", &layout, image])?;
    bench.forget()?;
    bench.docker(&["image", "load", "--input", &layout]).map(drop)
}
