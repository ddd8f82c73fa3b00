//! From the events of `saphyr-parser` to nodes: aliases, merge keys, repeated keys, tags, and all the limits.

use std::{collections::HashMap, sync::Arc};

use base::limits;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{Entry, Map, Mark, Node, Value, scalar};
use crate::{
    budget::{Budget, Spent},
    problem::{Problem, Report},
};

/// The first document of a file, and what is left to spend on expanding it further.
#[derive(Debug)]
pub(crate) struct Document {
    pub root: Node,
    pub budget: Budget,
}

/// Reads the first document of `bytes`. Only the first fault is known: YAML cannot be read on after one.
pub(crate) fn load(bytes: &[u8], report: &mut Report) -> Result<Document, Problem> {
    let whole = |message: String| Problem::new(Mark::default(), "", message);
    if bytes.len() > limits::PIPELINE_FILE_BYTES {
        let (size, most) = (bytes.len(), limits::PIPELINE_FILE_BYTES);
        return Err(whole(format!("the file has {size} bytes and may have {most}; split it or make it shorter")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        whole(format!("the file is not UTF-8 text from line {line} on; save it as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder =
        Builder { report, budget: Budget::new(), stack: Vec::new(), anchors: HashMap::new(), root: None, documents: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(step) = parser.next_event() {
        let (event, span) = step.map_err(|fault| {
            let message = format!("not valid YAML: {}; check indentation, quotes and colons here", fault.info());
            Problem::new(mark_of(*fault.marker()), "", message)
        })?;
        if !builder.event(event, mark_of(span.start))? {
            break;
        }
    }
    let root = builder.root.take().unwrap_or_else(|| Node::new(Mark { line: 1, column: 1 }, Value::Null));
    Ok(Document { root, budget: builder.budget })
}

struct Builder<'r> {
    report: &'r mut Report,
    budget: Budget,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
    documents: usize,
}

/// A list or map that is still open.
struct Frame {
    mark: Mark,
    anchor: usize,
    /// Tallest child so far.
    height: usize,
    /// The budget when it was opened: what an alias of it will cost.
    before: Budget,
    open: Open,
}

enum Open {
    List(Vec<Node>),
    Reference(Vec<Arc<str>>),
    Map(Map, Option<(Arc<str>, Mark)>),
}

struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

impl Builder<'_> {
    /// Takes one event; false when what follows is not of interest.
    fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<bool, Problem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.second_document(mark)?;
                    return Ok(false);
                }
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), mark)?,
            Event::Alias(id) => self.alias(id, mark)?,
            Event::SequenceStart(anchor, tag) => {
                let reference = is_reference(tag.as_deref(), mark)?;
                let open = if reference { Open::Reference(Vec::new()) } else { Open::List(Vec::new()) };
                self.open(open, anchor, mark)?;
            }
            Event::MappingStart(anchor, tag) => {
                if is_reference(tag.as_deref(), mark)? {
                    return Err(Problem::new(mark, "", "`!reference` needs a list: write `!reference [job, key]`"));
                }
                self.open(Open::Map(Map::default(), None), anchor, mark)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(true)
    }

    fn second_document(&mut self, mark: Mark) -> Result<(), Problem> {
        let spec = self.root.as_ref().and_then(Node::as_map).is_some_and(|map| map.get("spec").is_some());
        if spec {
            let message = "a `spec` header with inputs is not supported; write the pipeline without inputs";
            return Err(Problem::new(mark, "spec", message));
        }
        self.report.warn(mark, "", "everything after the second `---` is ignored: a pipeline is one document");
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        mark: Mark,
    ) -> Result<(), Problem> {
        self.spend(1, text.len(), mark)?;
        if is_reference(tag, mark)? {
            return Err(Problem::new(mark, "", "`!reference` needs a list: write `!reference [job, key]`"));
        }
        let forced = tag.is_some_and(|tag| tag.handle == "!" || tag.suffix == "str");
        let value =
            if style == ScalarStyle::Plain && !forced { scalar::read(text) } else { Value::Text(Arc::from(text)) };
        let mut node = Node::new(mark, value);
        if node.as_text().is_none() && node.scalar_text().as_deref() != Some(text) {
            node.written = Some(Arc::from(text));
        }
        self.remember(anchor, &node, 1, text.len(), 0);
        self.put(node, 0)
    }

    fn alias(&mut self, id: usize, mark: Mark) -> Result<(), Problem> {
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "an alias stands inside the very value its anchor names; name a value that is complete";
            return Err(Problem::new(mark, "", message));
        };
        let (nodes, bytes, height) = (anchored.nodes, anchored.bytes, anchored.height);
        let node = anchored.node.clone();
        if self.stack.len() + height >= limits::DOCUMENT_DEPTH {
            return Err(too_deep(mark));
        }
        self.spend(nodes, bytes, mark)?;
        self.put(node, height)
    }

    fn open(&mut self, open: Open, anchor: usize, mark: Mark) -> Result<(), Problem> {
        if self.stack.len() >= limits::DOCUMENT_DEPTH {
            return Err(too_deep(mark));
        }
        let before = self.budget.clone();
        self.spend(1, 0, mark)?;
        self.stack.push(Frame { mark, anchor, height: 0, before, open });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.open {
            Open::List(list) => Value::List(Arc::new(list)),
            Open::Map(map, _) => Value::Map(Arc::new(map)),
            Open::Reference(keys) if keys.is_empty() => {
                let message = "`!reference` names nothing: write `!reference [job, key]`";
                return Err(Problem::new(frame.mark, "", message));
            }
            Open::Reference(keys) => Value::Reference(keys.into()),
        };
        let node = Node::new(frame.mark, value);
        let (nodes, bytes) = self.budget.since(&frame.before);
        let height = frame.height + 1;
        self.remember(frame.anchor, &node, nodes, bytes, height);
        self.put(node, height)
    }

    fn remember(&mut self, anchor: usize, node: &Node, nodes: usize, bytes: usize, height: usize) {
        // saphyr-parser counts anchors from 1; 0 is "none".
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes, height });
        }
    }

    /// Gives a complete node to the list or map it stands in.
    fn put(&mut self, node: Node, height: usize) -> Result<(), Problem> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match &mut frame.open {
            Open::List(list) => list.push(node),
            Open::Reference(keys) => match node.written.clone().or_else(|| node.scalar_text()) {
                Some(key) => keys.push(key),
                None => return Err(Problem::new(node.mark, "", "`!reference` takes keys only: `[job, key]`")),
            },
            Open::Map(_, key @ None) => {
                let Some(text) = node.written.clone().or_else(|| node.scalar_text()) else {
                    return Err(Problem::new(
                        node.mark,
                        "",
                        format!("a key must be text, and this is {}", node.what()),
                    ));
                };
                *key = Some((text, node.mark));
            }
            Open::Map(map, key) => {
                let (key, mark) = key.take().expect("the arm above took the case of no key");
                if &*key == "<<" {
                    return merge(map, &node, &mut self.budget, self.report);
                }
                let path = key.to_string();
                if let Some(earlier) = map.set(Entry { key, mark, value: node }) {
                    let line = earlier.mark.line;
                    self.report.warn(mark, &path, format!("written before on line {line}; this one, the last, counts"));
                }
            }
        }
        Ok(())
    }

    fn spend(&mut self, nodes: usize, bytes: usize, mark: Mark) -> Result<(), Problem> {
        self.budget.spend(nodes, bytes).map_err(|spent: Spent| Problem::new(mark, "", spent.message()))
    }
}

/// `<<`: the keys of a map, or of several, of which the first counts. As in Psych it writes over what stands above it.
fn merge(into: &mut Map, node: &Node, budget: &mut Budget, report: &mut Report) -> Result<(), Problem> {
    let refuse = || Problem::new(node.mark, "<<", "`<<` takes a map or a list of maps, such as `<<: *anchor`");
    let sources: Vec<&Map> = match &node.value {
        Value::Map(map) => vec![map],
        Value::List(list) => {
            list.iter().rev().map(|item| item.as_map().ok_or_else(refuse)).collect::<Result<_, _>>()?
        }
        _ => return Err(refuse()),
    };
    let mut merged = Map::default();
    for source in sources {
        budget.spend(source.len(), 0).map_err(|spent| Problem::new(node.mark, "<<", spent.message()))?;
        for entry in source.entries() {
            merged.set(entry.clone());
        }
    }
    for entry in merged.entries {
        let key = entry.key.clone();
        if let Some(earlier) = into.set(entry) {
            let message = format!(
                "`<<` here replaces `{key}` of line {}, as it does in GitLab; put `<<` first to keep your own",
                earlier.mark.line
            );
            report.warn(node.mark, "<<", message);
        }
    }
    Ok(())
}

/// Whether a tag is `!reference`. Another local tag is refused; those of YAML itself (`!!str`) are not local.
fn is_reference(tag: Option<&Tag>, mark: Mark) -> Result<bool, Problem> {
    match tag {
        Some(tag) if tag.handle == "!" && tag.suffix == "reference" => Ok(true),
        Some(tag) if tag.handle == "!" && !tag.suffix.is_empty() => {
            let message = format!("unknown tag `!{}`; only `!reference [job, key]` has a meaning here", tag.suffix);
            Err(Problem::new(mark, "", message))
        }
        _ => Ok(false),
    }
}

fn too_deep(mark: Mark) -> Problem {
    Problem::new(mark, "", format!("nested deeper than {} levels; make it flatter", limits::DOCUMENT_DEPTH))
}

fn mark_of(marker: Marker) -> Mark {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark { line: narrow(marker.line()), column: narrow(marker.col() + 1) }
}
