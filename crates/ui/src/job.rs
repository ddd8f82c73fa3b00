//! One job with its log, live while it runs.

use maud::{Markup, PreEscaped, html};

use crate::{Frame, layout::page, pipelines::status};

/// One job.
#[derive(Clone, Debug)]
pub struct JobView {
    pub project: String,
    pub id: i64,
    pub pipeline: i64,
    pub name: String,
    pub status: String,
    pub running: bool,
    /// The log so far, as the runner sent it: text with terminal escapes.
    pub log: String,
    /// How many bytes of the log this is; where a live reader goes on.
    pub offset: u64,
    pub failure: Option<String>,
}

/// The page.
pub fn job(frame: &Frame, view: &JobView) -> Markup {
    let log = html! { pre.log role="log" aria-live="polite" { (PreEscaped(log_html(&view.log))) } };
    let path = format!("/projects/{}/jobs/{}", view.project, view.id);
    let content = html! {
        p {
            (status(&view.status)) " · "
            a href={ "/projects/" (view.project) "/pipelines/" (view.pipeline) } { "pipeline #" (view.pipeline) }
        }
        @if let Some(why) = &view.failure { p.bad { "✕ " (why) } }
        @if view.running {
            live-log src={ (path) "/log" } offset=(view.offset) {
                label { span { input type="checkbox" checked; " Follow" } }
                (log)
            }
            noscript { p { a href=(path) { "Refresh" } } }
        } @else { (log) }
    };
    page(frame, &format!("{} job #{} {}", view.project, view.id, view.name), &content)
}

/// The text of a log as HTML: everything escaped, the few colours a runner uses turned into spans, section marks dropped.
pub fn log_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    let mut open = false;
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        escape(&mut html, &rest[..start]);
        rest = &rest[start + 1..];
        let Some(sequence) = rest.strip_prefix('[') else { continue };
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        let Some(end) = end.filter(|&end| end <= 16) else { continue };
        let (parameters, kind) = (&sequence[..end], &sequence[end..=end]);
        rest = &sequence[end + 1..];
        if kind == "m" {
            if std::mem::take(&mut open) {
                html.push_str("</span>");
            }
            if let Some(class) = class_of(parameters) {
                html.push_str("<span class=\"");
                html.push_str(class);
                html.push_str("\">");
                open = true;
            }
        }
    }
    escape(&mut html, rest);
    if open {
        html.push_str("</span>");
    }
    html
}

fn class_of(parameters: &str) -> Option<&'static str> {
    parameters.split(';').find_map(|code| match code {
        "31" | "91" => Some("red"),
        "32" | "92" => Some("green"),
        "33" | "93" => Some("yellow"),
        "34" | "36" | "94" | "96" => Some("cyan"),
        _ => None,
    })
}

fn escape(html: &mut String, text: &str) {
    for line in text.split_inclusive('\n') {
        // `section_start:1700000000:step_script\r` is a mark for readers of logs, not a line.
        let line = match line.rfind('\r') {
            Some(at) if line.starts_with("section_") => &line[at + 1..],
            _ => line,
        };
        for c in line.chars() {
            match c {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '\r' => {}
                c if c.is_control() && c != '\n' && c != '\t' => html.push('\u{fffd}'),
                c => html.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::log_html;

    #[test]
    fn colours_become_spans_and_the_rest_is_text() {
        let log = "section_start:1:step_script\r\u{1b}[0K\u{1b}[32;1m$ echo <b>\u{1b}[0;m\n<b>\u{1b}]0;title\u{7}";
        assert_eq!(log_html(log), "<span class=\"green\">$ echo &lt;b&gt;</span>\n&lt;b&gt;]0;title\u{fffd}");
        assert_eq!(log_html("\u{1b}[31mopen"), "<span class=\"red\">open</span>");
        assert_eq!(log_html("\u{1b}[99999999999999999999m\u{1b}["), "[99999999999999999999m[");
    }
}
