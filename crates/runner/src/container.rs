//! The container a job runs in: one per job, from its image, started once per step.

use crate::{
    Error, PullPolicy,
    engine::{ContainerSpec, Credentials, Engine, ImageInfo, Reference, full},
    files::Bundle,
    job::Job,
    outcome::{Failure, Reason},
    script,
};

/// A container that has the job's folders and file variables, and no process yet.
#[derive(Debug)]
pub(crate) struct Container {
    pub id: String,
}

/// The script that the container's command runs; each step puts its own in its place.
const SCRIPT: &str = "step";

impl Container {
    /// Find or pull the image, create the container, fill in folders and file variables.
    pub(crate) async fn prepare(job: &Job<'_>) -> Result<Container, Failure> {
        let config = &job.runner.config;
        if !job.payload.services.is_empty() {
            let sentence = "this runner does not start services yet: take `services:` out of the job, or run it on a \
                            stock runner (for docker:dind, the engine's socket can be given by the runner's volumes)";
            return Err(Failure::configuration(sentence));
        }
        let image = job.payload.image.as_ref();
        let named = image.map(|image| job.variables.expand(&image.name)).filter(|name| !name.is_empty());
        let Some(name) = named.or_else(|| config.default_image.clone()) else {
            return Err(Failure::configuration("the job names no image and the runner has no default_image"));
        };
        let Some(reference) = Reference::parse(&name) else {
            return Err(Failure::configuration(format!("the job's image {name:?} is not the name of an image")));
        };
        let policy = policy(config.pull_policy, image.map_or(&[][..], |image| &image.pull_policy))?;
        job.log.line(&format!("Using Docker executor with image {name} ..."));
        let info = find_image(job, &name, &reference, policy).await?;
        let from = info.digest().map(|digest| format!(" with digest {digest}")).unwrap_or_default();
        job.log.line(&format!("Using docker image {} for {name}{from} ...", info.id));

        let command = script::command(&job.place.script_file(SCRIPT));
        let user = image.and_then(|image| image.executor_opts.docker.user.as_deref()).filter(|user| !user.is_empty());
        let spec = ContainerSpec {
            image: &info.id,
            command: &command,
            entrypoint: image.map_or(&[][..], |image| &image.entrypoint),
            environment: job.variables.environment(),
            user,
            binds: &config.volumes,
            extra_hosts: &config.extra_hosts,
            network_mode: config.network_mode.as_deref(),
            owner: &job.runner.system_id,
            job: job.key.id,
        };
        let id = job.runner.engine.create(&spec).await?;
        let container = Container { id };
        let root =
            user.map_or_else(|| info.runs_as_root(), |user| matches!(user.split(':').next(), Some("root" | "0")));
        container.fill(job, root).await?;
        Ok(container)
    }

    async fn fill(&self, job: &Job<'_>, root: bool) -> Result<(), Failure> {
        let mut bundle = Bundle::new(job.runner.clock.now().as_second());
        for folder in job.place.folders() {
            bundle.folder(&folder)?;
        }
        // Keys with a looser mode are refused by ssh and docker; another user than root could not read a stricter one.
        let mode = if root { 0o600 } else { 0o666 };
        for (name, content) in &job.variables.files {
            bundle.file(&job.place.variable_file(name)[1..], content.as_bytes(), mode)?;
        }
        let archive = bundle.finish()?;
        Ok(job.runner.engine.put_archive(&self.id, full(archive)).await?)
    }

    /// Run the lines of one step, everything they print going to the log; the exit code.
    pub(crate) async fn run_step(
        &self,
        job: &Job<'_>,
        name: &str,
        lines: &[String],
        exports: &[(&str, &str)],
    ) -> Result<i64, Failure> {
        tracing::debug!(job = job.key.id, step = name, container = self.id, "a step begins");
        let engine = &job.runner.engine;
        let text = script::script(&job.place.project_dir(), lines, exports);
        let mut bundle = Bundle::new(job.runner.clock.now().as_second());
        bundle.file(&job.place.script_file(SCRIPT)[1..], text.as_bytes(), 0o666)?;
        engine.put_archive(&self.id, full(bundle.finish()?)).await?;
        let mut output = engine.attach(&self.id).await?;
        engine.start(&self.id).await?;
        while output.next(|content| job.log.write(content)).await? {}
        Ok(engine.wait(&self.id).await?)
    }
}

/// The policy that holds: a job may ask for the configured one or for `always`, which hides nobody's image from nobody.
fn policy(configured: PullPolicy, wanted: &[String]) -> Result<PullPolicy, Failure> {
    let word = |policy| match policy {
        PullPolicy::Always => "always",
        PullPolicy::IfNotPresent => "if-not-present",
        PullPolicy::Never => "never",
    };
    match wanted
        .iter()
        .find(|wanted| **wanted == word(configured) || configured != PullPolicy::Never && **wanted == "always")
    {
        Some(wanted) if wanted == "always" => Ok(PullPolicy::Always),
        Some(_) => Ok(configured),
        None if wanted.is_empty() => Ok(configured),
        None => {
            let sentence =
                format!("pull_policy {wanted:?} is not allowed on this runner, which has {:?}", word(configured));
            Err(Failure::configuration(sentence))
        }
    }
}

async fn find_image(
    job: &Job<'_>,
    name: &str,
    reference: &Reference,
    policy: PullPolicy,
) -> Result<ImageInfo, Failure> {
    let engine: &Engine = &job.runner.engine;
    let failed = |what: &str| Failure::new(Reason::ImagePullFailure, format!("image {name}: {what}"));
    if policy != PullPolicy::Always {
        if let Some(info) = engine.image(reference).await? {
            return Ok(info);
        }
        if policy == PullPolicy::Never {
            return Err(failed("it is not on the engine, and the runner's pull policy is never"));
        }
    }
    job.log.line(&format!("Pulling docker image {name} ..."));
    let credentials = Credentials::new(&job.payload.credentials, job.variables.content("DOCKER_AUTH_CONFIG"));
    match engine.pull(reference, &credentials).await {
        Ok(()) => {}
        Err(Error::Unavailable(text) | Error::NotFound(text)) => return Err(failed(&text)),
        Err(error) => return Err(error.into()),
    }
    engine.image(reference).await?.ok_or_else(|| failed("it was pulled, but the engine does not have it"))
}

#[cfg(test)]
mod tests {
    use super::policy;
    use crate::PullPolicy::{Always, IfNotPresent, Never};

    #[test]
    fn a_job_may_ask_for_more_but_not_for_less() {
        let wanted = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (configured, words, expected) in [
            (IfNotPresent, &[][..], Some(IfNotPresent)),
            (IfNotPresent, &["always"], Some(Always)),
            (IfNotPresent, &["never"], None),
            (Always, &["if-not-present"], None),
            (Always, &["if-not-present", "always"], Some(Always)),
            (Never, &["always"], None),
            (Never, &["never"], Some(Never)),
        ] {
            assert_eq!(policy(configured, &wanted(words)).ok(), expected, "{configured:?} {words:?}");
        }
    }
}
