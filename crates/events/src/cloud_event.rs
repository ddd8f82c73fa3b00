//! In which form an event is sent: DTR's, or a CloudEvent as
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md> says.

use std::{fmt, fmt::Write, str};

use base::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// The form of a webhook's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// DTR's envelope.
    #[default]
    Dtr,
    /// A CloudEvent with its attributes in the body: the "structured" mode of the HTTP binding, section 3.2.
    CloudEvents,
    /// A CloudEvent with its attributes in headers: the "binary" mode, section 3.1.
    CloudEventsBinary,
}

/// A CloudEvent in the JSON format. `data` is an object, so `datacontenttype` is JSON and no `data_base64` is needed.
#[derive(Debug, Serialize)]
pub(crate) struct CloudEvent<'a> {
    pub(crate) specversion: &'static str,
    /// With `source`, names the event: the same in every webhook that hears of it, and each time it is sent.
    pub(crate) id: &'a str,
    /// The installation: `https://host:port`.
    pub(crate) source: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// `ns/repo:tag`.
    pub(crate) subject: &'a str,
    pub(crate) time: Timestamp,
    pub(crate) datacontenttype: &'static str,
    pub(crate) data: &'a Value,
}

/// A request's body with the headers that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) content_type: &'static str,
    /// `ce-…`, in the binary mode.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Dtr, Format::CloudEvents, Format::CloudEventsBinary];

    pub fn as_str(self) -> &'static str {
        match self {
            Format::Dtr => "dtr",
            Format::CloudEvents => "cloudevents",
            Format::CloudEventsBinary => "cloudevents-binary",
        }
    }
}

impl CloudEvent<'_> {
    pub(crate) fn structured(&self) -> Message {
        let body = serde_json::to_string(self).expect("an event has only text keys");
        Message { content_type: "application/cloudevents+json; charset=utf-8", attributes: Vec::new(), body }
    }

    /// `datacontenttype` becomes the content type, every other attribute a header (section 3.1.3).
    pub(crate) fn binary(&self) -> Message {
        let time = self.time.to_string();
        let attributes = [
            ("ce-specversion", self.specversion),
            ("ce-id", self.id),
            ("ce-source", self.source),
            ("ce-type", self.kind),
            ("ce-subject", self.subject),
            ("ce-time", &time),
        ];
        Message {
            content_type: self.datacontenttype,
            attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), header_value(value))).collect(),
            body: self.data.to_string(),
        }
    }
}

/// Section 3.1.3.2: space, double quote, percent and whatever is no printable ASCII are percent-encoded as UTF-8.
fn header_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => write!(out, "%{byte:02X}"),
            0x21..=0x7e => out.write_char(char::from(byte)),
            _ => write!(out, "%{byte:02X}"),
        }
        .expect("a text takes what is written");
    }
    out
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl str::FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format, Error> {
        Format::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
            let given: String = text.chars().take(80).collect();
            Error::Invalid(format!("format {given:?} is not known; use one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{CloudEvent, header_value};

    /// The example of the HTTP binding, and what it asks to be encoded.
    #[test]
    fn header_values() {
        assert_eq!(header_value("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(header_value("a\"b%c\r\n"), "a%22b%25c%0D%0A");
        assert_eq!(header_value("admin/flask:7"), "admin/flask:7");
    }

    #[test]
    fn both_modes_say_the_same() {
        let data = json!({"namespace": "admin", "tag": "7"});
        let event = CloudEvent {
            specversion: "1.0",
            id: "1",
            source: "https://assay.test:8443",
            kind: "assay.tag.pushed",
            subject: "admin/flask:7",
            time: "2026-01-02T03:04:05Z".parse().unwrap(),
            datacontenttype: "application/json",
            data: &data,
        };
        let (structured, binary) = (event.structured(), event.binary());
        let mut body: Value = serde_json::from_str(&structured.body).unwrap();
        let inner = body.as_object_mut().unwrap();
        assert_eq!(inner.remove("data").unwrap(), serde_json::from_str::<Value>(&binary.body).unwrap());
        assert_eq!(inner.remove("datacontenttype").unwrap(), "application/json");
        assert_eq!(inner.len(), binary.attributes.len());
        for (name, value) in &binary.attributes {
            assert_eq!(inner[name.strip_prefix("ce-").unwrap()], **value, "{name}");
        }
        assert_eq!(structured.content_type, "application/cloudevents+json; charset=utf-8");
        assert_eq!(binary.content_type, "application/json");
    }

    proptest! {
        #[test]
        fn a_header_value_is_ascii_and_decodes_to_the_text(text in ".{0,40}") {
            let encoded = header_value(&text);
            prop_assert!(encoded.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'"'));
            let mut bytes = Vec::new();
            let mut rest = encoded.as_bytes();
            while let Some((&first, after)) = rest.split_first() {
                rest = after;
                if first == b'%' {
                    bytes.extend(hex::decode(&after[..2]).unwrap());
                    rest = &after[2..];
                } else {
                    bytes.push(first);
                }
            }
            prop_assert_eq!(bytes, text.as_bytes());
        }
    }
}
