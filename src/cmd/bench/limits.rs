//! What the system has to give: looked at before a run, and measured in it.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::client::Address;
use crate::cmd::Failure;

/// Files beside connections: runtimes, the terminal, results.
const OTHER_FILES: u64 = 64;

/// Makes sure that there are files and ports for every connection; raises the limit of open files as
/// far as that is allowed.
///
/// # Errors
/// Wrong usage, with what to raise.
pub(super) fn prepare(plan: &Plan) -> Result<(), Failure> {
    let connections = plan.connections() as u64;
    let files = connections + OTHER_FILES + 8 * plan.workers as u64;
    if let Some(most) = system::raise_files(files) {
        return Err(Failure::usage(format!(
            "{connections} connections take {files} open files, and {most} are allowed: raise the limit (ulimit -n {files}), or give a part of them to another process with --shard"
        )));
    }
    let Some((_, ports)) = ports() else {
        return Ok(());
    };
    let ports = u64::from(ports);
    // Connections to one address, and the local addresses that they start at.
    let mut targets: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for group in &plan.groups {
        let target = &group.connect.options.target;
        if matches!(target.address, Address::Tcp { .. } | Address::Srv(_)) {
            let numbers = [group.publishers, group.subscribers, group.idle];
            let here = numbers.map(|n| u64::from(plan.shard.count(n.first, n.count)));
            let (count, addresses) = targets.entry(target.address.to_string()).or_default();
            *count += here.iter().sum::<u64>();
            *addresses = (*addresses).max(group.addresses() as u64);
        }
    }
    for (target, (count, addresses)) in targets {
        if count > ports * addresses {
            return Err(Failure::usage(format!(
                "{count} connections to {target} take as many ports, and there are {ports} for each local address: widen net.ipv4.ip_local_port_range, or name more local addresses with --bind"
            )));
        }
    }
    Ok(())
}

/// CPU time of this thread so far, ns; 0 where the system does not tell.
pub(super) fn thread_cpu() -> u64 {
    system::cpu(system::Whose::Thread)
}

/// CPU time of this process so far, ns; 0 where the system does not tell.
pub(super) fn process_cpu() -> u64 {
    system::cpu(system::Whose::Process)
}

pub(super) use system::{Machine, peak_memory, ports};

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};

    pub(super) enum Whose {
        Thread,
        Process,
    }

    pub(super) fn cpu(whose: Whose) -> u64 {
        let time = clock_gettime(match whose {
            Whose::Thread => ClockId::ThreadCPUTime,
            Whose::Process => ClockId::ProcessCPUTime,
        });
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
    }

    /// Allows as many open files; how many there can be, if that is less.
    pub(super) fn raise_files(wanted: u64) -> Option<u64> {
        let limit = getrlimit(Resource::Nofile);
        if limit.current.is_none_or(|current| current >= wanted) {
            return None;
        }
        let raised = Rlimit {
            current: limit.maximum.or(Some(wanted)),
            maximum: limit.maximum,
        };
        match limit.maximum {
            Some(most) if most < wanted => Some(most),
            _ => match setrlimit(Resource::Nofile, raised) {
                Ok(()) => None,
                Err(_) => limit.current,
            },
        }
    }

    /// Ports that a connection can start at, for each local address: the first, and how many.
    pub(in crate::cmd::bench) fn ports() -> Option<(u16, u16)> {
        let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
        let mut numbers = text.split_whitespace().map(str::parse::<u16>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(first)), Some(Ok(last))) => {
                Some((first, last.saturating_sub(first).saturating_add(1)))
            }
            _ => None,
        }
    }

    /// The most memory that this process has had, in bytes; 0 if it is not known.
    pub(in crate::cmd::bench) fn peak_memory() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or(0).saturating_mul(1024)
    }

    /// How long the machine's cores were at work, and were not.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::cmd::bench) struct Machine {
        busy: u64,
        idle: u64,
    }

    impl Machine {
        /// So far; `None` if the system does not tell.
        pub(in crate::cmd::bench) fn now() -> Option<Machine> {
            let stat = fs::read_to_string("/proc/stat").ok()?;
            let line = stat.lines().next()?.strip_prefix("cpu ")?;
            let times: Vec<u64> = line
                .split_whitespace()
                .map_while(|t| t.parse().ok())
                .collect();
            // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
            let idle = times.get(3..5)?.iter().sum();
            let all: u64 = times.get(..8)?.iter().sum();
            Some(Machine {
                busy: all.saturating_sub(idle),
                idle,
            })
        }

        /// The share of the time since then that they were at work, 0 to 1.
        pub(in crate::cmd::bench) fn share_since(self, then: Machine) -> Option<f64> {
            let busy = self.busy.checked_sub(then.busy)?;
            let idle = self.idle.checked_sub(then.idle)?;
            // Ticks of 10 ms: too few of them say nothing.
            (busy + idle >= 20).then(|| busy as f64 / (busy + idle) as f64)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) enum Whose {
        Thread,
        Process,
    }

    pub(super) fn cpu(_: Whose) -> u64 {
        0
    }

    pub(super) fn raise_files(_: u64) -> Option<u64> {
        None
    }

    pub(in crate::cmd::bench) fn ports() -> Option<(u16, u16)> {
        None
    }

    /// Not known.
    pub(in crate::cmd::bench) fn peak_memory() -> u64 {
        0
    }

    /// Not known.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::cmd::bench) struct Machine;

    impl Machine {
        pub(in crate::cmd::bench) fn now() -> Option<Machine> {
            None
        }

        pub(in crate::cmd::bench) fn share_since(self, _: Machine) -> Option<f64> {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    // Elsewhere nothing is known of them.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_system_cannot_give_is_refused() {
        for (args, part) in [
            ("--idle 300000000", "raise the limit (ulimit -n 300000"),
            ("--publishers 0 --subscribers 0 --idle 0", ""),
        ] {
            let Ok(plan) = Plan::new(&cli::Bench::from_words(args), None) else {
                continue;
            };
            let failure = prepare(&plan).unwrap_err();
            assert_eq!(failure.exit.code(), 2);
            assert!(failure.message.contains(part), "{failure}");
        }
        let plan = Plan::new(&cli::Bench::from_words("--idle 5"), None).unwrap();
        assert_eq!(prepare(&plan), Ok(()));
    }
}
