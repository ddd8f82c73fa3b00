//! A comparison as text for a terminal.

use std::fmt::Write;

use bom::{Finding, clean, columns};

use super::{Change, Compared, Comparison, FindingChange};

const HEAD: [&str; 6] = ["", "SEVERITY", "ID", "COMPONENT", "CAUSE", "BECAUSE"];

pub(super) fn table(comparison: &Comparison, width: usize, all: bool) -> String {
    let mut out = String::new();
    side(&mut out, "before", &comparison.before);
    side(&mut out, "after", &comparison.after);
    for change in &comparison.components {
        let said = match (&change.before, &change.after) {
            (Some(old), Some(new)) if old == new => format!("~ {} {new} is told of otherwise", change.name),
            (Some(old), Some(new)) => format!("~ {} {old} became {new}", change.name),
            (Some(old), None) => format!("- {} {old} went", change.name),
            (None, new) => format!("+ {} {} came", change.name, new.as_deref().unwrap_or_default()),
        };
        let _ = writeln!(out, "  {}", clean(&said));
    }
    let shown: Vec<&FindingChange> = comparison.findings.iter().filter(|one| all || one.is_weighty()).collect();
    if !shown.is_empty() {
        let mut lines = vec![HEAD.map(str::to_owned)];
        lines.extend(shown.iter().map(|one| row(one)));
        out.push('\n');
        out.push_str(&columns(&lines, width));
    }
    for gap in &comparison.new_gaps {
        let _ = writeln!(out, "\nNot looked at any more: {}", clean(&gap.reason));
    }
    let count = |change| comparison.findings.iter().filter(|one| one.change == change).count();
    let _ = writeln!(
        out,
        "\n{} appeared, {} vanished, {} changed ({} in details only); {} stay as they were.",
        count(Change::Appeared),
        count(Change::Vanished),
        count(Change::Changed),
        comparison.findings.iter().filter(|one| !one.is_weighty()).count(),
        comparison.unchanged
    );
    out
}

fn side(out: &mut String, which: &str, compared: &Compared) {
    let digest = compared.digest.as_deref().map(|digest| format!("  {digest}")).unwrap_or_default();
    let advisories = match &compared.snapshot {
        Some(snapshot) if snapshot.label.is_empty() => &snapshot.digest,
        Some(snapshot) => &snapshot.label,
        None => "none",
    };
    let scanner = format!("{} {}", compared.scanner.name, compared.scanner.version);
    let text = format!("{which:<6}  {}{digest}  (advisories {advisories}, {scanner})", compared.name);
    let _ = writeln!(out, "{}", clean(&text));
}

fn row(one: &FindingChange) -> [String; 6] {
    let (mark, finding) = match one.change {
        Change::Appeared => ("+", one.after.as_ref()),
        Change::Vanished => ("-", one.before.as_ref()),
        Change::Changed => ("~", one.after.as_ref()),
    };
    let none = Finding::default();
    let finding = finding.unwrap_or(&none);
    let moved = one.before.as_ref().filter(|before| one.after.is_some() && before.severity != finding.severity);
    let severity = match moved {
        Some(before) => format!("{} → {}", before.severity, finding.severity),
        None => finding.severity.to_string(),
    };
    let component = format!("{} {}", finding.component, finding.version);
    let cells = [mark, &severity, &finding.id, component.trim_end(), one.cause.as_str(), &one.reason];
    cells.map(clean)
}
