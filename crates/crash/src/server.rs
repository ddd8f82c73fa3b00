//! The real program, started on the disk that forgets.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::mount::Shared;

/// A start takes less, also on a machine that does something else.
const START: Duration = Duration::from_secs(60);
const LOG_LINES: usize = 60;
/// What the program says before the address of its plain listener.
const SAYS: &str = "assay serves plain HTTP on ";
/// Under which name the server issues tokens; nobody connects to it.
pub const AUTHORITY: &str = "registry.test:8443";
pub const PASSWORD: &str = "of a crash test, not of a secret";

/// How the program is started.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub program: PathBuf,
    pub data: PathBuf,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    log: Log,
}

/// The last lines a server said.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<VecDeque<String>>>);

/// How a start ended.
#[derive(Debug)]
pub enum Started {
    Serves(Server),
    /// It ended before it served; what it said.
    Died(String),
}

impl Recipe {
    pub fn start(&self, disk: &Shared) -> Result<Started> {
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0"]);
        command.args(["--url", &format!("https://{AUTHORITY}"), "--data"]).arg(&self.data);
        command.env("ASSAY_ADMIN_PASSWORD", PASSWORD).env("ASSAY_LOG", "warn").current_dir(Path::new("/"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        disk.lock().watch(Pid::from_child(&child));
        let log = Log::default();
        let (tell, hear) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let keep = log.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = line.strip_prefix(SAYS).and_then(|rest| rest.split(' ').next()?.parse().ok()) {
                    // Nobody waits any more when it took too long.
                    let _late = tell.send(address);
                }
                keep.push(line);
            }
        });
        match hear.recv_timeout(START) {
            Ok(address) => Ok(Started::Serves(Server { address, child, log })),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                child.wait()?;
                Ok(Started::Died(log.text()))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                bail!("the server does not start within {} s:\n{}", START.as_secs(), log.text())
            }
        }
    }
}

impl Server {
    /// Wait until it is gone; it was killed.
    pub fn reap(mut self) -> Result<Log> {
        self.child.wait()?;
        Ok(self.log.clone())
    }

    pub fn log(&self) -> String {
        self.log.text()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is as good.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Log {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().expect("no holder of this lock can panic");
        lines.push_back(line);
        if lines.len() > LOG_LINES {
            lines.pop_front();
        }
    }

    pub fn text(&self) -> String {
        let lines = self.0.lock().expect("no holder of this lock can panic");
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
