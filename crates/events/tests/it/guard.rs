//! What a webhook must not reach, and whom it must not believe.

use events::{DeliveryState, EventType, Format, NewWebhook, Probe};
use identity::Authority;

use crate::{
    receiver::Receiver,
    world::{World, on},
};

#[tokio::test]
async fn a_private_address_is_never_called() {
    let world = World::new(&[]).await;
    let receiver = Receiver::default();
    let port = receiver.plain(&world.tasks).await.port();
    let hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"];
    for host in hosts {
        let webhook = on(EventType::TagPush, "admin/flask", &format!("http://{host}:{port}/"));
        let webhook = world.webhook(&world.system(), webhook).await.unwrap();
        world.push("1").await;
        world.run().await;
        let delivery = world.deliveries(&webhook).await.remove(0);
        assert_eq!((delivery.state, delivery.status), (DeliveryState::Waiting, None), "{host}");
        let error = delivery.error.unwrap();
        assert!(error.contains("is not a public address") && error.contains("webhook_allow"), "{host}: {error}");
        world.events.delete(&world.system(), &webhook.id).await.unwrap();
    }
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::new(&["127.0.0.1"]).await;
    let (receiver, private) = (Receiver::default(), Receiver::default());
    let address = receiver.plain(&world.tasks).await;
    let port = private.plain(&world.tasks).await.port();
    let new = on(EventType::TagPush, "admin/flask", &format!("http://{address}/"));
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    for (number, (status, host)) in [(301, "localhost"), (307, "127.0.0.1"), (308, "[::1]")].into_iter().enumerate() {
        *receiver.location.lock().unwrap() = format!("http://{host}:{port}/");
        receiver.answer(&[status]);
        world.push(&number.to_string()).await;
        world.run().await;
        let delivery = world.delivery(&webhook, &number.to_string()).await;
        assert_eq!((delivery.state, delivery.status), (DeliveryState::Waiting, Some(i64::from(status))));
        assert!(delivery.error.unwrap().contains("redirects are not followed"));
        let shown = delivery.response_headers.iter().find(|(name, _)| name == "location").unwrap();
        assert_eq!(shown.1, format!("http://{host}:{port}/"), "where it led to is told");
    }
    assert!(private.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_of_ours_or_the_pasted_one_is_believed_and_no_other() {
    let world = World::new(&["127.0.0.1", "localhost"]).await;
    let stranger = Authority::generate("stranger", world.clock.now()).unwrap();
    let certified = stranger.server(&["localhost".to_owned()], base::Clock::System.now()).unwrap();
    let receiver = Receiver::default();
    let port = receiver.certified(&world.tasks, &certified).await.port();
    let probe = |tls_cert: &str, skip_tls, host: &str| Probe {
        kind: EventType::Promotion,
        endpoint: format!("https://{host}:{port}/?token=abcdef").parse().unwrap(),
        format: Format::Dtr,
        tls_cert: tls_cert.to_owned(),
        skip_tls,
    };
    let ctx = world.system();
    let cases = [
        ("", false, "localhost", false),
        ("", true, "localhost", true),
        (stranger.certificate_pem(), false, "localhost", true),
        (certified.certificate_pem.as_str(), false, "localhost", true),
        // The certificate is for another name.
        (certified.certificate_pem.as_str(), false, "127.0.0.1", false),
        (world.authority.certificate_pem(), false, "localhost", false),
    ];
    for (tls_cert, skip, host, good) in cases {
        let attempt = world.events.test(&ctx, probe(tls_cert, skip, host)).await.unwrap();
        assert_eq!(attempt.error.is_none(), good, "{attempt:?}");
        assert_eq!(attempt.status, good.then_some(200));
        assert!(attempt.response.is_empty());
    }
    assert_eq!(receiver.types(), ["PROMOTION"; 3]);
    world.events.test(&ctx, probe("no certificate", false, "localhost")).await.unwrap_err();
}

/// An authority that serves with its own certificate, as `openssl req -x509` makes them.
#[tokio::test]
async fn a_pasted_certificate_that_calls_itself_an_authority_is_believed() {
    let world = World::new(&["localhost"]).await;
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out"])
        .arg("cert.pem")
        .current_dir(world.folder.path())
        .output();
    let Ok(made) = made.inspect_err(|error| println!("openssl is absent, nothing was tested: {error}")) else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| std::fs::read_to_string(world.folder.path().join(name)).unwrap();
    let receiver = Receiver::default();
    let port = receiver.secure(&world.tasks, &read("cert.pem"), &read("key.pem")).await.port();
    let new = NewWebhook {
        tls_cert: read("cert.pem"),
        ..on(EventType::TagPush, "admin/flask", &format!("https://localhost:{port}/"))
    };
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    world.push("1").await;
    world.run().await;
    let delivery = world.deliveries(&webhook).await.remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
}
