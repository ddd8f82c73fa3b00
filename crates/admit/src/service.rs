//! What can be done about admission: see and change the policy, fetch the allow-set, report verdicts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use audit::Entry;
use base::{Actor, Ctx, Timestamp, limits};
use db::{Db, Tx};
use identity::{Identity, Level};
use tlog::{Signer, VerifierKey};
use tokio::time::{Instant, sleep, timeout_at};
use trust::Trust;

use crate::{AllowSet, Error, Policy, Reported, decide, document, evidence, store};

/// How long a set counts. As long as a guard answers while the server is away, and no longer than a revocation may take to
/// reach a guard that somebody cut off.
pub const SET_LIFETIME_S: i64 = 600;
/// From then on a set that did not change is issued again.
const REISSUE_S: i64 = SET_LIFETIME_S / 2;
/// How old what the set was made from may be. A change by this process is seen at once, one by another replica after this.
const EVIDENCE_S: i64 = 3;

/// Admission of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    trust: Trust,
    authority: String,
    signer: Signer,
    last: Mutex<Option<Last>>,
}

/// The set that was issued last.
#[derive(Clone, Debug)]
struct Last {
    set: AllowSet,
    issued: Issued,
    /// When it was last found to be what the tables say, and after which commit.
    seen_at: Timestamp,
    commits: u64,
}

/// Commits come in bursts; waiting guards look once for all of one.
const BURST: Duration = Duration::from_millis(30);

/// A signed allow-set.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What [`document::open`] reads.
    pub document: Arc<str>,
    /// The SHA-256 of the document: names it in conditional requests.
    pub version: Arc<str>,
}

impl Admit {
    /// `authority` is the registry's `host:port`; the signer's key is named by [`document::key_name`].
    pub fn new(db: Db, trust: Trust, authority: &str, signer: Signer) -> Admit {
        Admit(Arc::new(Inner { db, trust, authority: authority.to_owned(), signer, last: Mutex::new(None) }))
    }

    /// The key that guards pin. Public.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.0.signer.verifier()
    }

    pub async fn policy(&self, ctx: &Ctx) -> Result<Policy, Error> {
        let mut tx = self.0.db.read().await?;
        let policy = policy(&mut tx).await?;
        require_guard_or_admin(&mut tx, ctx, &policy).await?;
        Ok(policy)
    }

    /// Replace the policy. Administrators only; the teams must exist.
    pub async fn set_policy(&self, ctx: &Ctx, new: Policy) -> Result<Policy, Error> {
        let new = new.checked()?;
        db::write!(self.0.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            for team in &new.teams {
                Identity::team_accounts(tx, &team.organization, &team.team).await?;
            }
            let (old, body) = (policy(tx).await?, new.to_text());
            if old == new {
                return Ok(());
            }
            store::set_policy(tx, &body).await?;
            let mut entry = Entry::new("admission.policy_changed").about("admission").set("admit/policy", &body);
            entry = entry.detail("enabled", new.enabled).detail("was_enabled", old.enabled);
            for team in &new.teams {
                entry = entry.about(format!("team/{team}"));
            }
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok(new)
    }

    /// The signed allow-set, for guards and administrators. The same document as before while nothing changed.
    pub async fn allow_set(&self, ctx: &Ctx) -> Result<Issued, Error> {
        // Looked at before the rows: a commit in between makes the next call look again.
        let commits = *self.0.db.woken().borrow();
        let mut tx = self.0.db.read().await?;
        let policy = policy(&mut tx).await?;
        require_guard_or_admin(&mut tx, ctx, &policy).await?;
        let last = self.last();
        if let Some(last) = last.as_ref().filter(|last| last.is_fresh(ctx.now, commits)) {
            return Ok(last.issued.clone());
        }
        let set = self.compute(&mut tx, ctx.now, policy).await?;
        drop(tx);
        let issue = match last {
            Some(last) if last.says(&set) && last.is_young(ctx.now) => Last { seen_at: ctx.now, commits, ..last },
            // A clock that was set back must not make the new set look older than the last.
            last => self.issue(set, last.map(|last| last.set.issued_at), ctx.now, commits)?,
        };
        let issued = issue.issued.clone();
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(issue);
        Ok(issued)
    }

    /// The same for a guard that has this version: as soon as there is another one, or after `patience` the same.
    pub async fn allow_set_after(&self, ctx: &Ctx, known: &str, patience: Duration) -> Result<Issued, Error> {
        let deadline = Instant::now() + patience;
        let mut woken = self.0.db.woken();
        loop {
            woken.mark_unchanged();
            let issued = self.allow_set(ctx).await?;
            if *issued.version != *known || !matches!(timeout_at(deadline, woken.changed()).await, Ok(Ok(()))) {
                return Ok(issued);
            }
            sleep(BURST).await;
        }
    }

    /// Record the verdicts of a guard, each as one audit entry. Guards only.
    pub async fn report(&self, ctx: &Ctx, verdicts: &[Reported]) -> Result<(), Error> {
        if verdicts.len() > limits::ADMISSION_REPORT_VERDICTS {
            let limit = limits::ADMISSION_REPORT_VERDICTS;
            return Err(Error::Invalid(format!("a report has at most {limit} verdicts")));
        }
        verdicts.iter().try_for_each(Reported::check)?;
        let Some(principal) = ctx.principal() else { return Err(Error::Unauthenticated) };
        db::write!(self.0.db, ctx, |tx| {
            if !policy(tx).await?.guards.contains(&principal.name) {
                return Err(not_a_guard(ctx));
            }
            for verdict in verdicts {
                audit::append(tx, ctx, verdict.entry(&self.0.authority, &principal.name)).await?;
            }
            Ok::<_, Error>(())
        })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let policy = store::policy(tx).await?;
        Ok(policy.map(|policy| ("admit/policy".to_owned(), policy.to_text())).into_iter().collect())
    }

    /// The set of this moment. Its entries are of no use while the policy is off, so they are left out.
    async fn compute(&self, tx: &mut Tx, now: Timestamp, policy: Policy) -> Result<AllowSet, Error> {
        let authority = self.0.authority.clone();
        let mut images = Vec::new();
        if policy.enabled {
            let teams = evidence::teams(tx, &policy.teams).await?;
            let tags = evidence::signed_tags(&self.0.trust, tx, now).await?;
            images = tags.into_iter().map(|tag| decide(&authority, &teams, tag)).collect();
        }
        let (enabled, teams) = (policy.enabled, policy.teams);
        let mut set = AllowSet { authority, enabled, expires_at: now, images, issued_at: now, teams };
        set.order();
        Ok(set)
    }

    fn issue(&self, mut set: AllowSet, before: Option<Timestamp>, now: Timestamp, commits: u64) -> Result<Last, Error> {
        set.issued_at = before.map_or(now, |before| before.max(now));
        set.expires_at = after(set.issued_at, SET_LIFETIME_S);
        let document: Arc<str> = document::seal(set.clone(), &self.0.signer)?.into();
        let version = base::digest_hex(document.as_bytes()).into();
        Ok(Last { set, issued: Issued { document, version }, seen_at: now, commits })
    }

    fn last(&self) -> Option<Last> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Last {
    fn is_fresh(&self, now: Timestamp, commits: u64) -> bool {
        // Two requests may come in another order than their times.
        let age = now.duration_since(self.seen_at).as_secs().abs();
        self.commits == commits && age < EVIDENCE_S && self.is_young(now)
    }

    fn is_young(&self, now: Timestamp) -> bool {
        (0..REISSUE_S).contains(&now.duration_since(self.set.issued_at).as_secs())
    }

    fn says(&self, other: &AllowSet) -> bool {
        let (issued_at, expires_at) = (self.set.issued_at, self.set.expires_at);
        self.set == AllowSet { issued_at, expires_at, ..other.clone() }
    }
}

/// Off, until somebody sets one.
async fn policy(tx: &mut Tx) -> Result<Policy, Error> {
    Ok(store::policy(tx).await?.unwrap_or_default())
}

async fn require_guard_or_admin(tx: &mut Tx, ctx: &Ctx, policy: &Policy) -> Result<(), Error> {
    let is_guard = ctx.principal().is_some_and(|principal| policy.guards.contains(&principal.name));
    if is_guard || Level::is_admin(tx, &ctx.actor).await? { Ok(()) } else { Err(not_a_guard(ctx)) }
}

fn not_a_guard(ctx: &Ctx) -> Error {
    match &ctx.actor {
        Actor::Anonymous => Error::Unauthenticated,
        actor => Error::Denied(format!("{} is not a guard; an administrator can make it one", actor.label())),
    }
}

fn after(start: Timestamp, seconds: i64) -> Timestamp {
    base::from_micros(base::micros(start).saturating_add(seconds * 1_000_000))
}
