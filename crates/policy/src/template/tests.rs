//! Templates by example and by property.

use base::Timestamp;
use proptest::prelude::*;

use super::{TagTemplate, is_tag};
use crate::PolicyError;

fn render(template: &str, tag: &str, at: &str) -> Result<String, PolicyError> {
    template.parse::<TagTemplate>()?.render(tag, at.parse().unwrap())
}

#[test]
fn all_nineteen() {
    assert_eq!(TagTemplate::variables().count(), 19);
    // A Sunday.
    let at = "2048-02-09T15:04:05.000678901Z";
    let want = [
        ("%n", "4.5"),
        ("%A", "Sunday"),
        ("%a", "Sun"),
        ("%w", "0"),
        ("%d", "09"),
        ("%B", "February"),
        ("%b", "Feb"),
        ("%m", "02"),
        ("%Y", "2048"),
        ("%y", "48"),
        ("%H", "15"),
        ("%I", "03"),
        ("%p", "PM"),
        ("%M", "04"),
        ("%S", "05"),
        ("%f", "000678"),
        ("%Z", "UTC"),
        ("%j", "040"),
        ("%W", "05"),
    ];
    for (template, expected) in want {
        assert_eq!(render(template, "4.5", at).as_deref(), Ok(expected), "{template}");
    }
    assert_eq!(render("%n-%Y%m%d.%H%M%S_x", "v1", at).as_deref(), Ok("v1-20480209.150405_x"));
    assert_eq!(render("latest", "v1", at).as_deref(), Ok("latest"));
}

#[test]
fn hours_and_weeks_at_their_edges() {
    for (at, expected) in [
        ("2026-01-01T00:00:00Z", "12AM-001-00"), // a Thursday
        ("2026-01-04T12:59:00Z", "12PM-004-00"), // the Sunday before the first Monday
        ("2026-01-05T11:00:00Z", "11AM-005-01"),
        ("2018-01-01T23:00:00Z", "11PM-001-01"), // the year begins on a Monday
        ("2028-12-31T13:00:00Z", "01PM-366-52"),
        ("2012-12-31T01:00:00Z", "01AM-366-53"),
    ] {
        assert_eq!(render("%I%p-%j-%W", "x", at).as_deref(), Ok(expected), "{at}");
    }
}

#[test]
fn what_is_refused_when_it_is_written() {
    for (bad, part) in [
        ("", "%n keeps the tag"),
        ("%", "letter is missing"),
        ("a%", "letter is missing"),
        ("%%", "%% is not a variable; use one of %n %A"),
        ("%n-%D", "%D is not a variable"),
        ("%é", "%é is not a variable"),
        ("a/b", "'/' cannot stand in a tag"),
        ("%n:%Y", "':' cannot stand"),
        ("-%n", "cannot begin"),
        (".x", "cannot begin"),
        (&"%n".repeat(129), "expected 1 to 256 bytes"),
    ] {
        let error = bad.parse::<TagTemplate>().unwrap_err().to_string();
        assert!(error.contains(part), "{bad}: {error}");
    }
}

#[test]
fn what_is_refused_when_it_is_used() {
    let at = "2026-11-21T00:00:00Z";
    assert!(render("%n%n", &"x".repeat(65), at).unwrap_err().to_string().contains("is not valid"));
    assert!(render("%n", "-x", at).is_err());
    assert!(render("%n", "", at).is_err());
    assert!(render("%n", "a:b", at).is_err());
}

proptest! {
    #[test]
    fn what_comes_out_is_a_tag_whatever_goes_in(
        template in "([a-zA-Z0-9_.%-]{0,20}|.{0,20})",
        tag in "([a-zA-Z0-9_.-]{0,40}|.{0,20})",
        micros in -62_135_596_800_000_000..253_402_207_200_000_000_i64,
    ) {
        if let Ok(template) = template.parse::<TagTemplate>()
            && let Ok(tag) = template.render(&tag, Timestamp::from_microsecond(micros).unwrap())
        {
            prop_assert!(is_tag(&tag), "{}", tag);
        }
    }

    /// The library's strftime is another implementation of the same letters.
    #[test]
    fn agrees_with_another_strftime(micros in 0..253_402_207_200_000_000_i64) {
        let at = Timestamp::from_microsecond(micros).unwrap();
        for letter in "AawdBbmYyHIpMSjW".chars() {
            let text = format!("x%{letter}");
            let ours = text.parse::<TagTemplate>().unwrap().render("x", at).unwrap();
            prop_assert_eq!(ours, at.strftime(&text).to_string(), "{} at {}", letter, at);
        }
        let template: TagTemplate = "%f".parse().unwrap();
        prop_assert_eq!(template.render("x", at).unwrap(), at.strftime("%6f").to_string());
    }
}
