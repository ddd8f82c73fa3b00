//! What requests look like: CloudEvents, signatures that others verify, headers of one's own, and what the log keeps of them.

use std::{collections::BTreeMap, process::Command};

use base::Secret;
use events::{Change, DeliveryState, EventType, Format, Headers, NewWebhook};
use serde_json::{Value, json};

use crate::{
    receiver::{Receiver, Seen},
    world::{World, on},
};

#[tokio::test]
async fn cloud_events_in_both_modes() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    for format in Format::ALL {
        let new = NewWebhook { format, ..on(EventType::TagPush, "admin/flask", &url) };
        world.webhook(&world.system(), new).await.unwrap();
    }
    world.push("7").await;
    world.run().await;
    let seen = receiver.seen();
    let of_type = |wanted: &str| {
        let of = |seen: &&Seen| seen.headers["content-type"] == wanted;
        seen.iter().filter(of).collect::<Vec<_>>()
    };
    let structured = of_type("application/cloudevents+json; charset=utf-8");
    let mut event: Value = serde_json::from_str(&structured[0].body).unwrap();
    let data = event.as_object_mut().unwrap().remove("data").unwrap();
    let id = event["id"].clone();
    let expected = json!({"specversion": "1.0", "id": id, "source": "https://assay.test:8443", "type": "assay.tag.pushed",
        "subject": "admin/flask:7", "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json"});
    assert_eq!(event, expected);

    let plain = of_type("application/json");
    let binary = plain.iter().find(|seen| seen.headers.contains_key("ce-id")).unwrap();
    for (name, value) in expected.as_object().unwrap() {
        if name != "datacontenttype" {
            assert_eq!(binary.headers[&format!("ce-{name}")], value.as_str().unwrap(), "{name}");
        }
    }
    assert_eq!(serde_json::from_str::<Value>(&binary.body).unwrap(), data);
    let dtr = plain.iter().find(|seen| !seen.headers.contains_key("ce-id")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&dtr.body).unwrap()["contents"], data);
}

/// Python's own HMAC over what the headers say.
const VERIFY: &str = "
import base64, hashlib, hmac, json, sys
seen, secrets = json.loads(sys.argv[1]), sys.argv[2:]
headers, body = seen['headers'], seen['body'].encode()
key = secrets[0].encode()
assert hmac.compare_digest('sha256=' + hmac.new(key, body, hashlib.sha256).hexdigest(), headers['x-assay-signature'])
def standard(secret):
    key = base64.b64decode(secret[6:]) if secret.startswith('whsec_') else secret.encode()
    signed = f\"{headers['webhook-id']}.{headers['webhook-timestamp']}.\".encode() + body
    return 'v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
assert headers['webhook-signature'] == ' '.join(map(standard, secrets)), headers['webhook-signature']
";

#[expect(clippy::print_stdout, reason = "a tool that is absent is said loudly")]
fn verified(seen: &Seen, secrets: &[&str]) {
    let headers: BTreeMap<&str, &str> =
        seen.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let told = json!({"headers": headers, "body": seen.body}).to_string();
    let ran = Command::new("python3").args(["-c", VERIFY, &told]).args(secrets).output();
    let Ok(ran) = ran.inspect_err(|error| println!("python3 is absent, no signature was verified: {error}")) else {
        return;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test]
async fn signatures_are_good_also_while_the_secret_changes() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    let (old, new) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "another secret");
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let webhook = NewWebhook { secret: secret(old), ..on(EventType::TagPush, "admin/flask", &url) };
    let webhook = world.webhook(&world.system(), webhook).await.unwrap();
    let after = async |change: Option<Change>, secrets: &[&str]| {
        if let Some(change) = change {
            world.events.update(&world.system(), &webhook.id, change).await.unwrap();
        }
        world.push("1").await;
        world.run().await;
        let seen = receiver.seen().pop().unwrap();
        assert_eq!(seen.headers["webhook-timestamp"], *world.clock.now().as_second().to_string());
        match secrets {
            [] => assert!(
                !seen.headers.contains_key("webhook-signature") && !seen.headers.contains_key("x-assay-signature")
            ),
            _ => verified(&seen, secrets),
        }
    };
    after(None, &[old]).await;
    after(Some(Change { secret: secret(new), ..Change::default() }), &[new, old]).await;
    world.advance(24 * 3600);
    after(None, &[new]).await;
    after(Some(Change { secret: secret(""), ..Change::default() }), &[]).await;
    // The log's fold is the table after all of it.
    let mut tx = world.db.read().await.unwrap();
    let state = events::Events::state(&mut tx).await.unwrap();
    let entries = world.entries().await;
    assert!(entries.iter().rfind(|entry| entry.contains("webhook.updated")).unwrap().contains(&state[0].1));
}

#[tokio::test]
async fn the_log_shows_request_and_response_without_secrets() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/hook?token=url-token-1234", receiver.plain(&world.tasks).await);
    let headers = [("Authorization", "Bearer header-token-5678"), ("X-Tenant", "tenant-value")];
    let headers = headers.map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())));
    let new = NewWebhook {
        headers: Headers::new(headers.into()).unwrap(),
        secret: Some(Secret::new("signing-secret".to_owned())),
        ..on(EventType::TagPush, "admin/flask", &url)
    };
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    *receiver.location.lock().unwrap() = "/?you=header-token-5678".to_owned();
    world.push("1").await;
    world.run().await;
    assert_eq!(receiver.seen()[0].headers["authorization"], "Bearer header-token-5678");
    let delivery = world.deliveries(&webhook).await.remove(0);
    let value = |headers: &[(String, String)], wanted: &str| {
        headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(value(&delivery.request_headers, "authorization"), "[redacted]");
    assert_eq!(value(&delivery.request_headers, "x-tenant"), "[redacted]");
    assert_eq!(value(&delivery.request_headers, "content-type"), "application/json");
    assert_eq!(value(&delivery.response_headers, "set-cookie"), "[redacted]");
    assert_eq!(value(&delivery.response_headers, "location"), "/?you=[redacted]");
    assert!(delivery.duration_ms.is_some());
    assert_eq!(webhook.header_names, ["authorization", "x-tenant"]);

    // Others instead, then none.
    let ctx = world.system();
    let change = |headers: Headers| Change { headers: Some(headers), ..Change::default() };
    let other = Headers::new([("x-one".to_owned(), Secret::new("other-value".to_owned()))].into()).unwrap();
    assert_eq!(world.events.update(&ctx, &webhook.id, change(other)).await.unwrap().header_names, ["x-one"]);
    world.events.update(&ctx, &webhook.id, change(Headers::default())).await.unwrap();
    *receiver.location.lock().unwrap() = "/".to_owned();
    world.push("2").await;
    world.run().await;
    assert!(!receiver.seen()[1].headers.contains_key("authorization"));

    world.db.close().await;
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in ["header-token-5678", "tenant-value", "other-value", "signing-secret", "url-token-1234"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_test_call_is_signed_and_logged_and_no_arrow_of_a_chain() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    let new =
        NewWebhook { secret: Some(Secret::new("hush".to_owned())), ..on(EventType::Promotion, "admin/flask", &url) };
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    let ctx = world.system();
    let tried = world.events.try_webhook(&ctx, &webhook.id).await.unwrap();
    assert_eq!((tried.state, tried.status, tried.sample), (DeliveryState::Delivered, Some(200), true));
    verified(&receiver.seen()[0], &["hush"]);
    receiver.answer(&[500]);
    let tried = world.events.try_webhook(&ctx, &webhook.id).await.unwrap();
    assert_eq!((tried.state, tried.status, tried.attempts), (DeliveryState::Failed, Some(500), 1));
    world.advance(3600);
    world.run().await;
    assert_eq!(receiver.seen().len(), 2, "it is not tried again");
    assert_eq!(world.deliveries(&webhook).await.len(), 2);
    assert!(!world.entries().await.iter().any(|entry| entry.contains("foo/bar")));
    assert!(world.events.webhook(&ctx, &webhook.id).await.unwrap().failing_since.is_none());
}
