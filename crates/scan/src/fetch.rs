//! Fetching new snapshots from folders that `assay advisories publish` wrote and any web server serves.
//!
//! ```text
//!   latest.note ── 304, or of the present snapshot ─► nothing new
//!        │ a trusted key signed it, and it is not older
//!        ▼
//!   delta/<digest of the present one, hex>.tar ── there, and it fits ─► taken
//!        │ not there, or of no use
//!        ▼
//!   latest.tar ─► taken
//! ```
//!
//! Each archive carries its own signed note, so that a folder which changes meanwhile does no harm. The first address that
//! answers well is the last that is asked.

use base::{Ctx, Id, Timestamp, limits};
use jobs::{Failure, Job, NewJob};
use outbound::Trust;
use reqwest::{StatusCode, Url, header};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Scan, UpdateUrl, Updates,
    incoming::claimed,
    snapshots::Way,
    store::{self, Answered, Outcome},
};

/// Runs every minute to look whether it is time, and when somebody asks.
pub const FETCH_JOB: &str = "scan.fetch";

/// Bytes between two notes of how far a download is.
const NOTED_BYTES: usize = 4 * 1024 * 1024;
/// The pause after a first failure, doubled for each further one, at most until the next day.
const PAUSE_MIN_SECONDS: i64 = 5 * 60;
const PAUSE_MAX_SECONDS: i64 = 6 * 60 * 60;

/// The payload of [`FETCH_JOB`]; nothing where the timer wrote it.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Fetch {
    /// Whatever the time.
    #[serde(default)]
    now: bool,
}

/// What a server answered.
enum Answer {
    File { bytes: Vec<u8>, etag: Option<String> },
    NotModified,
    Absent,
}

impl Scan {
    /// Have new advisories fetched now. Administrators only.
    pub async fn request_fetch(&self, ctx: &Ctx) -> Result<Id<Job>, Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            Scan::require_enabled(tx).await?;
            if !store::settings(tx).await?.sync_online {
                let why = "advisories are not fetched from the network here; an administrator switches that on with the setting scanningSyncOnline";
                return Err(Error::Invalid(why.to_owned()));
            }
            usable(&store::updates(tx).await?)?;
            let entry = audit::append(tx, ctx, audit::Entry::new("snapshot.requested")).await?;
            Ok::<_, Error>(enqueue(tx, ctx, &entry).await?)
        })
    }

    /// Handle a job of kind [`FETCH_JOB`]. A failure is kept and shown with the advisories, and tried again by the clock.
    pub async fn run_fetch(&self, ctx: Ctx, job: Job) -> Result<(), Failure> {
        let asked: Option<Fetch> = serde_json::from_value(job.payload).map_err(Failure::last)?;
        let mut tx = self.db.read().await?;
        let (settings, updates) = (store::settings(&mut tx).await?, store::updates(&mut tx).await?);
        let outcome = store::outcome(&mut tx).await?;
        drop(tx);
        let wanted = settings.enabled && settings.sync_online;
        if !wanted && outcome.progress.is_some() {
            // It was cut off, and then switched off.
            self.progress(&ctx, None).await.map_err(Failure::retry)?;
        }
        if !wanted || !(asked.unwrap_or_default().now || due(&updates, &outcome, ctx.now)) {
            return Ok(());
        }
        let fetched = self.fetch(&ctx, &updates, outcome.answer).await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, "no new advisories could be fetched");
        }
        let noted = fetched.map_err(|error| error.to_string());
        let noted = noted.as_ref().map(Option::as_ref).map_err(String::as_str);
        db::write!(self.db, &ctx, |tx| store::answered(tx, &ctx, noted).await)
            .map_err(|error: db::Error| Failure::retry(error))
    }

    /// Ask one address after the other. Gives what need not be asked for again.
    async fn fetch(&self, ctx: &Ctx, updates: &Updates, last: Option<Answered>) -> Result<Option<Answered>, Error> {
        usable(updates)?;
        let mut failed = Vec::new();
        for url in &updates.urls {
            let fetching = tokio::time::timeout(limits::UPDATE_TIME, self.fetch_from(ctx, updates, url, last.as_ref()));
            let minutes = limits::UPDATE_TIME.as_secs() / 60;
            let late = |_| Err(Error::Unreachable(format!("it took longer than {minutes} minutes")));
            match fetching.await.unwrap_or_else(late) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    let why = format!("{url}: {error}");
                    if matches!(error, Error::Invalid(_)) {
                        self.note_refusal(ctx, &Way::Fetched { from: url.to_string() }, &why).await?;
                    }
                    failed.push(why);
                }
            }
        }
        Err(Error::Unreachable(failed.join("; ")))
    }

    async fn fetch_from(
        &self,
        ctx: &Ctx,
        updates: &Updates,
        folder: &UpdateUrl,
        last: Option<&Answered>,
    ) -> Result<Option<Answered>, Error> {
        self.load_current(ctx).await?;
        let present = self.snapshot();
        let known = last.filter(|last| last.url == folder.to_string() && last.snapshot == present.digest);
        let note = folder.file("latest.note");
        let (note, etag) = match self.get(ctx, note, known.map(|known| &*known.etag), limits::NOTE_BYTES).await? {
            Answer::NotModified => return Ok(known.cloned()),
            Answer::Absent => return Err(Error::Unreachable("it has no latest.note".to_owned())),
            Answer::File { bytes, etag } => (bytes, etag),
        };
        let answered = |snapshot: String| etag.map(|etag| Answered { url: folder.to_string(), etag, snapshot });
        let (claim, _) = claimed(Some(&note), &updates.keys)?;
        let claim = claim.ok_or_else(|| Error::Invalid("the note claims nothing".to_owned()))?;
        // One that came unsigned is fetched again, with its note.
        if claim.digest == present.digest && !present.signed_by.is_empty() {
            return Ok(answered(present.digest));
        }
        if claim.created < present.created && !present.never_stale {
            let (new, old) = (claim.created, present.created);
            return Err(Error::Invalid(format!(
                "its newest snapshot is of {new}, older than the one in use, of {old}"
            )));
        }
        let way = Way::Fetched { from: folder.to_string() };
        if let Some(taken) = self.fetch_delta(ctx, folder, &present.digest, &way).await {
            return Ok(answered(taken).filter(|answered| answered.snapshot == claim.digest));
        }
        match self.get(ctx, folder.file("latest.tar"), None, limits::SNAPSHOT_BYTES).await? {
            Answer::File { bytes, .. } => {
                let taken = self.take(ctx, bytes, &way).await?.digest;
                Ok(answered(taken).filter(|answered| answered.snapshot == claim.digest))
            }
            Answer::NotModified | Answer::Absent => Err(Error::Unreachable("it has no latest.tar".to_owned())),
        }
    }

    /// The digest of what the delta made, where there is one and it is of use; the whole snapshot is fetched otherwise.
    async fn fetch_delta(&self, ctx: &Ctx, folder: &UpdateUrl, present: &str, way: &Way) -> Option<String> {
        let hex = present.strip_prefix("sha256:").unwrap_or(present);
        let url = folder.file(&format!("delta/{hex}.tar"));
        let taken = match self.get(ctx, url, None, limits::SNAPSHOT_BYTES).await {
            Ok(Answer::File { bytes, .. }) => self.take(ctx, bytes, way).await,
            Ok(Answer::Absent | Answer::NotModified) => return None,
            Err(error) => Err(error),
        };
        taken.inspect_err(|error| tracing::info!(%error, "a delta is of no use")).ok().map(|taken| taken.digest)
    }

    /// One file, by a few redirects at most, each of which may be reached as well.
    async fn get(&self, ctx: &Ctx, url: Url, etag: Option<&str>, limit: usize) -> Result<Answer, Error> {
        let unreachable = |url: &Url, why: String| Error::Unreachable(format!("{}: {why}", shown(url)));
        let mut url = url;
        for _ in 0..=limits::UPDATE_REDIRECTS {
            self.progress(ctx, Some(&format!("asking {}", shown(&url)))).await?;
            let response = self.ask(&url, etag).await.map_err(|why| unreachable(&url, why))?;
            match response.status() {
                StatusCode::OK => return self.receive(ctx, &url, response, limit).await,
                StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Answer::NotModified),
                StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Answer::Absent),
                status if status.is_redirection() => {
                    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                    url = redirected(&url, location).map_err(|why| unreachable(&url, why))?;
                }
                status => return Err(unreachable(&url, format!("the answer is {status}"))),
            }
        }
        Err(unreachable(&url, format!("there are more than {} redirects", limits::UPDATE_REDIRECTS)))
    }

    async fn ask(&self, url: &Url, etag: Option<&str>) -> Result<reqwest::Response, String> {
        let addresses = self.outbound.checked(url).await?;
        let client = self.outbound.client("assay-advisories", addresses, Trust::Roots)?;
        let client = client.connect_timeout(limits::UPDATE_CONNECT).read_timeout(limits::UPDATE_SILENCE);
        let mut request = client.build().map_err(outbound::sentence)?.get(url.clone());
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        request.send().await.map_err(outbound::sentence)
    }

    async fn receive(&self, ctx: &Ctx, url: &Url, response: reqwest::Response, limit: usize) -> Result<Answer, Error> {
        let unreachable = |why: String| Error::Unreachable(format!("{}: {why}", shown(url)));
        let too_large = || unreachable(format!("it has more than {limit} bytes"));
        let total = response.content_length();
        if total.is_some_and(|total| total > limit as u64) {
            return Err(too_large());
        }
        let etag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (mut response, mut bytes, mut noted) = (response, Vec::new(), 0);
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(outbound::sentence(error)))? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
            if bytes.len() - noted >= NOTED_BYTES {
                noted = bytes.len();
                let of = total.map(|total| format!(" of {}", total / 1_048_576)).unwrap_or_default();
                self.progress(ctx, Some(&format!("{}{of} MiB of {}", noted / 1_048_576, shown(url)))).await?;
            }
        }
        Ok(Answer::File { bytes, etag })
    }

    async fn progress(&self, ctx: &Ctx, progress: Option<&str>) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| store::set_progress(tx, ctx, progress).await)
            .map_err(|error: db::Error| Error::Database(error))
    }
}

/// A job that fetches whatever the time, after the one that runs.
pub(crate) async fn enqueue(tx: &mut db::Tx, ctx: &Ctx, entry: &str) -> Result<Id<Job>, db::Error> {
    let payload = serde_json::to_value(Fetch { now: true }).expect("a flag always serialises");
    let job = NewJob::new(FETCH_JOB, payload).in_lane(&format!("schedule {FETCH_JOB}")).caused_by(entry);
    ::jobs::enqueue(tx, ctx, job).await
}

/// What nobody hands over must be signed.
fn usable(updates: &Updates) -> Result<(), Error> {
    let missing = match (updates.urls.is_empty(), updates.keys.is_empty()) {
        (false, false) => return Ok(()),
        (true, _) => "no address is known to fetch advisories from; set one with assay advisories settings --url URL",
        (_, true) => {
            "no key is trusted, and what is fetched must be signed; set one with assay advisories settings --key KEY"
        }
    };
    Err(Error::Invalid(missing.to_owned()))
}

/// Whether it is time to ask: the daily time has come since, or the last question failed and the pause is over.
fn due(updates: &Updates, outcome: &Outcome, now: Timestamp) -> bool {
    let Some(asked_at) = outcome.asked_at else { return true };
    if updates.daily_at.last_before(now) > asked_at {
        return true;
    }
    let doublings = outcome.failures.saturating_sub(1).min(10);
    let pause = (PAUSE_MIN_SECONDS << doublings).min(PAUSE_MAX_SECONDS);
    outcome.failures > 0 && now.duration_since(asked_at).as_secs() >= pause
}

/// Where a redirect leads. What was asked for over TLS is not asked for without.
fn redirected(from: &Url, location: Option<&str>) -> Result<Url, String> {
    let to = location.ok_or("the answer is a redirect that leads nowhere")?;
    let to = from.join(to).map_err(|error| format!("the answer is a redirect that leads to no URL: {error}"))?;
    let same = to.scheme() == from.scheme() || (from.scheme() == "http" && to.scheme() == "https");
    if !same || to.host().is_none() || !to.username().is_empty() || to.password().is_some() {
        return Err(format!("the answer is a redirect to {}, which is not followed", shown(&to)));
    }
    Ok(to)
}

/// Without what may be a credential: where redirects lead may be signed addresses of a store.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_and_again_after_a_failure() {
        let updates = Updates::default();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let asked = |text: &str, failures| Outcome { asked_at: Some(at(text)), failures, ..Outcome::default() };
        assert!(due(&updates, &Outcome::default(), at("2026-11-30T12:00:00Z")));
        let good = asked("2026-11-30T03:00:30Z", 0);
        assert!(!due(&updates, &good, at("2026-12-01T02:59:00Z")));
        assert!(due(&updates, &good, at("2026-12-01T03:00:00Z")));
        let failed = |failures| asked("2026-11-30T03:00:30Z", failures);
        assert!(!due(&updates, &failed(1), at("2026-11-30T03:05:00Z")));
        assert!(due(&updates, &failed(1), at("2026-11-30T03:05:30Z")));
        assert!(!due(&updates, &failed(3), at("2026-11-30T03:20:00Z")));
        assert!(due(&updates, &failed(3), at("2026-11-30T03:20:30Z")));
        assert!(!due(&updates, &failed(u32::MAX), at("2026-11-30T09:00:00Z")));
        assert!(due(&updates, &failed(u32::MAX), at("2026-11-30T09:00:30Z")));
    }

    #[test]
    fn redirects_stay_as_safe_and_are_shown_without_their_query() {
        let from: Url = "https://a.test/latest.tar".parse().unwrap();
        let to = |location: &str| redirected(&from, Some(location)).map(|url| url.to_string());
        assert_eq!(to("/b?sig=1").unwrap(), "https://a.test/b?sig=1");
        assert_eq!(to("https://s3.test/x").unwrap(), "https://s3.test/x");
        for bad in ["http://a.test/", "file:///etc/passwd", "https://u:secret@a.test/?secret"] {
            assert!(!to(bad).unwrap_err().contains("secret"), "{bad}");
        }
        redirected(&from, None).unwrap_err();
        assert_eq!(shown(&"https://u:p@a.test:1/b?sig=1#f".parse().unwrap()), "https://a.test:1/b");
    }
}
