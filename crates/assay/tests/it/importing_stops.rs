//! What ends an import, and what whoever sees little of a DTR gets of it.

use serde_json::json;

use crate::{dtr_stand_in::Twist, importing::estate, server::until};

#[test]
fn an_account_that_is_refused_in_the_middle_ends_it_with_a_report() {
    let moving = estate();
    moving.dtr.twist("/api/v0/repositories", Twist::Status(401));
    let report = moving.runs(&[]);
    assert_eq!((report.came.code, report.outcome("team ops/release")), (4, "carried"), "{:?}", report.came);
    assert!(report.came.out.contains("organization            1 carried"), "{:?}", report.came);
}

#[test]
fn a_dtr_that_goes_away_ends_it_and_says_how_to_go_on() {
    let moving = estate();
    moving.dtr.has_patience(Some(40));
    let child = moving.begins();
    until("the importer asks for more", || moving.dtr.is_out_of_patience());
    drop(moving.dtr);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be reached; once it can, the same command goes on"), "{said}");
}

#[test]
fn whoever_is_no_administrator_there_gets_what_they_see() {
    let moving = estate();
    moving.dtr.has("/enzi/v0/accounts/admin", json!({"name": "admin", "isAdmin": false}));
    let report = moving.runs(&["--without-images"]);
    assert!(report.notes.contains("no administrator of the DTR"), "{}", report.notes);
    assert_eq!((report.came.code, report.count("failed")), (3, 0), "{:?}", report.came);
    let asked = moving.dtr.asked();
    let hidden = ["/publicKeys", "/meta/settings", "/v2/", "/tags"];
    assert!(!asked.iter().any(|path| hidden.iter().any(|part| path.contains(part))), "{asked:?}");
    assert_eq!(report.outcome("repository ops/shop"), "carried");
}
