//! The log of a job: appended by offset, masked, bounded.

use base::{Actor, Ctx, Secret, limits};
use db::Tx;

use crate::{
    Ci, Error, FailureReason, Job, JobEvent, JobStatus,
    finish::{Ending, by_token},
    mask::Masker,
    store,
};

/// A piece of a log.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// Where the runner thinks it begins.
    pub start: i64,
    pub bytes: &'a [u8],
}

/// What came of it. `total` is how many bytes the server has of what the runner sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    Accepted {
        total: i64,
    },
    /// Begin again at `total`.
    WrongOffset {
        total: i64,
    },
    /// The job runs no more, and how it stands.
    Over(JobStatus),
}

impl Ci {
    /// `PATCH /jobs/:id/trace`.
    pub async fn append_trace(
        &self,
        ctx: &Ctx,
        id: i64,
        token: &Secret,
        append: Append<'_>,
    ) -> Result<Appended, Error> {
        let ctx = &self.fresh(ctx).with_actor(Actor::System("runner"));
        let (appended, advanced) = db::write!(self.0.db, ctx, |tx| {
            let mut job = by_token(tx, id, token).await?;
            if job.status != JobStatus::Running {
                return Ok((Appended::Over(job.status), None));
            }
            let total = job.trace.received;
            if append.start != total {
                store::jobs::touch(tx, id, ctx.now).await?;
                return Ok((Appended::WrongOffset { total }, None));
            }
            let more = i64::try_from(append.bytes.len()).unwrap_or(i64::MAX);
            if u64::try_from(total.saturating_add(more)).unwrap_or(u64::MAX) > limits::JOB_TRACE_BYTES {
                let reason = Some(FailureReason::TraceSizeExceeded);
                let ending = Ending { event: JobEvent::Fail, reason, exit_code: None };
                let advanced = self.end(tx, ctx, job, ending).await?;
                return Ok((Appended::Over(JobStatus::Failed), Some(advanced)));
            }
            self.grow(tx, ctx, &mut job, append.bytes, false).await?;
            Ok::<_, Error>((Appended::Accepted { total: job.trace.received }, None))
        })?;
        self.after(&advanced.unwrap_or_default()).await;
        Ok(appended)
    }

    /// Show what was held back at the end of a log.
    pub(crate) async fn flush_trace(&self, tx: &mut Tx, ctx: &Ctx, job: &mut Job) -> Result<(), Error> {
        self.grow(tx, ctx, job, &[], true).await
    }

    async fn grow(&self, tx: &mut Tx, ctx: &Ctx, job: &mut Job, bytes: &[u8], last: bool) -> Result<(), Error> {
        let (secrets, held) = store::jobs::masking(tx, job.id).await?;
        // A job that never started has none, and no log either.
        let Some(secrets) = secrets else { return Ok(()) };
        let secrets = self.open_secrets(job.id, &secrets)?;
        let place = format!("job/{}/held", job.id);
        let held = held.map(|held| self.0.sealer.open(&place, &held)).transpose()?;
        let held = held.map(|held| held.expose().clone()).unwrap_or_default();
        let masker = Masker::new(secrets.iter().map(String::as_str));
        let (shown, held) = masker.mask(&held, bytes, last);
        let mut crc = crc32fast::Hasher::new_with_initial(job.trace.crc);
        crc.update(bytes);
        job.trace.crc = crc.finalize();
        job.trace.received += i64::try_from(bytes.len()).expect("a piece is smaller than the whole log may be");
        job.trace.kept += i64::try_from(shown.len()).expect("a piece is smaller than the whole log may be");
        let sealed = self.0.sealer.seal(&ctx.entropy, &place, &held);
        Ok(store::jobs::append(tx, ctx, job, &shown, &sealed).await?)
    }
}
