//! What jobs say about each other: stages, needs and dependencies that exist, and no circle.

use std::collections::HashMap;

use crate::{job::Job, keywords, pipeline::Pipeline, problem::Report, read::join};

struct Checker<'a> {
    stage_at: HashMap<&'a str, usize>,
    job_at: HashMap<&'a str, usize>,
    pipeline: &'a Pipeline,
    report: &'a mut Report,
}

pub(super) fn check(pipeline: &Pipeline, report: &mut Report) {
    let stage_at = pipeline.stages.iter().enumerate().map(|(at, stage)| (stage.as_str(), at)).collect();
    let job_at = pipeline.jobs.iter().enumerate().map(|(at, job)| (job.name.as_str(), at)).collect();
    let mut checker = Checker { stage_at, job_at, pipeline, report };
    for job in &pipeline.jobs {
        checker.job(job);
    }
    // A circle among names that do not exist would be told twice.
    if checker.report.problems.is_empty() {
        checker.circle();
    }
}

impl<'a> Checker<'a> {
    fn job(&mut self, job: &'a Job) {
        let Some(&stage) = self.stage_at.get(job.stage.as_str()) else {
            // Stages that could not be read are told once, not for each job.
            if self.report.problems.iter().any(|problem| problem.path == "stages") {
                return;
            }
            let hint = keywords::did_you_mean(&job.stage, self.pipeline.stages.iter().map(String::as_str));
            let hint = if hint.is_empty() { format!("; known are {}", self.pipeline.stages.join(", ")) } else { hint };
            let message = format!("there is no stage `{}`{hint}", job.stage);
            self.report.problem(job.mark, &join(&job.name, "stage"), message);
            return;
        };
        let path = join(&job.name, "needs");
        let of_rules = job.rules.iter().flatten().filter_map(|rule| rule.needs.as_ref());
        for need in job.needs.iter().chain(of_rules).flatten() {
            match self.stage_of(&need.job) {
                Some(needed) if needed > stage => {
                    let message =
                        format!("`{}` runs in a later stage; need jobs of the same stage or earlier", need.job);
                    self.report.problem(job.mark, &path, message);
                }
                // An optional need may be absent for good.
                None if !need.optional => self.no_job(job, &path, &need.job),
                _ => {}
            }
        }
        let path = join(&job.name, "dependencies");
        for name in job.dependencies.iter().flatten() {
            let needed = job.needs.as_ref().is_none_or(|needs| needs.iter().any(|need| &need.job == name));
            match self.stage_of(name) {
                Some(_) if !needed => {
                    let message = format!("`{name}` is a dependency and not among `needs`; add it there");
                    self.report.problem(job.mark, &path, message);
                }
                Some(earlier) if earlier >= stage && job.needs.is_none() => {
                    let message = format!("`{name}` runs in no earlier stage; depend on jobs of earlier stages");
                    self.report.problem(job.mark, &path, message);
                }
                None => self.no_job(job, &path, name),
                _ => {}
            }
        }
    }

    fn stage_of(&self, job: &str) -> Option<usize> {
        let job = &self.pipeline.jobs[*self.job_at.get(job)?];
        self.stage_at.get(job.stage.as_str()).copied()
    }

    fn no_job(&mut self, job: &Job, path: &str, name: &str) {
        let hint = keywords::did_you_mean(name, self.pipeline.job_names());
        self.report.problem(job.mark, path, format!("there is no job `{name}`{hint}"));
    }

    /// Takes jobs away whose needs are all gone; what remains needs itself.
    fn circle(&mut self) {
        let jobs = &self.pipeline.jobs;
        let mut waiting = vec![0_usize; jobs.len()];
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); jobs.len()];
        for (at, job) in jobs.iter().enumerate() {
            for need in job.needs.iter().flatten() {
                if let Some(&needed) = self.job_at.get(need.job.as_str()) {
                    waiting[at] += 1;
                    needed_by[needed].push(at);
                }
            }
        }
        let mut free: Vec<usize> = (0..jobs.len()).filter(|&at| waiting[at] == 0).collect();
        while let Some(at) = free.pop() {
            for &heir in &needed_by[at] {
                waiting[heir] -= 1;
                if waiting[heir] == 0 {
                    free.push(heir);
                }
            }
        }
        if let Some(at) = waiting.iter().position(|&count| count > 0) {
            let job = &jobs[at];
            let message = format!("`{}` needs itself, directly or through others; break the circle", job.name);
            self.report.problem(job.mark, &join(&job.name, "needs"), message);
        }
    }
}
