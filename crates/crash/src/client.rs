//! One client: what it does next, and how it does it.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, header};

use crate::{
    api::REPOSITORIES,
    chance::Chance,
    content::{Blob, Image, Manifest},
    ledger::Key,
    load::{Again, Gone, Resume, World},
};

const SHARED_TAGS: u64 = 4;
const OWN_TAGS: u64 = 3;
/// Images of a round that all clients push, so that they meet.
const SHARED_IMAGES: u64 = 6;

pub struct Client {
    world: Arc<World>,
    number: u64,
    chance: Chance,
    /// What it pushed in this round: the repository, and whether the manifest is its own.
    pushed: Vec<(&'static str, Manifest, bool)>,
}

impl Client {
    pub fn new(world: Arc<World>, number: u64, chance: Chance) -> Client {
        Client { world, number, chance, pushed: Vec::new() }
    }

    /// Work until the server is gone.
    pub async fn work(mut self) {
        let mut outcome = self.go_on().await;
        while outcome.is_ok() {
            outcome = self.step().await;
        }
    }

    /// First what the crash interrupted, as clients do.
    async fn go_on(&mut self) -> Result<(), Gone> {
        loop {
            let again = self.world.book().again.pop();
            let Some(again) = again else { break };
            if self.chance.percent(80) {
                self.put_manifest(&again.repository, &again.manifest, again.tag.as_deref()).await?;
            }
        }
        loop {
            let resume = self.world.book().resume.pop();
            let Some(resume) = resume else { return Ok(()) };
            self.resume(resume).await?;
        }
    }

    async fn step(&mut self) -> Result<(), Gone> {
        let repository = *self.chance.pick(&REPOSITORIES).expect("there are some");
        match self.chance.below(100) {
            0..25 => self.push_image(repository, false).await,
            25..50 => self.push_image(repository, true).await,
            50..70 => {
                let blob = self.some_blob();
                self.push_blob(repository, &blob).await.map(drop)
            }
            70..78 => self.mount(repository).await,
            78..86 => self.tag_again().await,
            86..90 => self.push_index().await,
            90..94 => self.delete_tag(repository).await,
            94..97 => self.delete_manifest().await,
            _ => self.delete_blob(repository).await,
        }
    }

    /// A number that other clients of the round have too, or of an earlier round.
    fn some_blob(&mut self) -> Blob {
        let round =
            self.world.round - if self.chance.percent(20) { self.chance.below(self.world.round.min(5) + 1) } else { 0 };
        Blob::numbered((1 << 50) + (round << 8) + self.chance.below(24))
    }

    async fn push_image(&mut self, repository: &'static str, own: bool) -> Result<(), Gone> {
        let image = match own {
            true => Image::numbered((self.number + 1) << 32 | self.world.round << 8 | self.chance.below(24)),
            false => Image::numbered(self.world.round << 8 | self.chance.below(SHARED_IMAGES)),
        };
        for blob in &image.blobs {
            let path = format!("/v2/{repository}/blobs/{}", blob.digest);
            if self.chance.percent(50) {
                let head = self.world.api.ask(Method::HEAD, &path, &[], Bytes::new()).await;
                if self.world.judge(head.as_ref(), "a question for a blob")? {
                    continue;
                }
            }
            if !self.push_blob(repository, blob).await? {
                return Ok(());
            }
        }
        let tag = match own {
            _ if self.chance.percent(30) => None,
            true => Some(self.own_tag()),
            false => Some(format!("shared-{}", self.chance.below(SHARED_TAGS))),
        };
        if self.put_manifest(repository, &image.manifest, tag.as_deref()).await? {
            self.pushed.push((repository, image.manifest, own));
        }
        Ok(())
    }

    fn own_tag(&mut self) -> String {
        format!("own-{}-{}", self.number, self.chance.below(OWN_TAGS))
    }

    async fn put_manifest(&self, repository: &str, manifest: &Manifest, tag: Option<&str>) -> Result<bool, Gone> {
        let named = |name: &str| name.to_owned();
        let own = Key::Manifest { repository: named(repository), digest: manifest.digest.clone() };
        let mut sets = vec![(own, Some(manifest.digest.clone()))];
        if let Some(tag) = tag {
            let key = Key::Tag { repository: named(repository), tag: named(tag) };
            sets.push((key, Some(manifest.digest.clone())));
        }
        self.world.book().ledger.manifests.insert(manifest.digest.clone(), manifest.clone());
        let asked = self.world.begin(sets);
        let path = format!("/v2/{repository}/manifests/{}", tag.unwrap_or(&manifest.digest));
        let headers = [(header::CONTENT_TYPE, manifest.media_type.to_owned())];
        let reply = self.world.api.ask(Method::PUT, &path, &headers, manifest.bytes.clone()).await;
        let outcome = self.world.end(&asked, reply.as_ref(), "a manifest");
        if outcome.is_err() {
            let (repository, tag) = (named(repository), tag.map(named));
            self.world.book().again.push(Again { repository, manifest: manifest.clone(), tag });
        }
        outcome
    }

    /// Push a blob in one of four ways; gives whether it was acknowledged.
    async fn push_blob(&mut self, repository: &str, blob: &Blob) -> Result<bool, Gone> {
        self.world.book().ledger.blobs.insert(blob.digest.clone(), blob.number);
        let way = self.chance.below(4);
        let start = format!("/v2/{repository}/blobs/uploads/");
        if way == 0 {
            let path = format!("{start}?digest={}", blob.digest);
            let asked = self.world.begin(vec![present(repository, &blob.digest)]);
            let reply = self.world.api.ask(Method::POST, &path, &[], blob.bytes.clone()).await;
            return self.world.end(&asked, reply.as_ref(), "a blob in one request");
        }
        let reply = self.world.api.ask(Method::POST, &start, &[], Bytes::new()).await;
        if !self.world.judge(reply.as_ref(), "the begin of an upload")? {
            return Ok(false);
        }
        let location = reply.map(|reply| reply.location).unwrap_or_default();
        let (repository, number) = (repository.to_owned(), blob.number);
        let mut resume = Resume { repository, location, number, acknowledged: 0, finishing: false, cut: false };
        if way == 3 {
            let pieces: Vec<_> =
                blob.bytes.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
            let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
            let reply = self.world.api.ask(Method::PATCH, &resume.location, &[], body).await;
            match self.world.judge(reply.as_ref(), "a stream of an upload") {
                Ok(true) => resume.acknowledged = blob.bytes.len() as u64,
                outcome => return self.broke(resume, outcome),
            }
        }
        let pieces = if way == 2 { self.chance.below(4) + 2 } else { 1 };
        self.send_rest(resume, blob, pieces).await
    }

    /// Send what is missing in so many pieces and finish.
    async fn send_rest(&mut self, mut resume: Resume, blob: &Blob, pieces: u64) -> Result<bool, Gone> {
        let total = blob.bytes.len() as u64;
        let step = (total - resume.acknowledged).div_ceil(pieces).max(1);
        while total - resume.acknowledged > step {
            let (first, end) = (resume.acknowledged, resume.acknowledged + step);
            let reply =
                self.world.api.ask(Method::PATCH, &resume.location, &range(first, end), piece(blob, first, end)).await;
            match self.world.judge(reply.as_ref(), "a chunk of an upload") {
                Ok(true) => resume.acknowledged = end,
                outcome => return self.broke(resume, outcome),
            }
        }
        let asked = self.world.begin(vec![present(&resume.repository, &blob.digest)]);
        resume.finishing = true;
        let path = format!("{}?digest={}", resume.location, blob.digest);
        let first = resume.acknowledged;
        let headers = if first < total { range(first, total) } else { Vec::new() };
        let reply = self.world.api.ask(Method::PUT, &path, &headers, piece(blob, first, total)).await;
        let outcome = self.world.end(&asked, reply.as_ref(), "the end of an upload");
        self.broke(resume, outcome)
    }

    /// Keep an upload for the next round when the server went away under it.
    fn broke(&self, resume: Resume, outcome: Result<bool, Gone>) -> Result<bool, Gone> {
        if outcome.is_err() {
            self.world.book().resume.push(resume);
        }
        outcome
    }

    /// Go on with an upload of before the crash. After a kill alone, everything acknowledged is still there.
    async fn resume(&mut self, mut resume: Resume) -> Result<(), Gone> {
        let reply = self.world.api.get(&resume.location).await;
        let good = match self.world.judge(reply.as_ref(), "a question for an upload") {
            Ok(good) => good,
            outcome => return self.broke(resume, outcome).map(drop),
        };
        let blob = Blob::numbered(resume.number);
        // `0-0` is said of one byte and of none.
        let last = reply.and_then(|reply| reply.last);
        let unsure = last == Some(0);
        let here = last.filter(|_| !unsure).map_or(0, |last| last + 1);
        let lost = !resume.finishing && (!good || (here < resume.acknowledged && resume.acknowledged > 1));
        if lost && !resume.cut {
            let fault = format!("the upload {} had {} bytes, now {here}", resume.location, resume.acknowledged);
            self.world.book().faults.push(fault);
            return Err(Gone);
        }
        if !good || here > blob.bytes.len() as u64 {
            return Ok(());
        }
        resume.acknowledged = here;
        let finished = self.send_rest(resume.clone(), &blob, 1).await?;
        if !finished && !unsure && !resume.cut {
            let fault = format!("the upload {} could not be gone on with at {here}", resume.location);
            self.world.book().faults.push(fault);
            return Err(Gone);
        }
        Ok(())
    }

    async fn mount(&mut self, repository: &'static str) -> Result<(), Gone> {
        let held = self.world.book().ledger.certain(|key| matches!(key, Key::Blob { .. }));
        let Some((Key::Blob { repository: from, digest }, _)) = self.chance.pick(&held).cloned() else { return Ok(()) };
        let asked = self.world.begin(vec![present(repository, &digest)]);
        let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
        let reply = self.world.api.ask(Method::POST, &path, &[], Bytes::new()).await;
        // 202 begins an upload instead: nothing was mounted.
        let reply =
            reply.map(|reply| if reply.status == 202 { crate::api::Reply { status: 404, ..reply } } else { reply });
        self.world.end(&asked, reply.as_ref(), "a mount").map(drop)
    }

    async fn tag_again(&mut self) -> Result<(), Gone> {
        let Some((repository, manifest, own)) = self.chance.pick(&self.pushed).cloned() else { return Ok(()) };
        let tag = if own { self.own_tag() } else { format!("shared-{}", self.chance.below(SHARED_TAGS)) };
        self.put_manifest(repository, &manifest, Some(&tag)).await.map(drop)
    }

    async fn push_index(&mut self) -> Result<(), Gone> {
        let Some((repository, _, _)) = self.pushed.last() else { return Ok(()) };
        let repository = *repository;
        let here = self.pushed.iter().filter(|(place, _, own)| *place == repository && !own);
        let manifests: Vec<Manifest> = here.map(|(_, manifest, _)| manifest.clone()).take(2).collect();
        if manifests.is_empty() {
            return Ok(());
        }
        self.put_manifest(repository, &Manifest::index(&manifests), None).await.map(drop)
    }

    async fn delete(&self, path: &str, gone: Vec<Key>, what: &str) -> Result<(), Gone> {
        let asked = self.world.begin(gone.into_iter().map(|key| (key, None)).collect());
        let reply = self.world.api.ask(Method::DELETE, path, &[], Bytes::new()).await;
        self.world.end(&asked, reply.as_ref(), what).map(drop)
    }

    async fn delete_tag(&mut self, repository: &str) -> Result<(), Gone> {
        let tag = self.own_tag();
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.delete(&path, vec![Key::Tag { repository: repository.to_owned(), tag }], "the deletion of a tag").await
    }

    /// Delete a manifest that only this client pushes and tags, and with it the tags that name it.
    async fn delete_manifest(&mut self) -> Result<(), Gone> {
        let own: Vec<_> = self.pushed.iter().filter(|(_, _, own)| *own).cloned().collect();
        let Some((repository, manifest, _)) = self.chance.pick(&own).cloned() else { return Ok(()) };
        let digest = manifest.digest;
        let mut gone = self.world.book().ledger.tags_naming(repository, &digest);
        gone.push(Key::Manifest { repository: repository.to_owned(), digest: digest.clone() });
        let path = format!("/v2/{repository}/manifests/{digest}");
        self.delete(&path, gone, "the deletion of a manifest").await
    }

    async fn delete_blob(&mut self, repository: &str) -> Result<(), Gone> {
        let digest = self.some_blob().digest;
        let path = format!("/v2/{repository}/blobs/{digest}");
        self.delete(&path, vec![Key::Blob { repository: repository.to_owned(), digest }], "the deletion of a blob")
            .await
    }
}

fn present(repository: &str, digest: &str) -> (Key, Option<String>) {
    (Key::Blob { repository: repository.to_owned(), digest: digest.to_owned() }, Some(digest.to_owned()))
}

fn range(first: u64, end: u64) -> Vec<(header::HeaderName, String)> {
    vec![(header::CONTENT_RANGE, format!("{first}-{}", end.saturating_sub(1)))]
}

fn piece(blob: &Blob, first: u64, end: u64) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).expect("it is within a blob in memory");
    blob.bytes.slice(at(first)..at(end))
}
