//! What an access token may be used for at most.

use std::{collections::BTreeSet, fmt, str::FromStr};

use base::{AccountName, limits};
use serde::{Deserialize, Serialize};

use crate::{Error, Level, On, Reach};

/// Places with a level each. It narrows what the token's account may do, and never grants: a right is one that the account
/// has from membership and grants *and* that the scope has a place for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Vec<Permit>);

/// A level on one repository or project, or on all of them in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permit {
    #[serde(default = "repository")]
    pub on: On,
    pub place: Place,
    #[serde(rename = "accessLevel")]
    pub level: Level,
}

/// `namespace/name`, or `namespace` for all in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    pub namespace: AccountName,
    pub name: Option<String>,
}

fn repository() -> On {
    On::Repository
}

impl Scope {
    /// At least one place, each with a level that a token can have.
    pub fn new(places: Vec<Permit>) -> Result<Scope, Error> {
        check_places(&places)?;
        if places.is_empty() {
            return Err(Error::Invalid("a scope without a place would make the token worthless; name one".to_owned()));
        }
        Ok(Scope(places))
    }

    pub fn places(&self) -> &[Permit] {
        &self.0
    }

    /// The highest level that it has a place for.
    pub(crate) fn level(&self, on: On, namespace: &str, name: &str) -> Option<Level> {
        let covering = self.0.iter().filter(|access| access.on == on && access.place.covers(namespace, name));
        covering.map(|access| access.level).max()
    }

    /// What is in both.
    pub(crate) fn narrow(&self, on: On, reach: &Reach) -> Reach {
        let (mut namespaces, mut names) = (BTreeSet::new(), BTreeSet::new());
        for Permit { place, .. } in self.0.iter().filter(|access| access.on == on) {
            let namespace = place.namespace.as_str();
            match (&place.name, reach) {
                (Some(_), _) => {
                    let full = place.to_string();
                    if reach.covers(namespace, &full) {
                        names.insert(full);
                    }
                }
                (None, Reach::Some { namespaces: all, names: single }) if !all.contains(namespace) => {
                    let inside = |name: &&String| name.split_once('/').is_some_and(|(first, _)| first == namespace);
                    names.extend(single.iter().filter(inside).cloned());
                }
                (None, _) => {
                    namespaces.insert(namespace.to_owned());
                }
            }
        }
        Reach::Some { namespaces, names }
    }
}

/// Refuse levels that no token of a program can have, and too many places.
pub(crate) fn check_places(places: &[Permit]) -> Result<(), Error> {
    if places.len() > limits::TOKEN_PLACES {
        return Err(Error::Invalid(format!("a token or robot has at most {} places", limits::TOKEN_PLACES)));
    }
    match places.iter().find(|access| access.level == Level::Admin) {
        Some(access) => Err(Error::Invalid(format!(
            "{} cannot be administered by a program; give it read-only or read-write",
            access.place
        ))),
        None => Ok(()),
    }
}

impl Place {
    fn covers(&self, namespace: &str, name: &str) -> bool {
        self.namespace.as_str() == namespace && self.name.as_deref().is_none_or(|own| own == name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, "{}/{name}", self.namespace),
            None => write!(out, "{}", self.namespace),
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Place, Error> {
        let bad = || Error::Invalid(format!("{text:?} is no place; write namespace/name, or namespace for all in it"));
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, "*")) => (namespace, None),
            Some((namespace, name)) => (namespace, Some(name)),
            None => (text, None),
        };
        // What a repository or project can be called is not known here; this much is true of both.
        let named = |name: &str| {
            let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
            (1..=limits::REPOSITORY_NAME_BYTES).contains(&name.len()) && name.bytes().all(byte)
        };
        if name.is_some_and(|name| !named(name)) {
            return Err(bad());
        }
        Ok(Place { namespace: namespace.parse().map_err(|_| bad())?, name: name.map(str::to_owned) })
    }
}

impl TryFrom<String> for Place {
    type Error = Error;

    fn try_from(text: String) -> Result<Place, Error> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> String {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Permit, Place, Scope};
    use crate::{Level, On, Reach};

    fn place(text: &str, level: Level) -> Permit {
        Permit { on: On::Repository, place: text.parse().unwrap(), level }
    }

    #[test]
    fn places() {
        for (text, shown) in [("a", "a"), ("a/*", "a"), ("a/b", "a/b"), ("a/b/c", "a/b/c")] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), shown);
        }
        for bad in ["", "/", "a/", "A/b", "a/b c", "*", "a/\u{e4}"] {
            assert!(bad.parse::<Place>().is_err(), "{bad:?}");
        }
        assert!(Scope::new(vec![]).is_err() && Scope::new(vec![place("a", Level::Admin)]).is_err());
    }

    proptest! {
        /// What a scope leaves of a list is what it leaves of each thing in it.
        #[test]
        fn lists_agree_with_levels(
            scope in proptest::collection::vec("[ab](/[xy])?", 1..4),
            namespaces in proptest::collection::btree_set("[ab]", 0..2),
            names in proptest::collection::btree_set("[ab]/[xy]", 0..3),
            namespace in "[ab]", name in "[xy]",
        ) {
            let scope = Scope::new(scope.iter().map(|text| place(text, Level::ReadOnly)).collect()).unwrap();
            let names: BTreeSet<String> = names;
            let reach = Reach::Some { namespaces, names };
            let full = format!("{namespace}/{name}");
            let both = reach.covers(&namespace, &full) && scope.level(On::Repository, &namespace, &name).is_some();
            prop_assert_eq!(scope.narrow(On::Repository, &reach).covers(&namespace, &full), both);
            prop_assert!(!scope.narrow(On::Project, &Reach::Everything).covers(&namespace, &full));
        }
    }
}
