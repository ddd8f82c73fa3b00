//! One job with its log, and the log as a stream of events while the job runs.
//!
//! ```text
//!   page: the log's whole lines so far, offset ──► <live-log> ──► GET …/log?offset=N
//!                                                                   event: log   id: offset after it   data: HTML
//!                                                                   event: end
//!   connection lost ──────────────────────────────────────────────► Last-Event-ID: offset, which wins over the query
//! ```
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use ci::FailureReason;
use forge::ProjectRef;
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::watch;
use ui::{JobView, log_html};

use super::{Failure, Page, Visitor, projects::project, see_other};

/// How long a reader waits before it looks again by itself: another replica may have taken a piece of the log.
const LOOK: Duration = Duration::from_secs(2);
/// A line that is longer is shown in pieces.
const LINE_BYTES: usize = 8 * 1024;

/// `GET /projects/{namespace}/{name}/jobs/{id}`
pub(super) async fn show(visitor: Visitor, Path((namespace, name, id)): Path<(String, String, i64)>) -> Response {
    visitor.answer(page(&visitor, (&namespace, &name), id).await)
}

async fn page(visitor: &Visitor, (namespace, name): (&str, &str), id: i64) -> Page {
    let which = project(namespace, name)?;
    let job = visitor.app.ci.job(&visitor.ctx, &which, id).await?;
    let pipeline = visitor.app.ci.pipeline(&visitor.ctx, &which, job.pipeline).await?;
    let part = visitor.app.ci.trace(&visitor.ctx, &which, id, 0).await?;
    let length = showable(&part.bytes, part.complete);
    let view = JobView {
        project: pipeline.path.to_string(),
        id: job.id,
        pipeline: job.pipeline,
        name: job.plan.name.clone(),
        status: job.status.as_str().to_owned(),
        running: !part.complete,
        log: String::from_utf8_lossy(&part.bytes[..length]).into_owned(),
        offset: length as u64,
        failure: job.failure.map(failure),
    };
    Ok(ui::job(&visitor.frame(), &view).into_string())
}

fn failure(reason: FailureReason) -> String {
    format!("failed: {}", reason.as_str().replace('_', " "))
}

/// Where GitLab's API says that the page of a job is.
pub(super) async fn moved(Path((namespace, name, id)): Path<(String, String, i64)>) -> Response {
    match project(&namespace, &name) {
        Ok(_) => see_other(&format!("/projects/{namespace}/{name}/jobs/{id}")),
        Err(_) => see_other("/projects"),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    offset: i64,
}

/// `GET /projects/{namespace}/{name}/jobs/{id}/log?offset=…`
pub(super) async fn log(
    visitor: Visitor,
    Path((namespace, name, id)): Path<(String, String, i64)>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let offset = last.unwrap_or(from.offset).max(0);
    // Subscribed before the first look, so that no piece falls between the two.
    let news = visitor.app.ci.news();
    let opened = async {
        let which = project(&namespace, &name)?;
        visitor.app.ci.job(&visitor.ctx, &which, id).await?;
        Ok::<_, Failure>(which)
    };
    match opened.await {
        Ok(which) => {
            let reader = Reader { visitor, which, id, offset, news, ended: false };
            Sse::new(events(reader)).keep_alive(KeepAlive::default()).into_response()
        }
        Err(failure) => visitor.answer(Err(failure)),
    }
}

/// Somebody who reads a log while it grows.
struct Reader {
    visitor: Visitor,
    which: ProjectRef,
    id: i64,
    offset: i64,
    news: watch::Receiver<u64>,
    ended: bool,
}

fn events(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(reader, |mut reader| async move {
        if reader.ended {
            return None;
        }
        let event = reader.next().await;
        Some((Ok(event), reader))
    })
}

impl Reader {
    async fn next(&mut self) -> Event {
        loop {
            self.news.mark_unchanged();
            // Rights are looked at each time: who loses them loses the log. The page says why when it is loaded again.
            let part = self.visitor.app.ci.trace(&self.visitor.ctx, &self.which, self.id, self.offset).await;
            let Ok(part) = part else { break };
            let length = showable(&part.bytes, part.complete);
            if length > 0 {
                self.offset += i64::try_from(length).expect("a log has at most some megabytes");
                let html = log_html(&String::from_utf8_lossy(&part.bytes[..length]));
                return Event::default().event("log").id(self.offset.to_string()).data(html);
            }
            if part.complete {
                break;
            }
            // News or not, look again: the sender lives as long as the server.
            let _ = tokio::time::timeout(LOOK, self.news.changed()).await;
        }
        self.ended = true;
        // A browser passes over events without data.
        Event::default().event("end").data("over")
    }
}

/// How much of a log is shown now: whole lines, so that no character and no colour is cut in two; the rest when it is over.
fn showable(bytes: &[u8], complete: bool) -> usize {
    if complete {
        return bytes.len();
    }
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        None if bytes.len() > LINE_BYTES => {
            let boundary = |at: &usize| bytes[*at] & 0xc0 != 0x80;
            (1..bytes.len()).rev().find(boundary).unwrap_or(bytes.len())
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LINE_BYTES, showable};

    #[test]
    fn whole_lines_while_it_grows() {
        assert_eq!(showable(b"", false), 0);
        assert_eq!(showable(b"half a line", false), 0);
        assert_eq!(showable(b"half a line", true), 11);
        assert_eq!(showable(b"one\ntwo\nthr", false), 8);
        let long = "ä".repeat(LINE_BYTES);
        let shown = showable(long.as_bytes(), false);
        assert!(shown > LINE_BYTES && std::str::from_utf8(&long.as_bytes()[..shown]).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_shown_twice(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200)) {
            let first = showable(&bytes, false);
            prop_assert!(first <= bytes.len());
            prop_assert_eq!(first + showable(&bytes[first..], true), bytes.len());
        }
    }
}
