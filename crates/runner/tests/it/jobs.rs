//! What people rely on when a job runs, and what must hold when something dies.

use std::io::Read;

use runner::{Config, Error, PullPolicy, run};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{double::Double, engine::Engine};

struct Stage {
    double: Double,
    engine: Engine,
    work: tempfile::TempDir,
    stop: CancellationToken,
    running: JoinSet<Result<(), Error>>,
}

impl Stage {
    async fn new() -> Option<Stage> {
        let engine = Engine::find().await?;
        let (double, work) = (Double::start().await, tempfile::tempdir().unwrap());
        let mut stage = Stage { double, engine, work, stop: CancellationToken::new(), running: JoinSet::new() };
        stage.start();
        Some(stage)
    }

    fn start(&mut self) {
        let config = config(&self.double.url, &self.engine.socket, self.work.path());
        self.running.spawn(run(config, self.stop.clone()));
    }

    /// As `kill -9` does it: nothing of the runner runs on, nothing is said to anybody.
    async fn kill(&mut self) {
        self.running.shutdown().await;
    }

    async fn run(&self, id: u64, more: Value) -> (Value, String) {
        self.double.change(|seen| seen.queue.push_back(self.double.job(id, &more)));
        self.double.report(id).await
    }

    fn system_id(&self) -> String {
        std::fs::read_to_string(self.work.path().join("system_id")).unwrap()
    }

    /// A clean end leaves neither containers nor folders.
    async fn finish(mut self) {
        self.stop.cancel();
        self.running.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(self.engine.containers(&self.system_id()).await.len(), 0);
        assert_eq!(std::fs::read_dir(self.work.path().join("jobs")).map_or(0, Iterator::count), 0);
    }
}

fn config(url: &str, socket: &std::path::Path, work: &std::path::Path) -> Config {
    let config = json!({
        "server_url": url, "token": "glrt-token", "work_dir": work, "docker_socket": socket,
        "network_mode": "none", "check_interval_ms": 10, "pull_policy": "never", "environment": { "EXTRA": "extra" },
    });
    serde_json::from_value(config).unwrap()
}

fn script(lines: &[&str]) -> Value {
    json!([{ "name": "script", "script": lines, "timeout": 3600, "when": "on_success", "allow_failure": false }])
}

#[tokio::test]
async fn a_refused_token_ends_the_runner_with_a_sentence() {
    let double = Double::start().await;
    double.change(|seen| seen.refuse_token = true);
    let work = tempfile::tempdir().unwrap();
    let refused = run(config(&double.url, "/nowhere".as_ref(), work.path()), CancellationToken::new()).await;
    assert!(refused.unwrap_err().to_string().contains("refuses this runner's token"));
}

#[tokio::test]
async fn a_job_sees_its_source_and_variables_and_its_secrets_stay_hidden() {
    let Some(stage) = Stage::new().await else { return };
    let secret = "s3cret-pa$$word";
    let job = json!({
        "variables": [
            { "key": "PASSWORD", "value": secret, "masked": true, "file": false, "public": false, "raw": true },
            { "key": "KEY", "value": "key content", "file": true, "masked": false, "public": false, "raw": false },
            { "key": "HOME_OF", "value": "$CI_PROJECT_DIR/x", "file": false, "masked": false, "public": true, "raw": false },
        ],
        "steps": [
            { "name": "script", "when": "on_success", "script": [
                "pwd; cat README ignored; sub/run.sh; readlink link",
                "echo \"$EXTRA $HOME_OF $CI_SERVER $CI_CONCURRENT_ID\"",
                "cat $KEY; stat -c '%a %n' $KEY README sub/run.sh .",
                "echo \"one $PASSWORD two\"; printf '%s' \"$PASSWORD\" | (printf 'x'; cat); echo",
                "echo job-token-0123456789; grep -r job-token .git || echo 'no token in .git'; cat .git/HEAD",
                "touch /tmp-of-script; export A=1",
            ] },
            { "name": "after_script", "when": "always", "script": ["ls -d /tmp-of-script", "echo \"status $CI_JOB_STATUS A=$A\""] },
        ],
    });
    let (report, log) = stage.run(11, job).await;
    assert_eq!(report["state"], "success", "{log}");
    assert_eq!(report["output"]["bytesize"], log.len());
    assert_eq!(report["checksum"], format!("crc32:{:08x}", crc32fast::hash(log.as_bytes())));
    for expected in [
        "/builds/g/p\nthe readme\nnot left out\nran\n/etc/passwd\n",
        "extra /builds/g/p/x yes 0\n",
        "key content",
        "600 /builds/g/p.tmp/KEY\n666 README\n777 sub/run.sh\n777 .\n",
        "one [MASKED] two\nx[MASKED]\n",
        "no token in .git\n",
        &stage.double.sha,
        "/tmp-of-script\n",
        "status success A=\n",
        "section_start:",
        ":step_script\r\x1b[0K",
        "\x1b[32;1m$ touch /tmp-of-script; export A=1\x1b[0;m\n",
        "Job succeeded",
    ] {
        assert!(log.contains(expected), "{expected:?} is not in {log}");
    }
    assert!(!log.contains(secret) && !log.contains("job-token-0123456789"), "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn api_and_git_work_over_tls_with_the_given_ca_and_address() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.kill().await;
    let (port, pem) = stage.double.with_tls("assay.test").await;
    let mut config = config(&stage.double.url, &stage.engine.socket, stage.work.path());
    config.ca_pem = Some(pem);
    config.resolve = vec![(format!("assay.test:{port}"), "127.0.0.1".parse().unwrap())];
    stage.running.spawn(run(config, stage.stop.clone()));
    let (report, log) = stage.run(71, json!({ "steps": script(&["cat README; cat $CI_SERVER_TLS_CA_FILE"]) })).await;
    assert_eq!(report["state"], "success", "{log}");
    assert!(log.contains("the readme\n-----BEGIN CERTIFICATE-----"), "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_fails_the_job_with_the_engines_words() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.kill().await;
    let mut config = config(&stage.double.url, &stage.engine.socket, stage.work.path());
    config.pull_policy = PullPolicy::Always;
    stage.running.spawn(run(config, stage.stop.clone()));
    let job = json!({ "image": { "name": "localhost:1/a/b:$TAG" }, "variables": [{ "key": "TAG", "value": "1" }],
        "credentials": [{ "type": "registry", "url": "localhost:1", "username": "u", "password": "job-token-0123456789" }],
        "features": { "failure_reasons": ["image_pull_failure"] }, "steps": script(&["true"]) });
    let (report, log) = stage.run(81, job).await;
    assert_eq!(report["failure_reason"], "image_pull_failure");
    assert!(log.contains("image localhost:1/a/b:1: ") && log.contains("connection refused"), "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn a_failing_command_ends_the_job_with_its_code() {
    let Some(stage) = Stage::new().await else { return };
    let (report, log) = stage.run(21, json!({ "steps": script(&["echo before", "(exit 3)", "echo never"]) })).await;
    assert_eq!((&report["state"], &report["exit_code"]), (&json!("failed"), &json!(3)));
    assert_eq!(report["failure_reason"], "script_failure");
    assert!(log.contains("before\n") && !log.contains("never\n") && log.contains("ERROR: Job failed: exit code 3"));

    let (report, log) =
        stage.run(22, json!({ "image": { "name": "assay-test/nowhere:1" }, "steps": script(&["true"]) })).await;
    assert_eq!(report["failure_reason"], "runner_system_failure");
    assert!(log.contains("image assay-test/nowhere:1: it is not on the engine"), "{log}");

    let mut steps = script(&["echo begins", "sleep 60"]);
    let after = json!({ "name": "after_script", "script": ["echo \"after: $CI_JOB_STATUS\""], "when": "always" });
    steps.as_array_mut().unwrap().push(after);
    let (report, log) = stage.run(23, json!({ "runner_info": { "timeout": 2 }, "steps": steps })).await;
    assert_eq!(report["failure_reason"], "job_execution_timeout");
    assert!(log.contains("begins\n") && log.contains("after: failed\n"), "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn artifacts_go_up_and_come_down() {
    let Some(stage) = Stage::new().await else { return };
    let job = json!({
        "steps": script(&["mkdir -p dist/in; echo one > dist/in/a.txt; echo two > dist/b.log; echo K=v > vars.env"]),
        "artifacts": [
            { "name": "of/$CI_SERVER", "paths": ["dist/**/*.txt", "vars.env"], "when": "on_success", "expire_in": "1 week",
              "artifact_type": "archive", "artifact_format": "zip", "exclude": null, "untracked": false },
            { "paths": ["vars.env"], "when": "always", "artifact_type": "dotenv", "artifact_format": "gzip" },
            { "paths": ["dist"], "when": "on_failure", "artifact_type": "archive", "artifact_format": "zip" },
        ],
    });
    let (report, log) = stage.run(31, job).await;
    assert_eq!(report["state"], "success", "{log}");
    stage.double.change(|seen| {
        assert_eq!(seen.artifacts.len(), 2);
        let (query, name, bytes) = &seen.artifacts[0];
        assert_eq!((name.as_str(), query["artifact_format"].as_str()), ("of_yes.zip", "zip"));
        assert_eq!((query["artifact_type"].as_str(), query["expire_in"].as_str()), ("archive", "1 week"));
        let zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        assert_eq!(names, ["dist/in/a.txt", "vars.env"]);
        let mut text = String::new();
        flate2::read::GzDecoder::new(seen.artifacts[1].2.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "K=v\n");
    });
    let job = json!({
        "steps": script(&["cat dist/in/a.txt vars.env"]),
        "dependencies": [{ "id": 31, "token": "job-token-0123456789", "name": "build", "artifacts_file": { "filename": "a.zip", "size": 1 } }],
    });
    let (report, log) = stage.run(32, job).await;
    assert!(report["state"] == "success" && log.contains("one\nK=v\n"), "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn a_cancelled_job_is_killed() {
    let Some(stage) = Stage::new().await else { return };
    let job =
        stage.double.job(41, &json!({ "steps": script(&["for i in $(seq 600); do echo tick $i; sleep 0.1; done"]) }));
    stage.double.change(|seen| seen.queue.push_back(job));
    stage.double.until("ticks", |seen| seen.logs.get(&41).filter(|log| log.contains("tick 2")).map(|_| ())).await;
    stage.double.change(|seen| seen.canceled = true);
    let asked = stage.double.change(|seen| seen.asked);
    // The only slot is free again: the runner asks for the next job.
    stage.double.until("the next request", |seen| (seen.asked > asked).then_some(())).await;
    assert_eq!(stage.engine.containers(&stage.system_id()).await.len(), 0);
    assert!(stage.double.change(|seen| seen.reports.is_empty()));
    stage.finish().await;
}

#[tokio::test]
async fn what_a_killed_runner_left_is_cleared_and_reported_by_the_next() {
    let Some(mut stage) = Stage::new().await else { return };
    let job = stage.double.job(51, &json!({ "steps": script(&["echo alive", "sleep 600"]) }));
    stage.double.change(|seen| seen.queue.push_back(job));
    stage
        .double
        .until("a sign of life", |seen| seen.logs.get(&51).filter(|log| log.contains("alive\n")).map(|_| ()))
        .await;
    stage.kill().await;
    assert_eq!(stage.engine.containers(&stage.system_id()).await.len(), 1);
    assert!(stage.double.change(|seen| seen.reports.is_empty()));

    stage.start();
    let (report, _) = stage.double.report(51).await;
    assert_eq!((&report["state"], &report["failure_reason"]), (&json!("failed"), &json!("runner_system_failure")));
    assert_eq!(stage.engine.containers(&stage.system_id()).await.len(), 0);
    let (report, log) = stage.run(52, json!({ "steps": script(&["echo again"]) })).await;
    assert_eq!(report["state"], "success", "{log}");
    stage.finish().await;
}

#[tokio::test]
async fn a_stopped_runner_fails_its_jobs_before_it_ends() {
    let Some(stage) = Stage::new().await else { return };
    let job = stage.double.job(61, &json!({ "steps": script(&["echo alive", "sleep 600"]) }));
    stage.double.change(|seen| seen.queue.push_back(job));
    stage
        .double
        .until("a sign of life", |seen| seen.logs.get(&61).filter(|log| log.contains("alive\n")).map(|_| ()))
        .await;
    stage.stop.cancel();
    let (report, log) = stage.double.report(61).await;
    assert_eq!(report["failure_reason"], "runner_system_failure");
    assert!(log.contains("the runner was stopped"));
    stage.finish().await;
}
