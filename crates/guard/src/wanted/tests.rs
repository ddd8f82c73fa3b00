//! What calls want, and pulls as the engine reads them.

use proptest::prelude::*;

use super::{Wanted, container, pull, task};
use crate::{question::Question, target::Target};

fn pulled(query: &str) -> Option<String> {
    let uri = format!("/images/create?{query}");
    let question = Question::new("", "POST", &uri, &[("Content-Length", "0")], b"");
    match pull(&question, &Target::parse(&uri).ok()?) {
        Ok(Wanted::Pull(reference)) => Some(reference.to_string()),
        _ => None,
    }
}

#[test]
fn a_pull_names_one_image() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(pulled("fromImage=h.x/a/b&tag=v1").as_deref(), Some("h.x/a/b:v1"));
    assert_eq!(pulled("fromImage=alpine&tag=latest").as_deref(), Some("alpine:latest"));
    assert_eq!(pulled(&format!("fromImage=h.x/a/b&tag={digest}")), Some(format!("h.x/a/b@{digest}")));
    assert_eq!(pulled(&format!("fromImage=h.x/a/b@{digest}&tag=")), Some(format!("h.x/a/b@{digest}")));
    for none in
        ["", "tag=v1", "fromImage=&tag=v1", "fromImage=h.x/a/b", "fromImage=h.x/A/b&tag=v1", "fromImage=h.x/a/b&tag=-"]
    {
        assert_eq!(pulled(none), None, "{none}");
    }
}

#[test]
fn a_container_wants_its_image_and_the_mounted_ones() {
    let body =
        br#"{"Image":"a:1","HostConfig":{"Mounts":[{"Type":"image","Source":"b:1"},{"Type":"volume","Source":"c"}]}}"#;
    let question = Question::new("", "POST", "/containers/create", &[], body);
    let local = |name: &str| Wanted::Local(name.to_owned());
    assert_eq!(container(&question).unwrap(), [local("a:1"), local("b:1")]);
}

proptest! {
    #[test]
    fn any_template_is_answered(text in r#"\{("(ContainerSpec|PluginSpec|Runtime|Image|Mounts)":(\{\}|\[\]|null|1|"a/b:1"|\{"Image":"x"\}),?){0,3}\}"#) {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text)
            && let Ok(wanted) = task(Some(&value))
        {
            prop_assert!(!wanted.is_empty());
        }
    }
}
