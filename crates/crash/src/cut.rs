//! The power cut: what was not synced is dropped, kept, kept without what came before it, or torn.

use crate::{
    chance::Chance,
    disk::{Content, Disk, Edit, Kind},
};

/// What a disk writes whole; the edge along which a write tears.
const SECTOR: usize = 512;

/// What became of what was not synced.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    pub names_lost: usize,
    pub names_kept: usize,
    /// Files that had edits which were not synced.
    pub files: usize,
}

impl Disk {
    /// Cut the power: what programs see afterwards is what is on disk.
    pub fn cut(&mut self, chance: &mut Chance) -> Losses {
        let keep = *chance.pick(&[0, 0, 10, 50, 50, 90, 100]).expect("there are some");
        let mut losses = Losses::default();
        for change in std::mem::take(&mut self.unsynced) {
            if chance.percent(keep) {
                losses.names_kept += 1;
                self.settle(change);
            } else {
                losses.names_lost += 1;
            }
        }
        // In a fixed order, or a seed would not repeat.
        let mut inos: Vec<_> = self.nodes.keys().copied().collect();
        inos.sort_unstable();
        for ino in inos {
            match &mut self.nodes.get_mut(&ino).expect("it was listed").kind {
                Kind::Folder(names) => names.now.clone_from(&names.safe),
                Kind::File(content) if content.unsynced.is_empty() => {}
                Kind::File(content) => {
                    losses.files += 1;
                    content.cut(chance);
                }
            }
        }
        self.sweep();
        self.find_places();
        losses
    }
}

impl Content {
    fn cut(&mut self, chance: &mut Chance) {
        let edits = std::mem::take(&mut self.unsynced);
        match chance.below(6) {
            0 | 1 => {}
            2 => edits.iter().for_each(|edit| edit.apply(&mut self.safe)),
            3 => {
                // The first so many, the last of them torn.
                let kept = chance.index(edits.len());
                edits[..kept].iter().for_each(|edit| edit.apply(&mut self.safe));
                edits[kept].torn(chance).apply(&mut self.safe);
            }
            4 => {
                // Some of them, whichever came first.
                for edit in &edits {
                    match chance.below(4) {
                        0 | 1 => edit.apply(&mut self.safe),
                        2 => edit.torn(chance).apply(&mut self.safe),
                        _ => {}
                    }
                }
            }
            _ => {
                // The size is there, the bytes are not.
                let zeroed = |edit: &Edit| match edit {
                    Edit::Write { at, bytes } => Edit::Write { at: *at, bytes: vec![0; bytes.len()] },
                    Edit::Resize(length) => Edit::Resize(*length),
                };
                edits.iter().for_each(|edit| zeroed(edit).apply(&mut self.safe));
            }
        }
        self.now.clone_from(&self.safe);
        self.stamp += 1;
    }
}

impl Edit {
    /// The front or the back of a write, cut where a sector begins.
    fn torn(&self, chance: &mut Chance) -> Edit {
        let Edit::Write { at, bytes } = self else { return self.clone() };
        let first = SECTOR - at % SECTOR;
        let edges: Vec<usize> = (first..bytes.len()).step_by(SECTOR).collect();
        match chance.pick(&edges) {
            None => Edit::Write { at: *at, bytes: Vec::new() },
            Some(edge) if chance.percent(50) => Edit::Write { at: *at, bytes: bytes[..*edge].to_vec() },
            Some(edge) => Edit::Write { at: at + edge, bytes: bytes[*edge..].to_vec() },
        }
    }
}
