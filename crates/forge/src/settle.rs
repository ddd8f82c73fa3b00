//! Recording pushes: the intent before git runs, and the comparison after it, whatever happened in between.

use std::time::Duration;

use audit::Entry;
use base::{Ctx, Id, Principal, Timestamp};
use jobs::Event;
use serde_json::json;

use crate::{Error, Forge, Oid, Project, ProjectId, receive::Head, store};

/// The job that finishes what broken pushes began; it wants to run now and then.
pub const BROKEN_JOB: &str = "forge.broken_pushes";

/// A push that another process began is taken to be dead after this; a living one is only recorded a second time.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Refs that are recorded in one transaction.
const BATCH: usize = 100;

/// A push that began. The row is gone once it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) id: Id<Push>,
    pub(crate) project: ProjectId,
    pub(crate) account: Option<Id<Principal>>,
    pub(crate) who: String,
    pub(crate) credential: String,
    /// The refs it is to move.
    pub(crate) refs: Vec<String>,
    pub(crate) started_at: Timestamp,
}

/// The row of a push is left to the reconciler when its request is cut off.
struct Active<'a>(&'a Forge, Id<Push>);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.lock().expect("no holder of this lock can panic").remove(&self.1);
    }
}

/// A push that this request works on.
pub(crate) struct Intent<'a> {
    push: Push,
    _active: Active<'a>,
}

impl Forge {
    /// Write down that a push begins. Nothing to write when it moves no ref (git probes with an empty one).
    pub(crate) async fn intend(&self, ctx: &Ctx, project: &Project, head: &Head) -> Result<Option<Intent<'_>>, Error> {
        if head.commands.is_empty() {
            return Ok(None);
        }
        let principal = ctx.principal();
        let push = Push {
            id: Id::new(ctx),
            project: project.id,
            account: principal.map(|principal| principal.account.clone()),
            who: ctx.actor.label(),
            credential: principal.map(|principal| principal.credential.label()).unwrap_or_default(),
            refs: head.commands.iter().map(|command| command.name.clone()).collect(),
            started_at: ctx.now,
        };
        self.active.lock().expect("no holder of this lock can panic").insert(push.id.clone());
        let active = Active(self, push.id.clone());
        db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::insert_push(tx, &push).await?))?;
        Ok(Some(Intent { push, _active: active }))
    }

    /// Record what a push did.
    pub(crate) async fn settle(&self, ctx: &Ctx, intent: &Intent<'_>) -> Result<(), Error> {
        self.record(ctx, &intent.push).await?;
        db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_push(tx, &intent.push.id).await?))
    }

    /// Record the pushes whose request did not come to its end. At the start of the only process of a database, that is
    /// every one there is (`all`); later, those that this process is not working on.
    pub async fn reconcile(&self, ctx: &Ctx, all: bool) -> Result<usize, Error> {
        let mut count = 0;
        for push in store::pushes(&mut self.db.read().await?).await? {
            if self.active.lock().expect("no holder of this lock can panic").contains(&push.id) {
                continue;
            }
            self.record(ctx, &push).await?;
            let dead = push.started_at.checked_add(ABANDONED).is_ok_and(|until| until < ctx.now);
            if all || dead {
                db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_push(tx, &push.id).await?))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Compare what git has with what is recorded, for the refs of one push, and record the difference.
    async fn record(&self, ctx: &Ctx, push: &Push) -> Result<(), Error> {
        let Some(project) = store::project(&mut self.db.read().await?, push.project).await? else { return Ok(()) };
        for names in push.refs.chunks(BATCH) {
            while !self.record_some(ctx, &project, push, names).await? {}
        }
        Ok(())
    }

    /// `false` when somebody else recorded in between: look again.
    async fn record_some(&self, ctx: &Ctx, project: &Project, push: &Push, names: &[String]) -> Result<bool, Error> {
        let recorded = store::refs(&mut self.db.read().await?, project.id).await?;
        // What was recorded is read before git is asked: a newer record than git's answer is then seen below.
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let present = self.git.refs(project.id, &patterns).await?;
        let find = |refs: &[(String, Oid)], name: &str| {
            refs.iter().find(|(known, _)| known == name).map(|(_, sha)| sha.clone())
        };
        let moves: Vec<Move> = names
            .iter()
            .map(|name| Move { name: name.clone(), before: find(&recorded, name), after: find(&present, name) })
            .filter(|step| step.before != step.after)
            .collect();
        if moves.is_empty() {
            return Ok(true);
        }
        db::write!(self.db, ctx, |tx| {
            for step in &moves {
                if store::get_ref(tx, project.id, &step.name).await? != step.before {
                    return Ok(false);
                }
            }
            for step in &moves {
                store::set_ref(tx, ctx, project.id, &step.name, step.after.as_ref()).await?;
                let entry = audit::append(tx, ctx, step.entry(project, push)).await?;
                jobs::emit(tx, ctx, &step.event(ctx, project, push, entry)).await?;
            }
            Ok::<_, Error>(true)
        })
    }
}

/// One ref that git has elsewhere than it is recorded.
struct Move {
    name: String,
    before: Option<Oid>,
    after: Option<Oid>,
}

impl Move {
    fn entry(&self, project: &Project, push: &Push) -> Entry {
        let key = format!("forge/ref/{}/{}", project.path, self.name);
        let entry = Entry::new("git.pushed").about(format!("project/{}", project.path));
        let entry = match &self.after {
            Some(sha) => entry.about(format!("commit/{sha}")).set(key, sha),
            None => entry.unset(key),
        };
        entry
            .detail("ref", &self.name)
            .detail("before", &self.before)
            .detail("after", &self.after)
            .detail("who", &push.who)
            .detail("credential", &push.credential)
    }

    fn event(&self, ctx: &Ctx, project: &Project, push: &Push, entry: String) -> Event {
        let zero = Oid::zero();
        Event {
            kind: "git.pushed".to_owned(),
            subject: project.path.to_string(),
            data: json!({
                "project": project.id,
                "path": project.path.to_string(),
                "ref": self.name,
                "before": self.before.as_ref().unwrap_or(&zero),
                "after": self.after.as_ref().unwrap_or(&zero),
                "user": push.who,
                "account": push.account,
            }),
            at: ctx.now,
            entry,
        }
    }
}
