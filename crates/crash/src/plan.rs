//! What happens in a round: where the program is killed, and whether the power goes with it.

use crate::{chance::Chance, mount::Trap, site::Site};

/// Sites that are reached under load, the rarer ones more often than once.
const IN_LOAD: [Site; 15] = [
    Site::BlobFile,
    Site::BlobFolder,
    Site::ManifestFile,
    Site::ManifestFolder,
    Site::ManifestFolder,
    Site::ManifestFolder,
    Site::PresentFile,
    Site::PresentFolder,
    Site::Wal,
    Site::Wal,
    Site::Database,
    Site::Database,
    Site::LogFile,
    Site::LogFolder,
    Site::LogFolder,
];

/// Sites that are reached by a start.
const AT_START: [Site; 12] = [
    Site::Journal,
    Site::Database,
    Site::Wal,
    Site::WalFolder,
    Site::KeyFile,
    Site::KeyFolder,
    Site::DataFolder,
    Site::StoreFolder,
    Site::AlgorithmFolders,
    Site::PrefixFolders,
    Site::ManifestFile,
    Site::LogFile,
];

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Killed while it starts.
    pub at_start: Option<Trap>,
    /// Killed under load, before a step; otherwise when the time is over.
    pub in_load: Option<Trap>,
    pub load_ms: u64,
    /// Whether the power is cut: what was not synced may be lost.
    pub cut: bool,
}

impl Plan {
    pub fn draw(chance: &mut Chance, first: bool) -> Plan {
        // The first start does a thousand steps, a later one some thirty.
        let (percent, steps) = if first { (50, 900) } else { (12, 60) };
        let at_start = chance.percent(percent).then(|| match chance.pick(&AT_START) {
            Some(site) if chance.percent(60) => Trap { site: Some(*site), left: some(chance, 4) },
            _ => Trap { site: None, left: some(chance, steps) },
        });
        let in_load = match chance.below(10) {
            0..3 => None,
            3..5 => Some(Trap { site: None, left: some(chance, 2000) }),
            _ => {
                let site = *chance.pick(&IN_LOAD).expect("there are some");
                let most = if chance.percent(50) { 6 } else { 80 };
                Some(Trap { site: Some(site), left: some(chance, most) })
            }
        };
        Plan { at_start, in_load, load_ms: 150 + chance.below(350), cut: chance.percent(60) }
    }
}

fn some(chance: &mut Chance, most: u64) -> u32 {
    u32::try_from(chance.below(most) + 1).expect("it is a small number")
}
