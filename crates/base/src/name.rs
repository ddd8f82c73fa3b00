//! The name of an account: a user, a robot or an organization.

use std::{fmt, str};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits;

/// The name of a user, robot or organization; all three share one set of names. Lower-case letters and digits, parted by
/// single `.`, `_` or `-`: what may stand as the first component of an OCI repository name. A robot's is `OWNER+ROBOT`, two
/// such names: the `+`, which no repository's name can hold, says that nothing is ever in a robot's namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Box<str>);

/// A name that does not have the form its kind asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid: expected {expected}")]
pub struct InvalidName {
    pub what: &'static str,
    pub given: String,
    pub expected: &'static str,
}

impl InvalidName {
    /// The error for a `given` text; it is cut so that an answer never echoes a huge input.
    pub fn new(what: &'static str, given: &str, expected: &'static str) -> InvalidName {
        InvalidName { what, given: given.chars().take(80).collect(), expected }
    }
}

impl AccountName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AccountName {
    /// The name of the robot `own` of this account.
    pub fn robot(&self, own: &str) -> Result<AccountName, InvalidName> {
        format!("{self}+{own}").parse()
    }

    /// Whose robot this is, by its name; `None` for users and organizations.
    pub fn robot_owner(&self) -> Option<&str> {
        self.0.split_once('+').map(|(owner, _)| owner)
    }
}

impl str::FromStr for AccountName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<AccountName, InvalidName> {
        const EXPECTED: &str =
            "1 to 64 of a-z and 0-9, parted by single '.', '_' or '-' (a robot's: two such, OWNER+ROBOT)";
        let good = match text.split_once('+') {
            Some((owner, robot)) => is_name(owner) && is_name(robot),
            None => is_name(text),
        };
        if good { Ok(AccountName(text.into())) } else { Err(InvalidName::new("account name", text, EXPECTED)) }
    }
}

fn is_name(text: &str) -> bool {
    if text.is_empty() || text.len() > limits::ACCOUNT_NAME_BYTES {
        return false;
    }
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator_before = true;
    for byte in text.bytes() {
        let separator = matches!(byte, b'.' | b'_' | b'-');
        if !separator && !alphanumeric(byte) || separator && separator_before {
            return false;
        }
        separator_before = separator;
    }
    !separator_before
}

impl fmt::Display for AccountName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &*self.0)
    }
}

impl Serialize for AccountName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AccountName, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::AccountName;

    #[test]
    fn accepts_and_refuses() {
        for good in ["a", "admin", "ci", "team-1", "a.b_c-d", "0x", "ops+deploy", "a-1+b.2"] {
            assert!(good.parse::<AccountName>().is_ok(), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a--b", "a/b", "a b", "ä", "..", "+", "a+", "+a", "a+b+c", &"a".repeat(65)] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in ".{0,80}") {
            if let Ok(name) = text.parse::<AccountName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
