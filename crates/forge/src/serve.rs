//! Smart HTTP without the HTTP: `info/refs`, `git-upload-pack`, `git-receive-pack`.
//!
//! `gitprotocol-http(5)`. The dumb protocol is not served.

use std::{process::Stdio, str::FromStr};

use base::{Ctx, Kind, limits};
use identity::Level;
use tokio::io::AsyncReadExt;

use crate::{
    Error, Forge, Input, Output, Project, ProjectId, ProjectPath, ProjectRef,
    git::{WORDS_BYTES, read_some},
    receive::{Head, announcement},
    service::require,
    store,
};

/// The answer to a push: progress and a report of its refs. It is held back until the push is recorded.
const REPORT_BYTES: u64 = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    UploadPack,
    ReceivePack,
}

/// By what right somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The rights of the context's actor.
    Own,
    /// The token of a running job: its own project, and what the actor may read. Never a push.
    Job { project: ProjectId },
}

impl Forge {
    /// What a repository has to offer for this service.
    pub async fn advertise(
        &self,
        ctx: &Ctx,
        access: Access,
        path: &ProjectPath,
        service: Service,
        protocol: Option<&str>,
    ) -> Result<Output, Error> {
        let project = self.open(ctx, access, path, service).await?;
        let place = self.git.place().await;
        let version_2 = service == Service::UploadPack && protocol.is_some_and(asks_for_version_2);
        let before = if version_2 { Vec::new() } else { announcement(service.name()) };
        let mut command = self.git.command(&self.git.repository(project.id), &[hidden(access)]);
        command.args([service.verb(), "--stateless-rpc", "--http-backend-info-refs"]);
        command.arg(self.git.repository(project.id));
        speak(&mut command, protocol);
        command.stderr(Stdio::null());
        Output::start(command, before, Box::new(tokio::io::empty()), 0, place)
    }

    /// Answer a fetch.
    pub async fn upload_pack(
        &self,
        ctx: &Ctx,
        access: Access,
        path: &ProjectPath,
        protocol: Option<&str>,
        input: Input,
    ) -> Result<Output, Error> {
        let project = self.open(ctx, access, path, Service::UploadPack).await?;
        let place = self.git.place().await;
        let mut command = self.git.command(&self.git.repository(project.id), &[hidden(access)]);
        command.args(["upload-pack", "--stateless-rpc"]).arg(self.git.repository(project.id));
        speak(&mut command, protocol);
        command.stderr(Stdio::null());
        Output::start(command, Vec::new(), input, limits::GIT_FETCH_BYTES, place)
    }

    /// Take a push: judged before git sees it, answered after it was recorded.
    pub async fn receive_pack(
        &self,
        ctx: &Ctx,
        access: Access,
        path: &ProjectPath,
        mut input: Input,
    ) -> Result<Output, Error> {
        let project = self.open(ctx, access, path, Service::ReceivePack).await?;
        let mut head = Head::read(&mut input).await?;
        let refusals = head.refusals(&project.default_ref());
        if !refusals.is_empty() {
            tracing::info!(project = %project.path, refused = refusals.len(), "a push was refused");
            drain(input).await?;
            return Ok(Output::of(head.refused(&refusals)));
        }
        let place = self.git.place().await;
        let size = format!("receive.maxInputSize={}", limits::GIT_PUSH_BYTES);
        let strict = if head.touches(&project.default_ref()) { "true" } else { "false" };
        let growing = format!("receive.denyNonFastForwards={strict}");
        let repository = self.git.repository(project.id);
        let mut command = self.git.command(&repository, &[&size, &growing, "receive.denyDeleteCurrent=refuse"]);
        command.args(["receive-pack", "--stateless-rpc"]).arg(&repository);
        // The first commands were read from the input; git gets them back in front of it.
        let push = match self.intend(ctx, &project, &head).await {
            Err(error) if error.kind() == Kind::Unavailable && head.wants_report() => {
                drain(input).await?;
                return Ok(Output::of(head.failed(&error.to_string())));
            }
            outcome => outcome?,
        };
        let raw = std::mem::take(&mut head.raw);
        let limit = limits::GIT_PUSH_BYTES + raw.len() as u64;
        let input: Input = Box::new(std::io::Cursor::new(raw).chain(input));
        let mut output = Output::start(command, Vec::new(), input, limit, place)?;
        let (words, mut answer) = (output.words(), Vec::new());
        let hearing = async {
            let heard = (&mut output).take(REPORT_BYTES).read_to_end(&mut answer).await;
            // Also ends what else git says.
            drop(output);
            heard
        };
        let (heard, words) = tokio::join!(hearing, read_some(words, WORDS_BYTES));
        // Also after a failure: what git did before it broke off is recorded.
        if let Some(push) = push {
            self.settle(ctx, &push).await?;
        }
        heard.map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => {
                Error::TooLarge(format!("a push has at most {} bytes", limits::GIT_PUSH_BYTES))
            }
            _ => Error::Invalid(format!("the push could not be read: {error}")),
        })?;
        // Without a report the client waits for one, for ever.
        if answer.is_empty() && head.wants_report() {
            let words = String::from_utf8_lossy(&words.unwrap_or_default()).trim().to_owned();
            tracing::error!(project = %project.path, words, "git ended without an answer to a push");
            return Ok(Output::of(head.failed(&broken(&words))));
        }
        Ok(Output::of(answer))
    }

    async fn open(&self, ctx: &Ctx, access: Access, path: &ProjectPath, service: Service) -> Result<Project, Error> {
        let mut tx = self.db.read().await?;
        if let Access::Job { project: own } = access {
            if service == Service::ReceivePack {
                return Err(Error::Denied("a job's token can fetch, not push".to_owned()));
            }
            if let Some(project) = store::project_by_path(&mut tx, path).await?.filter(|project| project.id == own) {
                return Ok(project);
            }
        }
        let level = if service == Service::ReceivePack { Level::ReadWrite } else { Level::ReadOnly };
        require(&mut tx, ctx, &ProjectRef::Path(path.clone()), level).await
    }
}

/// Read what is left of a push: the client reads the answer only after it has sent everything.
async fn drain(input: Input) -> Result<(), Error> {
    let mut rest = input.take(limits::GIT_PUSH_BYTES);
    let drained = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    drained.map(drop).map_err(|error| Error::Invalid(format!("the push could not be read: {error}")))
}

/// What its sender can do about a push on which git ended early, by its last words.
fn broken(words: &str) -> String {
    match words.contains("No space left on device") || words.contains("Disk quota exceeded") {
        true => "the disk of the server is full; tell its operator, and push again once there is room".to_owned(),
        false => "git ended early on the server; push again, and if it stays so, tell its operator".to_owned(),
    }
}

/// Only jobs see the refs of pipelines.
fn hidden(access: Access) -> &'static str {
    match access {
        Access::Own => "uploadpack.hideRefs=refs/pipelines",
        Access::Job { .. } => "uploadpack.hideRefs=refs/nothing",
    }
}

/// Hand the client's `Git-Protocol` to git, if it has the form that git's own clients send.
fn speak(command: &mut tokio::process::Command, protocol: Option<&str>) {
    let plain = |text: &&str| {
        text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=:.-_".contains(&byte))
    };
    if let Some(protocol) = protocol.filter(plain) {
        command.env("GIT_PROTOCOL", protocol);
    }
}

fn asks_for_version_2(protocol: &str) -> bool {
    protocol.split(':').any(|part| part == "version=2")
}

impl Service {
    /// As URLs and media types name it.
    pub fn name(self) -> &'static str {
        match self {
            Service::UploadPack => "git-upload-pack",
            Service::ReceivePack => "git-receive-pack",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Service::UploadPack => "upload-pack",
            Service::ReceivePack => "receive-pack",
        }
    }
}

impl FromStr for Service {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<Service, base::InvalidName> {
        match text {
            "git-upload-pack" => Ok(Service::UploadPack),
            "git-receive-pack" => Ok(Service::ReceivePack),
            other => Err(base::InvalidName::new("service", other, "git-upload-pack or git-receive-pack")),
        }
    }
}
