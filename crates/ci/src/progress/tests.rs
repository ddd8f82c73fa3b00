//! Histories of jobs: every order of events keeps the state machine and the summary of a pipeline consistent.

use pipeline::When;
use proptest::prelude::*;

use super::{Step, advance, summary};
use crate::status::{JobEvent, JobStatus, PipelineStatus};

fn step(id: i64, stage_index: usize, when: When) -> Step {
    let status = JobStatus::Created;
    Step { id, name: format!("job{id}"), stage_index, status, when, may_fail: false, needs: None }
}

/// Run all jobs that are queued; those in `failing` fail. Gives the jobs in the order in which they ran.
fn run(steps: &mut [Step], failing: &[i64]) -> Vec<i64> {
    let mut ran = Vec::new();
    loop {
        for (id, event) in advance(steps) {
            let step = steps.iter_mut().find(|step| step.id == id).unwrap();
            step.status = step.status.next(event).unwrap();
        }
        let Some(step) = steps.iter_mut().find(|step| step.status == JobStatus::Pending) else { return ran };
        let ending = if failing.contains(&step.id) { JobEvent::Fail } else { JobEvent::Succeed };
        step.status = step.status.next(JobEvent::Assign).unwrap().next(ending).unwrap();
        ran.push(step.id);
    }
}

#[test]
fn stages_run_in_order_and_a_failure_skips_the_rest() {
    let mut steps = [
        step(1, 1, When::OnSuccess),
        step(2, 2, When::OnSuccess),
        step(3, 3, When::OnFailure),
        step(4, 4, When::Always),
    ];
    let mut failing = steps.clone();
    assert_eq!(run(&mut steps, &[]), [1, 2, 4]);
    assert_eq!(summary(&steps), PipelineStatus::Success);
    assert_eq!(run(&mut failing, &[1]), [1, 3, 4]);
    assert_eq!(summary(&failing), PipelineStatus::Failed);
    assert_eq!(failing[1].status, JobStatus::Skipped);
}

#[test]
fn an_allowed_failure_does_not_count() {
    let mut steps = [step(1, 1, When::OnSuccess), step(2, 2, When::OnSuccess)];
    steps[0].may_fail = true;
    assert_eq!(run(&mut steps, &[1]), [1, 2]);
    assert_eq!(summary(&steps), PipelineStatus::Success);
}

#[test]
fn needs_go_before_stages() {
    let mut steps = [
        step(1, 1, When::OnSuccess),
        step(2, 1, When::OnSuccess),
        step(3, 2, When::OnSuccess),
        step(4, 2, When::OnSuccess),
    ];
    steps[2].needs = Some(vec!["job2".to_owned()]);
    steps[3].needs = Some(vec![]);
    assert_eq!(run(&mut steps, &[1]).len(), 4);
    let mut steps = [step(1, 1, When::OnSuccess), step(2, 2, When::OnSuccess), step(3, 3, When::OnSuccess)];
    steps[2].needs = Some(vec!["job2".to_owned()]);
    assert_eq!(run(&mut steps, &[1]), [1]);
    assert_eq!(steps[2].status, JobStatus::Skipped);
}

#[test]
fn a_manual_job_blocks_unless_it_may_fail() {
    let mut steps = [step(1, 1, When::Manual), step(2, 2, When::OnSuccess)];
    assert!(run(&mut steps, &[]).is_empty());
    assert_eq!(summary(&steps), PipelineStatus::Manual);
    steps[0].status = steps[0].status.next(JobEvent::Queue).unwrap();
    assert_eq!(run(&mut steps, &[]), [1, 2]);
    let mut steps = [step(1, 1, When::Manual), step(2, 2, When::OnSuccess)];
    steps[0].may_fail = true;
    assert_eq!(run(&mut steps, &[]), [2]);
    assert_eq!(summary(&steps), PipelineStatus::Success);
}

fn any_when() -> impl Strategy<Value = When> {
    prop_oneof![Just(When::OnSuccess), Just(When::OnFailure), Just(When::Always), Just(When::Manual)]
}

prop_compose! {
    fn any_steps()(parts in proptest::collection::vec((0_usize..4, any_when(), any::<bool>(), proptest::option::of(proptest::collection::vec(0_i64..8, 0..3))), 1..8)) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (id, (stage, when, may_fail, needs)) in (0..).zip(parts) {
            // A job can only need one that is written before it, so that there is no circle.
            let needs = needs.map(|needs| needs.into_iter().filter(|need| *need < id).map(|need| format!("job{need}")).collect());
            steps.push(Step { may_fail, needs, ..step(id, stage, when) });
        }
        steps.sort_by_key(|step| step.stage_index);
        steps
    }
}

proptest! {
    /// Whatever the jobs, running what is queued comes to an end, in which nothing is queued or running.
    #[test]
    fn every_pipeline_comes_to_rest(mut steps in any_steps(), failing in proptest::collection::vec(0_i64..8, 0..4)) {
        run(&mut steps, &failing);
        prop_assert!(advance(&steps).is_empty());
        let status = summary(&steps);
        let open = steps.iter().any(|step| step.status == JobStatus::Created);
        if open {
            prop_assert!(!status.is_finished(), "{status}: {steps:?}");
        } else {
            let counted = steps.iter().any(|step| step.status == JobStatus::Failed && !step.may_fail);
            let blocked = steps.iter().any(|step| step.status == JobStatus::Manual && !step.may_fail);
            prop_assert_eq!(status == PipelineStatus::Failed, counted && !blocked);
        }
    }

    /// Without `needs`, no job that waits for success starts before a job of an earlier stage has ended.
    #[test]
    fn stages_are_kept(steps in any_steps(), failing in proptest::collection::vec(0_i64..8, 0..4)) {
        let mut steps: Vec<Step> = steps.into_iter().map(|step| Step { needs: None, ..step }).collect();
        let ran = run(&mut steps, &failing);
        let stage = |id: &i64| steps.iter().find(|step| step.id == *id).unwrap().stage_index;
        prop_assert!(ran.iter().map(stage).is_sorted(), "{ran:?}");
    }

    #[test]
    fn a_finished_job_stays_so(status in proptest::sample::select(JobStatus::ALL.to_vec()), events in proptest::collection::vec(0_usize..8, 0..10)) {
        let all = [JobEvent::Queue, JobEvent::Wait, JobEvent::Hold, JobEvent::Skip, JobEvent::Assign, JobEvent::Succeed, JobEvent::Fail, JobEvent::Cancel];
        let mut now = status;
        for event in events {
            let Ok(next) = now.next(all[event]) else { continue };
            prop_assert!(!now.is_finished());
            now = next;
        }
        prop_assert_eq!(status.as_str().parse::<JobStatus>().unwrap(), status);
    }
}
