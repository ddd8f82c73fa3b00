//! Values that go into a statement.

use base::{AccountName, Id, Timestamp, micros};

/// One argument of a statement. The type is kept also for NULL, because PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Val {
    Bool(Option<bool>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Arguments of a statement, each turned into a [`Val`].
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::Val::from($value)),*] };
}

macro_rules! from {
    ($($from:ty => |$name:ident| $val:expr),* $(,)?) => {$(
        impl From<$from> for Val {
            fn from($name: $from) -> Val { $val }
        }
    )*};
}

from! {
    bool => |value| Val::Bool(Some(value)),
    i64 => |value| Val::Int(Some(value)),
    i32 => |value| Val::Int(Some(value.into())),
    u32 => |value| Val::Int(Some(value.into())),
    Option<i64> => |value| Val::Int(value),
    Timestamp => |value| Val::Int(Some(micros(value))),
    Option<Timestamp> => |value| Val::Int(value.map(micros)),
    &str => |value| Val::Text(Some(value.to_owned())),
    String => |value| Val::Text(Some(value)),
    &String => |value| Val::Text(Some(value.clone())),
    Option<&str> => |value| Val::Text(value.map(str::to_owned)),
    Option<String> => |value| Val::Text(value),
    Option<&String> => |value| Val::Text(value.cloned()),
    &AccountName => |value| Val::Text(Some(value.to_string())),
    Vec<u8> => |value| Val::Bytes(Some(value)),
    &[u8] => |value| Val::Bytes(Some(value.to_vec())),
    &Vec<u8> => |value| Val::Bytes(Some(value.clone())),
    Option<Vec<u8>> => |value| Val::Bytes(value),
}

impl<T> From<&Id<T>> for Val {
    fn from(value: &Id<T>) -> Val {
        Val::Text(Some(value.to_string()))
    }
}

impl<T> From<Option<&Id<T>>> for Val {
    fn from(value: Option<&Id<T>>) -> Val {
        Val::Text(value.map(Id::to_string))
    }
}
