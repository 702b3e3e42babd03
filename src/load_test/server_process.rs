//! What the kernel says about the server's process.

use std::time::Duration;

use procfs::process::Process;

/// A process on this machine.
#[derive(Debug)]
pub(super) struct ServerProcess(Process);

/// Its use of the machine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time in its own code, so far.
    pub(super) user: Duration,
    /// Processor time the kernel spent for it, so far.
    pub(super) system: Duration,
    /// Octets of memory it holds.
    pub(super) resident: u64,
}

impl ServerProcess {
    pub(super) fn open(pid: i32) -> Result<Self, String> {
        let process = Process::new(pid).and_then(|process| {
            process.stat()?;
            Ok(process)
        });
        process.map(Self).map_err(|error| {
            format!("--server-pid {pid} is no process that can be looked at ({error})")
        })
    }

    pub(super) fn usage(&self) -> Result<Usage, String> {
        let stat = self.0.stat().map_err(|error| format!("the server is gone: {error}"))?;
        let ticks =
            |ticks: u64| Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second() as f64);
        Ok(Usage {
            user: ticks(stat.utime),
            system: ticks(stat.stime),
            resident: stat.rss * procfs::page_size(),
        })
    }
}
