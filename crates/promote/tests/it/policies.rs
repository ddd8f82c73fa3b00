//! Who may write a policy, what is refused, and what Save and Save & Apply mean.

use base::Kind as ErrorKind;
use promote::{Error, PolicyChange};

use crate::world::{BUILD, Kind, TARGET, World, clean, form, repo, rule};

#[tokio::test]
async fn save_is_for_the_future_and_save_and_apply_for_all() {
    let world = World::new().await;
    world.push(BUILD, "1", Kind::Good).await;
    world.advance(1);
    world.push(BUILD, "2", Kind::Good).await;
    world.run().await;
    let policy = world.policy(&[clean()], "latest", false).await;
    world.run().await;
    assert!(world.told().is_empty());
    world.push(BUILD, "3", Kind::Good).await;
    world.run().await;
    assert_eq!(world.told(), ["3>latest"]);
    let last = world.tagged(TARGET, "latest").await;

    let change = PolicyChange { tag_template: Some("%n-ok".into()), ..PolicyChange::default() };
    world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, change, true).await.unwrap();
    world.run().await;
    assert_eq!(world.told()[1..], ["1>1-ok", "2>2-ok", "3>3-ok"]);
    assert_eq!(world.tagged(TARGET, "latest").await, last);

    // Back to one tag for all: what was pushed first must not win because it is looked at last.
    let change = PolicyChange { tag_template: Some("latest".into()), ..PolicyChange::default() };
    world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, change, true).await.unwrap();
    world.run().await;
    assert_eq!(world.tagged(TARGET, "latest").await, last);
    assert_eq!(world.told().len(), 4);
    assert_eq!(world.decisions("1").await[0].effect.to_string(), "superseded");

    let off = PolicyChange { enabled: Some(false), ..PolicyChange::default() };
    world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, off, false).await.unwrap();
    world.push(BUILD, "4", Kind::Good).await;
    world.run().await;
    assert!(world.decisions("4").await.is_empty());
    world.assert_guarded().await;
}

#[tokio::test]
async fn admin_level_on_both_sides() {
    let world = World::new().await;
    let refused = |result: Result<_, Error>| result.map(drop).unwrap_err().kind();
    let stranger = world.user("stranger");
    let made = |target: &str| form(&[clean()], target, "%n");
    assert_eq!(
        refused(world.promote.create_policy(&stranger, &repo(BUILD), made(TARGET), false).await),
        ErrorKind::NotFound
    );
    let none = world.promote.create_policy(&world.ctx(), &repo(BUILD), made("admin/none"), false).await;
    assert_eq!(refused(none), ErrorKind::NotFound);
    let policy = world.policy(&[clean()], "%n", false).await;
    // The same once more, from somebody who never saw the answer, would promote everything twice.
    let again = world.promote.create_policy(&world.ctx(), &repo(BUILD), made(TARGET), true).await;
    assert_eq!(refused(again), ErrorKind::Conflict);
    assert_eq!(
        world.promote.delete_policy(&stranger, &repo(BUILD), &policy.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(refused(world.promote.policy(&stranger, &repo(BUILD), &policy.id).await), ErrorKind::NotFound);
    assert!(world.promote.policy(&world.ctx(), &repo(TARGET), &policy.id).await.is_ok(), "also seen from the target");
    world.promote.delete_policy(&world.ctx(), &repo(BUILD), &policy.id).await.unwrap();
    assert_eq!(refused(world.promote.policy(&world.ctx(), &repo(BUILD), &policy.id).await), ErrorKind::NotFound);
    world.assert_guarded().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let world = World::new().await;
    let ctx = world.ctx();
    let cases = [
        (form(&[rule("nonsense", "eq", &["1"])], TARGET, "%n"), "nonsense"),
        (form(&[clean()], TARGET, "%Q"), "%Q"),
        (form(&[clean()], "flask", "%n"), "flask"),
        (form(&[clean()], BUILD, "%n-again"), "circle"),
    ];
    for (form, word) in cases {
        let error = world.promote.create_policy(&ctx, &repo(BUILD), form, false).await.unwrap_err();
        assert!(matches!(&error, Error::Policy(text) if text.contains(word)), "{error}");
    }
    world.policy(&[clean()], "%n", false).await;
    world.repository("admin/end", false).await;
    let on = form(&[clean()], "admin/end", "%n");
    let on = world.promote.create_policy(&ctx, &repo(TARGET), on, false).await.unwrap();
    let back = form(&[clean()], BUILD, "%n-%f");
    let round = world.promote.create_policy(&ctx, &repo("admin/end"), back, false).await.unwrap_err();
    assert!(round.to_string().contains("circle"), "{round}");
    let change = PolicyChange { target_repository: Some(BUILD.into()), ..PolicyChange::default() };
    let round = world.promote.update_policy(&ctx, &repo(TARGET), &on.id, change, false).await.unwrap_err();
    assert!(round.to_string().contains("circle"), "{round}");

    // From one to the next, without any right of whoever pushed.
    let digest = world.push(BUILD, "7", Kind::Good).await;
    world.run().await;
    assert_eq!(world.tagged("admin/end", "7").await, Some(digest));
}

#[tokio::test]
async fn a_deleted_repository_takes_its_policies_along() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    world.registry.delete_repository(&world.ctx(), &repo(TARGET)).await.unwrap();
    world.run().await;
    assert!(world.promote.policies(&world.ctx(), &repo(BUILD), true).await.unwrap().is_empty());
    assert_eq!(world.entries_of("policy.deleted").await.len(), 1);
    world.assert_guarded().await;
}
