//! Typed identifiers.

use std::{fmt, hash, marker::PhantomData, str};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Ctx, InvalidName, Timestamp};

/// The identifier of one `T`: 26 characters of `[0-9a-v]`, the first ten of which are the time in milliseconds, so that
/// ids sort by age. An id is a name, never a right: knowing one grants nothing.
pub struct Id<T>(Box<str>, PhantomData<fn() -> T>);

const LENGTH: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

impl<T> Id<T> {
    /// A new id, made from the time and the randomness of `ctx`.
    pub fn new(ctx: &Ctx) -> Id<T> {
        let random: [u8; 16] = ctx.entropy.bytes();
        let mut text = Id::<T>::beginning(ctx.now);
        for byte in random {
            text.push(char::from(ALPHABET[usize::from(byte & 31)]));
        }
        Id(text.into(), PhantomData)
    }

    /// What all ids begin with that are made in the millisecond of this time.
    pub fn beginning(at: Timestamp) -> String {
        let millis = at.as_millisecond().unsigned_abs();
        let mut text = String::with_capacity(LENGTH);
        for index in (0..10).rev() {
            text.push(char::from(ALPHABET[((millis >> (5 * index)) & 31) as usize]));
        }
        text
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T> str::FromStr for Id<T> {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Id<T>, InvalidName> {
        if text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte)) {
            Ok(Id(text.into(), PhantomData))
        } else {
            Err(InvalidName::new("id", text, "26 characters of 0-9 and a-v"))
        }
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        Id(self.0.clone(), PhantomData)
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Id<T>) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Id<T>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Id<T>) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id<T>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
