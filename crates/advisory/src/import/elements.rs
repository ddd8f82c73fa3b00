//! The records of a large JSON feed one after another, so that one that is wrong does not spoil the rest.

use std::fmt;

use base::limits::ADVISORY_LIST_BYTES;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::Error;

/// Called with each record; an error ends the reading.
type Each<'a> = &'a mut dyn FnMut(Value) -> Result<(), Error>;

/// The list that is the file, or the one under a key of its object.
pub(super) fn list(bytes: &[u8], key: &str, each: Each<'_>) -> Result<(), Stopped> {
    let mut stopped = None;
    let outer = Outer { key, list: List { each, stopped: &mut stopped } };
    let read = serde_json::Deserializer::from_slice(bytes).deserialize_any(outer);
    ended(read, stopped)
}

/// The members of the object that is the file.
pub(super) fn members(bytes: &[u8], each: &mut dyn FnMut(String, Value) -> Result<(), Error>) -> Result<(), Stopped> {
    let mut stopped = None;
    let read = serde_json::Deserializer::from_slice(bytes).deserialize_map(Members { each, stopped: &mut stopped });
    ended(read, stopped)
}

/// Why a feed was not read to its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The text is broken here.
    Broken(String),
    /// The caller ended it.
    By(Error),
}

impl Stopped {
    /// As the error of the file of this name.
    pub(super) fn of(self, name: &str) -> Error {
        match self {
            Stopped::Broken(reason) => super::refused(name, reason),
            Stopped::By(error) => error,
        }
    }
}

/// A value that may be null where its type has a default.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// As a value, which takes some times more memory than its text.
fn value<E: serde::de::Error>(record: &RawValue) -> Result<Value, E> {
    let text = record.get();
    if text.len() > ADVISORY_LIST_BYTES {
        let length = text.len();
        return Err(E::custom(format!("a record has {length} bytes, more than the limit of {ADVISORY_LIST_BYTES}")));
    }
    serde_json::from_str(text).map_err(E::custom)
}

fn ended(read: Result<(), serde_json::Error>, stopped: Option<Error>) -> Result<(), Stopped> {
    match (stopped, read) {
        (Some(error), _) => Err(Stopped::By(error)),
        (None, read) => read.map_err(|error| Stopped::Broken(error.to_string())),
    }
}

struct Outer<'a> {
    key: &'a str,
    list: List<'a>,
}

impl<'de> Visitor<'de> for Outer<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a list, or an object with the list {}", self.key)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.list.visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut list = Some(self.list);
        while let Some(key) = map.next_key::<String>()? {
            match list.take_if(|_| key == self.key) {
                Some(list) => map.next_value_seed(list)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match list {
            Some(_) => Err(A::Error::custom(format!("it has no list {}", self.key))),
            None => Ok(()),
        }
    }
}

struct List<'a> {
    each: Each<'a>,
    stopped: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<&RawValue>()? {
            if let Err(error) = (self.each)(value(record)?) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("ended"));
            }
        }
        Ok(())
    }
}

struct Members<'a> {
    each: &'a mut dyn FnMut(String, Value) -> Result<(), Error>,
    stopped: &'a mut Option<Error>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, record)) = map.next_entry::<String, &RawValue>()? {
            if let Err(error) = (self.each)(key, value(record)?) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("ended"));
            }
        }
        Ok(())
    }
}
