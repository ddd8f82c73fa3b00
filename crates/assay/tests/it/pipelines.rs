//! From a push over HTTPS to a job that succeeded: git, GitLab's API and the runner protocol together.
//!
//! The runner is a small client of the test. The embedded runner has tests of its own against a real engine, and the story
//! joins both; the real `gitlab-runner` is a Go program that the package registries of the tests do not have.

use std::{path::PathBuf, thread};

use serde_json::{Value, json};

use crate::server::{Answer, BASIC, PASSWORD, Server, attempt};

const FILE: &str = "\
variables: {LOGIN: 'gitlab:$DTR_PASSWORD'}
build: {image: docker:latest, script: ['docker build .']}
deploy: {stage: deploy, script: [deploy]}
";

pub struct World {
    pub server: Server,
    work: PathBuf,
    runner: String,
}

/// A job as the runner got it.
pub struct Job {
    pub id: i64,
    token: String,
    payload: Value,
}

impl World {
    pub fn new() -> World {
        let server = Server::start("127.0.0.1");
        let work = server.folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let world = World { server, work, runner: String::new() };
        world.git(&["init", "--quiet"]);
        let project = world.api("POST", "/projects", &json!({"name": "flask"}), 201);
        assert_eq!(project["path_with_namespace"], "admin/flask");
        let runner = world.api("POST", "/user/runners", &json!({"runner_type": "instance_type"}), 201);
        World { runner: runner["token"].as_str().unwrap().to_owned(), ..world }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let authorization = format!("Basic {BASIC}");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        self.server.ask(method, &format!("/api/v4{path}"), &headers, body.to_string().as_bytes())
    }

    pub fn api(&self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.ask(method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Git as it is on anybody's machine, trusting the installation's authority.
    fn try_git(&self, arguments: &[&str]) -> (bool, String) {
        let ca = self.server.ca();
        let own = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
        // The machine's own setting of this variable would win over any configuration.
        let environment =
            [("GIT_SSL_CAINFO", ca.to_str().unwrap()), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")];
        // A client that hears nothing waits for ever; the test does not.
        attempt("timeout", &[&["60", "git"], &own[..], arguments].concat(), &self.work, &environment)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let (good, text) = self.try_git(arguments);
        assert!(good, "git {arguments:?}: {text}");
        text.trim().to_owned()
    }

    /// Commit and push over HTTPS with the password; the commit.
    pub fn push(&self, file: &str) -> String {
        std::fs::write(self.work.join(".gitlab-ci.yml"), file).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "change"]);
        let password = PASSWORD.replace(' ', "%20");
        let url = format!("https://admin:{password}@{}/admin/flask.git", self.server.authority);
        self.git(&["push", "--quiet", &url, "HEAD:main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Ask for a job, held by the server until there is one.
    pub fn take(&self) -> Job {
        let body = json!({"token": self.runner, "info": {"name": "test", "features": {"trace_reset": true}}});
        for _ in 0..3 {
            let answer = self.server.ask("POST", "/api/v4/jobs/request", JSON, body.to_string().as_bytes());
            if answer.status == 201 {
                let payload = answer.json();
                let token = payload["token"].as_str().unwrap().to_owned();
                return Job { id: payload["id"].as_i64().unwrap(), token, payload };
            }
            assert_eq!(answer.status, 204, "{}", answer.body);
        }
        panic!("no job came");
    }

    fn write(&self, job: &Job, start: usize, text: &str) -> Answer {
        let range = format!("{start}-{}", start + text.len() - 1);
        let headers =
            [("Content-Range", range.as_str()), ("JOB-TOKEN", &job.token), ("User-Agent", "gitlab-runner 14.7.0")];
        self.server.ask("PATCH", &format!("/api/v4/jobs/{}/trace", job.id), &headers, text.as_bytes())
    }

    pub fn report(&self, job: &Job, more: &Value) -> Answer {
        let mut body = json!({"token": job.token, "info": {}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.server.ask("PUT", &format!("/api/v4/jobs/{}", job.id), JSON, body.to_string().as_bytes())
    }

    fn status(&self, job: i64) -> String {
        let job = self.api("GET", &format!("/projects/admin%2Fflask/jobs/{job}"), &Value::Null, 200);
        job["status"].as_str().unwrap().to_owned()
    }
}

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

impl Job {
    pub fn value(&self, key: &str) -> &str {
        let variables = self.payload["variables"].as_array().unwrap();
        variables.iter().find(|variable| variable["key"] == key).unwrap()["value"].as_str().unwrap()
    }
}

#[test]
fn a_push_becomes_a_job_that_succeeds() {
    let world = World::new();
    let token = world.server.ask("POST", "/api/v0/api_tokens", &with_password(), b"{\"tokenLabel\":\"dtr\"}");
    let token = token.json()["token"].as_str().unwrap().to_owned();
    let variable = json!({"key": "DTR_PASSWORD", "value": token, "masked": true});
    world.api("POST", "/projects/admin%2Fflask/variables", &variable, 201);

    // The runner asks before there is anything, and is answered by the push.
    let (job, sha) = thread::scope(|scope| {
        let question = scope.spawn(|| world.take());
        let sha = world.push(FILE);
        (question.join().unwrap(), sha)
    });
    assert_eq!(job.payload["git_info"]["sha"], *sha);
    let child = job.value("DTR_PASSWORD").to_owned();
    assert!(child.starts_with("assay-") && child != token);

    // As a runner fetches: by the pipeline's ref, with the job's token.
    let url = job.payload["git_info"]["repo_url"].as_str().unwrap();
    let refspecs: Vec<&str> = job.payload["git_info"]["refspecs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refspec| refspec.as_str().unwrap())
        .collect();
    world.git(&["init", "--quiet", "copy"]);
    world.git(&[&["-C", "copy", "fetch", "--quiet", "--depth=20", url][..], &refspecs].concat());
    assert_eq!(world.git(&["-C", "copy", "rev-parse", &format!("refs/pipelines/{}", 1)]), sha);
    let (pushed, said) = world.try_git(&["-C", "copy", "push", url, &format!("{sha}:refs/heads/x")]);
    assert!(!pushed && said.contains("403"), "{said}");
    let bearer = world.server.ask("GET", "/auth/token?scope=repository:admin/x:pull,push", &as_job(&job), b"");
    assert_eq!(bearer.status, 200, "{}", bearer.body);

    let log = format!("logged in as {child}\n");
    let answer = world.write(&job, 0, &log);
    assert_eq!((answer.status, answer.header("range")), (202, Some(&*format!("0-{}", log.len()))));
    assert_eq!(
        (answer.header("job-status"), answer.header("x-gitlab-trace-update-interval")),
        (Some("running"), Some("1"))
    );
    assert_eq!(world.write(&job, 3, "again").status, 416);
    assert_eq!(world.report(&job, &json!({"state": "success", "exit_code": 0})).status, 200);
    let again = world.report(&job, &json!({"state": "success"}));
    assert_eq!((again.status, again.header("job-status")), (403, Some("success")));
    let shown = world.ask("GET", &format!("/projects/admin%2Fflask/jobs/{}/trace", job.id), &Value::Null);
    assert_eq!(shown.body, "logged in as [MASKED]\n");

    // Nothing of the job's works any more.
    let (fetched, _) = world.try_git(&["ls-remote", url]);
    assert!(!fetched);
    assert_eq!(world.server.ask("GET", "/auth/token", &as_job(&job), b"").status, 401);
    assert_eq!(world.server.ask("GET", "/api/v4/user", &[("PRIVATE-TOKEN", &child)], b"").status, 401);

    let deploy = world.take();
    assert_eq!(deploy.payload["job_info"]["stage"], "deploy");
    assert_eq!(world.report(&deploy, &json!({"state": "success"})).status, 200);
    let pipelines = world.api("GET", "/projects/1/pipelines", &Value::Null, 200);
    assert_eq!((&pipelines[0]["status"], &pipelines[0]["sha"]), (&json!("success"), &json!(sha)));
    let verified = world.server.ask("GET", "/api/v1/audit/verify", &with_password(), b"");
    assert_eq!(verified.json()["clean"], true, "{}", verified.body);
}

#[test]
fn a_webhook_triggers_and_a_wrong_token_does_not() {
    let world = World::new();
    world.push("a: {script: [a], only: [triggers]}\nb: {script: [b], only: [web]}\n");
    let trigger = world.api("POST", "/projects/1/triggers", &json!({"description": "promoted"}), 201);
    let token = trigger["token"].as_str().unwrap();
    let body = br#"{"type":"PROMOTION","contents":{"variables":[1],"token":5}}"#;
    let call = |token: &str, reference: &str| {
        let path = format!("/api/v4/projects/1/trigger/pipeline?token={token}&ref={reference}");
        world.server.ask("POST", &path, JSON, body)
    };
    let started = call(token, "main");
    assert_eq!(started.status, 201, "{}", started.body);
    assert_eq!(started.json()["source"], "trigger");
    let job = world.take();
    assert_eq!(job.value("TRIGGER_PAYLOAD").as_bytes(), body);
    assert_eq!(call("assay-trigger-wrong", "main").status, 404);
    assert_eq!(call(token, "nowhere").status, 400);
    let form = format!("token={token}&variables[KEY]=value");
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let started = world.server.ask("POST", "/api/v4/projects/1/ref/main/trigger/pipeline", &headers, form.as_bytes());
    assert_eq!(started.status, 201, "{}", started.body);
    assert_eq!(world.take().value("KEY"), "value");
    let listed = world.api("GET", "/projects/1/triggers", &Value::Null, 200);
    assert_eq!(listed[0]["token"].as_str().unwrap().len(), 4);
}

#[test]
fn a_killed_server_goes_on_and_a_broken_job_is_tried_once_more() {
    let mut world = World::new();
    world.push("a: {script: [a]}\n");
    let job = world.take();
    assert_eq!(world.write(&job, 0, "before ").status, 202);
    world.server.kill_and_restart();
    // The job did not notice.
    let answer = world.write(&job, 7, "after\n");
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-13")));
    let failed = json!({"state": "failed", "failure_reason": "runner_system_failure"});
    assert_eq!(world.report(&job, &failed).status, 200);
    let second = world.take();
    assert!(second.id > job.id);
    world.server.kill_and_restart();
    assert_eq!(world.report(&second, &json!({"state": "success"})).status, 200);
    assert_eq!((world.status(job.id), world.status(second.id)), ("failed".to_owned(), "success".to_owned()));
    let bad = world.server.ask("POST", "/api/v4/jobs/request", JSON, b"{\"token\":\"glrt-wrong\"}");
    assert_eq!((bad.status, bad.json()["message"].as_str()), (403, Some("403 Forbidden")));
    for (method, path) in [("GET", "/projects/nobody%2Fnothing"), ("GET", "/projects/..%2F.."), ("GET", "/nothing")] {
        assert_eq!(world.ask(method, path, &Value::Null).status, 404, "{path}");
    }
}

#[test]
fn what_is_not_done_yet_is_said_where_the_file_asks_for_it() {
    let world = World::new();
    let file = "\
default:
  cache: {paths: [target]}
.with: &with
  artifacts: {paths: [out]}
a:
  script: [a]
  <<: *with
b:
  services: ['postgres:16']
  script: [b]
";
    world.push(file);
    let lint = world.api("POST", "/projects/1/ci/lint", &json!({"content": file}), 200);
    assert_eq!(lint["valid"], true, "{lint}");
    let warnings: Vec<&str> = lint["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let begin = |line: &str| warnings.iter().filter(|warning| warning.starts_with(line)).count();
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    for line in ["line 2, default:cache: ", "line 4, a:artifacts: ", "line 9, b:services: "] {
        assert_eq!(begin(line), 1, "{line}: {warnings:#?}");
    }
}

/// `admin` and the password.
fn with_password() -> [(&'static str, &'static str); 2] {
    [("Authorization", "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"), ("Content-Type", "application/json")]
}

/// What a job's token is sent as; built by the test's own Base64, so that nothing of the product checks itself.
fn as_job(job: &Job) -> [(&'static str, &'static str); 1] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = "Basic ".to_owned();
    for chunk in format!("gitlab-ci-token:{}", job.token).as_bytes().chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let shown = char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]);
            out.push(if digit <= chunk.len() { shown } else { '=' });
        }
    }
    [("Authorization", out.leak())]
}

/// Over HTTP/2, git 2.39 with libcurl 7.88 never ended a push of a mebibyte (decision 5).
#[test]
fn pushes_of_about_a_mebibyte_end() {
    let world = World::new();
    let random = std::fs::File::open("/dev/urandom").unwrap();
    for size in [1_048_000, 1_048_576, 1_100_000, 3 << 20] {
        let mut noise = vec![0; size];
        std::io::Read::read_exact(&mut &random, &mut noise).unwrap();
        std::fs::write(world.work.join("noise"), noise).unwrap();
        let commit = world.push("only: {script: [a]}\n");
        // Held until the push has become a pipeline, which is a job of its own.
        assert_eq!(world.take().payload["git_info"]["sha"], *commit, "{size} bytes");
    }
}
