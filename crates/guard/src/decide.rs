//! The decision about one call: classify, read what it wants, look the images up, judge.

use admit::AllowSet;
use base::{Clock, Timestamp};
use oci::{Digest, ImageRef};

use crate::{
    endpoint::{Endpoint, classify},
    engine::{Engine, LocalImage},
    memory::Memory,
    question::{Answer, Question},
    queue::{Queue, Report},
    target::Target,
    wanted::{self, Refusal, Wanted, short},
};

/// Everything a decision is made from.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) memory: Memory,
    pub(crate) engine: Engine,
    pub(crate) queue: Queue,
    pub(crate) clock: Clock,
}

/// A verdict about one image of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judged {
    allowed: bool,
    image: Option<String>,
    digest: Option<Digest>,
    reason: String,
}

impl Judged {
    fn refused(image: Option<&str>, reason: impl Into<String>) -> Judged {
        Judged { allowed: false, image: image.map(short), digest: None, reason: reason.into() }
    }
}

impl From<Refusal> for Judged {
    fn from(refusal: Refusal) -> Judged {
        Judged { allowed: false, image: refusal.image, digest: None, reason: refusal.reason }
    }
}

impl Guard {
    /// Answer the engine, and note what was decided about an image for the report.
    pub(crate) async fn answer(&self, question: &Question) -> Answer {
        let now = self.clock.now();
        let target = match Target::parse(&question.request_uri) {
            Ok(target) => target,
            // Looking is harmless in any spelling; what the engine cannot read it refuses itself.
            Err(_) if matches!(question.request_method.as_str(), "GET" | "HEAD") => return Answer::allow(),
            Err(unclear) => {
                let judged = Judged::refused(None, unclear.to_string());
                return self.finish(now, question, "", vec![judged]);
            }
        };
        let endpoint = classify(&question.request_method, &target.segments);
        if endpoint == Endpoint::Harmless {
            return Answer::allow();
        }
        let judged = self.judge(now, question, &target, endpoint).await;
        self.finish(now, question, &target.path, judged)
    }

    /// The verdicts about a call that is not harmless; none means allowed.
    async fn judge(&self, now: Timestamp, question: &Question, target: &Target, endpoint: Endpoint) -> Vec<Judged> {
        let set = self.memory.current(now);
        if set.as_ref().is_ok_and(|set| !set.enabled) {
            return Vec::new();
        }
        let read = match endpoint {
            Endpoint::Harmless => return Vec::new(),
            Endpoint::Node if question.user.is_empty() => return Vec::new(),
            Endpoint::Node => {
                let reason = "changing the swarm is for administrators of this machine, over the engine's unix socket";
                return vec![Judged::refused(None, reason)];
            }
            Endpoint::Refused(reason) => return vec![Judged::refused(None, reason)],
            Endpoint::StartContainer => match wanted::start(question, target) {
                Ok(()) => return Vec::new(),
                Err(refusal) => Err(refusal),
            },
            Endpoint::Pull => wanted::pull(question, target).map(|wanted| vec![wanted]),
            Endpoint::Tag(name) => wanted::tag(&name, target).map(|wanted| vec![wanted]),
            Endpoint::CreateContainer => wanted::container(question),
            Endpoint::CreateService => wanted::service(question, target, None),
            Endpoint::UpdateService(id) => wanted::service(question, target, Some(&id)),
        };
        let set = match set {
            Ok(set) => set,
            Err(reason) => return vec![Judged::refused(None, reason)],
        };
        match read {
            Ok(wanted) => self.look_at(now, &set, wanted).await,
            Err(refusal) => vec![refusal.into()],
        }
    }

    async fn look_at(&self, now: Timestamp, set: &AllowSet, wanted: Vec<Wanted>) -> Vec<Judged> {
        let mut judged = Vec::new();
        for wanted in wanted {
            match wanted {
                Wanted::Pull(reference) => judged.push(by_set(now, set, &reference)),
                Wanted::Task(reference) => judged.push(pinned(now, set, &reference)),
                Wanted::Local(name) => {
                    let found = self.engine.image(&name).await;
                    judged.push(match found {
                        Ok(found) => local(now, set, &name, found.as_ref()),
                        Err(error) => {
                            Judged::refused(Some(&name), format!("{} cannot be looked up: {error}", short(&name)))
                        }
                    });
                }
                Wanted::Previous { service } => judged.extend(self.previous(now, set, &service).await),
            }
            if judged.last().is_some_and(|judged| !judged.allowed) {
                break;
            }
        }
        judged
    }

    /// A rollback takes the image from the engine's memory and not from the request.
    async fn previous(&self, now: Timestamp, set: &AllowSet, service: &str) -> Vec<Judged> {
        let template = match self.engine.previous_task(service).await {
            Ok(template) => template,
            Err(error) => {
                return vec![Judged::refused(None, format!("the service's last image is not known: {error}"))];
            }
        };
        match wanted::task(template.as_ref()) {
            Err(refusal) => vec![refusal.into()],
            Ok(wanted) => wanted
                .into_iter()
                .filter_map(|wanted| if let Wanted::Task(reference) = wanted { Some(reference) } else { None })
                .map(|reference| pinned(now, set, &reference))
                .collect(),
        }
    }

    fn finish(&self, now: Timestamp, question: &Question, path: &str, judged: Vec<Judged>) -> Answer {
        let refused = judged.iter().find(|judged| !judged.allowed).map(|judged| judged.reason.clone());
        for judged in judged {
            self.queue.push(Report {
                at: now,
                user: short(&question.user),
                method: short(&question.request_method),
                path: short(path),
                image: judged.image,
                digest: judged.digest,
                allowed: judged.allowed,
                reason: judged.reason,
            });
        }
        match refused {
            None => Answer::allow(),
            Some(reason) => {
                tracing::info!(user = question.user, method = question.request_method, path, reason, "refused");
                Answer::refuse(reason)
            }
        }
    }
}

fn by_set(now: Timestamp, set: &AllowSet, reference: &ImageRef) -> Judged {
    let verdict = set.judge(now, reference);
    let image = Some(short(&reference.to_string()));
    Judged { allowed: verdict.allowed, image, digest: verdict.digest, reason: verdict.reason }
}

/// A service's image: other nodes pull it without asking, so only a digest binds.
fn pinned(now: Timestamp, set: &AllowSet, reference: &ImageRef) -> Judged {
    if reference.digest().is_none() && reference.is_on(&set.authority) {
        let reason = format!(
            "{reference} is not pinned to a digest, so a node could run something else: sign in with `docker login {}` and \
             deploy again with --with-registry-auth, which lets the client pin it",
            set.authority
        );
        return Judged::refused(Some(&reference.to_string()), reason);
    }
    by_set(now, set, reference)
}

/// A container's image, against what the engine really has under that name.
fn local(now: Timestamp, set: &AllowSet, name: &str, found: Option<&LocalImage>) -> Judged {
    let reference = name.parse::<ImageRef>().ok();
    if let Some(reference) = reference.as_ref().filter(|reference| reference.is_on(&set.authority)) {
        return ours(now, set, reference, found);
    }
    let Some(found) = found else {
        return match reference {
            Some(reference) => by_set(now, set, &reference),
            None => Judged::refused(Some(name), format!("there is no image {} on this engine", short(name))),
        };
    };
    let mut origins: Vec<Judged> = found.origins().iter().map(|origin| by_set(now, set, origin)).collect();
    let best = origins.iter().position(|judged| judged.allowed);
    // A refusal about our own registry says more than one about another.
    let telling = best.or_else(|| found.origins().iter().position(|origin| origin.is_on(&set.authority)));
    let image = Some(short(name));
    match telling {
        Some(index) => Judged { image, ..origins.swap_remove(index) },
        None => {
            let (name, host) = (short(name), &set.authority);
            let reason = format!("{name} was not pulled from {host}, and only signed images of {host} may run here");
            Judged { image, ..Judged::refused(None, reason) }
        }
    }
}

/// A reference to our registry. A digest binds by itself; behind a tag must be what was signed.
fn ours(now: Timestamp, set: &AllowSet, reference: &ImageRef, found: Option<&LocalImage>) -> Judged {
    let judged = by_set(now, set, reference);
    // What the engine does not have it cannot start; the client pulls it first, and asks again.
    let (Some(found), true, None) = (found, judged.allowed, reference.digest()) else { return judged };
    let is_signed = |origin: &ImageRef| origin.is_on(&set.authority) && origin.digest() == judged.digest.as_ref();
    if found.origins().iter().any(is_signed) {
        return judged;
    }
    let signed = judged.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let reason = format!(
        "this engine's copy of {reference} is not the signed one, which is {signed}; run `docker pull {reference}` first"
    );
    Judged { allowed: false, image: judged.image, digest: None, reason }
}

#[cfg(test)]
pub(crate) mod tests;
