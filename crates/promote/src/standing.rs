//! Images where they were promoted to: whether their policies would let them there today.
//!
//! Nothing is taken away. That an image no longer satisfies its policy is a decision with the effect [`Effect::Lapsed`], one entry and one
//! event when it begins, and the mark that the target's tag carries for as long as that is the last decision.

use audit::Entry;
use base::{Actor, Ctx, limits};
use db::Tx;
use jobs::Event;
use oci::{Digest, RepoName, Tag};
use registry::{Registry, TagView};
use serde_json::json;

use crate::{
    DecisionRecord, Effect, Error, Promote, Promotion, PromotionPolicy,
    evaluate::{Subject, Which},
    store,
};

impl Promote {
    /// Judge an image again where a tag of a target names it, by each policy that brought it there.
    pub(crate) async fn evaluate_standing(
        &self,
        ctx: &Ctx,
        target: &RepoName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let promotions = store::promotions_to(&mut tx, target, tag, digest).await?;
        let mut subjects = Vec::new();
        for promotion in promotions {
            let Some(policy) = promotion.policy.clone() else { continue };
            let source = Registry::tagged(&mut tx, &promotion.source, &promotion.source_tag).await?;
            let there = source.is_some_and(|view| view.image.digest == *digest);
            let subject = Subject::at(&promotion.source, &promotion.source_tag, digest);
            let subject = Subject { standing: (!there).then_some(promotion), ..subject };
            subjects.push((subject, Which::One(policy)));
        }
        drop(tx);
        for (subject, which) in subjects {
            self.evaluate(ctx, &subject, &which).await?;
        }
        Ok(())
    }

    /// Let what was just said of an image, a signature say, follow it where it was promoted to. The tags there do not move.
    pub(crate) async fn bring_along(&self, ctx: &Ctx, source: &RepoName, digest: &Digest) -> Result<(), Error> {
        let ctx = &ctx.clone().with_actor(Actor::System("promote"));
        for promotion in store::promotions_from(&mut self.db.read().await?, source, digest).await? {
            let copied: Result<(), Error> = db::write!(self.db, ctx, |tx| {
                if look(tx, &promotion).await?.is_some() {
                    let policy = promotion.policy.as_ref().map(ToString::to_string);
                    self.copy(tx, ctx, &promotion, policy.as_deref()).await?;
                }
                Ok(())
            });
            copied?;
        }
        Ok(())
    }

    /// The decision by which the promotion of a tag lapsed; `None` while its policy still allows it, or no policy brought it.
    pub async fn lapsed(tx: &mut Tx, origin: &Promotion) -> Result<Option<DecisionRecord>, Error> {
        let Some(policy) = &origin.policy else { return Ok(None) };
        let subject = Subject::at(&origin.source, &origin.source_tag, &origin.digest);
        let last = store::latest_decision(tx, policy, &subject).await?;
        Ok(last.filter(|last| matches!(last.effect, Effect::Lapsed(_))))
    }
}

/// The tag that a promotion set, while it names what was promoted, under the name it had in the source; and who is asked about the image.
pub(crate) async fn look(tx: &mut Tx, standing: &Promotion) -> Result<Option<(TagView, RepoName)>, Error> {
    let view = Registry::tagged(tx, &standing.target, &standing.target_tag).await?;
    let Some(view) = view.filter(|view| view.image.digest == standing.digest) else { return Ok(None) };
    let held = Registry::holds_image(tx, &standing.source, &standing.digest).await?;
    let holder = if held { &standing.source } else { &standing.target };
    let view = TagView { tag: standing.source_tag.clone(), pushed_at: standing.source_pushed_at, ..view };
    Ok(Some((view, holder.clone())))
}

/// What follows from a decision that does not allow: nothing, unless the policy had promoted the image and it still stands there. `told`
/// is whether the decision before had found the same.
pub(crate) async fn lapse(
    tx: &mut Tx,
    ctx: &Ctx,
    subject: &Subject,
    policy: &PromotionPolicy,
    record: &DecisionRecord,
    told: bool,
) -> Result<Effect, Error> {
    let mut places = Vec::new();
    for promotion in store::promotions_by(tx, &policy.id, &subject.digest).await? {
        let of_this = promotion.source == subject.repository && promotion.source_tag == subject.tag;
        if of_this && look(tx, &promotion).await?.is_some() {
            places.push(promotion);
        }
    }
    if places.is_empty() {
        return Ok(Effect::None);
    }
    let named = |promotion: &Promotion| format!("{}:{}", promotion.target, promotion.target_tag);
    let names: Vec<String> = places.iter().map(named).collect();
    let effect = Effect::Lapsed(format!("{} still names it", names.join(", ")));
    if told {
        return Ok(effect);
    }
    let objections = record.decision.objections().take(limits::DECISION_QUOTES);
    let objections: Vec<&str> = objections.map(|reason| reason.sentence.as_str()).collect();
    let mut entry = Entry::new("promotion.lapsed").about(&subject.digest).about(policy.subject());
    for name in &names {
        entry = entry.about(format!("tag/{name}"));
    }
    let entry = entry.detail("decision", record.id.as_str()).detail("verdict", record.decision.verdict.as_str());
    let entry = audit::append(tx, ctx, entry.about(format!("repository/{}", policy.target))).await?;
    for promotion in &places {
        let event = Event {
            kind: "image.lapsed".to_owned(),
            subject: named(promotion),
            data: json!({
                "repository": promotion.target,
                "tag": promotion.target_tag,
                "digest": promotion.digest,
                "policy": policy.id,
                "target": promotion.target,
                "decision": record.id,
                "verdict": record.decision.verdict.as_str(),
                "objections": objections,
                "source_repository": promotion.source,
                "source_tag": promotion.source_tag,
            }),
            at: ctx.now,
            entry: entry.clone(),
        };
        jobs::emit(tx, ctx, &event).await?;
    }
    Ok(effect)
}
