//! The image store of containerd: what BuildKit made is pushed as it is, and is the same when it comes back.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::bench::{Bench, OCI_INDEX, OCI_MANIFEST};
use crate::command;
use crate::stage::Steps;

const REPOSITORY: &str = "admin/app";

/// # Errors
/// It does not work with this server.
pub fn play(steps: &mut Steps, bench: &Bench) -> Result<()> {
    let image = bench.server.image(&format!("{REPOSITORY}:1"));
    let versions = steps.step("the engine is the one that was built, with containerd's store", || versions(bench))?;
    steps.note(&versions);
    steps.step("docker login: refused with a wrong password, taken with the right one", || {
        let config = bench.engine.home().join(".docker");
        let refusal = format!("{:#}", bench.login(&config, "admin", "wrong-password").err().context("it was taken")?);
        ensure!(refusal.contains("unauthorized: the user name or password is wrong"), "the refusal is {refusal}");
        bench.login(&config, "admin", &bench.server.password).map(drop)
    })?;
    let digest = steps.step("docker build with provenance, docker push: an OCI index, as it was built", || {
        bench.build(&image, &["--provenance=mode=max"])?;
        let (digest, _) = bench.push(&image)?;
        ensure!(bench.tag(REPOSITORY, "1")? == (digest.clone(), OCI_INDEX.to_owned()), "the tag names something else");
        let built = bench.docker(&["image", "inspect", "--format", "{{.Id}}", &image])?;
        ensure!(built.trim() == digest, "{digest} was pushed, but {built} was built");
        attested(bench, REPOSITORY, &digest).map(|()| digest)
    })?;
    steps.note(&digest);
    steps.step("docker push again: layers exist already, and nothing changes", || {
        let before = bench.pushed()?;
        let (again, said) = bench.push(&image)?;
        ensure!(again == digest && said.contains("Layer already exists"), "it was pushed again: {said}");
        ensure!(bench.pushed()? == before, "the log has {:?}, and had {before:?}", bench.pushed()?);
        Ok(())
    })?;
    steps.step("docker push to a second repository: mounted, and no byte is sent again", || mount(bench, &image))?;
    steps.step("docker rmi, docker pull by tag and by digest, docker run", || {
        bench.forget()?;
        ensure!(bench.pull(&[&image])? == digest, "the tag gave another image");
        runs(bench, &image)?;
        bench.forget()?;
        let by_digest = bench.server.image(&format!("{REPOSITORY}@{digest}"));
        ensure!(bench.pull(&[&by_digest])? == digest, "the digest gave another image");
        runs(bench, &by_digest)
    })?;
    steps.step("docker build --push: BuildKit pushes by itself, a layer in zstd", || build_and_push(bench))?;
    steps.step("docker build with its cache in the registry: another machine builds nothing", || cache(bench))
}

fn versions(bench: &Bench) -> Result<String> {
    let version =
        bench.docker(&["version", "--format", "{{.Client.Version}} {{.Server.Version}} {{.Server.APIVersion}}"])?;
    let info: Value =
        serde_json::from_str(&command::run(&mut bench.engine.docker(["info", "--format", "{{json .}}"]))?)?;
    let status = info["DriverStatus"].to_string();
    ensure!(status.contains("io.containerd.snapshotter.v1"), "images are in {} {status}", info["Driver"]);
    let words: Vec<&str> = version.split_whitespace().collect();
    let [client, engine, api] = words[..] else { anyhow::bail!("the versions are {version}") };
    let minor: u32 = api.strip_prefix("1.").and_then(|minor| minor.parse().ok()).context("no version of the API")?;
    // 1.44 came with engine 25.
    ensure!(minor >= 44, "the engine's API is {api}");
    let containerd =
        bench.docker(&["version", "--format", "{{range .Server.Components}}{{.Name}} {{.Version}}; {{end}}"])?;
    Ok(format!("docker {client}, engine {engine}, API {api}, snapshotter {}; {}", info["Driver"], containerd.trim()))
}

/// An index of an image and of what BuildKit says about how it was made, all of it in the registry.
fn attested(bench: &Bench, repository: &str, digest: &str) -> Result<()> {
    let index = bench.manifest(repository, digest)?;
    let entries = index["manifests"].as_array().context("an index has manifests")?;
    let kind = |entry: &&Value| entry["annotations"]["vnd.docker.reference.type"] == "attestation-manifest";
    let (about, images): (Vec<&Value>, Vec<&Value>) = entries.iter().partition(kind);
    let ([about], [image]) = (&about[..], &images[..]) else { anyhow::bail!("the index is {index}") };
    ensure!(about["annotations"]["vnd.docker.reference.digest"] == image["digest"], "the index is {index}");
    for (entry, layers) in [(image, "application/vnd.oci.image.layer.v1.tar"), (about, "application/vnd.in-toto+json")]
    {
        ensure!(entry["mediaType"] == OCI_MANIFEST, "the index is {index}");
        let manifest = bench.manifest(repository, entry["digest"].as_str().context("a digest")?)?;
        let listed = manifest["layers"].as_array().context("an image has layers")?;
        let sound = |layer: &Value| layer["mediaType"].as_str().is_some_and(|kind| kind.starts_with(layers));
        ensure!(!listed.is_empty() && listed.iter().all(sound), "the manifest is {manifest}");
    }
    Ok(())
}

fn runs(bench: &Bench, image: &str) -> Result<()> {
    let said = bench.docker(&["run", "--rm", "--network", "none", image])?;
    ensure!(said.contains("tini version"), "the container said {said:?}");
    Ok(())
}

fn mount(bench: &Bench, image: &str) -> Result<()> {
    let second = bench.server.image("admin/second:1");
    bench.docker(&["tag", image, &second])?;
    let [blobs, mounted, _] = bench.pushed()?;
    let (digest, said) = bench.push(&second)?;
    ensure!(said.contains(&format!("Mounted from {REPOSITORY}")), "nothing was mounted: {said}");
    let [blobs_now, mounted_now, _] = bench.pushed()?;
    ensure!(blobs_now == blobs && mounted_now > mounted, "{} blobs were sent again: {said}", blobs_now - blobs);
    ensure!(bench.tag("admin/second", "1")?.0 == digest, "the tag names something else");
    attested(bench, "admin/second", &digest)
}

fn build_and_push(bench: &Bench) -> Result<()> {
    bench.renew()?;
    let image = bench.server.image("admin/buildkit:1");
    let output =
        format!("type=image,name={image},push=true,oci-mediatypes=true,compression=zstd,force-compression=true");
    bench.build(&image, &["--provenance=false", "--output", &output])?;
    let (digest, kind) = bench.tag("admin/buildkit", "1")?;
    ensure!(kind == OCI_MANIFEST, "the tag names a {kind}");
    let manifest = bench.manifest("admin/buildkit", "1")?;
    let zstd = |layer: &Value| layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd";
    ensure!(manifest["layers"].as_array().is_some_and(|layers| layers.iter().all(zstd)), "it is {manifest}");
    bench.forget()?;
    ensure!(bench.pull(&[&image])? == digest, "the tag gave another image");
    runs(bench, &image)
}

fn cache(bench: &Bench) -> Result<()> {
    let (image, cache) = (bench.server.image("admin/cached:1"), bench.server.image("admin/cached:cache"));
    let to = format!("type=registry,ref={cache},mode=max,image-manifest=true,oci-mediatypes=true");
    bench.build(&image, &["--cache-to", &to])?;
    ensure!(bench.tag("admin/cached", "cache")?.1 == OCI_MANIFEST, "the cache is no OCI manifest");
    bench.forget()?;
    let said = bench.build(&image, &["--cache-from", &format!("type=registry,ref={cache}")])?;
    ensure!(said.contains("CACHED"), "nothing came from the cache: {said}");
    Ok(())
}
