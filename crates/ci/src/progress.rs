//! Which jobs' turn has come, and what state a pipeline is in: pure functions of its jobs.

use std::collections::HashMap;

use pipeline::When;

use crate::status::{JobEvent, JobStatus, PipelineStatus};

/// A job as far as the order of jobs is concerned. Of several attempts only the last one is looked at.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: i64,
    pub name: String,
    pub stage_index: usize,
    pub status: JobStatus,
    pub when: When,
    /// Its failure does not count, and a person may leave it unstarted.
    pub may_fail: bool,
    /// `None`: all jobs of earlier stages.
    pub needs: Option<Vec<String>>,
}

/// What the jobs before a job say.
enum Before {
    NotYet,
    Good,
    Bad,
    /// One that it needs was skipped.
    Missing,
}

/// What happens next to jobs that wait for others: each gets at most one of `Queue`, `Hold` and `Skip`.
pub fn advance(steps: &[Step]) -> Vec<(i64, JobEvent)> {
    let mut steps = steps.to_vec();
    let mut events = Vec::new();
    loop {
        let turn = steps.iter().enumerate().find_map(|(at, step)| {
            (step.status == JobStatus::Created).then(|| turn(step, &steps)).flatten().map(|event| (at, event))
        });
        let Some((at, event)) = turn else { return events };
        let Ok(next) = steps[at].status.next(event) else { return events };
        steps[at].status = next;
        events.push((steps[at].id, event));
    }
}

fn turn(step: &Step, steps: &[Step]) -> Option<JobEvent> {
    let before = before(step, steps);
    let good = matches!(before, Before::Good);
    match (before, step.when) {
        (Before::NotYet, _) => None,
        (_, When::Never) => Some(JobEvent::Skip),
        (_, When::Always) => Some(JobEvent::Queue),
        (before, When::OnFailure) => Some(if matches!(before, Before::Bad) { JobEvent::Queue } else { JobEvent::Skip }),
        (_, When::Manual) => Some(if good { JobEvent::Hold } else { JobEvent::Skip }),
        (_, When::OnSuccess | When::Delayed) => Some(if good { JobEvent::Queue } else { JobEvent::Skip }),
    }
}

fn before(step: &Step, steps: &[Step]) -> Before {
    let (mut bad, mut missing) = (false, false);
    let needed = |other: &&Step| match &step.needs {
        Some(needs) => needs.contains(&other.name),
        None => other.stage_index < step.stage_index,
    };
    for other in steps.iter().filter(needed) {
        match other.status {
            JobStatus::Success => {}
            JobStatus::Failed | JobStatus::Canceled => bad |= !other.may_fail,
            JobStatus::Skipped => missing |= step.needs.is_some(),
            // A person need not start it, and nobody waits, unless a job asks for this one by name.
            JobStatus::Manual if other.may_fail && step.needs.is_none() => {}
            _ => return Before::NotYet,
        }
    }
    match (bad, missing) {
        (true, _) => Before::Bad,
        (false, true) => Before::Missing,
        (false, false) => Before::Good,
    }
}

/// The state of a pipeline with these jobs, after [`advance`] found nothing more to do.
pub fn summary(steps: &[Step]) -> PipelineStatus {
    let mut count: HashMap<JobStatus, usize> = HashMap::new();
    for step in steps {
        *count.entry(step.status).or_default() += 1;
    }
    let has = |status| count.contains_key(&status);
    let counts = |step: &&Step, status| step.status == status && !step.may_fail;
    if has(JobStatus::Running) {
        return PipelineStatus::Running;
    }
    if has(JobStatus::Pending) {
        let begun = has(JobStatus::Success) || has(JobStatus::Failed);
        return if begun { PipelineStatus::Running } else { PipelineStatus::Pending };
    }
    if has(JobStatus::WaitingForResource) {
        return PipelineStatus::WaitingForResource;
    }
    let blocked = steps.iter().any(|step| counts(&step, JobStatus::Manual));
    if blocked || has(JobStatus::Created) && has(JobStatus::Manual) {
        return PipelineStatus::Manual;
    }
    if has(JobStatus::Created) {
        return PipelineStatus::Created;
    }
    if steps.iter().any(|step| counts(&step, JobStatus::Failed)) {
        PipelineStatus::Failed
    } else if steps.iter().any(|step| counts(&step, JobStatus::Canceled)) {
        PipelineStatus::Canceled
    } else if has(JobStatus::Success) || has(JobStatus::Failed) {
        PipelineStatus::Success
    } else if has(JobStatus::Manual) {
        PipelineStatus::Manual
    } else if has(JobStatus::Canceled) {
        PipelineStatus::Canceled
    } else {
        PipelineStatus::Skipped
    }
}

#[cfg(test)]
mod tests;
