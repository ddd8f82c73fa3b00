//! What people read of each answer: tables for the lists one looks at, a sentence where something was done.

use serde_json::Value;

use super::{
    accounts::{Account, MemberOf, Team},
    anchors::Anchor,
    decisions::Decision,
    images::{Policy, Repository},
    projects::{Pipeline, Project, Trigger, Variable},
    robots::{Robot, Token},
    show::{Column, Text, line},
    tags::TagOf,
    vex::Vex,
    waivers::Waiver,
    webhooks::Webhook,
};

fn said(sentence: String) -> Text {
    Text::Said(sentence)
}

/// A member of a thing; nested ones are parted by `/`.
fn at(thing: &Value, pointer: &str) -> String {
    match thing.pointer(&format!("/{pointer}")) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Bool(value)) => if *value { "yes" } else { "no" }.to_owned(),
        Some(value) => line(value),
    }
}

/// To the second, without the letters between; nothing for what never was.
fn time(thing: &Value, pointer: &str) -> String {
    let text = at(thing, pointer);
    let text = if text.starts_with("0001-01-01") { "" } else { &text };
    text.chars().take(19).map(|char| if char == 'T' { ' ' } else { char }).collect()
}

const SIGNATURES: &[Column] = &[
    ("FORM", |signature| at(signature, "form")),
    ("SAYS", |signature| match at(signature, "tag") {
        tag if tag.is_empty() => at(signature, "predicateType"),
        tag => format!("tag {tag} as {}", at(signature, "role")),
    }),
    ("COUNTS", |signature| at(signature, "accepted")),
    ("BY", |signature| {
        let by = signature["by"].as_array().map(Vec::as_slice).unwrap_or_default();
        let who = |one: &Value| match (at(one, "account"), at(one, "anchor")) {
            (account, _) if !account.is_empty() => account,
            (_, anchor) if !anchor.is_empty() => format!("{anchor} (anchor)"),
            _ => "this server".to_owned(),
        };
        by.iter().map(who).collect::<Vec<_>>().join(", ")
    }),
    ("WHY NOT", |signature| at(signature, "reason")),
];

const ANCHORS: &[Column] = &[
    ("NAME", |anchor| at(anchor, "name")),
    ("KIND", |anchor| at(anchor, "kind")),
    ("ID", |anchor| at(anchor, "id")),
    ("SET BY", |anchor| at(anchor, "setBy")),
    ("SET AT", |anchor| time(anchor, "setAt")),
];

const TAGS: &[Column] = &[
    ("TAG", |tag| at(tag, "name")),
    ("PUSHED", |tag| time(tag, "updatedAt")),
    ("BY", |tag| at(tag, "author")),
    ("CRITICAL/MAJOR/MINOR", |tag| match at(tag, "vuln_summary/last_scan_status").as_str() {
        "6" => ["critical", "major", "minor"].map(|word| at(tag, &format!("vuln_summary/{word}"))).join("/"),
        "3" => "being scanned".to_owned(),
        "1" => "not scanned".to_owned(),
        "0" => "scan failed".to_owned(),
        _ => "unknown".to_owned(),
    }),
    ("SIGNED", |tag| match (tag["inNotary"].as_bool(), tag["hashMismatch"].as_bool()) {
        (Some(true), Some(true)) => "as another image".to_owned(),
        (Some(true), _) => "yes".to_owned(),
        _ => "no".to_owned(),
    }),
    ("DIGEST", |tag| at(tag, "digest")),
];

const WEBHOOKS: &[Column] = &[
    ("ID", |hook| at(hook, "id")),
    ("TYPE", |hook| at(hook, "type")),
    ("KEY", |hook| at(hook, "key")),
    ("STATE", |hook| match (at(hook, "pausedReason").as_str(), hook["inactive"].as_bool()) {
        ("", Some(true)) => "inactive".to_owned(),
        ("", _) if !hook["failingSince"].is_null() => format!("failing since {}", time(hook, "failingSince")),
        ("", _) => "active".to_owned(),
        (why, _) => why.to_owned(),
    }),
    ("ENDPOINT", |hook| at(hook, "endpoint")),
];

const DELIVERIES: &[Column] = &[
    ("ID", |delivery| at(delivery, "id")),
    ("CREATED", |delivery| time(delivery, "createdAt")),
    ("SUBJECT", |delivery| at(delivery, "subject")),
    ("STATE", |delivery| at(delivery, "state")),
    ("TRIES", |delivery| at(delivery, "attempts")),
    ("STATUS", |delivery| at(delivery, "status")),
    ("ERROR", |delivery| at(delivery, "error")),
];

const REPOSITORIES: &[Column] = &[
    ("REPOSITORY", |one| format!("{}/{}", at(one, "namespace"), at(one, "name"))),
    ("VISIBILITY", |one| at(one, "visibility")),
    ("IMMUTABLE", |one| at(one, "immutableTags")),
    ("SCAN ON PUSH", |one| at(one, "scanOnPush")),
    ("DESCRIPTION", |one| at(one, "shortDescription")),
];

const VARIABLES: &[Column] = &[
    ("KEY", |one| at(one, "key")),
    ("KIND", |one| at(one, "variable_type")),
    ("MASKED", |one| at(one, "masked")),
    ("PROTECTED", |one| at(one, "protected")),
    // What is hidden in logs is hidden on a screen.
    ("VALUE", |one| if one["masked"] == true { "[masked]".to_owned() } else { at(one, "value") }),
];

const PIPELINES: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("STATUS", |one| at(one, "status")),
    ("REF", |one| at(one, "ref")),
    ("COMMIT", |one| at(one, "sha").chars().take(8).collect()),
    ("SOURCE", |one| at(one, "source")),
    ("BY", |one| at(one, "user/username")),
    ("CREATED", |one| time(one, "created_at")),
];

const JOBS: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("STAGE", |one| at(one, "stage")),
    ("NAME", |one| at(one, "name")),
    ("STATUS", |one| at(one, "status")),
    ("WHY", |one| at(one, "failure_reason")),
];

const PROJECTS: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("PROJECT", |one| at(one, "path_with_namespace")),
    ("VISIBILITY", |one| at(one, "visibility")),
    ("DEFAULT BRANCH", |one| at(one, "default_branch")),
];

const TRIGGERS: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("TOKEN", |one| format!("{}…", at(one, "token"))),
    ("OWNER", |one| at(one, "owner/username")),
    ("LAST USED", |one| time(one, "last_used")),
    ("DESCRIPTION", |one| at(one, "description")),
];

const WAIVERS: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("ADVISORY", |one| at(one, "advisory")),
    ("WHERE", |one| at(one, "scope")),
    ("COMPONENT", |one| at(one, "component")),
    ("STATE", |one| at(one, "state")),
    ("UNTIL", |one| time(one, "expiresAt")),
    ("BY", |one| at(one, "author")),
    ("APPROVED BY", |one| at(one, "approvedBy")),
    ("REASON", |one| at(one, "reason")),
];

const DOCUMENTS: &[Column] = &[
    ("ID", |one| at(one, "id")),
    ("FORMAT", |one| at(one, "format")),
    ("WHERE", |one| at(one, "scope")),
    ("DATED", |one| time(one, "dated")),
    ("STATEMENTS", |one| at(one, "statements")),
    ("AUTHOR", |one| at(one, "author")),
    ("DOCUMENT", |one| at(one, "name")),
];

const DECISIONS: &[Column] = &[
    ("DECIDED", |one| time(one, "decidedAt")),
    ("VERDICT", |one| at(one, "verdict")),
    ("EFFECT", |one| at(one, "effect")),
    ("ID", |one| at(one, "id")),
    ("WHY", |one| {
        let reasons = one["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        reasons.iter().map(|reason| at(reason, "sentence")).collect::<Vec<_>>().join("; ")
    }),
];

const TRIALS: &[Column] = &[
    ("TAG", |one| at(one, "tag")),
    ("AT", |one| time(one, "at")),
    ("WAS", |one| at(one, "past/verdict")),
    ("WOULD BE", |one| at(one, "verdict")),
    ("TARGET", |one| at(one, "targetTag")),
    ("WHY", |one| {
        let reasons = one["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        reasons.iter().map(|reason| at(reason, "sentence")).collect::<Vec<_>>().join("; ")
    }),
];

const MEMBERS: &[Column] = &[("NAME", |one| at(one, "member/name")), ("OWNER", |one| at(one, "isAdmin"))];

const TEAM_MEMBERS: &[Column] = &[("NAME", |one| at(one, "member/name")), ("ADMIN", |one| at(one, "isAdmin"))];

const TOKENS: &[Column] = &[
    ("ID", |one| at(one, "hashedToken")),
    ("LABEL", |one| at(one, "tokenLabel")),
    ("ACTIVE", |one| at(one, "isActive")),
    ("LAST USED", |one| time(one, "lastUsed")),
    ("EXPIRES", |one| time(one, "expiresAt")),
    ("SCOPE", |one| places(&one["scope"])),
];

const ROBOTS: &[Column] = &[
    ("ROBOT", |one| at(one, "name")),
    ("LAST USED", |one| time(one, "lastUsed")),
    ("EXPIRES", |one| time(one, "expiresAt")),
    ("MAY", |one| places(&one["grants"])),
    ("FOR", |one| at(one, "description")),
];

/// `ops/shop read-write, ops read-only`.
fn places(permits: &Value) -> String {
    let permits = permits.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |permit: &Value| {
        let source = if permit["on"] == "project" { " source" } else { "" };
        format!("{}{source} {}", at(permit, "place"), at(permit, "accessLevel"))
    };
    permits.iter().map(one).collect::<Vec<_>>().join(", ")
}

const TEAMS: &[Column] = &[("TEAM", |one| at(one, "name")), ("DESCRIPTION", |one| at(one, "description"))];

impl Account {
    pub(super) fn text(&self) -> Text {
        match self {
            Account::Deactivate { name } => said(format!("{name} is switched off")),
            Account::Delete { name } => said(format!("{name} is deleted")),
            Account::List | Account::Create { .. } => Text::Whole,
        }
    }
}

impl MemberOf {
    pub(super) fn text(&self) -> Text {
        match self {
            MemberOf::List { .. } => Text::Table(MEMBERS),
            MemberOf::Add { organization, user, owner: true } => said(format!("{user} is an owner of {organization}")),
            MemberOf::Add { organization, user, .. } => said(format!("{user} is a member of {organization}")),
            MemberOf::Remove { organization, user } => said(format!("{user} is no member of {organization}")),
        }
    }
}

impl Team {
    pub(super) fn text(&self) -> Text {
        match self {
            Team::List { .. } => Text::Table(TEAMS),
            Team::Members { .. } => Text::Table(TEAM_MEMBERS),
            Team::Create { team } => said(format!("there is a team {team}")),
            Team::Add { team, user, admin: true } => said(format!("{user} is an admin of the team {team}")),
            Team::Add { team, user, .. } => said(format!("{user} is in the team {team}")),
            Team::Delete { team } => said(format!("the team {team} is deleted")),
            Team::Remove { team, user } => said(format!("{user} is not in the team {team}")),
        }
    }
}

impl Token {
    pub(super) fn text(&self) -> Text {
        match self {
            Token::Revoke { id } => said(format!("the token {id} is worthless now")),
            Token::List { .. } => Text::Table(TOKENS),
            Token::Create { .. } => Text::Whole,
        }
    }
}

impl Robot {
    pub(super) fn text(&self) -> Text {
        match self {
            Robot::List { .. } => Text::Table(ROBOTS),
            Robot::Create { .. } | Robot::Rotate { .. } | Robot::Show { .. } => Text::Whole,
            Robot::Delete { name } => said(format!("the robot {name} is deleted")),
            Robot::Only { namespace, off: true } => said(format!("persons may push to {namespace} again")),
            Robot::Only { namespace, .. } => said(format!("only robots and jobs of pipelines push to {namespace} now")),
        }
    }
}

impl Repository {
    pub(super) fn text(&self) -> Text {
        match self {
            Repository::List | Repository::Search { .. } => Text::Table(REPOSITORIES),
            Repository::Tags { .. } => Text::Table(TAGS),
            Repository::Delete { name } => said(format!("{name} is deleted")),
            Repository::Create { .. } | Repository::Show { .. } | Repository::Update { .. } => Text::Whole,
        }
    }
}

impl Anchor {
    pub(super) fn text(&self) -> Text {
        match self {
            Anchor::List => Text::Table(ANCHORS),
            Anchor::Set { name, .. } => said(format!("what {name} signed counts now")),
            Anchor::Remove { name } => said(format!("what {name} signed counts for nothing now")),
        }
    }
}

impl TagOf {
    pub(super) fn text(&self) -> Text {
        match self {
            TagOf::Delete { image } => said(format!("{image} is deleted")),
            TagOf::Scan(scan) => said(scan.said()),
            TagOf::Report(_) => Text::Whole,
            TagOf::Signatures { .. } => Text::Table(SIGNATURES),
        }
    }
}

impl Policy {
    pub(super) fn text(&self) -> Text {
        match self {
            Policy::Delete { id, .. } => said(format!("the policy {id} is deleted")),
            Policy::Test { .. } => Text::Table(TRIALS),
            Policy::List { .. } | Policy::Create { .. } => Text::Whole,
        }
    }
}

impl Decision {
    pub(super) fn text(&self) -> Text {
        match self {
            Decision::List { .. } => Text::Table(DECISIONS),
            Decision::Show { .. } | Decision::Recompute(_) => Text::Whole,
            Decision::Evaluate { image } => {
                said(format!("{image} is about to be decided again; assay decision list {image} says what came of it"))
            }
        }
    }
}

impl Waiver {
    pub(super) fn text(&self) -> Text {
        match self {
            Waiver::List { .. } => Text::Table(WAIVERS),
            Waiver::Create(_) | Waiver::Settings { .. } => Text::Whole,
            Waiver::Approve { id } => said(format!("the waiver {id} counts from now on")),
            Waiver::Delete { id } => said(format!("the waiver {id} is deleted; what it covered counts again")),
        }
    }
}

impl Vex {
    pub(super) fn text(&self) -> Text {
        match self {
            Vex::List { .. } => Text::Table(DOCUMENTS),
            Vex::Add(_) | Vex::Show(_) => Text::Whole,
            Vex::Remove { id } => said(format!("the VEX document {id} is removed; what it closed counts again")),
        }
    }
}

impl Webhook {
    pub(super) fn text(&self) -> Text {
        match self {
            Webhook::List { .. } => Text::Table(WEBHOOKS),
            Webhook::Deliveries { delivery: None, .. } => Text::Table(DELIVERIES),
            Webhook::Pause { id } => said(format!("the webhook {id} sends nothing until it is resumed")),
            Webhook::Resume { id } => said(format!("the webhook {id} sends again")),
            Webhook::Delete { id } => said(format!("the webhook {id} is deleted")),
            Webhook::Redeliver { delivery, .. } => said(format!("the delivery {delivery} is sent again")),
            Webhook::Show { .. }
            | Webhook::Create { .. }
            | Webhook::Update { .. }
            | Webhook::Test { .. }
            | Webhook::Deliveries { .. } => Text::Whole,
        }
    }
}

impl Project {
    pub(super) fn text(&self) -> Text {
        match self {
            Project::List => Text::Table(PROJECTS),
            Project::Create { .. } | Project::Show { .. } => Text::Whole,
        }
    }
}

impl Variable {
    pub(super) fn text(&self) -> Text {
        match self {
            Variable::List { .. } => Text::Table(VARIABLES),
            Variable::Set { project, key, .. } => said(format!("{key} of {project} is set")),
            Variable::Delete { project, key } => said(format!("{key} of {project} is deleted")),
        }
    }
}

impl Trigger {
    pub(super) fn text(&self) -> Text {
        match self {
            Trigger::List { .. } => Text::Table(TRIGGERS),
            Trigger::Create { .. } => Text::Whole,
        }
    }
}

impl Pipeline {
    pub(super) fn text(&self) -> Text {
        match self {
            Pipeline::List { .. } => Text::Table(PIPELINES),
            Pipeline::Jobs { .. } => Text::Table(JOBS),
            _ => Text::Whole,
        }
    }
}
