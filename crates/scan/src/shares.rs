//! Much work of one kind, on all processors.

use std::{num::NonZero, thread};

/// Do work on parts of a list, each at least so long that it is worth a thread; gives what the parts gave, in their order.
pub(crate) fn in_shares<'a, T: Sync, R: Send>(
    all: &'a [T],
    least: usize,
    work: impl Fn(&'a [T]) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(all.len() / least + 1);
    if threads == 1 {
        return vec![work(all)];
    }
    let share = all.len().div_ceil(threads);
    thread::scope(|scope| {
        let parts: Vec<_> = all.chunks(share).map(|part| scope.spawn(|| work(part))).collect();
        parts.into_iter().map(|part| part.join().expect("what is shared never panics")).collect()
    })
}
