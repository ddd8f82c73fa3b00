//! Values of the services in the form that pages show.

use base::Timestamp;
use oci::Platform;
use policy::Counts;
use ui::ScanState;

use crate::scanned::{Scanned, Stage};

/// `2026-11-21 10:00:00 UTC`
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `linux/arm64/v8`, or why there is none.
pub(super) fn platform(platform: Option<&Platform>, is_index: bool) -> String {
    match platform {
        Some(Platform { os, architecture, variant: Some(variant), .. }) => format!("{os}/{architecture}/{variant}"),
        Some(Platform { os, architecture, .. }) => format!("{os}/{architecture}"),
        None if is_index => "several platforms".to_owned(),
        None => "no platform".to_owned(),
    }
}

/// The shield: what is unknown never looks clean, and what was found is shown also when more is unknown.
pub(super) fn scan_state(scanned: &Scanned) -> ScanState {
    let counts = counts(scanned.counts);
    match (&scanned.stage, scanned.why_unknown()) {
        (Stage::Pending, _) => ScanState::Pending,
        (Stage::Unjudged(why), _) if counts.all() > 0 => ScanState::Partly(counts, why.clone()),
        (_, Some(why)) => ScanState::Unknown(why),
        (_, None) => ScanState::Done(counts),
    }
}

fn counts(counts: Counts) -> ui::Counts {
    let Counts { critical, major, minor, unknown, waived } = counts;
    ui::Counts { critical, major, minor, unknown, waived }
}

#[cfg(test)]
mod tests {
    use policy::Counts;
    use ui::ScanState;

    use super::scan_state;
    use crate::scanned::{Scanned, Stage};

    #[test]
    fn a_green_shield_needs_a_whole_scan() {
        let state = |stage, major| {
            let counts = Counts { major, ..Counts::default() };
            scan_state(&Scanned {
                stage,
                counts,
                finished_at: None,
                snapshot: None,
                age: None,
                outdated: false,
                distribution: None,
            })
        };
        assert!(matches!(state(Stage::Done, 0), ScanState::Done(counts) if counts.all() == 0));
        assert!(matches!(state(Stage::Done, 2), ScanState::Done(counts) if counts.all() == 2));
        assert!(matches!(state(Stage::Unjudged("x".into()), 0), ScanState::Unknown(_)));
        assert!(matches!(state(Stage::Unjudged("x".into()), 2), ScanState::Partly(counts, _) if counts.all() == 2));
        assert!(matches!(state(Stage::Pending, 2), ScanState::Pending));
        for stage in [Stage::Never, Stage::NoImage, Stage::Failed("x".into())] {
            assert!(matches!(state(stage, 0), ScanState::Unknown(_)));
        }
    }
}
