//! The names of roles: four fixed ones, and delegations below `targets`.

use std::{fmt, str};

use base::{InvalidName, limits};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The role a document plays. In order: a parent stands before its children.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    Root,
    Timestamp,
    Snapshot,
    Targets,
    /// `targets/…`: always below [`RoleName::Targets`], at any depth.
    Delegation(Delegated),
}

/// The full name of a delegation; only parsing makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delegated(Box<str>);

const EXPECTED: &str = "root, targets, snapshot, timestamp, or targets/ and segments of a-z, 0-9, '-', '_'";

impl RoleName {
    /// The role whose tags count as signed for Docker clients, before those of `targets` itself.
    pub fn releases() -> RoleName {
        RoleName::Delegation(Delegated("targets/releases".into()))
    }

    /// The role of a file name in a publish form: a `.json` at its end is cut, as stock servers do.
    pub fn from_file_name(name: &str) -> Result<RoleName, InvalidName> {
        name.strip_suffix(".json").unwrap_or(name).parse()
    }

    pub fn as_str(&self) -> &str {
        match self {
            RoleName::Root => "root",
            RoleName::Timestamp => "timestamp",
            RoleName::Snapshot => "snapshot",
            RoleName::Targets => "targets",
            RoleName::Delegation(Delegated(name)) => name,
        }
    }

    /// The role that delegates to this one; `None` for the four roles that the root names.
    pub fn parent(&self) -> Option<RoleName> {
        let RoleName::Delegation(Delegated(name)) = self else { return None };
        let (parent, _) = name.rsplit_once('/').expect("a delegation has at least one slash");
        Some(if parent == "targets" { RoleName::Targets } else { RoleName::Delegation(Delegated(parent.into())) })
    }

    /// Whether documents of this role list targets.
    pub fn lists_targets(&self) -> bool {
        matches!(self, RoleName::Targets | RoleName::Delegation(_))
    }
}

impl str::FromStr for RoleName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<RoleName, InvalidName> {
        match text {
            "root" => return Ok(RoleName::Root),
            "timestamp" => return Ok(RoleName::Timestamp),
            "snapshot" => return Ok(RoleName::Snapshot),
            "targets" => return Ok(RoleName::Targets),
            _ => {}
        }
        let refused = || InvalidName::new("trust role", text, EXPECTED);
        if text.len() > limits::TRUST_ROLE_NAME_BYTES {
            return Err(refused());
        }
        let below = text.strip_prefix("targets/").ok_or_else(refused)?;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if below.split('/').all(|segment| !segment.is_empty() && segment.bytes().all(allowed)) {
            Ok(RoleName::Delegation(Delegated(text.into())))
        } else {
            Err(refused())
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for RoleName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for RoleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RoleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RoleName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RoleName;

    #[test]
    fn accepts_and_refuses() {
        for good in ["root", "targets", "snapshot", "timestamp", "targets/releases", "targets/a/b-c_d/0"] {
            assert_eq!(good.parse::<RoleName>().unwrap().to_string(), good);
        }
        let long = format!("targets/{}", "a".repeat(248));
        for bad in ["", "Root", "targets/", "targets//a", "targets/a/", "/targets", "targets/A", "targets/../root"] {
            assert!(bad.parse::<RoleName>().is_err(), "{bad}");
        }
        for bad in ["targetsa", "root/a", "targets/a.json", "targets/ä", "targets/a b", "targets/a\n", &long] {
            assert!(bad.parse::<RoleName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_its_parent_and_its_file() {
        let role = RoleName::from_file_name("targets/a/b.json").unwrap();
        assert_eq!(role.as_str(), "targets/a/b");
        assert_eq!(role.parent().unwrap().as_str(), "targets/a");
        assert_eq!(role.parent().unwrap().parent(), Some(RoleName::Targets));
        assert_eq!(RoleName::Targets.parent(), None);
        assert!(RoleName::from_file_name("root.json.json").is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in "(targets/)?[a-zA-Z0-9_/.\\-]{0,20}|.{0,40}") {
            if let Ok(role) = text.parse::<RoleName>() {
                prop_assert_eq!(role.to_string(), text);
                if let Some(parent) = role.parent() {
                    prop_assert!(parent < role, "a parent sorts before its child");
                }
            }
        }
    }
}
