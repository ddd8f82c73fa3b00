//! Clone, fetch, push; who may; what is refused; what is recorded.

use std::sync::Arc;

use forge::{Error, Forge, NewProject, ProjectRef, Visibility};

use crate::{
    http,
    world::{World, git, git_fails, git_ok},
};

struct Clone {
    world: Arc<World>,
    url: String,
    work: tempfile::TempDir,
}

impl Clone {
    /// A project, and a working copy of one commit that is not pushed.
    async fn new() -> Clone {
        let world = World::new().await;
        world.project().await;
        let url = http::serve(Arc::clone(&world)).await;
        let work = tempfile::tempdir().unwrap();
        git_ok(work.path(), &["init", "--quiet"]).await;
        let clone = Clone { world, url, work };
        clone.commit("first").await;
        clone
    }

    fn url(&self, user: &str) -> String {
        format!("{}/admin/flask.git", self.url.replace("USER", user))
    }

    async fn commit(&self, text: &str) -> String {
        let folder = self.work.path();
        std::fs::write(folder.join("file"), text).unwrap();
        std::fs::write(folder.join(".gitlab-ci.yml"), "build: {script: [make]}\n").unwrap();
        git_ok(folder, &["add", "."]).await;
        git_ok(folder, &["commit", "--quiet", "-m", text]).await;
        git_ok(folder, &["rev-parse", "HEAD"]).await
    }

    async fn push(&self, user: &str, what: &[&str]) -> std::process::Output {
        let url = self.url(user);
        git(self.work.path(), &[&["push", &url], what].concat()).await
    }

    async fn push_ok(&self, what: &[&str]) {
        let output = self.push("writer", what).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn push_fails(&self, user: &str, what: &[&str]) -> String {
        let output = self.push(user, what).await;
        assert!(!output.status.success(), "{what:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[tokio::test]
async fn a_push_is_recorded_and_cloned() {
    let clone = Clone::new().await;
    let first = git_ok(clone.work.path(), &["rev-parse", "HEAD"]).await;
    clone.push_ok(&["main", "main:refs/heads/other"]).await;
    let second = clone.commit("second").await;
    clone.push_ok(&["main", ":refs/heads/other"]).await;

    let events = clone.world.events().await;
    assert_eq!(events.len(), 4);
    let data = &events[2]["data"];
    assert_eq!((data["ref"].as_str(), data["user"].as_str()), (Some("refs/heads/main"), Some("writer")));
    assert_eq!((data["before"].as_str(), data["after"].as_str()), (Some(&*first), Some(&*second)));
    let fold = clone.world.fold().await;
    assert_eq!(fold["forge/ref/admin/flask/refs/heads/main"], second);
    assert!(!fold.contains_key("forge/ref/admin/flask/refs/heads/other"));
    let state = Forge::state(&mut clone.world.db.read().await.unwrap()).await.unwrap();
    for (key, value) in state {
        assert_eq!(fold.get(&key), Some(&value), "{key}");
    }

    let copy = tempfile::tempdir().unwrap();
    git_ok(copy.path(), &["clone", "--quiet", &clone.url("reader"), "copy"]).await;
    assert_eq!(git_ok(&copy.path().join("copy"), &["rev-parse", "HEAD"]).await, second);
    git_ok(copy.path(), &["-c", "protocol.version=0", "clone", "--quiet", "--depth=1", &clone.url("reader"), "old"])
        .await;
    assert_eq!(std::fs::read_to_string(copy.path().join("old/file")).unwrap(), "second");
}

#[tokio::test]
async fn rights_decide() {
    let clone = Clone::new().await;
    clone.push_ok(&["main"]).await;
    let denied = clone.push_fails("reader", &["main:refs/heads/x"]).await;
    assert!(denied.contains("403"), "{denied}");
    let unknown = clone.push_fails("nobody", &["main:refs/heads/x"]).await;
    assert!(unknown.contains("not found"), "{unknown}");
    let anonymous =
        git_fails(clone.work.path(), &["-c", "credential.helper=", "ls-remote", &clone.url("stranger")]).await;
    assert!(anonymous.contains("Authentication") || anonymous.contains("could not read"), "{anonymous}");
}

#[tokio::test]
async fn what_must_not_be_pushed_is_refused_with_a_reason() {
    let clone = Clone::new().await;
    clone.push_ok(&["main"]).await;
    clone.commit("second").await;
    clone.push_ok(&["main"]).await;
    let before = clone.world.events().await.len();
    for (what, reason) in [
        (":refs/heads/main", "protected and cannot be deleted"),
        ("+main~1:refs/heads/main", "non-fast-forward"),
        ("main:refs/pipelines/1", "belongs to the server"),
        ("main:refs/heads/$(touch${IFS}x)", "not allowed"),
        ("main:refs/heads/a;b", "not allowed"),
        ("main:refs/heads/--exec=x", "not allowed"),
        ("main:refs/notes/x", "not allowed"),
    ] {
        let said = clone.push_fails("writer", &[what]).await;
        assert!(said.contains(reason), "{what}: {said}");
    }
    assert_eq!(clone.world.events().await.len(), before);
    clone.push_ok(&["main:refs/heads/free"]).await;
    clone.push_ok(&["+main~1:refs/heads/free"]).await;
}

#[tokio::test]
async fn a_push_cut_off_after_git_is_recorded_by_the_reconciler() {
    let clone = Clone::new().await;
    clone.push_ok(&["main"]).await;
    let second = clone.commit("second").await;
    // What kill -9 between git's work and ours leaves: the ref moved, the intent is there, nothing is recorded.
    let repository = clone.world.folder.path().join("git/1.git");
    git_ok(clone.work.path(), &["push", "--quiet", repository.to_str().unwrap(), "main"]).await;
    let system = clone.world.ctx("admin").with_actor(base::Actor::System("forge"));
    let inserted = db::write!(clone.world.db, &system, |tx| {
        tx.execute(
            "INSERT INTO forge_pushes (id, project, who, credential, refs, started_at) VALUES ($1, 1, 'writer', 'password', $2, 0)",
            &db::args!["00000000000000000000000000", "[\"refs/heads/main\",\"refs/heads/never\"]"],
        )
        .await
    });
    assert_eq!(inserted.map_err(|error: db::Error| error).unwrap(), 1);
    assert_eq!(clone.world.forge.reconcile(&system, true).await.unwrap(), 1);
    assert_eq!(clone.world.forge.reconcile(&system, true).await.unwrap(), 0);
    let events = clone.world.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(
        (events[1]["data"]["after"].as_str(), events[1]["data"]["user"].as_str()),
        (Some(&*second), Some("writer"))
    );
    assert_eq!(clone.world.fold().await["forge/ref/admin/flask/refs/heads/main"], second);
}

#[tokio::test]
async fn commits_trees_and_files_are_read() {
    let clone = Clone::new().await;
    clone.push_ok(&["main"]).await;
    clone.commit("second\n\nbody").await;
    clone.push_ok(&["main"]).await;
    let forge = &clone.world.forge;
    let system = clone.world.ctx("admin");
    let project = forge.project(&system, &"admin/flask".parse().unwrap()).await.unwrap();
    let mut tx = clone.world.db.read().await.unwrap();
    let (_, sha) = Forge::find_ref(&mut tx, project.id, "main").await.unwrap().unwrap();
    let commit = forge.commit(project.id, &sha).await.unwrap().unwrap();
    assert_eq!((commit.title.as_str(), commit.author_name.as_str(), commit.parents.len()), ("second", "T", 1));
    assert_eq!(commit.message, "second\n\nbody");
    let file = forge.file(project.id, &sha, ".gitlab-ci.yml", 1000).await.unwrap().unwrap();
    assert_eq!(file, b"build: {script: [make]}\n");
    assert!(forge.file(project.id, &sha, "absent", 1000).await.unwrap().is_none());
    assert!(forge.file(project.id, &sha, "../../etc/passwd", 1000).await.unwrap().is_none());
    assert!(matches!(forge.file(project.id, &sha, ".gitlab-ci.yml", 3).await, Err(Error::TooLarge(_))));
    assert_eq!(forge.changed_files(project.id, &commit.parents[0], &sha).await.unwrap(), ["file"]);
    assert_eq!(forge.files(project.id, &sha).await.unwrap(), [".gitlab-ci.yml", "file"]);
    assert_eq!(forge.tree(project.id, &sha, "").await.unwrap().unwrap().len(), 2);
    assert!(forge.tree(project.id, &sha, "nowhere").await.unwrap().is_none());

    forge.keep_for_pipeline(project.id, 7, &sha).await.unwrap();
    forge.keep_for_pipeline(project.id, 7, &sha).await.unwrap();
    let seen = git_ok(clone.work.path(), &["ls-remote", &clone.url("reader")]).await;
    assert!(!seen.contains("refs/pipelines"), "{seen}");
    forge.release_pipeline(project.id, 7).await.unwrap();
    forge.release_pipeline(project.id, 7).await.unwrap();
}

#[tokio::test]
async fn projects_have_owners_and_names() {
    let world = World::new().await;
    let project = world.project().await;
    assert_eq!(project.id.0, 1);
    let new = |path: &str| NewProject {
        path: path.parse().unwrap(),
        description: String::new(),
        visibility: Visibility::Public,
        default_branch: None,
    };
    let taken = world.forge.create_project(&world.ctx("admin"), new("admin/flask")).await;
    assert!(matches!(taken, Err(Error::Conflict(_))));
    let foreign = world.forge.create_project(&world.ctx("writer"), new("admin/mine")).await;
    assert_eq!(foreign.unwrap_err().kind(), base::Kind::Denied);
    let nowhere = world.forge.create_project(&world.ctx("admin"), new("missing/mine")).await.unwrap_err();
    assert_eq!(nowhere.kind(), base::Kind::NotFound);
    assert!(nowhere.to_string().contains("no account missing"), "{nowhere}");
    let own = world.forge.create_project(&world.ctx("writer"), new("writer/mine")).await.unwrap();
    let which = ProjectRef::Id(own.id);
    assert!(world.forge.project(&world.ctx("nobody"), &which).await.is_ok());
    world.forge.update_project(&world.ctx("writer"), &which, None, Some(Visibility::Private), None).await.unwrap();
    assert!(matches!(world.forge.project(&world.ctx("nobody"), &which).await, Err(Error::NotFound { .. })));
    assert_eq!(world.forge.projects(&world.ctx("reader")).await.unwrap().len(), 1);
    assert_eq!(world.forge.projects(&world.ctx("admin")).await.unwrap().len(), 2);
}
