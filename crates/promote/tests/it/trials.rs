//! A draft, tried on what is there and on what was decided.

use policy::Verdict;
use promote::{Effect, Error, Trials};

use crate::world::{BUILD, Kind, TARGET, World, clean, form, repo, rule};

fn verdicts(trials: &Trials) -> Vec<(String, Verdict)> {
    trials.trials.iter().map(|trial| (trial.tag.to_string(), trial.decision.verdict)).collect()
}

#[tokio::test]
async fn on_what_is_in_the_source_now() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    for (name, kind) in [("1", Kind::Good), ("2", Kind::Bad), ("3", Kind::Broken)] {
        world.push(BUILD, name, kind).await;
    }
    world.run().await;
    let (entries, source) = (world.entries().await.len(), repo(BUILD));
    let draft = || form(&[rule("vulnerability_critical", "lte", &["1"])], TARGET, "%n");
    let trials = world.promote.try_now(&world.ctx(), &source, draft(), "", 100).await.unwrap();
    let expected = [("1", Verdict::Allowed), ("2", Verdict::Allowed), ("3", Verdict::Unknown)];
    assert_eq!(verdicts(&trials), expected.map(|(name, verdict)| (name.to_owned(), verdict)));
    assert_eq!(trials.trials.iter().map(|trial| trial.present).collect::<Vec<_>>(), [true, false, false]);
    assert!(trials.next.is_none());
    // Page by page it is the same.
    let first = world.promote.try_now(&world.ctx(), &source, draft(), "", 2).await.unwrap();
    let rest = world.promote.try_now(&world.ctx(), &source, draft(), &first.next.clone().unwrap(), 2).await.unwrap();
    assert_eq!([verdicts(&first), verdicts(&rest)].concat(), verdicts(&trials));
    // A tag that cannot be is said beside the verdict.
    let long = form(&[], TARGET, &format!("%n{}", "-%n".repeat(70)));
    let trials = world.promote.try_now(&world.ctx(), &source, long, "2", 1).await.unwrap();
    assert!(trials.trials[0].target_tag.is_err(), "{trials:?}");
    assert_eq!(world.entries().await.len(), entries, "nothing is kept of a trial");
    let stranger = world.user("stranger");
    assert!(matches!(world.promote.try_now(&stranger, &source, draft(), "", 2).await, Err(Error::Registry(_))));
}

#[tokio::test]
async fn on_what_was_decided_with_the_evidence_of_that_time() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    world.push(BUILD, "1", Kind::Good).await;
    world.push(BUILD, "2", Kind::Bad).await;
    world.run().await;
    // The image that was refused is gone; the evidence is not.
    world.registry.delete_tag(&world.ctx(), &repo(BUILD), &"2".parse().unwrap()).await.unwrap();
    let draft = form(&[rule("vulnerability_critical", "lte", &["1"]), rule("tag", "noo", &["1"])], TARGET, "%n");
    let trials = world.promote.try_past(&world.ctx(), &repo(BUILD), draft.clone(), "", 100).await.unwrap();
    let mut found: Vec<_> = trials
        .trials
        .iter()
        .map(|trial| {
            let past = trial.past.as_ref().unwrap();
            (trial.tag.to_string(), past.decision.verdict, past.effect.clone(), trial.decision.verdict)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let one = ("1".to_owned(), Verdict::Allowed, Effect::Promoted, Verdict::Refused);
    let two = ("2".to_owned(), Verdict::Refused, Effect::None, Verdict::Allowed);
    assert_eq!(found, [one, two]);
    let first = world.promote.try_past(&world.ctx(), &repo(BUILD), draft.clone(), "", 1).await.unwrap();
    let next = first.next.clone().unwrap();
    let rest = world.promote.try_past(&world.ctx(), &repo(BUILD), draft, &next, 1).await.unwrap();
    assert_ne!(verdicts(&first), verdicts(&rest));
}
