//! What the kernel says about the server's process.

use std::time::Duration;

use procfs::process::Process;

/// A process on this machine.
#[derive(Debug)]
pub(super) struct ServerProcess(Process);

/// Its use of the machine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time so far, to the nanosecond.
    pub(super) processor: Duration,
    /// How much of it was in its own code and how much the kernel spent for it: in ticks of 10 ms.
    pub(super) user: Duration,
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
        let (user, system) = (ticks(stat.utime), ticks(stat.stime));
        Ok(Usage {
            // A kernel without CONFIG_SCHED_INFO counts ticks only.
            processor: self.nanoseconds().map_or(user + system, Duration::from_nanos),
            user,
            system,
            resident: stat.rss * procfs::page_size(),
        })
    }

    /// What the scheduler gave all of its threads.
    fn nanoseconds(&self) -> Option<u64> {
        let tasks = self.0.tasks().ok()?.flatten();
        let times = tasks.filter_map(|task| Some(task.schedstat().ok()?.sum_exec_runtime));
        Some(times.sum()).filter(|sum| *sum > 0)
    }
}
