//! The data folder of an older program: everything is brought over, nothing that was decided is lost, and images are scanned anew.
//!
//! `tests/old/first-scanner.tar.zst` was made with the program of 30 November 2026, 08:46, before the present scanner: two images
//! scanned, a policy, three decisions of which two promoted, one waiver. Its keys were made for this and guard nothing.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    image::{as_admin, get, scanned},
    server::{Server, until},
};

fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old/first-scanner.tar.zst");
    let tar = zstd::decode_all(&fs::read(packed).unwrap()[..]).unwrap();
    tar::Archive::new(&tar[..]).unpack(folder.path()).unwrap();
    folder
}

fn decisions(server: &Server, tag: &str) -> Vec<(String, String)> {
    let view = get(server, &format!("/api/v1/repositories/admin/app/tags/{tag}/decisions"));
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let list = view["decisions"].as_array().unwrap_or_else(|| panic!("{view}")).iter();
    list.map(|one| (text(one, "id"), text(one, "verdict"))).collect()
}

#[test]
fn an_older_data_folder_is_taken_over() {
    let server = Server::start_in("127.0.0.1", unpacked());
    // Until it is scanned anew, the counts of before are told, and no details that nobody can read any more.
    let details = "/api/v0/imagescan/scansummary/repositories/admin/app/bad";
    until("the image is scanned anew", || {
        let (name, value) = as_admin();
        let answer = server.ask("GET", details, &[(name, &value)], b"");
        assert!([200, 503].contains(&answer.status), "{}", answer.body);
        answer.status == 200
    });
    // What was found is found again, and the waiver still stands.
    let summary = |image: &str| scanned(&server, image, 6)["vuln_summary"].clone();
    let bad = summary("admin/app:bad");
    assert_eq!((&bad["critical"], &bad["waived"]), (&0.into(), &1.into()), "{bad}");
    assert_eq!(summary("admin/app:good")["critical"], 0);
    for image in ["admin/prod:bad", "admin/prod:good"] {
        summary(image);
    }
    let of_bad = decisions(&server, "bad");
    let verdict = |id: &str| of_bad.iter().find(|(one, _)| one == id).map(|(_, verdict)| verdict.as_str());
    assert_eq!(verdict("01k8mggeb8m9h80973hg1ts5gu"), Some("refused"), "{of_bad:?}");
    assert_eq!(verdict("01k8mgggsdhbl11i0hdl4j1mb8"), Some("allowed"), "{of_bad:?}");
    let report = get(&server, "/api/v1/audit/verify");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    assert!(!server.said().contains("panicked"), "{}", server.said());
}
