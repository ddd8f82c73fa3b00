//! A process that can be killed: its runtime goes with it, and the next one has what is durable.

use std::{future::Future, pin::pin, task::Poll};

use tokio::runtime::Runtime;

use crate::world::World;

pub(crate) struct Process {
    // Before the runtime, in which its connections are.
    pub(crate) world: World,
    runtime: Runtime,
}

impl Process {
    pub(crate) fn new() -> Process {
        let runtime = runtime();
        let world = runtime.block_on(World::new());
        Process { world, runtime }
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn run_mut<T>(&mut self, work: impl AsyncFnOnce(&mut World) -> T) -> T {
        self.runtime.block_on(work(&mut self.world))
    }

    /// Begin this work, and die after it was taken up so many times; gives the next process. A step is what lies between two waits for
    /// the database, a file or a thread, so that every write is one.
    pub(crate) fn die_in(self, steps: usize, work: impl AsyncFnOnce(&World)) -> Process {
        let Process { world, runtime } = self;
        runtime.block_on(async {
            let mut work = pin!(work(&world));
            let mut left = steps;
            std::future::poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                work.as_mut().poll(context)
            })
            .await;
        });
        let remains = world.end();
        drop(runtime);
        let runtime = self::runtime();
        let world = runtime.block_on(World::open(remains));
        Process { world, runtime }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
