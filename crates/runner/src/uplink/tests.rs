//! The line to the server against one that answers as badly as the protocol allows.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{patch, put},
};
use base::{Clock, Secret};
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Uplink;
use crate::{
    mask::Masker,
    outcome::Failure,
    server::{JobKey, Server},
    trace::Log,
};

/// What the server does with one call.
#[derive(Clone, Copy, Debug)]
enum Act {
    Take,
    /// Take it, but the answer is lost.
    TakeAndFail,
    Refuse(u16),
    /// Forget the log behind this byte, and say so when a piece does not fit.
    Forget(usize),
    Cancel,
}

#[derive(Default)]
struct Double {
    log: Vec<u8>,
    trace_acts: VecDeque<Act>,
    report_acts: VecDeque<Act>,
    reports: Vec<Value>,
    pieces: usize,
}

type Shared = Arc<Mutex<Double>>;

async fn take_trace(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut double = shared.lock().unwrap();
    assert_eq!(headers["JOB-TOKEN"], "jt");
    let range = headers["Content-Range"].to_str().unwrap();
    let start: usize = range.split_once('-').unwrap().0.parse().unwrap();
    double.pieces += 1;
    let act = double.trace_acts.pop_front().unwrap_or(Act::Take);
    let answer = |status: u16, double: &Double, state: &'static str| {
        let range = format!("0-{}", double.log.len());
        let status = StatusCode::from_u16(status).unwrap();
        (
            status,
            [("Range", range), ("Job-Status", state.to_owned()), ("X-GitLab-Trace-Update-Interval", "0.02".to_owned())],
        )
            .into_response()
    };
    match act {
        Act::Refuse(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Act::Cancel => return answer(202, &double, "canceled"),
        Act::Forget(length) => double.log.truncate(length),
        Act::Take | Act::TakeAndFail => {}
    }
    if start != double.log.len() {
        return answer(416, &double, "running");
    }
    double.log.extend_from_slice(&body);
    let status = if matches!(act, Act::TakeAndFail) { 502 } else { 202 };
    answer(status, &double, "running")
}

async fn take_report(State(shared): State<Shared>, body: Bytes) -> Response {
    let mut double = shared.lock().unwrap();
    let report: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(report["token"], "jt");
    let crc = format!("crc32:{:08x}", crc32fast::hash(&double.log));
    let whole = report["checksum"] == crc.as_str();
    double.reports.push(report);
    match double.report_acts.pop_front() {
        Some(Act::Refuse(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Act::Forget(length)) => {
            double.log.truncate(length);
            StatusCode::PRECONDITION_FAILED.into_response()
        }
        _ if !whole => StatusCode::PRECONDITION_FAILED.into_response(),
        _ => StatusCode::OK.into_response(),
    }
}

struct Stage {
    shared: Shared,
    server: Server,
    log: Log,
    _serving: JoinSet<()>,
}

impl Stage {
    async fn new(trace_acts: &[Act], report_acts: &[Act]) -> Stage {
        let double = Double {
            trace_acts: trace_acts.iter().copied().collect(),
            report_acts: report_acts.iter().copied().collect(),
            ..Double::default()
        };
        let shared: Shared = Arc::new(Mutex::new(double));
        let routes = Router::new()
            .route("/api/v4/jobs/7/trace", patch(take_trace))
            .route("/api/v4/jobs/7", put(take_report))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let text = format!(r#"{{"server_url":"http://{address}","token":"rt","work_dir":"/nowhere"}}"#);
        let config: crate::Config = serde_json::from_str(&text).unwrap();
        let server = Server::new(&config, &config.check().unwrap(), "r_test".to_owned()).unwrap();
        Stage { shared, server, log: Log::new(Masker::new([], []), Clock::System), _serving: serving }
    }

    fn uplink(&self) -> Uplink<'_> {
        let key = JobKey { id: 7, token: Secret::new("jt".to_owned()) };
        let (interval, deadline) = (Duration::from_millis(20), Instant::now() + Duration::from_secs(30));
        Uplink::new(&self.server, key, &self.log, interval, deadline, CancellationToken::new())
    }

    fn received(&self) -> String {
        String::from_utf8(self.shared.lock().unwrap().log.clone()).unwrap()
    }
}

/// Writes lines, waiting until the first is away, then closes.
async fn write(stage: &Stage) {
    stage.log.line("first");
    while stage.log.waiting() {
        tokio::task::yield_now().await;
    }
    stage.log.line("second");
    stage.log.close("end\n");
}

#[tokio::test]
async fn the_log_arrives_whole_whatever_the_server_does() {
    for acts in [
        &[][..],
        &[Act::Refuse(503), Act::Refuse(500)],
        &[Act::TakeAndFail],
        &[Act::Take, Act::Forget(3)],
        &[Act::TakeAndFail, Act::Forget(0)],
    ] {
        let stage = Stage::new(acts, &[]).await;
        let mut uplink = stage.uplink();
        tokio::join!(write(&stage), uplink.follow());
        assert_eq!(stage.received(), "first\nsecond\nend\n", "{acts:?}");
        assert!(!uplink.gone.is_cancelled());
        assert!(uplink.report(&Ok(()), &[]).await);
        let double = stage.shared.lock().unwrap();
        assert_eq!(double.reports.len(), 1);
        assert_eq!(double.reports[0]["state"], "success");
        assert_eq!(double.reports[0]["output"]["bytesize"], 17);
    }
}

#[tokio::test]
async fn a_server_that_wants_no_more_ends_the_job() {
    for act in [Act::Cancel, Act::Refuse(403), Act::Refuse(404)] {
        let stage = Stage::new(&[act], &[]).await;
        let mut uplink = stage.uplink();
        stage.log.line("first");
        uplink.follow().await;
        assert!(uplink.gone.is_cancelled(), "{act:?}");
        assert!(uplink.report(&Ok(()), &[]).await);
        assert!(stage.shared.lock().unwrap().reports.is_empty(), "a job that is gone is not reported");
    }
}

#[tokio::test]
async fn the_report_is_repeated_and_the_log_sent_again_when_asked() {
    let acts = [Act::Refuse(503), Act::Refuse(202), Act::Forget(0)];
    let stage = Stage::new(&[], &acts).await;
    let mut uplink = stage.uplink();
    tokio::join!(write(&stage), uplink.follow());
    assert!(uplink.report(&Failure::of_exit(9), &[]).await);
    assert_eq!(stage.received(), "first\nsecond\nend\n");
    let double = stage.shared.lock().unwrap();
    assert_eq!(double.reports.len(), 4);
    assert_eq!(double.reports[3]["exit_code"], 9);
    assert_eq!(double.reports[3]["failure_reason"], "script_failure");
}

#[tokio::test]
async fn many_small_writes_are_sent_together() {
    let stage = Stage::new(&[], &[]).await;
    let mut uplink = stage.uplink();
    uplink.interval = Duration::from_secs(20);
    let writing = async {
        for _ in 0..200 {
            stage.log.line("a line");
            tokio::task::yield_now().await;
        }
        stage.log.close("");
    };
    tokio::join!(writing, uplink.follow());
    assert_eq!(stage.received().lines().count(), 200);
    assert!(stage.shared.lock().unwrap().pieces < 10);
}
