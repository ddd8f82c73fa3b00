//! Evaluating an image against the policies of its repository.

use audit::Entry;
use base::{Actor, Ctx, Id, Timestamp, limits};
use db::Tx;
use jobs::Event;
use oci::{Digest, RepoName, Tag};
use policy::{Decision, Evidence, Policy, Verdict, decide};
use registry::{Registry, Source, TagView, Target};
use serde_json::json;

use crate::{
    DecisionRecord, Effect, Error, Promote, Promotion, PromotionPolicy,
    asked::{About, Asked},
    facts, standing, store,
};

/// What is evaluated: a tag, as long as it names this digest.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) repository: RepoName,
    pub(crate) tag: Tag,
    pub(crate) digest: Digest,
    /// The promotion by which the image stands elsewhere: it is judged as long as it does, whatever became of the source's tag.
    pub(crate) standing: Option<Promotion>,
}

/// By which policies of the repository.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// Those that need not wait for the scan that is about to come.
    WithoutScan,
    All,
    One(Id<PromotionPolicy>),
}

/// What one policy says, worked out before the transaction that records it.
struct Case {
    policy: PromotionPolicy,
    evidence: (String, Vec<u8>),
    decision: Decision,
    inputs: String,
}

/// The cases of one tag, with what they rest on.
struct Plan {
    view: TagView,
    /// The repository that is asked about the image: the source, unless only the target still holds it.
    holder: RepoName,
    /// `None` when no case rests on a scan.
    basis: Option<String>,
    asked: Asked,
    cases: Vec<Case>,
}

impl Promote {
    /// Decide and promote. Run again, it finds what it did and does nothing. A signature under a tag is no image: it goes where that goes.
    pub(crate) async fn evaluate(&self, ctx: &Ctx, subject: &Subject, which: &Which) -> Result<(), Error> {
        if Registry::companion_of(&subject.tag).is_some() {
            return Ok(());
        }
        let ctx = &ctx.clone().with_actor(Actor::System("promote"));
        let Some(plan) = self.plan(ctx, subject, which).await? else { return Ok(()) };
        db::write!(self.db, ctx, |tx| {
            if !self.still_holds(tx, ctx, subject, &plan).await? {
                return Err(Error::Conflict(format!("{} changed while it was evaluated", subject.repository)));
            }
            for case in &plan.cases {
                self.carry_out(tx, ctx, subject, &plan.view, case).await?;
            }
            Ok(())
        })
    }

    /// `None` when there is nothing to decide: no policy, or the tag moved on.
    async fn plan(&self, ctx: &Ctx, subject: &Subject, which: &Which) -> Result<Option<Plan>, Error> {
        let mut tx = self.db.read().await?;
        let mut policies = store::policies_of_source(&mut tx, &subject.repository).await?;
        policies.retain(|policy| policy.policy.enabled() && which.includes(policy));
        if policies.is_empty() {
            return Ok(None);
        }
        let Some((view, holder)) = look(&mut tx, subject).await? else { return Ok(None) };
        let needs_scan = policies.iter().any(|policy| policy.policy.needs_scan());
        let facts = match needs_scan {
            true => Some(self.facts(&mut tx, ctx.now, &holder, &subject.digest).await?),
            false => None,
        };
        let texts: Vec<&Policy> = policies.iter().map(|policy| &policy.policy).collect();
        let asked = self.asked(&mut tx, ctx.now, &texts, subject.about(&holder), &view).await?;
        let bare = facts::evidence(&holder, &view, None, ctx.now);
        let full = facts::evidence(&holder, &view, facts.as_ref(), ctx.now);
        let case = |policy: PromotionPolicy| {
            let evidence = if policy.policy.needs_scan() { &full } else { &bare };
            let evidence = asked.added(&policy.policy, &view, evidence.clone());
            let decision = decide(&policy.policy, &evidence);
            let inputs = inputs(&policy, &evidence, &decision);
            Case { evidence: (evidence.digest(), evidence.canonical()), policy, decision, inputs }
        };
        let cases = policies.into_iter().map(case).collect();
        Ok(Some(Plan { view, holder, basis: facts.map(|facts| facts.basis), asked, cases }))
    }

    /// Whether all that was looked at before is the same in this transaction.
    async fn still_holds(&self, tx: &mut Tx, ctx: &Ctx, subject: &Subject, plan: &Plan) -> Result<bool, Error> {
        let same = |(view, holder): (TagView, RepoName)| view.pushed_at == plan.view.pushed_at && holder == plan.holder;
        if !look(tx, subject).await?.is_some_and(same) {
            return Ok(false);
        }
        for case in &plan.cases {
            let policy = store::policy(tx, &case.policy.id).await?;
            if policy.is_none_or(|policy| policy.state() != case.policy.state()) {
                return Ok(false);
            }
        }
        if !self.still_signed(tx, ctx.now, &plan.asked, subject.about(&plan.holder)).await? {
            return Ok(false);
        }
        match &plan.basis {
            Some(basis) => Ok(*basis == self.basis(tx, ctx.now, &plan.holder, &subject.digest).await?),
            None => Ok(true),
        }
    }

    async fn carry_out(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        subject: &Subject,
        view: &TagView,
        case: &Case,
    ) -> Result<(), Error> {
        let last = store::latest_decision(tx, &case.policy.id, subject).await?;
        let before = last.as_ref().map(|last| last.effect.clone());
        let record = match last.filter(|last| last.inputs == case.inputs) {
            Some(last) => last,
            None => self.record(tx, ctx, subject, case).await?,
        };
        let ctx = &ctx.clone().caused_by(Some(record.entry.clone()));
        let effect = match (record.decision.verdict, &record.effect) {
            (_, Effect::Promoted | Effect::Superseded(_) | Effect::Lapsed(_)) => return Ok(()),
            (Verdict::Allowed, _) if subject.standing.is_some() => Effect::Promoted,
            (Verdict::Allowed, _) => self.promote(tx, ctx, subject, view, case, &record).await?,
            (Verdict::Refused | Verdict::Unknown, _) => {
                let told = matches!(before, Some(Effect::Lapsed(_)));
                standing::lapse(tx, ctx, subject, &case.policy, &record, told).await?
            }
        };
        if effect == record.effect {
            return Ok(());
        }
        if let Effect::Superseded(reason) | Effect::Refused(reason) = &effect {
            let entry = Entry::new("promotion.withheld")
                .about(&subject.digest)
                .about(case.policy.subject())
                .about(format!("tag/{}:{}", subject.repository, subject.tag))
                .about(format!("repository/{}", case.policy.target))
                .detail("effect", effect.to_string())
                .detail("reason", reason);
            let entry = audit::append(tx, ctx, entry).await?;
            if matches!(effect, Effect::Refused(_)) {
                tell_refused(tx, ctx, case, &record, vec![reason.to_owned()], &entry).await?;
            }
        }
        if matches!(effect, Effect::Promoted | Effect::Lapsed(_)) {
            self.want_statement(tx, ctx, &record).await?;
        }
        Ok(store::set_effect(tx, &record.id, &effect).await?)
    }

    /// Keep a decision with its documents and what is signed of it, whatever its verdict.
    async fn record(&self, tx: &mut Tx, ctx: &Ctx, subject: &Subject, case: &Case) -> Result<DecisionRecord, Error> {
        let (evidence_digest, evidence) = &case.evidence;
        store::insert_document(tx, evidence_digest, evidence).await?;
        store::insert_document(tx, &case.decision.policy_digest, &case.policy.policy.canonical()).await?;
        let mut record = DecisionRecord {
            id: Id::new(ctx),
            policy: case.policy.id.clone(),
            repository: subject.repository.clone(),
            tag: subject.tag.clone(),
            digest: subject.digest.clone(),
            decision: case.decision.clone(),
            decided_at: ctx.now,
            effect: Effect::None,
            entry: String::new(),
            inputs: case.inputs.clone(),
        };
        let signed = self.signed(&record, &case.policy.target);
        let entry = entry_of(&record, case).detail("statement", signed.as_ref().map(|bundle| base::digest_hex(bundle)));
        record.entry = audit::append(tx, ctx, entry.set(record.state_key(), record.state())).await?;
        store::insert_decision(tx, &record).await?;
        if let (Some(bundle), Some(key)) = (&signed, self.scan.attestation_signer()) {
            store::insert_statement(tx, &record.id, bundle, &key.id()).await?;
        }
        if record.decision.verdict != Verdict::Allowed {
            let objections = record.decision.objections().take(limits::DECISION_QUOTES);
            let objections = objections.map(|reason| reason.sentence.clone()).collect();
            tell_refused(tx, ctx, case, &record, objections, &record.entry).await?;
        }
        Ok(record)
    }

    /// Copy an image that a policy allows, and tell of it.
    async fn promote(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        subject: &Subject,
        view: &TagView,
        case: &Case,
        record: &DecisionRecord,
    ) -> Result<Effect, Error> {
        let policy = &case.policy;
        let target_tag = match target_tag_of(&policy.policy, &subject.tag, ctx.now) {
            Ok(tag) => tag,
            Err(reason) => return Ok(Effect::Refused(reason)),
        };
        let promotion = Promotion {
            id: Id::new(ctx),
            policy: Some(policy.id.clone()),
            policy_digest: Some(record.decision.policy_digest.clone()),
            decision: Some(record.id.clone()),
            source: subject.repository.clone(),
            source_tag: subject.tag.clone(),
            target: policy.target.clone(),
            target_tag,
            digest: subject.digest.clone(),
            source_pushed_at: view.pushed_at,
            promoted_at: ctx.now,
            promoted_by: ctx.actor.label(),
        };
        if store::promoted_before(tx, &promotion).await? {
            return Ok(Effect::Promoted);
        }
        if let Some(reason) = later_one(tx, &promotion).await? {
            return Ok(Effect::Superseded(reason));
        }
        let id = policy.id.to_string();
        match self.copy(tx, ctx, &promotion, Some(&id)).await {
            Ok(changed) => {
                let due = changed || !store::told_before(tx, &promotion).await?;
                tell(tx, ctx, &promotion, due).await?;
                store::set_last_promoted(tx, &policy.id, ctx.now).await?;
                Ok(Effect::Promoted)
            }
            // These come before anything is written; any other failure undoes the whole transaction.
            Err(
                error @ (registry::Error::Immutable { .. }
                | registry::Error::TagUsed { .. }
                | registry::Error::NameUnknown(_)
                | registry::Error::ManifestUnknown { .. }),
            ) => Ok(Effect::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Let the target's tag name the image; gives whether that changed anything.
    pub(crate) async fn copy(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        promotion: &Promotion,
        policy: Option<&str>,
    ) -> Result<bool, registry::Error> {
        let source =
            Source { repository: &promotion.source, digest: &promotion.digest, tag: Some(&promotion.source_tag) };
        let target = Target { repository: &promotion.target, tag: &promotion.target_tag, policy };
        Ok(self.registry.copy_tag(tx, ctx, source, target).await?.entry.is_some())
    }
}

impl Subject {
    /// A tag where it is.
    pub(crate) fn at(repository: &RepoName, tag: &Tag, digest: &Digest) -> Subject {
        let (repository, tag, digest) = (repository.clone(), tag.clone(), digest.clone());
        Subject { repository, tag, digest, standing: None }
    }

    /// What a decision was about.
    pub(crate) fn of(record: &DecisionRecord) -> Subject {
        Subject::at(&record.repository, &record.tag, &record.digest)
    }

    fn about<'a>(&'a self, holder: &'a RepoName) -> About<'a> {
        About { holder, digest: &self.digest, repository: &self.repository, tag: &self.tag }
    }
}

impl Which {
    fn includes(&self, policy: &PromotionPolicy) -> bool {
        match self {
            Which::WithoutScan => !policy.policy.needs_scan(),
            Which::All => true,
            Which::One(id) => policy.id == *id,
        }
    }
}

/// What a decision was made from. The clock is left out; where a policy looks at it, what the rules came to stands for it.
fn inputs(policy: &PromotionPolicy, evidence: &Evidence, decision: &Decision) -> String {
    let timeless = Evidence { now: Timestamp::UNIX_EPOCH, ..evidence.clone() };
    let outcomes = match policy.uses_clock() {
        true => decision.reasons.iter().map(|reason| format!(" {:?}", reason.outcome)).collect(),
        false => String::new(),
    };
    let text = format!("{} {} {}{outcomes}", decision.evaluator, decision.policy_digest, timeless.digest());
    base::digest_hex(text.as_bytes())
}

/// The tag as its repository has it now, and the repository that is asked about the image. `None` when the tag moved on and the image
/// stands nowhere by a promotion.
async fn look(tx: &mut Tx, subject: &Subject) -> Result<Option<(TagView, RepoName)>, Error> {
    let Some(standing) = &subject.standing else {
        let view = Registry::tagged(tx, &subject.repository, &subject.tag).await?;
        let view = view.filter(|view| view.image.digest == subject.digest);
        return Ok(view.map(|view| (view, subject.repository.clone())));
    };
    standing::look(tx, standing).await
}

/// The entry of a decision that is about to be kept.
fn entry_of(record: &DecisionRecord, case: &Case) -> Entry {
    let objections = record.decision.objections().take(limits::DECISION_QUOTES);
    let objections: Vec<String> =
        objections.map(|reason| reason.sentence.chars().take(limits::DECISION_QUOTE_BYTES / 4).collect()).collect();
    Entry::new("decision.made")
        .about(&record.digest)
        .about(case.policy.subject())
        .about(format!("tag/{}:{}", record.repository, record.tag))
        .about(format!("repository/{}", record.repository))
        .detail("verdict", record.decision.verdict.as_str())
        .detail("objections", objections)
        .detail("policy", &record.decision.policy_digest)
        .detail("evidence", &record.decision.evidence_digest)
        .detail("decision", record.decision.digest())
        .detail("evaluator", &record.decision.evaluator)
        .detail("target", &case.policy.target)
}

/// The tag in the target, or why there can be none.
pub(crate) fn target_tag_of(policy: &Policy, tag: &Tag, now: Timestamp) -> Result<Tag, String> {
    let rendered = policy.tag_template().render(tag.as_str(), now).map_err(|error| error.to_string())?;
    rendered.parse().map_err(|error: base::InvalidName| error.to_string())
}

/// Why this image may not have the target's tag: a promotion of something that was pushed later to the same source put it
/// where it is. Evaluations come in any order; a tag such as `latest` must not.
async fn later_one(tx: &mut Tx, promotion: &Promotion) -> Result<Option<String>, Error> {
    let Some(present) = Registry::tagged(tx, &promotion.target, &promotion.target_tag).await? else {
        return Ok(None);
    };
    let last = store::latest_promotion(tx, &promotion.target, &promotion.target_tag).await?;
    let later = last.filter(|last| {
        last.digest == present.image.digest
            && last.digest != promotion.digest
            && last.source == promotion.source
            && last.source_pushed_at > promotion.source_pushed_at
    });
    Ok(later.map(|last| {
        format!(
            "{}:{} holds {}:{} already, which was pushed later",
            last.target, last.target_tag, last.source, last.source_tag
        )
    }))
}

/// Tell the others what is not promoted, and why: a policy says so, or what it allows cannot be done.
async fn tell_refused(
    tx: &mut Tx,
    ctx: &Ctx,
    case: &Case,
    record: &DecisionRecord,
    objections: Vec<String>,
    entry: &str,
) -> Result<(), Error> {
    let event = Event {
        kind: "promotion.refused".to_owned(),
        subject: format!("{}:{}", record.repository, record.tag),
        data: json!({
            "repository": record.repository,
            "tag": record.tag,
            "digest": record.digest,
            "policy": case.policy.id,
            "target": case.policy.target,
            "decision": record.id,
            "verdict": record.decision.verdict.as_str(),
            "objections": objections,
        }),
        at: ctx.now,
        entry: entry.to_owned(),
    };
    Ok(jobs::emit(tx, ctx, &event).await?)
}

/// Record a promotion with its entry, and tell the others when it is news.
pub(crate) async fn tell(tx: &mut Tx, ctx: &Ctx, promotion: &Promotion, news: bool) -> Result<(), Error> {
    store::insert_promotion(tx, promotion).await?;
    let manual = promotion.policy.is_none();
    let mut entry = Entry::new("image.promoted")
        .about(&promotion.digest)
        .about(format!("tag/{}:{}", promotion.source, promotion.source_tag))
        .about(format!("tag/{}:{}", promotion.target, promotion.target_tag))
        .about(format!("repository/{}", promotion.source))
        .about(format!("repository/{}", promotion.target))
        .detail("source", format!("{}:{}", promotion.source, promotion.source_tag))
        .detail("target", format!("{}:{}", promotion.target, promotion.target_tag))
        .detail("manual", manual)
        .detail("changed", news);
    if let Some(policy) = &promotion.policy {
        entry = entry.about(format!("policy/{policy}"));
    }
    let entry = audit::append(tx, ctx, entry).await?;
    if !news {
        return Ok(());
    }
    let event = Event {
        kind: "image.promoted".to_owned(),
        subject: format!("{}:{}", promotion.target, promotion.target_tag),
        data: json!({
            "policy": promotion.policy,
            "source_repository": promotion.source,
            "source_tag": promotion.source_tag,
            "target_repository": promotion.target,
            "target_tag": promotion.target_tag,
            "digest": promotion.digest,
            "promoted_at": promotion.promoted_at.to_string(),
            "manual": manual,
        }),
        at: ctx.now,
        entry,
    };
    jobs::emit(tx, ctx, &event).await?;
    Ok(())
}
