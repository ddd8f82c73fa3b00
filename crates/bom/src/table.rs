//! The report as text for a terminal: what is open, the unknown first, and one line that sums up.

use std::fmt::Write;

use base::Timestamp;

use crate::{Finding, Report, Severity, Status};

/// Narrower than this, a table is cut on the right and not shrunk any more.
const LEAST_WIDTH: usize = 40;
/// A column is not shrunk below this.
const LEAST_COLUMN: usize = 8;
const STALE: &str = ": STALE, what was published since is not found";
const HEAD: [&str; 6] = ["SEVERITY", "ID", "COMPONENT", "VERSION", "FIXED IN", "NOTE"];

/// Lines of at most `width` columns. Findings that a waiver or statement closes are only counted, unless `all` are asked for.
/// Control characters of names are replaced: a component must not steer the terminal.
pub fn table(report: &Report, width: usize, all: bool) -> String {
    let report = report.clone().sorted();
    let mut out = String::new();
    head(&mut out, &report);
    let mut rows: Vec<&Finding> =
        report.findings.iter().filter(|finding| all || finding.is_open(report.created)).collect();
    rows.sort_by_key(|finding| (rank(finding.severity), &finding.component, &finding.version, &finding.id));
    if !rows.is_empty() {
        let cells = rows.into_iter().map(|finding| row(&report, finding));
        let mut lines = vec![HEAD.map(str::to_owned)];
        lines.extend(cells);
        lines.dedup();
        out.push('\n');
        out.push_str(&columns(&lines, width));
    }
    facts(&mut out, &report);
    out.push('\n');
    summary(&mut out, &report);
    out
}

/// Rows of cells, the head among them, below each other in lines of at most `width` columns. The cells are as [`clean`] gives them.
pub fn columns<const N: usize>(lines: &[[String; N]], width: usize) -> String {
    const { assert!(N >= 2) };
    let widths = widths(lines, width.max(LEAST_WIDTH));
    let mut out = String::new();
    for line in lines {
        write_line(&mut out, line, &widths);
    }
    out
}

/// Unknown first: it is the one that somebody has to look at.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::Critical => 1,
        Severity::Major => 2,
        Severity::Minor => 3,
    }
}

fn head(out: &mut String, report: &Report) {
    let image = &report.image;
    let _ = writeln!(out, "{}", clean(&image.name));
    if let Some(digest) = &image.digest {
        let _ = writeln!(out, "  digest        {}", clean(digest));
    }
    if let Some(distribution) = &image.distribution {
        let name = if distribution.pretty_name.is_empty() {
            format!("{} {}", distribution.id, distribution.version)
        } else {
            distribution.pretty_name.clone()
        };
        let end = match &distribution.end_of_life {
            Some(day) if distribution.ended => format!(", no security updates since {day}"),
            Some(day) => format!(", security updates until {day}"),
            None => String::new(),
        };
        let _ = writeln!(out, "  distribution  {}", clean(&format!("{}{end}", name.trim_end())));
    }
    if let Some(base) = &image.base {
        let _ = writeln!(out, "  base image    {}", clean(&base.to_string()));
    }
    let inherited = report.components.iter().filter(|component| report.is_inherited(component.layer)).count();
    let inherited = if inherited > 0 { format!(", {inherited} of the base image") } else { String::new() };
    let _ = writeln!(out, "  components    {}{inherited}", report.components.len());
    match &report.snapshot {
        Some(snapshot) => {
            let label = if snapshot.label.is_empty() { &snapshot.digest } else { &snapshot.label };
            let days = |created| report.created.duration_since(created).as_hours() / 24;
            let age = match snapshot.created {
                Some(created) => format!(", {}", age(created, days(created), snapshot.stale)),
                None if snapshot.stale => STALE.to_owned(),
                None => String::new(),
            };
            let _ = writeln!(out, "  advisories    {}{age}", clean(label));
        }
        None => out.push_str("  advisories    none: nothing was matched\n"),
    }
}

/// `of 2026-11-20, 10 days old: STALE, …`: how old advisories are that were made then, as it stands beside everything that was found with them.
pub fn age(created: Timestamp, days: i64, stale: bool) -> String {
    let day = created.strftime("%Y-%m-%d");
    let old = match days {
        ..=0 => "less than a day old".to_owned(),
        1 => "a day old".to_owned(),
        days => format!("{days} days old"),
    };
    let warning = if stale { STALE } else { "" };
    format!("of {day}, {old}{warning}")
}

fn row(report: &Report, finding: &Finding) -> [String; 6] {
    let fixed = match (&finding.fixed_in, finding.status) {
        (Some(fixed), _) => fixed.clone(),
        (None, Status::WillNotFix) => "will not be fixed".to_owned(),
        (None, _) => "-".to_owned(),
    };
    let mut notes = Vec::new();
    if report.is_inherited(finding.layer) {
        notes.push("base image".to_owned());
    }
    match finding.status {
        Status::Affected | Status::WillNotFix => {}
        Status::UnderInvestigation => notes.push("under investigation".to_owned()),
        Status::NotAffected => notes.push("not affected".to_owned()),
        Status::Fixed => notes.push("fixed".to_owned()),
    }
    if finding.waiver_at(report.created).is_some() {
        notes.push("waived".to_owned());
    }
    if let Some(kev) = &finding.kev {
        notes.push(if kev.ransomware { "exploited, ransomware" } else { "exploited" }.to_owned());
    }
    if let Some(epss) = &finding.epss {
        notes.push(format!("EPSS {:.1} %", epss.probability.to_f64() * 100.0));
    }
    let texts =
        [finding.severity.as_str(), &finding.id, &finding.component, &finding.version, &fixed, &notes.join(", ")];
    texts.map(clean)
}

fn facts(out: &mut String, report: &Report) {
    for gap in &report.gaps {
        let _ = writeln!(out, "\nNot looked at: {}", clean(&gap.reason));
    }
    for secret in &report.facts.secrets {
        let title = if secret.title.is_empty() { &secret.rule } else { &secret.title };
        let line = if secret.line > 0 { format!(":{}", secret.line) } else { String::new() };
        let text = format!("Secret: {title} in {}{line} ({})", secret.path, secret.masked);
        let _ = writeln!(out, "\n{}", clean(&text));
    }
    for setting in &report.facts.configuration {
        let _ = writeln!(out, "\nConfiguration: {}", clean(&setting.message));
    }
}

fn summary(out: &mut String, report: &Report) {
    let tally = report.tally();
    let open = tally.unknown + tally.critical + tally.major + tally.minor;
    let verdict = match (open, report.gaps.is_empty(), report.snapshot.is_some()) {
        (_, _, false) => "Unknown: nothing was matched.",
        (_, false, _) => "Unknown: not everything could be looked at.",
        (0, ..) => "Nothing open.",
        _ => "Open.",
    };
    let inherited = match tally.inherited {
        0 => String::new(),
        inherited => format!(" {inherited} of the open ones come with the base image."),
    };
    let _ = writeln!(
        out,
        "{verdict} {open} findings: {} unknown, {} critical, {} major, {} minor; {} closed.{inherited}",
        tally.unknown, tally.critical, tally.major, tally.minor, tally.closed
    );
}

/// Control characters and those that turn the direction of writing become question marks.
pub fn clean(text: &str) -> String {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    text.chars().map(|c| if bad(c) { '?' } else { c }).collect()
}

/// The widest column gives way until the line fits.
fn widths<const N: usize>(lines: &[[String; N]], width: usize) -> [usize; N] {
    let mut widths = [0; N];
    for line in lines {
        for (at, cell) in line.iter().enumerate() {
            widths[at] = widths[at].max(cell.chars().count());
        }
    }
    let room = width.saturating_sub(2 * (N - 1));
    while widths.iter().sum::<usize>() > room {
        let over = widths.iter().sum::<usize>() - room;
        let (widest, next) = two_widest(&widths);
        let least = LEAST_COLUMN.max(widths[next].min(widths[widest] - 1));
        let take = over.min(widths[widest].saturating_sub(least));
        if take == 0 {
            break;
        }
        widths[widest] -= take;
    }
    widths
}

fn two_widest<const N: usize>(widths: &[usize; N]) -> (usize, usize) {
    let mut order: [usize; N] = std::array::from_fn(|at| at);
    order.sort_by_key(|at| std::cmp::Reverse(widths[*at]));
    (order[0], order[1])
}

fn write_line<const N: usize>(out: &mut String, line: &[String; N], widths: &[usize; N]) {
    let mut text = String::new();
    for (cell, width) in line.iter().zip(widths) {
        let length = cell.chars().count();
        if length > *width {
            text.extend(cell.chars().take(width.saturating_sub(1)));
            text.push('…');
        } else {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - length));
        }
        text.push_str("  ");
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd"), "a?[2Jb?c?d");
    }

    proptest::proptest! {
        #[test]
        fn lines_fit(cells in proptest::collection::vec("\\PC{0,40}", 6), width in 60_usize..200) {
            let cells: [String; 6] = cells.try_into().unwrap();
            let lines = [HEAD.map(str::to_owned), cells];
            let widths = widths(&lines, width);
            let mut out = String::new();
            for line in &lines {
                write_line(&mut out, line, &widths);
            }
            proptest::prop_assert!(out.lines().all(|line| line.chars().count() <= width), "{}", out);
        }
    }
}
