//! The network of one run: a bridge in a namespace of its own, with one device on the host.
//!
//! ```text
//! host                      │ namespace of the switch │ namespace of an engine
//!   as<run> 10.199.N.1/24 ──┼── host ─ br0 ── p2 ─────┼── eth0 10.199.N.2/24 ── docker0, overlays
//!                           │               p3 ───────┼── eth0 10.199.N.3/24
//! ```
//!
//! The bridge is not on the host, so no firewall rule of the host (a Docker engine there sets the policy DROP) stands
//! between engines, and `kill -9` of the switch's one process removes it with all its devices. Nothing is forwarded and
//! there is no default route: an address outside is unreachable at once, not after a time-out. A server that listens
//! on [`Switch::host_address`] is reached by engines, and by containers through their engine's masquerading.

use std::cell::Cell;
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::stage::{Cleanup, Process, Run, Ticket};

/// All runs take their networks from here: 10.199.N.0/24.
const FIRST_OCTETS: [u8; 2] = [10, 199];
/// The last octet of an engine's address; .255 is broadcast.
const LAST_SEAT: u8 = 254;

/// The switch; it ends with the run's cleanup or by [`Switch::down`].
pub struct Switch {
    process: Process,
    device: String,
    device_ticket: Ticket,
    cleanup: Cleanup,
    network: u8,
    seats: Cell<u8>,
}

impl Switch {
    /// Makes the switch and the host's device.
    ///
    /// # Errors
    /// Not root, or every network is taken.
    pub fn start(cleanup: &Cleanup, run: &Run) -> Result<Switch> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "sh", "-c", "echo up; exec sleep infinity"]);
        let process = Process::spawn(cleanup, "the switch", &unshare, &run.dir().join("switch.log"))?;
        process.ready("its namespace", Duration::from_secs(20), || Ok(process.said().contains("up")))?;
        let device = format!("as{}", run.id());
        let pid = process.pid();
        ip_in(pid, "link add br0 type bridge")?;
        ip_in(pid, "link set br0 up")?;
        ip(&format!("link add {device} type veth peer name host netns {pid}"))?;
        let device_ticket = cleanup.add(format!("network device {device}"), {
            let device = device.clone();
            // Deleted here rather than left to the end of the namespace, which the kernel does in its own time.
            move || if exists(&device) { ip(&format!("link delete {device}")) } else { Ok(()) }
        });
        ip_in(pid, "link set host master br0 up")?;

        // Two runs that look for a free network at the same time would find the same one.
        let lock = File::open("/run/lock").context("cannot open /run/lock")?;
        lock.lock().context("cannot lock /run/lock")?;
        let network = free_network(run.id())?;
        let (cleanup, seats) = (cleanup.clone(), Cell::new(1));
        let switch = Switch { process, device, device_ticket, cleanup, network, seats };
        ip(&format!("address add {}/24 dev {}", switch.host_address(), switch.device))?;
        ip(&format!("link set {} up", switch.device))?;
        Ok(switch)
    }

    /// Where the host is reached; what servers for the engines listen on.
    pub fn host_address(&self) -> Ipv4Addr {
        self.address(1)
    }

    /// An address for the next engine.
    ///
    /// # Errors
    /// There is none left.
    pub fn next_address(&self) -> Result<Ipv4Addr> {
        let seat = self.seats.get() + 1;
        ensure!(seat <= LAST_SEAT, "no address is left on the switch");
        self.seats.set(seat);
        Ok(self.address(seat))
    }

    /// Gives the network namespace of a process an `eth0` with this address.
    ///
    /// # Errors
    /// The namespace is gone, or has one already.
    pub fn attach(&self, pid: u32, address: Ipv4Addr) -> Result<()> {
        let port = format!("p{}", address.octets()[3]);
        let switch = self.process.pid();
        ip_in(switch, &format!("link add {port} type veth peer name eth0 netns {pid}"))?;
        ip_in(switch, &format!("link set {port} master br0 up"))?;
        ip_in(pid, &format!("address add {address}/24 dev eth0"))?;
        ip_in(pid, "link set eth0 up")
    }

    /// The host's device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Removes it.
    ///
    /// # Errors
    /// Its process would not go.
    pub fn down(self) -> Result<()> {
        self.cleanup.undo(self.device_ticket)?;
        self.process.kill()
    }

    fn address(&self, seat: u8) -> Ipv4Addr {
        Ipv4Addr::new(FIRST_OCTETS[0], FIRST_OCTETS[1], self.network, seat)
    }
}

fn free_network(run: &str) -> Result<u8> {
    // Routes, not addresses: a network behind a gateway is taken as well.
    let routes = command::run(Command::new("ip").args(["-4", "route", "show", "table", "all"]))?;
    let start = u8::from_str_radix(run.get(..2).unwrap_or_default(), 16).unwrap_or_default();
    let free = (0..=u8::MAX).map(|step| start.wrapping_add(step)).find(|network| {
        let prefix = format!("{}.{}.{network}.", FIRST_OCTETS[0], FIRST_OCTETS[1]);
        !routes.contains(&prefix)
    });
    match free {
        Some(network) => Ok(network),
        None => bail!("all networks 10.199.0.0/24 to 10.199.255.0/24 are taken; see `ip route`"),
    }
}

fn exists(device: &str) -> bool {
    Path::new("/sys/class/net").join(device).exists()
}

fn ip(words: &str) -> Result<()> {
    command::run(Command::new("ip").args(words.split(' '))).map(drop)
}

fn ip_in(pid: u32, words: &str) -> Result<()> {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--net", "--", "ip"]).args(words.split(' '));
    command::run(&mut command).map(drop)
}
