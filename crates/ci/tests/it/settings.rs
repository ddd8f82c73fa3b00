//! Variables, tokens of jobs, triggers, runners, and what the log guards.

use base::{Kind, Secret};
use ci::{Ci, Error, NewRunner, NewVariable, RunnerInfo, Triggered};
use pipeline::Source;

use crate::world::World;

fn value(text: &str) -> NewVariable {
    NewVariable { value: Some(Secret::new(text.to_owned())), ..NewVariable::default() }
}

#[tokio::test]
async fn a_job_gets_its_variables_and_children_of_tokens() {
    let world = World::new().await;
    let (_, password) = world
        .identity
        .create_token(&world.admin, &"admin".parse().unwrap(), identity::NewToken::labelled("dtr"))
        .await
        .unwrap();
    let create = async |key: &str, new: NewVariable| {
        world.ci.create_variable(&world.admin, &world.which, key, new).await.unwrap();
    };
    create("DTR_PASSWORD", NewVariable { masked: Some(true), ..value(password.expose()) }).await;
    create("GUARDED", NewVariable { protected: Some(true), ..value("only main") }).await;
    create("KEY", NewVariable { file: Some(true), ..value("a\nkey") }).await;
    create("LEVEL", value("project")).await;
    let file = "variables: {LEVEL: file, IMAGE: '$CI_REGISTRY/x:$CI_JOB_ID', LOGIN: 'u:$DTR_PASSWORD'}\na: {script: ['echo $A'], before_script: [x], image: 'docker:latest', after_script: [z]}\n";
    world.push(file).await;
    let job = world.take("a").await;

    for variable in job.payload["variables"].as_array().unwrap() {
        for flag in ["public", "file", "masked", "raw"] {
            assert!(variable[flag].is_boolean(), "{variable}");
        }
        assert!(variable["value"].is_string());
    }
    assert_eq!(job.value("LEVEL"), "project");
    assert_eq!(job.value("GUARDED"), "only main");
    assert_eq!(job.variable("KEY").unwrap()["file"], true);
    assert_eq!(job.value("IMAGE"), format!("assay.test:8443/x:{}", job.id));
    assert_eq!(job.value("CI_COMMIT_TITLE"), "change $CI_JOB_TOKEN");
    assert_eq!(job.value("CI_PROJECT_PATH"), "admin/flask");
    let child = Secret::new(job.value("DTR_PASSWORD").to_owned());
    assert_ne!(child.expose(), password.expose());
    assert_eq!(job.value("LOGIN"), format!("u:{}", child.expose()));
    assert_eq!(job.variable("DTR_PASSWORD").unwrap()["masked"], true);
    let principal = world.identity.authenticate_token(&world.admin, &child).await.unwrap();
    assert_eq!(principal.credential.label(), format!("job:{}", job.id));
    let access = world.ci.job_access(&job.token).await.unwrap().unwrap();
    assert_eq!((access.project, access.job), (world.project.id, job.id));
    assert_eq!(job.payload["steps"][0]["script"], serde_json::json!(["x", "echo $A"]));
    assert_eq!(job.payload["steps"][1]["when"], "always");
    assert_eq!(job.payload["image"]["name"], "docker:latest");
    let refspec = job.payload["git_info"]["refspecs"][0].as_str().unwrap();
    assert!(refspec.starts_with("+refs/pipelines/1:"), "{refspec}");

    world.succeed(&job).await;
    assert!(world.identity.authenticate_token(&world.admin, &child).await.is_err());
    assert!(world.ci.job_access(&job.token).await.unwrap().is_none());
    assert!(world.identity.authenticate_token(&world.admin, &password).await.is_ok());

    world.push_to("side", "a: {script: [a]}\n").await;
    assert!(world.take("a").await.variable("GUARDED").is_none());
}

#[tokio::test]
async fn variables_are_sealed_guarded_and_bounded() {
    let world = World::new().await;
    world.ci.create_variable(&world.admin, &world.which, "A", value("the value of a")).await.unwrap();
    let again = world.ci.create_variable(&world.admin, &world.which, "A", value("x")).await;
    assert_eq!(again.unwrap_err().kind(), Kind::Invalid);
    for (key, new) in
        [("", value("x")), ("a b", value("x")), ("B", NewVariable { masked: Some(true), ..value("short") })]
    {
        let refused = world.ci.create_variable(&world.admin, &world.which, key, new).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid, "{key}");
    }
    let large = value(&"x".repeat(100_000));
    let refused = world.ci.create_variable(&world.admin, &world.which, "B", large).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::TooLarge);
    let foreign = world.ci.variables(&world.other, &world.which).await;
    assert_eq!(foreign.unwrap_err().kind(), Kind::NotFound);
    let bytes = std::fs::read(world.folder.path().join("db-wal")).unwrap();
    assert!(!bytes.windows(14).any(|window| window == b"the value of a"));

    let (_, token) = world.ci.create_trigger(&world.admin, &world.which, "hook").await.unwrap();
    assert!(token.expose().starts_with("assay-trigger-"));
    let mut fold = std::collections::BTreeMap::new();
    for kind in ["variable.set", "trigger.created", "runner.created"] {
        for entry in world.entries(kind).await {
            for (key, value) in entry["sets"].as_object().unwrap() {
                fold.insert(key.clone(), value.as_str().unwrap().to_owned());
            }
        }
    }
    let state: std::collections::BTreeMap<_, _> =
        Ci::state(&mut world.db.read().await.unwrap()).await.unwrap().into_iter().collect();
    assert_eq!(state, fold);
    world.ci.delete_variable(&world.admin, &world.which, "A").await.unwrap();
    assert!(world.ci.variables(&world.admin, &world.which).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_trigger_starts_pipelines_in_its_owners_name() {
    let world = World::new().await;
    world.push("a: {script: [a]}\n").await;
    world.succeed(&world.take("a").await).await;
    let (trigger, token) = world.ci.create_trigger(&world.admin, &world.which, "hook").await.unwrap();
    let anonymous = world.now(&world.admin).with_actor(base::Actor::Anonymous);
    let asked = |token: &Secret, reference: &str| Triggered {
        token: token.clone(),
        reference: reference.to_owned(),
        variables: vec![("KEY".to_owned(), "value".to_owned())],
        payload: Some("{\"any\":[\"json\"]}".to_owned()),
        key: None,
    };
    let pipeline = world.ci.trigger_pipeline(&anonymous, &world.which, asked(&token, "main")).await.unwrap();
    assert_eq!((pipeline.source, pipeline.who.as_str()), (Source::Trigger, "admin"));
    let job = world.take("a").await;
    assert_eq!(job.variable("TRIGGER_PAYLOAD").unwrap()["file"], true);
    assert_eq!(job.value("TRIGGER_PAYLOAD"), "{\"any\":[\"json\"]}");
    assert_eq!((job.value("KEY"), job.value("CI_PIPELINE_SOURCE")), ("value", "trigger"));

    // A webhook whose answer was lost calls again, and gets what the first call made.
    let keyed = |key: &str| Triggered { key: Some(key.to_owned()), ..asked(&token, "main") };
    let mut made = Vec::new();
    for key in ["one", "one", "two"] {
        made.push(world.ci.trigger_pipeline(&anonymous, &world.which, keyed(key)).await.unwrap().id);
    }
    assert!(made[0] == made[1] && made[1] != made[2]);

    let wrong = asked(&Secret::new("assay-trigger-wrong".to_owned()), "main");
    let refused = world.ci.trigger_pipeline(&anonymous, &world.which, wrong).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })));
    let refused = world.ci.trigger_pipeline(&anonymous, &world.which, asked(&token, "nowhere")).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Invalid);
    world.ci.delete_trigger(&world.admin, &world.which, trigger.id).await.unwrap();
    let refused = world.ci.trigger_pipeline(&anonymous, &world.which, asked(&token, "main")).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn runners_register_take_what_fits_and_go() {
    let world = World::new().await;
    let token = world.ci.reset_registration_token(&world.admin).await.unwrap();
    let new = NewRunner { tags: vec!["gpu".to_owned()], ..NewRunner::default() };
    let wrong = world.ci.register_runner(&world.admin, &Secret::new("wrong".to_owned()), new.clone()).await;
    assert_eq!(wrong.unwrap_err().kind(), Kind::Denied);
    let (runner, tagged) = world.ci.register_runner(&world.admin, &token, new).await.unwrap();
    assert!(!runner.run_untagged);
    world.push("a: {script: [a], tags: [gpu]}\nb: {script: [b]}\n").await;
    let b = world.take("b").await;
    assert!(world.ask().await.is_none());
    let info = RunnerInfo::new(&serde_json::json!({"version": "1", "features": {"x": true}}));
    let asked = world.ci.request_job(&world.now(&world.admin), &tagged, &info).await.unwrap();
    assert!(matches!(asked, ci::Asked::Job(payload) if payload["job_info"]["name"] == "a"));
    world.succeed(&b).await;
    assert_eq!(world.ci.verify_runner(&world.admin, &tagged, &info).await.unwrap().id, runner.id);
    world.ci.unregister_runner(&world.admin, &tagged).await.unwrap();
    let gone = world.ci.request_job(&world.now(&world.admin), &tagged, &info).await.unwrap();
    assert!(matches!(gone, ci::Asked::Denied));
    let foreign = world.ci.create_runner(&world.other, None, NewRunner::default()).await;
    assert_eq!(foreign.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test]
async fn an_idle_question_is_answered_as_soon_as_there_is_a_job() {
    let world = World::new().await;
    let (question, _) = tokio::join!(
        async {
            loop {
                if let Some(given) = world.ask().await {
                    return given;
                }
            }
        },
        world.push("a: {script: [a]}\n"),
    );
    assert_eq!(question.payload["job_info"]["name"], "a");
}
