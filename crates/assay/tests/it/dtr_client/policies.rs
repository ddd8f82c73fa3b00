//! Policies: what promotes, prunes and mirrors, in every form that the description has.

use std::fs;

use serde_json::json;

use super::{
    Client,
    forms::{self, Enabled, rule},
    repositories::{BAD, GOOD},
    shapes::{self, MirroringPolicy, PollMirroringPolicy, Promotion, PromotionPolicy, PruningPolicy},
    shapes::{PushMirroringPolicy, RemoteRegistryCheck, ThinTag, never},
};
use crate::{
    image::{debian, push},
    server::{PASSWORD, Server, until},
    webhooks,
};

/// Every field with its operators and a value, as the description of promotion, mirroring and pruning policies lists them.
const CRITERIA: [(&str, &[&str], &str); 9] = [
    ("tag", &["eq", "sw", "ew", "c", "oo", "noo"], "1"),
    ("license.name", &["oo", "noo"], "GPL-2.0"),
    // Only the last two are in the description; the pages of the same releases have all six.
    ("component.name", &["eq", "sw", "ew", "c", "oo", "noo"], "tar"),
    ("vulnerability_all", &["gte", "gt", "eq", "neq", "lte", "lt"], "0"),
    ("vulnerability_critical", &["gte", "gt", "eq", "neq", "lte", "lt"], "0"),
    ("vulnerability_major", &["gte", "gt", "eq", "neq", "lte", "lt"], "0"),
    ("vulnerability_minor", &["gte", "gt", "eq", "neq", "lte", "lt"], "0"),
    ("updated_at", &["bf", "af"], "2020-01-01T00:00:00Z"),
    ("updated_at_duration", &["bf", "af"], "72h"),
];

fn all_criteria() -> Vec<forms::Rule> {
    let of = |(field, operators, value): (&'static str, &'static [&'static str], &'static str)| {
        operators.iter().map(move |operator| rule(field, operator, &[value]))
    };
    CRITERIA.into_iter().flat_map(of).collect()
}

fn same(rules: &[shapes::Rule], sent: &[forms::Rule]) -> bool {
    let of_shapes = rules.iter().map(|rule| (&rule.field, &rule.operator, &rule.values));
    of_shapes.eq(sent.iter().map(|rule| (&rule.field, &rule.operator, &rule.values)))
}

#[test]
fn promotion_policies_have_every_criterion_and_promote() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    for name in ["build", "release"] {
        admin.creates("admin", name);
    }
    let path = "/api/v0/repositories/admin/build/promotionPolicies";
    let form = |rules: Vec<forms::Rule>, template: &'static str| forms::PromotionPolicy {
        enabled: true,
        rules,
        target_repository: "admin/release",
        tag_template: template,
    };
    // Each alone, and all in one policy. The template has every variable.
    let variables = "%n-%A%a%w%d%B%b%m%Y%y-%H%I%p%M%S%f%Z-%j%W";
    for rules in all_criteria().into_iter().map(|rule| vec![rule]).chain([all_criteria()]) {
        let policy: PromotionPolicy =
            admin.send(201, "POST", &format!("{path}?initialEvaluation=false"), &form(rules.clone(), variables));
        assert!(same(&policy.rules, &rules), "{policy:?}");
        assert_eq!((policy.source_repository.as_str(), policy.tag_template.as_str()), ("admin/build", variables));
        assert_eq!(policy.last_promoted_at, never());
        admin.gone("DELETE", &format!("{path}/{}", policy.id));
    }
    assert!(admin.get::<Vec<PromotionPolicy>>(path).is_empty());

    let digest = push(&server, "admin/build", "early", &debian(&[GOOD]));
    admin.scanned("admin/build", "early");
    let rules = vec![rule("tag", "noo", &["draft", "wip"]), rule("vulnerability_all", "lte", &["0"])];
    let saved: PromotionPolicy =
        admin.send(201, "POST", &format!("{path}?initialEvaluation=false"), &form(rules.clone(), "%n-ok"));
    for (tag, packages) in [("draft", GOOD), ("bad", BAD), ("good", GOOD)] {
        push(&server, "admin/build", tag, &debian(&[packages, &format!("tzdata 2024a-{}", tag.len())]));
    }
    until("what complies is promoted", || !admin.names("admin/release").is_empty());
    assert_eq!(admin.names("admin/release"), ["good-ok"], "saved, and so for what comes from now on");
    let promoted = admin.tag("admin/release", "good-ok");
    let badge = promoted.promotion.unwrap();
    assert_eq!(
        (badge.promotion_policy_id.as_str(), badge.source_repository.as_str()),
        (saved.id.as_str(), "admin/build")
    );
    assert_eq!(badge.source_tag, "good");
    let listed: Vec<shapes::Tag> = admin.get("/api/v0/repositories/admin/release/tags");
    assert_eq!(listed[0].promotion.as_ref().unwrap().source_tag, "good");
    let one = format!("{path}/{}", saved.id);
    assert!(admin.get::<PromotionPolicy>(&one).last_promoted_at > never());
    // Save and apply: what is there already is looked at too.
    let again: PromotionPolicy = admin.send(200, "PUT", &format!("{one}?initialEvaluation=true"), &json!({}));
    assert!(same(&again.rules, &rules) && again.enabled, "what is left out stays: {again:?}");
    until("the early one is promoted", || admin.names("admin/release").contains(&"early-ok".to_owned()));
    assert_eq!(admin.tag("admin/release", "early-ok").digest, digest.to_string());
    // Both ends see it, each from its side.
    let of_target = "/api/v0/repositories/admin/release/promotionPolicies";
    assert_eq!(admin.get::<Vec<PromotionPolicy>>(&format!("{of_target}?source=false"))[0].id, saved.id);
    assert!(admin.get::<Vec<PromotionPolicy>>(of_target).is_empty());
    let off: PromotionPolicy = admin.send(200, "PUT", &one, &Enabled { enabled: false });
    assert!(!off.enabled);

    let form = forms::Promotion { target_repository: "admin/release", target_tag: "by-hand" };
    let by_hand: Promotion = admin.send(201, "POST", "/api/v0/repositories/admin/build/tags/bad/promotion", &form);
    assert_eq!((by_hand.source_repository.as_str(), by_hand.source_tag.as_str()), ("admin/build", "bad"));
    assert_eq!(admin.tag("admin/release", "by-hand").promotion.unwrap().source_tag, "bad");
    admin.gone("DELETE", &one);
    admin.refused(404, "NO_SUCH_PROMOTION_POLICY", "GET", &one, &());
}

#[test]
fn pruning_policies_are_tried_and_prune() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates("admin", "shop");
    let path = "/api/v0/repositories/admin/shop/pruningPolicies";
    for rules in all_criteria().into_iter().map(|rule| vec![rule]).chain([all_criteria()]) {
        let form = forms::PruningPolicy { enabled: false, rules: rules.clone() };
        let policy: PruningPolicy = admin.send(201, "POST", &format!("{path}?initialEvaluation=false"), &form);
        assert!(same(&policy.rules, &rules), "{policy:?}");
        assert_eq!((policy.repository.as_str(), policy.last_pruned_at, policy.enabled), ("admin/shop", never(), false));
        admin.gone("DELETE", &format!("{path}/{}", policy.id));
    }
    let mut digests = Vec::new();
    for tag in ["dev-1", "dev-2", "dev-3", "1.0"] {
        digests.push(push(&server, "admin/shop", tag, &debian(&[GOOD, &format!("tzdata {tag}")])).to_string());
    }
    let form = forms::PruningPolicy { enabled: true, rules: vec![rule("tag", "sw", &["dev-"])] };
    let body = serde_json::to_vec(&form).unwrap();
    let (mut found, mut start) = (Vec::new(), String::new());
    loop {
        let answer = admin.ask("POST", &format!("{path}/test?pageSize=2&count=true{start}"), &body);
        assert_eq!((answer.status, answer.header("X-Resource-Count")), (200, Some("3")), "{answer:?}");
        found.extend(serde_json::from_str::<Vec<ThinTag>>(&answer.body).unwrap());
        match answer.header("X-Next-Page-Start").filter(|next| !next.is_empty()) {
            Some(next) => start = format!("&pageStart={next}"),
            None => break,
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let expected = ["dev-1", "dev-2", "dev-3"].iter().zip(&digests);
    assert!(found.iter().map(|tag| (tag.name.as_str(), &tag.digest)).eq(expected.map(|(tag, digest)| (*tag, digest))));
    assert_eq!(admin.names("admin/shop").len(), 4, "a test takes nothing away");

    let policy: PruningPolicy = admin.send(201, "POST", path, &form);
    until("it is pruned", || admin.names("admin/shop") == ["1.0"]);
    let one = format!("{path}/{}", policy.id);
    until("it is said", || admin.get::<PruningPolicy>(&one).last_pruned_at > never());
    let changed: PruningPolicy = admin.send(200, "PUT", &one, &Enabled { enabled: false });
    assert!(!changed.enabled && same(&changed.rules, &form.rules));
    assert_eq!(admin.get::<Vec<PruningPolicy>>(path)[0].id, policy.id);
    admin.gone("DELETE", &one);
    admin.refused(404, "NO_SUCH_PRUNING_POLICY", "GET", &one, &());

    // A limit of tags: first in, first out.
    let form = forms::UpdateRepo { tag_limit: Some(2), ..Default::default() };
    admin.sent(200, "PATCH", "/api/v0/repositories/admin/shop", &form);
    for tag in ["2.0", "3.0"] {
        push(&server, "admin/shop", tag, &debian(&[GOOD, &format!("tzdata {tag}")]));
    }
    until("the oldest is dropped", || admin.names("admin/shop") == ["2.0", "3.0"]);
}

#[test]
fn mirroring_policies_push_and_poll() {
    let ((here, _config), other) = (webhooks::server(), Server::start("127.0.0.1"));
    let (admin, there) = (Client::admin(&here), Client::admin(&other));
    admin.creates("admin", "app");
    for name in ["copy", "origin"] {
        there.creates("admin", name);
    }
    let (host, ca) = (format!("https://{}", other.authority), fs::read_to_string(other.ca()).unwrap());
    let remote = |repository| forms::Remote {
        remote_host: &host,
        remote_repository: repository,
        remote_ca: &ca,
        username: "admin",
        password: PASSWORD,
        ..Default::default()
    };
    let check: RemoteRegistryCheck = admin.send(201, "POST", "/api/v0/remote/registry", &remote("admin/copy"));
    assert!(check.permissions == shapes::Permissions { read: true, write: true } && !check.registry_type.is_empty());
    let wrong = forms::Remote { password: "not theirs", ..remote("admin/copy") };
    admin.refused(400, "REMOTE_REGISTRY_INVALID_PERMISSIONS", "POST", "/api/v0/remote/registry", &wrong);

    let base = "/api/v0/repositories/admin/app";
    let digest = push(&here, "admin/app", "1", &debian(&[GOOD])).to_string();
    let push_form = |rules| forms::PushMirroringPolicy {
        enabled: true,
        remote: remote("admin/copy"),
        rules,
        tag_template: "from-%n",
    };
    let path = format!("{base}/pushMirroringPolicies");
    let all: PushMirroringPolicy =
        admin.send(201, "POST", &format!("{path}?initialEvaluation=false"), &push_form(all_criteria()));
    assert!(same(&all.rules, &all_criteria()) && all.tag_template == "from-%n");
    assert_eq!((all.as_poll.local_repository.as_str(), all.as_poll.last_mirrored_at), ("admin/app", never()));
    admin.gone("DELETE", &format!("{path}/{}", all.as_poll.id));
    let made: PushMirroringPolicy = admin.send(201, "POST", &path, &push_form(vec![rule("tag", "eq", &["1"])]));
    until("it is there", || there.names("admin/copy") == ["from-1"]);
    assert_eq!(there.tag("admin/copy", "from-1").digest, digest);
    let one = format!("{path}/{}", made.as_poll.id);
    until("it is said", || admin.get::<PushMirroringPolicy>(&one).as_poll.last_mirrored_at > never());
    assert!(!admin.got(&one).body.contains(PASSWORD), "a password is never returned");

    let origin = push(&other, "admin/origin", "7", &debian(&[GOOD])).to_string();
    let path = format!("{base}/pollMirroringPolicies");
    let form = forms::PollMirroringPolicy { enabled: true, remote: remote("admin/origin") };
    let poll: PollMirroringPolicy = admin.send(201, "POST", &path, &form);
    assert_eq!((poll.remote_repository.as_str(), poll.username.as_str()), ("admin/origin", "admin"));
    until("it was fetched", || admin.names("admin/app").contains(&"7".to_owned()));
    let fetched = admin.tag("admin/app", "7");
    let badge = fetched.mirroring.unwrap();
    assert_eq!((fetched.digest, badge.digest.as_str()), (origin.clone(), origin.as_str()));
    assert_eq!((badge.mirroring_policy_id.as_str(), badge.remote_tag.as_str()), (poll.id.as_str(), "7"));
    let off: PollMirroringPolicy = admin.send(200, "PUT", &format!("{path}/{}", poll.id), &Enabled { enabled: false });
    assert!(!off.enabled && off.remote_ca == ca);
    assert_eq!(admin.get::<Vec<PollMirroringPolicy>>(&path)[0].id, poll.id);

    let both: Vec<MirroringPolicy> = admin.get(&format!("{base}/mirroringPolicies"));
    let mut kinds: Vec<(&str, bool)> =
        both.iter().map(|one| (one.mirroring_type.as_str(), one.rules.is_some())).collect();
    kinds.sort_unstable();
    assert_eq!(kinds.len(), 2, "{both:?}");
    let form = forms::Mirroring { remote: remote("admin/copy"), remote_tag: "once" };
    let sent: shapes::Mirroring = admin.send(201, "POST", &format!("{base}/tags/1/pushMirroring"), &form);
    assert_eq!((sent.remote_repository.as_str(), sent.remote_tag.as_str()), ("admin/copy", "once"));
    until("it went once", || there.names("admin/copy").contains(&"once".to_owned()));
    let ids: Vec<_> = both.iter().map(|one| forms::MirroringPolicyId { id: &one.as_poll.id }).collect();
    admin.sent(204, "DELETE", &format!("{base}/mirroringPolicies"), &ids);
    assert!(admin.get::<Vec<MirroringPolicy>>(&format!("{base}/mirroringPolicies")).is_empty());
    admin.refused(404, "NO_SUCH_PUSH_MIRRORING_POLICY", "GET", &one, &());
}
