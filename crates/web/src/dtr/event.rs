//! What an entry of the audit log is in DTR's words: the one table, and how an event is read from an entry.

use audit::Body;
use serde_json::{Value, json};

/// An event of DTR, about one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) published_at: String,
    pub(super) actor: String,
    pub(super) actor_type: &'static str,
    /// `CREATE`, `UPDATE`, …
    pub(super) kind: &'static str,
    pub(super) object: Object,
    pub(super) target: String,
    pub(super) repository: String,
    /// Only for those who administer the repository.
    pub(super) for_admins: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The digest, where there is one.
    pub(super) content: String,
}

struct Row {
    entry: &'static str,
    kind: &'static str,
    object: &'static str,
    for_admins: bool,
}

const fn all(entry: &'static str, kind: &'static str, object: &'static str) -> Row {
    Row { entry, kind, object, for_admins: false }
}

const fn admins(entry: &'static str, kind: &'static str, object: &'static str) -> Row {
    Row { entry, kind, object, for_admins: true }
}

/// Entries of other kinds are no events of DTR. `GET` is missing: pulls change nothing and leave no entry.
const TABLE: &[Row] = &[
    all("repository.created", "CREATE", "REPOSITORY"),
    all("repository.updated", "UPDATE", "REPOSITORY"),
    all("repository.deleted", "DELETE", "REPOSITORY"),
    all("deletion.undone", "CREATE", "REPOSITORY"),
    all("image.pushed", "CREATE", "TAG"),
    all("image.copied", "CREATE", "TAG"),
    all("tag.deleted", "DELETE", "TAG"),
    all("manifest.deleted", "DELETE", "MANIFEST"),
    all("blob.deleted", "DELETE", "BLOB"),
    all("push.refused", "FAIL", "REPOSITORY"),
    all("scan.completed", "SCAN", "MANIFEST"),
    all("scan.failed", "FAIL", "MANIFEST"),
    admins("image.promoted", "SEND", "TAG"),
    admins("promotion.withheld", "FAIL", "TAG"),
    admins("image.mirrored", "SEND", "TAG"),
    admins("mirroring.failed", "FAIL", "TAG"),
    admins("policy.created", "CREATE", "PROMOTION_POLICY"),
    admins("policy.updated", "UPDATE", "PROMOTION_POLICY"),
    admins("policy.deleted", "DELETE", "PROMOTION_POLICY"),
    admins("pruning_policy.created", "CREATE", "PRUNING_POLICY"),
    admins("pruning_policy.updated", "UPDATE", "PRUNING_POLICY"),
    admins("pruning_policy.deleted", "DELETE", "PRUNING_POLICY"),
    admins("mirroring_policy.created", "CREATE", "MIRRORING_POLICY"),
    admins("mirroring_policy.updated", "UPDATE", "MIRRORING_POLICY"),
    admins("mirroring_policy.deleted", "DELETE", "MIRRORING_POLICY"),
];

/// Characters of a policy's id that stand for it.
const SHORT_ID: usize = 8;

impl Event {
    /// None for an entry that is no event of DTR, or about no repository.
    pub(super) fn of(entry: &Body) -> Option<Event> {
        let row = TABLE.iter().find(|row| row.entry == entry.kind)?;
        let repository = repository(entry)?;
        let moved = row.object == "TAG" && row.kind == "CREATE" && !detail(entry, "before").is_empty();
        let (actor, actor_type) = actor(entry);
        Some(Event {
            id: entry.id.clone(),
            published_at: entry.at.to_string(),
            actor,
            actor_type,
            kind: if moved { "UPDATE" } else { row.kind },
            object: object(entry, row.object, &repository),
            target: [detail(entry, "target"), detail(entry, "remote")].concat(),
            repository,
            for_admins: row.for_admins,
        })
    }

    pub(super) fn view(&self) -> Value {
        let Object { id, kind, name, content } = &self.object;
        let mut view = json!({
            "id": self.id,
            "publishedAt": self.published_at,
            "actor": self.actor,
            "actorType": self.actor_type,
            "type": self.kind,
            "object": {"id": id, "type": kind, "name": name, "content": content},
            "repository": self.repository,
        });
        if !self.target.is_empty() {
            view["target"] = json!({"id": self.target, "type": "TAG", "name": self.target});
        }
        view
    }
}

fn detail<'a>(entry: &'a Body, name: &str) -> &'a str {
    entry.details.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The rest of the first subject that begins so.
fn subject<'a>(entry: &'a Body, beginning: &str) -> Option<&'a str> {
    entry.subjects.iter().find_map(|subject| subject.strip_prefix(beginning))
}

/// Of a promotion it is the source, as for webhooks: entries name it first.
fn repository(entry: &Body) -> Option<String> {
    match detail(entry, "repository") {
        "" => subject(entry, "repository/").map(str::to_owned),
        named => Some(named.to_owned()),
    }
}

fn object(entry: &Body, kind: &'static str, repository: &str) -> Object {
    let digest = match detail(entry, "digest") {
        "" => entry.subjects.iter().find(|subject| subject.contains(':') && !subject.contains('/')).map(String::as_str),
        digest => Some(digest),
    };
    let content = digest.unwrap_or_default().to_owned();
    let tag = match detail(entry, "tag") {
        "" => subject(entry, "tag/").and_then(|tag| tag.rsplit_once(':')).map(|(_, tag)| tag).unwrap_or_default(),
        tag => tag,
    };
    match kind {
        "TAG" if !tag.is_empty() => Object { id: format!("{repository}:{tag}"), kind, name: tag.to_owned(), content },
        "TAG" | "MANIFEST" | "BLOB" => {
            let kind = if kind == "TAG" { "MANIFEST" } else { kind };
            Object { id: format!("{repository}@{content}"), kind, name: content.clone(), content }
        }
        "REPOSITORY" => Object { id: repository.to_owned(), kind, name: repository.to_owned(), content: String::new() },
        _ => {
            let id = policy(entry).unwrap_or_default();
            Object { id: id.to_owned(), kind, name: id.to_owned(), content: String::new() }
        }
    }
}

/// The policy by which it came about.
fn policy(entry: &Body) -> Option<&str> {
    let of_copy = detail(entry, "origin").split_once(" policy ").and_then(|(_, rest)| rest.split(' ').next());
    of_copy.or_else(|| subject(entry, "policy/"))
}

/// A name, or the policy that did it: `PROMOTION CA5E7822`, and `PROMOTION MANUAL_P` for a promotion by hand.
fn actor(entry: &Body) -> (String, &'static str) {
    let promotion = matches!(entry.kind.as_str(), "image.promoted" | "image.copied");
    let does = match entry.actor.as_str() {
        _ if promotion => "PROMOTION",
        "system:promote" => "PROMOTION",
        "system:prune" => "PRUNING",
        "system:mirror" => "MIRRORING",
        system if system.starts_with("system:") => return (system.to_owned(), "system"),
        "anonymous" => return ("anonymous".to_owned(), "anonymous"),
        name => return (name.to_owned(), "user"),
    };
    let short = match policy(entry) {
        Some(id) => id.chars().skip(id.chars().count().saturating_sub(SHORT_ID)).collect::<String>().to_uppercase(),
        None if promotion => "MANUAL_P".to_owned(),
        None => return (entry.actor.clone(), "system"),
    };
    (format!("{does} {short}"), "policy")
}

#[cfg(test)]
mod tests {
    use audit::Body;
    use serde_json::json;

    use super::{Event, TABLE};

    const DIGEST: &str = "sha256:aa";

    fn event(kind: &str, actor: &str, subjects: &[&str], details: serde_json::Value) -> Option<Event> {
        let leaf = json!({
            "actor": actor, "at": "2026-12-01T10:00:00Z", "cause": null, "credential": null, "details": details,
            "id": "e1", "kind": kind, "request_id": "r", "sets": {}, "subjects": subjects, "v": 1,
        });
        Event::of(&Body::parse(leaf.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn entries_are_told_in_dtrs_words() {
        let both = [DIGEST, "repository/ops/app", "tag/ops/app:1"];
        let details = json!({"repository": "ops/app", "digest": DIGEST, "tag": "1"});
        let pushed = event("image.pushed", "anna", &both, details.clone()).unwrap();
        assert_eq!(
            pushed.view(),
            json!({
                "id": "e1", "publishedAt": "2026-12-01T10:00:00Z", "actor": "anna", "actorType": "user", "type": "CREATE",
                "object": {"id": "ops/app:1", "type": "TAG", "name": "1", "content": DIGEST},
                "repository": "ops/app",
            })
        );
        let mut again = details;
        again["before"] = json!("sha256:bb");
        assert_eq!(event("image.pushed", "anna", &both, again).unwrap().kind, "UPDATE");
        let bare =
            event("image.pushed", "anna", &both[..2], json!({"repository": "ops/app", "digest": DIGEST, "tag": null}));
        assert_eq!(bare.unwrap().object.kind, "MANIFEST");
        assert_eq!(event("decision.made", "anna", &both, json!({})), None);
        assert_eq!(event("scan.completed", "system:scan", &[DIGEST], json!({})), None);
        let scanned = event("scan.completed", "system:scan", &both[..2], json!({})).unwrap();
        assert_eq!((scanned.kind, scanned.object.content.as_str(), scanned.actor_type), ("SCAN", DIGEST, "system"));
    }

    #[test]
    fn policies_are_actors() {
        let id = "0123456789abcdefghca5e7822";
        let policy = format!("policy/{id}");
        let subjects =
            [DIGEST, "tag/ops/app:1", "tag/prod/app:1", "repository/ops/app", "repository/prod/app", &policy];
        let details = json!({"source": "ops/app:1", "target": "prod/app:1"});
        let promoted = event("image.promoted", "system:promote", &subjects, details.clone()).unwrap();
        assert_eq!((promoted.actor.as_str(), promoted.kind, promoted.for_admins), ("PROMOTION CA5E7822", "SEND", true));
        assert_eq!((promoted.repository.as_str(), promoted.target.as_str()), ("ops/app", "prod/app:1"));
        let by_hand = event("image.promoted", "anna", &subjects[..5], details).unwrap();
        assert_eq!((by_hand.actor.as_str(), by_hand.actor_type), ("PROMOTION MANUAL_P", "policy"));
        let copied = |origin: String| {
            let details = json!({"repository": "prod/app", "digest": DIGEST, "tag": "1", "origin": origin});
            event("image.copied", "system:promote", &[DIGEST, "repository/prod/app", "repository/ops/app"], details)
        };
        let by_policy = copied(format!("promoted from ops/app:1 policy {id} by system:promote")).unwrap();
        assert_eq!((by_policy.actor.as_str(), by_policy.repository.as_str()), ("PROMOTION CA5E7822", "prod/app"));
        assert_eq!(copied("promoted from ops/app:1 by anna".to_owned()).unwrap().actor, "PROMOTION MANUAL_P");
        let pruned =
            event("tag.deleted", "system:prune", &[DIGEST, "repository/ops/app", &policy], json!({"tag": "1"}));
        assert_eq!(pruned.unwrap().actor, "PRUNING CA5E7822");
    }

    #[test]
    fn an_entry_stands_in_the_table_once() {
        let mut kinds: Vec<&str> = TABLE.iter().map(|row| row.entry).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), TABLE.len());
        assert!(TABLE.iter().all(|row| ["CREATE", "UPDATE", "DELETE", "SEND", "FAIL", "SCAN"].contains(&row.kind)));
    }
}
