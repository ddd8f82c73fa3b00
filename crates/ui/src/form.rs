//! What forms share: fields with the reason beside the one it is about, rules as lines, and a button that sends one thing.

use maud::{Markup, html};

/// Why what was sent was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name of the field it is about; empty for no single one.
    pub field: &'static str,
    pub why: String,
}

/// What can stand in rules.
#[derive(Clone, Debug, Default)]
pub struct RulesHelp {
    /// Field, what it is called, and its operators.
    pub fields: Vec<(&'static str, &'static str, String)>,
}

/// The fields of one form, which know what was refused.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) Option<&'a Refusal>);

impl Fields<'_> {
    fn beside(self, name: &str) -> Markup {
        html! { @if let Some(Refusal { why, .. }) = self.0.filter(|refusal| refusal.field == name) {
            span.bad role="alert" { "✕ " (why) }
        } }
    }

    fn is_wrong(self, name: &str) -> Option<&'static str> {
        self.0.filter(|refusal| refusal.field == name).map(|_| "true")
    }

    /// What is about no single field; stands above the form.
    pub(crate) fn top(self) -> Markup {
        html! { @if let Some(Refusal { why, .. }) = self.0.filter(|refusal| refusal.field.is_empty()) {
            p.bad role="alert" { "✕ " (why) }
        } }
    }

    pub(crate) fn text(self, label: &str, name: &str, value: &str, example: &str) -> Markup {
        self.input(label, name, "text", value, example)
    }

    /// One of the types of HTML that are typed like a text.
    pub(crate) fn input(self, label: &str, name: &str, kind: &str, value: &str, example: &str) -> Markup {
        html! {
            label {
                (label)
                input type=(kind) name=(name) value=(value) placeholder=(example) autocomplete="off" aria-invalid=[self.is_wrong(name)];
                (self.beside(name))
            }
        }
    }

    /// Typed anew each time: what was typed before is never in a page.
    pub(crate) fn secret(self, label: &str, name: &str) -> Markup {
        html! {
            label {
                (label)
                input type="password" name=(name) autocomplete="new-password" aria-invalid=[self.is_wrong(name)];
                (self.beside(name))
            }
        }
    }

    pub(crate) fn area(self, label: &str, name: &str, value: &str, (rows, example): (u8, &str)) -> Markup {
        html! {
            label {
                (label)
                textarea name=(name) rows=(rows) spellcheck="false" placeholder=(example) aria-invalid=[self.is_wrong(name)] {
                    // The first line break after the tag is not part of what is in it.
                    "\n" (value)
                }
                (self.beside(name))
            }
        }
    }

    /// Value and words of each choice.
    pub(crate) fn choice<'b>(
        self,
        label: &str,
        name: &str,
        value: &str,
        choices: impl IntoIterator<Item = (&'b str, &'b str)>,
    ) -> Markup {
        html! {
            label {
                (label)
                select name=(name) aria-invalid=[self.is_wrong(name)] {
                    @for (choice, words) in choices { option value=(choice) selected[choice == value] { (words) } }
                }
                (self.beside(name))
            }
        }
    }

    pub(crate) fn check(self, label: &str, name: &str, on: bool) -> Markup {
        html! {
            label.check { input type="checkbox" name=(name) value="true" checked[on]; span { (label) } (self.beside(name)) }
        }
    }

    /// Rules, one a line, with what can stand in them.
    pub(crate) fn rules(self, label: &str, value: &str, help: &RulesHelp, example: &str) -> Markup {
        html! {
            (self.area(label, "rules", value, (5, example)))
            details {
                summary { "Fields and operators" }
                div.wide { table { tbody { @for (field, label, operators) in &help.fields {
                    tr { td { code { (field) } } td { (label) } td { code { (operators) } } }
                } } } }
                p.quiet { "Groups (any, all, not) are written as a JSON array of rules in place of the lines." }
            }
        }
    }
}

/// A button that sends the hidden fields of a form of its own.
pub(crate) fn button(action: &str, hidden: &[(&str, &str)], words: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            button type="submit" { (words) }
        }
    }
}

/// The same for what cannot be taken back: it has to be unfolded first.
pub(crate) fn unfolded(action: &str, hidden: &[(&str, &str)], words: &str, warning: &str) -> Markup {
    html! {
        details {
            summary { (words) }
            p { (warning) }
            (button(action, hidden, words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Refusal};

    #[test]
    fn the_reason_stands_beside_its_field_and_what_was_typed_is_text() {
        let refusal = Refusal { field: "tag", why: "<b>no</b>".to_owned() };
        let fields = Fields(Some(&refusal));
        let (wrong, other) = (fields.text("Tag", "tag", "\"><script>", ""), fields.text("Host", "host", "x", ""));
        let (wrong, other) = (wrong.into_string(), other.into_string());
        assert!(wrong.contains("aria-invalid=\"true\"") && wrong.contains("✕ &lt;b&gt;no"), "{wrong}");
        assert!(
            !wrong.contains("<script>") && !other.contains("aria-invalid") && !other.contains('✕'),
            "{wrong} {other}"
        );
        assert!(fields.top().into_string().is_empty());
        let refusal = Refusal { field: "", ..refusal };
        assert!(Fields(Some(&refusal)).top().into_string().contains("role=\"alert\""));
    }
}
