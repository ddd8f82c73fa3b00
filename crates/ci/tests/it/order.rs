//! Which job runs when, what is tried again, what is told to the log.

use ci::{FailureReason, Heard, PipelineStatus, Said};

use crate::world::{World, report};

#[tokio::test]
async fn stages_follow_each_other_and_the_log_tells_it() {
    let world = World::new().await;
    let pipeline = world
        .push("stages: [build, deploy]\nship: {stage: deploy, script: [b]}\nmake: {stage: build, script: [a]}\n")
        .await;
    assert_eq!(pipeline.status, PipelineStatus::Pending);
    let make = world.take("make").await;
    assert!(world.ask().await.is_none());
    assert_eq!(world.pipeline(pipeline.id).await.status, PipelineStatus::Running);
    world.succeed(&make).await;
    let ship = world.take("ship").await;
    world.succeed(&ship).await;
    assert_eq!(world.pipeline(pipeline.id).await.status, PipelineStatus::Success);

    let created = &world.entries("pipeline.created").await[0];
    assert!(created["subjects"].as_array().unwrap().contains(&format!("commit/{}", pipeline.sha).into()));
    assert_eq!(world.entries("job.started").await.len(), 2);
    let finished = &world.entries("job.finished").await[1];
    assert_eq!((&finished["details"]["status"], &finished["details"]["exit_code"]), (&"success".into(), &0.into()));
    // The same push again, as after a crash, makes no second pipeline.
    assert_eq!(world.pipelines().await.len(), 1);
}

#[tokio::test]
async fn a_lost_job_is_tried_once_more_under_a_new_number() {
    let world = World::new().await;
    let pipeline = world.push("a: {script: [a]}\nb: {stage: deploy, script: [b]}\n").await;
    let first = world.take("a").await;
    world.write(&first, 0, b"begun\n").await;
    world.pass(59);
    assert_eq!(world.ci.reap(&world.now(&world.admin)).await.unwrap(), 0);
    assert_eq!(world.say(&first, &report(Said::Running, None)).await, Heard::Ok);
    world.pass(59);
    assert_eq!(world.ci.reap(&world.now(&world.admin)).await.unwrap(), 0);
    world.pass(2);
    assert_eq!(world.ci.reap(&world.now(&world.admin)).await.unwrap(), 1);
    // Its runner is told so when it comes back.
    assert!(matches!(world.say(&first, &report(Said::Success, None)).await, Heard::Over(_)));
    assert_eq!(world.job(first.id).await.failure, Some(FailureReason::RunnerSystemFailure));

    let second = world.take("a").await;
    assert!(second.id > first.id);
    assert_eq!(world.job(first.id).await.retried_by, Some(second.id));
    assert_eq!(second.value("CI_JOB_ID"), second.id.to_string());
    world.fail(&second, FailureReason::RunnerSystemFailure).await;
    assert!(world.ask().await.is_none());
    assert_eq!(world.states(pipeline.id).await, [("a".to_owned(), "failed"), ("b".to_owned(), "skipped")]);
    assert_eq!(world.pipeline(pipeline.id).await.status, PipelineStatus::Failed);

    // A person tries it again: what was skipped waits again.
    world.ci.retry_job(&world.now(&world.admin), &world.which, second.id).await.unwrap();
    world.succeed(&world.take("a").await).await;
    world.succeed(&world.take("b").await).await;
    assert_eq!(world.pipeline(pipeline.id).await.status, PipelineStatus::Success);
}

#[tokio::test]
async fn a_job_that_no_runner_got_is_tried_once_more() {
    let world = World::new().await;
    world.push("a: {script: [a]}\n").await;
    let first = world.take("a").await;
    world.pass(21);
    assert_eq!(world.ci.reap(&world.now(&world.admin)).await.unwrap(), 1);
    world.succeed(&world.take("a").await).await;
    assert_eq!(world.job(first.id).await.failure, Some(FailureReason::RunnerSystemFailure));
    assert_eq!(world.last().await.status, PipelineStatus::Success);
}

#[tokio::test]
async fn a_script_that_failed_on_an_absent_server_is_tried_once_more() {
    let world = World::new().await;
    let pipeline = world.push("a: {script: [a]}\n").await;
    for status in [PipelineStatus::Pending, PipelineStatus::Failed] {
        let attempt = world.take("a").await;
        world.ci.resume(&world.now(&world.admin)).await.unwrap();
        world.pass(100);
        world.fail(&attempt, FailureReason::ScriptFailure).await;
        assert_eq!(world.job(attempt.id).await.failure, Some(FailureReason::ScriptFailure));
        assert_eq!(world.pipeline(pipeline.id).await.status, status);
    }
}

#[tokio::test]
async fn a_pipeline_tried_again_waits_for_the_one_that_has_begun() {
    let world = World::new().await;
    world.ci.set_one_at_a_time(&world.admin, &world.which, true).await.unwrap();
    let file = "a: {script: [a]}\nb: {stage: deploy, script: [b]}\n";
    let (one, two, three) = (world.push(file).await, world.push(file).await, world.push(file).await);
    world.succeed(&world.take("a").await).await;
    let failed = world.take("b").await;
    world.fail(&failed, FailureReason::ScriptFailure).await;
    let a = world.take("a").await;
    world.ci.retry_job(&world.now(&world.admin), &world.which, failed.id).await.unwrap();
    assert_eq!(world.pipeline(one.id).await.status, PipelineStatus::WaitingForResource);
    assert!(world.ask().await.is_none());
    world.succeed(&a).await;
    let b = world.take("b").await;
    assert_eq!(b.payload["job_info"]["pipeline_id"], two.id);
    assert!(world.ask().await.is_none());
    world.succeed(&b).await;
    // The oldest comes next, then the youngest; none is left behind.
    let b = world.take("b").await;
    assert_eq!(b.payload["job_info"]["pipeline_id"], one.id);
    assert!(world.ask().await.is_none());
    world.succeed(&b).await;
    for name in ["a", "b"] {
        world.succeed(&world.take(name).await).await;
    }
    assert_eq!(world.pipeline(three.id).await.status, PipelineStatus::Success);
}

#[tokio::test]
async fn a_restart_does_not_lose_jobs_and_a_script_is_not_tried_again() {
    let world = World::new().await;
    world.push("a: {script: [a]}\nb: {script: [b], retry: 1}\n").await;
    let (a, b) = (world.take("a").await, world.take("b").await);
    world.pass(1000);
    assert_eq!(world.ci.resume(&world.now(&world.admin)).await.unwrap(), 2);
    assert_eq!(world.ci.reap(&world.now(&world.admin)).await.unwrap(), 0);
    // It is long ago when they fail.
    world.pass(10);
    for job in [&a, &b] {
        world.write(job, 0, b"begun\n").await;
    }
    world.pass(50);
    for job in [&a, &b] {
        assert_eq!(world.say(job, &report(Said::Running, None)).await, Heard::Ok);
    }
    world.pass(61);
    world.fail(&a, FailureReason::ScriptFailure).await;
    world.fail(&b, FailureReason::ScriptFailure).await;
    let again = world.take("b").await;
    world.fail(&again, FailureReason::ScriptFailure).await;
    assert!(world.ask().await.is_none());
}

#[tokio::test]
async fn pipelines_and_resources_one_at_a_time() {
    let world = World::new().await;
    world.ci.set_one_at_a_time(&world.admin, &world.which, true).await.unwrap();
    let file = "a: {script: [a]}\nb: {stage: deploy, script: [b]}\n";
    let (one, two) = (world.push(file).await, world.push(file).await);
    assert_eq!(two.status, PipelineStatus::WaitingForResource);
    let a = world.take("a").await;
    assert_eq!(a.payload["job_info"]["pipeline_id"], one.id);
    assert!(world.ask().await.is_none());
    world.succeed(&a).await;
    world.fail(&world.take("b").await, FailureReason::ScriptFailure).await;
    let a = world.take("a").await;
    assert_eq!(a.payload["job_info"]["pipeline_id"], two.id);
    world.ci.cancel_pipeline(&world.now(&world.admin), &world.which, two.id).await.unwrap();
    world.ci.set_one_at_a_time(&world.admin, &world.which, false).await.unwrap();

    let file = "a: {script: [a], resource_group: production}\n";
    let (three, four) = (world.push(file).await, world.push(file).await);
    assert_eq!(world.pipeline(four.id).await.status, PipelineStatus::WaitingForResource);
    let a = world.take("a").await;
    assert_eq!(a.payload["job_info"]["pipeline_id"], three.id);
    assert!(world.ask().await.is_none());
    world.succeed(&a).await;
    let a = world.take("a").await;
    assert_eq!(a.payload["job_info"]["pipeline_id"], four.id);
    world.succeed(&a).await;
    assert_eq!(world.pipeline(four.id).await.status, PipelineStatus::Success);
}

#[tokio::test]
async fn cancel_play_and_broken_files() {
    let world = World::new().await;
    let pipeline = world.push("a: {script: [a]}\nb: {stage: deploy, script: [b], when: manual}\n").await;
    let a = world.take("a").await;
    let canceled = world.ci.cancel_job(&world.now(&world.admin), &world.which, a.id).await.unwrap();
    assert_eq!(canceled.status.as_str(), "canceled");
    assert_eq!(world.say(&a, &report(Said::Success, None)).await, Heard::Over(canceled.status));
    world.ci.retry_pipeline(&world.now(&world.admin), &world.which, pipeline.id).await.unwrap();
    world.succeed(&world.take("a").await).await;
    let jobs = world.ci.pipeline_jobs(&world.admin, &world.which, pipeline.id, false).await.unwrap();
    world.ci.play_job(&world.now(&world.admin), &world.which, jobs[1].id).await.unwrap();
    world.succeed(&world.take("b").await).await;
    assert_eq!(world.pipeline(pipeline.id).await.status, PipelineStatus::Success);

    let broken = world.push("a: {scrip: [a]}\n").await;
    assert_eq!(broken.status, PipelineStatus::Failed);
    assert!(broken.problems[0].to_string().contains("scrip"), "{:?}", broken.problems);
    let unreadable = world.push("a: [\n").await;
    assert_eq!(unreadable.status, PipelineStatus::Failed);
    world.push_to("main", "a: {script: [a], only: [tags]}\n").await;
    assert_eq!(world.last().await.id, unreadable.id);
}

#[tokio::test]
async fn a_server_that_ends_holds_no_question_and_gives_no_job_away() {
    // Questions that are held for longer than any test runs.
    let world = World::holding(std::time::Duration::from_secs(3600)).await;
    world.push("a: {script: [a]}\n").await;
    world.take("a").await;
    let mut held = std::pin::pin!(world.ask());
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut held).await;
    assert!(early.is_err(), "nothing is to be done, so the question is held");
    world.ci.end_questions();
    assert!(held.await.is_none());

    // A job that comes now waits for the server that comes next.
    world.push("b: {script: [b]}\n").await;
    assert!(world.ask().await.is_none());
    assert_eq!(world.last().await.status, PipelineStatus::Pending);
}
