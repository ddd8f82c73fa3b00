//! Conditions: what holds, what is refused, and that the text form is faithful.

use proptest::prelude::*;

use super::{Expression, Operator, Term};

fn holds(text: &str) -> bool {
    let lookup = |name: &str| match name {
        "BRANCH" => Some("main"),
        "EMPTY" => Some(""),
        "PATTERN" => Some("/^ma/"),
        "WORD" => Some("ma"),
        "YES" => Some("true"),
        _ => None,
    };
    text.parse::<Expression>().unwrap().holds(lookup).unwrap()
}

#[test]
fn conditions_that_hold() {
    for text in [
        "$BRANCH",
        "$BRANCH == \"main\"",
        "'main' == $BRANCH",
        "$BRANCH != 'other'",
        "$NONE == null",
        "$EMPTY != null",
        "$EMPTY == ''",
        "$BRANCH =~ /^MAIN$/i",
        "$BRANCH !~ /^dev/",
        "$NONE !~ /x/",
        "$BRANCH =~ $PATTERN",
        "$BRANCH !~ $WORD",
        "$BRANCH == 'x' || $YES == true && $WORD",
        "($BRANCH == 'x' || $YES) && !$EMPTY",
        "$EMPTY || $BRANCH",
        "\"a/b\" =~ /a\\/b/",
        "$BRANCH=~/^ma/&&$YES",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn conditions_that_do_not_hold() {
    for text in [
        "$NONE",
        "$EMPTY",
        "$NONE == ''",
        "$BRANCH == null",
        "$BRANCH =~ $WORD",
        "$BRANCH =~ $NONE",
        "$EMPTY && $BRANCH",
        "$BRANCH == 'x' && $YES || $NONE",
        "false",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn conditions_that_are_refused_in_words() {
    for (text, expected) in [
        ("", "is empty"),
        ("${BRANCH}", "without braces"),
        ("$[[ inputs.x ]]", "input"),
        ("$A $B", "side by side"),
        ("$A ==", "ends where a value belongs"),
        ("== $A", "operator stands"),
        ("($A", "not closed"),
        ("$A)", "closes nothing"),
        ("$A == \"x", "closing quote"),
        ("$A =~ /x", "closing `/`"),
        ("main == $A", "`main == $A` is not understood"),
        ("$A == é", "not understood"),
    ] {
        let error = text.parse::<Expression>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!("!".repeat(101).parse::<Expression>().unwrap_err().message.contains("100 tokens"));
}

fn term() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        Just(Term::Null),
        any::<bool>().prop_map(Term::Bool),
        "[A-Z_][A-Z0-9_]{0,6}".prop_map(Term::Variable),
        "[ -!#-~]{0,8}".prop_map(Term::Text),
        "[a-z\"']{0,8}"
            .prop_filter("one kind of quote", |text| !text.contains('\'') || !text.contains('"'))
            .prop_map(Term::Text),
        "/([a-z.$]|\\\\/){1,6}/[ismU]{0,2}".prop_map(Term::Regex),
    ];
    let operator = prop::sample::select(vec![
        Operator::Or,
        Operator::And,
        Operator::Equal,
        Operator::NotEqual,
        Operator::Matches,
        Operator::NotMatches,
    ]);
    leaf.prop_recursive(4, 20, 2, move |inner| {
        prop_oneof![
            inner.clone().prop_map(|term| Term::Not(Box::new(term))),
            (inner.clone(), operator.clone(), inner).prop_map(|(left, operator, right)| Term::Both(
                Box::new(left),
                operator,
                Box::new(right)
            )),
        ]
    })
}

proptest! {
    #[test]
    fn the_text_form_parses_to_the_same_condition(root in term()) {
        let expression = Expression { root };
        prop_assert_eq!(expression.to_string().parse::<Expression>().unwrap(), expression);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "[$A-Za-z()&|=!~/\"' \\\\{}é]{0,60}") {
        if let Ok(expression) = text.parse::<Expression>() {
            let _verdict = expression.holds(|_| Some("/x/"));
        }
    }
}
