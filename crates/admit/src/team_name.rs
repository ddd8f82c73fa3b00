//! The name of a team with its organization.

use std::{fmt, str};

use base::{AccountName, InvalidName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `organization/team`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamName {
    pub organization: AccountName,
    pub team: AccountName,
}

impl str::FromStr for TeamName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<TeamName, InvalidName> {
        let refused = || InvalidName::new("team", text, "organization/team");
        let (organization, team) = text.split_once('/').ok_or_else(refused)?;
        Ok(TeamName { organization: organization.parse()?, team: team.parse()? })
    }
}

impl fmt::Display for TeamName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.organization, self.team)
    }
}

impl fmt::Debug for TeamName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for TeamName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TeamName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TeamName, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
