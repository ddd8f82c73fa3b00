//! A disk that spoils what it holds: reads refuse it, and the next push of the same content repairs it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use bytes::Bytes;
use oci::Digest;
use reqwest::{Method, header};

use crate::{chance::Chance, check, content::Blob, ledger::Key, load::World, store};

/// How bytes are spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Flip,
    CutShort,
    Lose,
}

/// Damage one blob and one manifest that are surely there, look, push again, look again; gives what is wrong.
pub async fn try_out(world: &World, mount: &Path, chance: &mut Chance) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for manifests in [false, true] {
        let held = world.book().ledger.certain(|key| match key {
            Key::Blob { .. } => !manifests,
            Key::Manifest { .. } => manifests,
            Key::Tag { .. } => false,
        });
        if let Some((key, digest)) = chance.pick(&held) {
            problems.extend(one(world, mount, key, digest, chance).await?);
        }
    }
    Ok(problems)
}

async fn one(world: &World, mount: &Path, key: &Key, digest: &str, chance: &mut Chance) -> Result<Vec<String>> {
    let parsed: Digest = digest.parse()?;
    let path = mount.join(store::path(&parsed));
    let sound = fs::read(&path).with_context(|| format!("{digest} is not on disk"))?;
    let harm = *chance.pick(&[Harm::Flip, Harm::CutShort, Harm::Lose]).expect("there are some");
    let mut problems = Vec::new();
    spoil(&path, &sound, harm, chance)?;
    match check::look(&world.api, key).await {
        // A manifest may come from memory, where it is sound. The bytes of a blob are compared by the client, which has its digest.
        Ok(Some(_)) if matches!(key, Key::Manifest { .. }) => {}
        Err(problem) if harm == Harm::Flip && problem.contains("other bytes") && matches!(key, Key::Blob { .. }) => {}
        Ok(Some(_)) => problems.push(format!("{key} was damaged ({harm:?}) and sent nevertheless")),
        Ok(None) | Err(_) => {}
    }
    if chance.percent(40) {
        // Somebody brings it back from a backup; nobody synced it.
        fs::write(&path, &sound)?;
    }
    let pushed = push_again(world, key, digest).await?;
    if !pushed {
        problems.push(format!("{key} was damaged ({harm:?}) and could not be pushed again"));
    }
    if check::look(&world.api, key).await != Ok(Some(digest.to_owned())) {
        problems.push(format!("{key} was damaged ({harm:?}), pushed again and is still damaged"));
    }
    Ok(problems)
}

fn spoil(path: &Path, sound: &[u8], harm: Harm, chance: &mut Chance) -> Result<()> {
    match harm {
        Harm::Lose => fs::remove_file(path)?,
        Harm::CutShort => fs::write(path, &sound[..chance.index(sound.len())])?,
        Harm::Flip => {
            let mut spoilt = sound.to_vec();
            let at = chance.index(spoilt.len());
            spoilt[at] ^= 1;
            fs::write(path, spoilt)?;
        }
    }
    Ok(())
}

async fn push_again(world: &World, key: &Key, digest: &str) -> Result<bool> {
    let asked = world.begin(vec![(key.clone(), Some(digest.to_owned()))]);
    let reply = match key {
        Key::Blob { repository, .. } => {
            let number = *world.book().ledger.blobs.get(digest).context("every blob has a number")?;
            let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
            world.api.ask(Method::POST, &path, &[], Blob::numbered(number).bytes).await
        }
        Key::Manifest { repository, .. } => {
            let manifest = world.book().ledger.manifests.get(digest).cloned().context("every manifest was kept")?;
            let headers = [(header::CONTENT_TYPE, manifest.media_type.to_owned())];
            world.api.ask(Method::PUT, &format!("/v2/{repository}/manifests/{digest}"), &headers, manifest.bytes).await
        }
        Key::Tag { .. } => world.api.ask(Method::GET, "/v2/", &[], Bytes::new()).await,
    };
    Ok(world.end(&asked, reply.as_ref(), "a push that repairs").unwrap_or(false))
}
