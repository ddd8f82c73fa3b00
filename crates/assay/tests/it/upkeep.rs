//! What a server puts in order by itself.

use std::{fs::File, time::SystemTime};

use crate::{
    image::as_admin,
    server::{Server, until},
};

#[test]
fn uploads_that_nobody_goes_on_with_are_given_up() {
    let mut server = Server::start("127.0.0.1");
    let (name, value) = as_admin();
    let begun = server.ask("POST", "/v2/admin/app/blobs/uploads/", &[(name, &value)], b"");
    let (status, wanted) = (begun.status, begun.header("docker-upload-uuid").unwrap().to_owned());
    assert_eq!(status, 202);
    let sent = server.ask("PATCH", &format!("/v2/admin/app/blobs/uploads/{wanted}"), &[(name, &value)], b"half");
    assert_eq!(sent.status, 202, "{}", sent.body);
    server.kill();

    // One that its client may still go on with, and one that no row knows, both of long ago.
    let uploads = server.folder.path().join("data/blobs/uploads");
    let stray = uploads.join("0".repeat(26));
    let past = SystemTime::UNIX_EPOCH;
    std::fs::write(&stray, "left behind").unwrap();
    for path in [&stray, &uploads.join(&wanted)] {
        File::options().append(true).open(path).unwrap().set_modified(past).unwrap();
    }
    server.start_again();
    until("the stray upload is gone", || !stray.exists());
    assert!(uploads.join(&wanted).exists());
}
