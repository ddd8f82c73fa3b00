//! Arch Linux's security tracker: groups of issues with the packages they are in.

use serde::Deserialize;
use serde_json::Value;

use super::{Import, elements, elements::or_default};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Named, Range, Rating, Status};

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    packages: Vec<String>,
    status: String,
    severity: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    fixed: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    issues: Vec<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(group) => record(group, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "groups", &mut each).map_err(|stopped| stopped.of(name))?;
    import.covered.insert(Ecosystem::new(Family::Arch, None));
    Ok(())
}

fn record(group: Group, import: &mut Import) -> Result<(), Error> {
    let status = match group.status.as_str() {
        "Not affected" => Status::NotAffected,
        "Unknown" => Status::UnderInvestigation,
        _ => Status::Affected,
    };
    let fixed = group.fixed.filter(|_| status == Status::Affected);
    let entry = |package: String| Affected {
        ranges: fixed.clone().map(Range::before).into_iter().collect(),
        status,
        named: Some(Named::Binary),
        ..Affected::new(Ecosystem::new(Family::Arch, None), package)
    };
    let affected: Vec<Affected> = group.packages.into_iter().map(entry).collect();
    if affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    import.push(Advisory {
        affected,
        covers: group.issues,
        references: vec![format!("https://security.archlinux.org/{}", group.name)],
        id: group.name,
        ratings: group.severity.map(|word| Rating::of_word("arch", word)).into_iter().collect(),
        source: "arch".to_owned(),
        summary: group.kind,
        ..Advisory::default()
    })
}
