//! Artifacts: files that a job leaves to those after it, and takes from those before it.

use std::path::PathBuf;

use futures_util::TryStreamExt;
use tokio::{fs::File, io::AsyncWriteExt, time::Duration};

use base::limits;

use crate::{
    Error,
    container::Container,
    glob::Pattern,
    job::Job,
    outcome::Failure,
    pack::{self, Form, Piece},
    payload::{Artifact, Dependency},
    source::streamed,
};

/// Uploads that the server could not take just then.
const UPLOADS: u32 = 4;

/// Collect and upload what the job's artifacts name.
pub(crate) async fn upload(job: &Job<'_>, container: &Container, success: bool) -> Result<(), Failure> {
    let wanted: Vec<&Artifact> =
        job.payload.artifacts.iter().filter(|artifact| artifact.when.applies(success)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let section = if success { "upload_artifacts_on_success" } else { "upload_artifacts_on_failure" };
    job.log.section(section, &format!("Uploading artifacts for {} job", if success { "successful" } else { "failed" }));
    for (index, artifact) in wanted.into_iter().enumerate() {
        upload_one(job, container, artifact, index).await?;
    }
    job.log.section_end(section);
    Ok(())
}

async fn upload_one(job: &Job<'_>, container: &Container, artifact: &Artifact, index: usize) -> Result<(), Failure> {
    let project = job.place.project_dir();
    let form = Form::parse(&artifact.artifact_format)
        .ok_or_else(|| Failure::system(format!("artifact_format {:?} is not known here", artifact.artifact_format)))?;
    let parse = |text: &String| {
        let path = job.variables.expand(text);
        Pattern::parse(&path, &project)
            .ok_or_else(|| Failure::configuration(format!("{path:?} leads out of the project")))
    };
    let patterns = artifact.paths.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let exclude = artifact.exclude.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut pieces = Vec::new();
    let mut left = limits::RUNNER_ARTIFACT_BYTES;
    for (number, pattern) in patterns.into_iter().enumerate() {
        let tar = job.claim.folder.join(format!("artifact-{index}-{number}.tar"));
        let fixed = pattern.fixed();
        if let Some(size) = copy_out(job, container, &format!("{project}/{fixed}"), &tar, left).await? {
            left -= size;
            let parent = fixed.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
            pieces.push(Piece { tar, parent: if fixed.is_empty() { None } else { Some(parent) }, pattern });
        }
    }
    let to = job.claim.folder.join(format!("artifact-{index}"));
    let packed = to.clone();
    let count = tokio::task::spawn_blocking(move || pack::pack(&pieces, &exclude, form, &packed)).await;
    let count = count.map_err(|error| Failure::system(format!("packing artifacts: {error}")))?;
    let count = count.map_err(Error::io("packing artifacts"))?;
    if count == 0 {
        let paths = artifact.paths.join(", ");
        job.log.line(&format!("\x1b[0;33mWARNING: {paths}: no matching files, no artifacts to upload\x1b[0;m"));
        return Ok(());
    }
    let kind = if artifact.artifact_type.is_empty() { "archive" } else { &artifact.artifact_type };
    job.log.line(&format!("Uploading {count} files as artifacts ({kind}) to the server..."));
    let name = job.variables.expand(&artifact.name);
    let name = if name.is_empty() { if kind == "archive" { "artifacts" } else { kind } } else { &name };
    send(
        job,
        &[("artifact_format", form.word()), ("artifact_type", kind), ("expire_in", &artifact.expire_in)],
        name,
        form,
        &to,
    )
    .await
}

async fn send(job: &Job<'_>, query: &[(&str, &str)], name: &str, form: Form, path: &PathBuf) -> Result<(), Failure> {
    let query: Vec<(&str, &str)> = query.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
    // A name is a name, not a path, wherever it ends up.
    let name: String = name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    let mut pause = Duration::from_millis(500);
    let mut said = String::new();
    for _ in 0..UPLOADS {
        let file = File::open(path).await.map_err(Error::io("packed artifacts"))?;
        match job.runner.server.upload(job.key, &query, format!("{name}{}", form.ending()), file).await {
            Ok(200..=299) => return Ok(()),
            Ok(413) => return Err(Failure::system("they are larger than the server takes")),
            Ok(status @ (401 | 403 | 404)) => {
                return Err(Failure::system(format!("the server refuses them ({status})")));
            }
            Ok(status) => said = format!("the server answered {status}"),
            Err(error) => said = error.to_string(),
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
    Err(Failure::system(said))
}

/// Copy a file or folder of the container to disk, as an archive; its size, or `None` when there is none.
async fn copy_out(
    job: &Job<'_>,
    container: &Container,
    from: &str,
    to: &PathBuf,
    left: u64,
) -> Result<Option<u64>, Failure> {
    let mut answer = match job.runner.engine.get_archive(&container.id, from.trim_end_matches('/')).await {
        Ok(answer) => answer,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut file = File::create(to).await.map_err(Error::io("artifacts"))?;
    let mut size = 0;
    while let Some(chunk) = answer.chunk().await? {
        size += chunk.len() as u64;
        if size > left {
            return Err(Failure::system(format!("they are larger than {} bytes", limits::RUNNER_ARTIFACT_BYTES)));
        }
        file.write_all(&chunk).await.map_err(Error::io("artifacts"))?;
    }
    file.flush().await.map_err(Error::io("artifacts"))?;
    Ok(Some(size))
}

/// Put the artifacts of earlier jobs into the project's folder.
pub(crate) async fn download(job: &Job<'_>, container: &Container) -> Result<(), Failure> {
    for dependency in &job.payload.dependencies {
        let file = dependency.artifacts_file.as_ref().map_or("", |file| &file.filename);
        if file.is_empty() {
            continue;
        }
        job.log.line(&format!("Downloading artifacts for {} ({})...", dependency.name, dependency.id));
        download_one(job, container, dependency).await?;
    }
    Ok(())
}

async fn download_one(job: &Job<'_>, container: &Container, dependency: &Dependency) -> Result<(), Failure> {
    let token = dependency.token.as_ref().unwrap_or(&job.key.token);
    let response = job.runner.server.download(dependency.id, token).await?;
    let from = job.claim.folder.join(format!("dependency-{}.zip", dependency.id));
    let mut file = File::create(&from).await.map_err(Error::io("downloaded artifacts"))?;
    let mut size = 0;
    let mut stream = response.bytes_stream();
    while let Some(chunk) =
        stream.try_next().await.map_err(|_| Failure::system("the download of artifacts broke off"))?
    {
        size += chunk.len() as u64;
        if size > limits::RUNNER_ARTIFACT_BYTES {
            return Err(Failure::system("the artifacts of an earlier job are larger than the runner takes"));
        }
        file.write_all(&chunk).await.map_err(Error::io("downloaded artifacts"))?;
    }
    file.flush().await.map_err(Error::io("downloaded artifacts"))?;
    let to = job.claim.folder.join(format!("dependency-{}.tar", dependency.id));
    let (unpacked, project, mtime_s) = (to.clone(), job.place.project_dir(), job.runner.clock.now().as_second());
    let work = tokio::task::spawn_blocking(move || pack::unpack(&from, &project[1..], &unpacked, mtime_s)).await;
    let done = work.map_err(|error| Failure::system(format!("unpacking artifacts: {error}")))?;
    done.map_err(Error::io("unpacking the artifacts of an earlier job"))?;
    let file = File::open(&to).await.map_err(Error::io("unpacked artifacts"))?;
    Ok(job.runner.engine.put_archive(&container.id, streamed(file)).await?)
}
