//! Rules as forms have them, one a line or as JSON, and as tables say them.

use policy::{Field, Operator, Rule, RuleForm, read_rules};
use ui::RulesHelp;

/// What the form's help lists.
pub(super) fn help() -> RulesHelp {
    let operators =
        |field: Field| field.operators().iter().map(|operator| operator.as_str()).collect::<Vec<_>>().join(" ");
    RulesHelp {
        fields: Field::ALL.into_iter().map(|field| (field.as_str(), field.label(), operators(field))).collect(),
    }
}

/// One rule a line, or a JSON array in which groups may stand.
///
/// # Errors
/// What is wrong, for the person who typed it.
pub(super) fn read(text: &str) -> Result<Vec<RuleForm>, String> {
    let text = text.trim();
    if text.starts_with('[') {
        let value = serde_json::from_str(text).map_err(|error| format!("the rules are no JSON: {error}"))?;
        return read_rules(&value).map_err(|error| error.to_string());
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.parse::<Rule>().map(RuleForm::from).map_err(|error| error.to_string())).collect()
}

/// The text that [`read`] understands as these rules: lines where they can say it, JSON else.
pub(super) fn written(rules: &[RuleForm]) -> String {
    let lines: Vec<String> = rules.iter().map(line).collect();
    let text = lines.join("\n");
    match read(&text) {
        Ok(same) if same == rules => text,
        _ => serde_json::to_string_pretty(rules).unwrap_or_default(),
    }
}

/// `vulnerability_all lte 0`, or a group in JSON.
pub(super) fn line(rule: &RuleForm) -> String {
    match rule {
        RuleForm::Rule(rule) => rule.to_string(),
        group => serde_json::to_string(group).unwrap_or_default(),
    }
}

/// `All vulnerabilities less than or equals 0`.
pub(super) fn in_words(rule: &RuleForm) -> String {
    let all = |rules: &[RuleForm]| rules.iter().map(in_words).collect::<Vec<_>>().join("; ");
    match rule {
        RuleForm::Rule(Rule { field, operator, values }) => {
            let known = Field::ALL.into_iter().find(|known| known.as_str() == field);
            let field = known.map_or(field.as_str(), |known| known.label());
            let known = Operator::ALL.into_iter().find(|known| known.as_str() == operator);
            format!("{field} {} {}", known.map_or(operator.as_str(), |known| known.label()), values.join(", "))
        }
        RuleForm::Any(rules) => format!("any of ({})", all(rules)),
        RuleForm::All(rules) => format!("all of ({})", all(rules)),
        RuleForm::Not(rule) => format!("not ({})", in_words(rule)),
    }
}

#[cfg(test)]
mod tests {
    use super::{in_words, read, written};

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            "",
            "vulnerability_all lte 0",
            "tag oo a,b\nupdated_at_duration bf 72h",
            "tag matches ^v, [0-9]+$",
            r#"[{"any":[{"field":"tag","operator":"eq","values":["x"]},{"not":{"field":"tag","operator":"sw","values":["y"]}}]}]"#,
            // No line says this: the comma is part of a name.
            r#"[{"field":"component.name","operator":"oo","values":["a,b","c"]}]"#,
        ] {
            let rules = read(text).unwrap();
            assert_eq!(read(&written(&rules)).unwrap(), rules, "{text}");
        }
        assert!(read("[").unwrap_err().contains("JSON") && read("tag eq").unwrap_err().contains("FIELD OPERATOR"));
    }

    #[test]
    fn words() {
        let said = |text: &str| in_words(&read(text).unwrap()[0]);
        assert_eq!(said("vulnerability_all lte 0"), "All vulnerabilities less than or equals 0");
        let group = r#"[{"any":[{"field":"tag","operator":"eq","values":["x"]},{"not":{"field":"tag","operator":"sw","values":["y"]}}]}]"#;
        assert_eq!(said(group), "any of (Tag name equals x; not (Tag name starts with y))");
    }
}
