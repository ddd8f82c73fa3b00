//! XML as events with a path and attributes: nothing is kept, nesting is bounded, and no entity but the five of XML is known.

use std::collections::BTreeMap;

use base::limits::ADVISORY_XML_DEPTH;
use quick_xml::{Reader, XmlVersion, events::Event};

/// What a reader of a format is told.
pub(super) trait Listener {
    /// An element begins; `path` holds the names from the root to it, without prefixes.
    fn start(&mut self, path: &[String], attributes: &BTreeMap<String, String>) -> Result<(), crate::Error>;

    /// It ends; with its own text, trimmed.
    fn end(&mut self, path: &[String], text: &str) -> Result<(), crate::Error>;
}

/// Read a document to its end.
pub(super) fn read(name: &str, bytes: &[u8], listener: &mut dyn Listener) -> Result<(), crate::Error> {
    let wrong = |reader: &Reader<&[u8]>, reason: String| {
        super::refused(name, format!("byte {}: {reason}", reader.error_position()))
    };
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let (mut path, mut texts): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().map_err(|error| wrong(&reader, error.to_string()))?;
        match event {
            Event::Start(start) => {
                if path.len() >= ADVISORY_XML_DEPTH {
                    return Err(wrong(&reader, format!("it is more than {ADVISORY_XML_DEPTH} levels deep")));
                }
                path.push(local(start.local_name().as_ref()));
                texts.push(String::new());
                let attributes = attributes(&start).map_err(|reason| wrong(&reader, reason))?;
                listener.start(&path, &attributes)?;
            }
            Event::Empty(start) => {
                path.push(local(start.local_name().as_ref()));
                let attributes = attributes(&start).map_err(|reason| wrong(&reader, reason))?;
                listener.start(&path, &attributes)?;
                listener.end(&path, "")?;
                path.pop();
            }
            Event::End(_) => {
                let text = texts.pop().unwrap_or_default();
                listener.end(&path, text.trim())?;
                path.pop();
            }
            Event::Text(text) => add(&mut texts, &String::from_utf8_lossy(&text)),
            Event::CData(text) => add(&mut texts, &String::from_utf8_lossy(&text)),
            Event::GeneralRef(entity) => add(&mut texts, entity_text(&String::from_utf8_lossy(&entity))),
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(wrong(&reader, "it ends too early".to_owned())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn add(texts: &mut [String], text: &str) {
    if let Some(own) = texts.last_mut() {
        own.push_str(text);
    }
}

/// Entities of the document's own are not expanded: no feed has one.
fn entity_text(name: &str) -> &str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => " ",
    }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn attributes(start: &quick_xml::events::BytesStart<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        found.insert(local(attribute.key.local_name().as_ref()), value.into_owned());
    }
    Ok(found)
}
