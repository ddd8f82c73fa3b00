//! A database, accounts, a forge, and the git client.

use std::{path::Path, process::Output, sync::Arc};

use base::{AccountName, Clock, Ctx, Entropy, Secret};
use db::{Db, Location};
use forge::{Forge, NewProject, Project, Visibility};
use identity::{AccountKind, Authority, Grantee, Identity, Level, NewAccount, On, TokenKeys};

pub struct World {
    pub db: Db,
    pub forge: Forge,
    pub users: Vec<(&'static str, Ctx)>,
    pub folder: tempfile::TempDir,
}

pub fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

impl World {
    pub async fn new() -> Arc<World> {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, forge::SCHEMA];
        let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schemas).await.unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test").unwrap();
        let identity = Identity::new(db.clone(), keys, authority, None);
        std::fs::create_dir(folder.path().join("git")).unwrap();
        let forge = Forge::new(db.clone(), folder.path().join("git"));
        let system = Ctx::system("test", &clock, &Entropy::System);
        let mut users = Vec::new();
        for user in ["admin", "writer", "reader", "nobody"] {
            let password = Some(Secret::new("correct horse".to_owned()));
            let (kind, full_name, admin) = (AccountKind::User, String::new(), user == "admin");
            identity
                .create_account(&system, NewAccount { name: name(user), kind, full_name, password, admin })
                .await
                .unwrap();
            let actor = identity.authenticate(&system, user, &Secret::new("correct horse".to_owned())).await.unwrap();
            users.push((user, system.clone().with_actor(actor)));
        }
        for (user, level) in [("writer", Level::ReadWrite), ("reader", Level::ReadOnly)] {
            let grantee = Grantee::User(name(user));
            identity
                .set_grant(&system, On::Project, (&name("admin"), Some("flask")), &grantee, Some(level))
                .await
                .unwrap();
        }
        let subscription = jobs::Subscription { event: "git.pushed", job: "ci.pushed", filtered: false };
        db::write!(db, &system, |tx| jobs::subscribe(tx, &[subscription]).await)
            .map_err(|error: db::Error| error)
            .unwrap();
        Arc::new(World { db, forge, users, folder })
    }

    pub fn ctx(&self, user: &str) -> Ctx {
        self.users.iter().find(|(name, _)| *name == user).unwrap().1.clone()
    }

    pub async fn project(&self) -> Project {
        let new = NewProject {
            path: "admin/flask".parse().unwrap(),
            description: String::new(),
            visibility: Visibility::Private,
            default_branch: None,
        };
        self.forge.create_project(&self.ctx("admin"), new).await.unwrap()
    }

    /// What the log says each key is now.
    pub async fn fold(&self) -> std::collections::BTreeMap<String, String> {
        let mut fold = std::collections::BTreeMap::new();
        for body in self.entries().await {
            for (key, value) in body["sets"].as_object().unwrap() {
                match value.as_str() {
                    Some(value) => fold.insert(key.clone(), value.to_owned()),
                    None => fold.remove(key),
                };
            }
        }
        fold
    }

    pub async fn entries(&self) -> Vec<serde_json::Value> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }

    pub async fn events(&self) -> Vec<serde_json::Value> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT payload FROM jobs WHERE kind = 'ci.pushed' ORDER BY ordinal", &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("payload").unwrap()).unwrap()).collect()
    }
}

/// Run git in a folder. It must not take anything from this machine's configuration.
pub async fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new("git");
    command.current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]);
    command.args(["-c", "credential.helper=!f() { echo password=password; }; f"]);
    command.args(arguments).output().await.unwrap()
}

/// The same, and it must succeed.
pub async fn git_ok(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments).await;
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same, and it must fail; what it said.
pub async fn git_fails(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments).await;
    assert!(!output.status.success(), "git {arguments:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
