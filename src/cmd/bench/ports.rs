//! Which local ports the connections of a run start at, where there are many of them.

use std::sync::Arc;

use super::limits;
use super::plan::Plan;
use crate::client::LocalPorts;

/// When more than this part of the ports is needed, in percent, they are chosen here.
const MANY: u64 = 25;

/// Lets connections take turns over the ports of the system, if they are many for each local address.
pub(super) fn choose(plan: &mut Plan) {
    let Some((first, count)) = limits::ports() else {
        return;
    };
    let connections = plan.connections() as u64;
    let ports = Arc::new(LocalPorts::new(first, count, plan.run));
    for group in &mut plan.groups {
        let each = connections / group.addresses() as u64;
        if each * 100 > u64::from(count) * MANY {
            group.take_ports(&ports);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn many_connections_take_turns_over_the_ports() {
        for (args, takes_turns) in [
            ("--idle 10", false),
            ("--idle 60000", true),
            // No system has more than 65,535 ports.
            ("--idle 60000 --bind 127.0.0.1,127.0.0.2", true),
            ("--publishers 60000 --rate 1k", true),
        ] {
            let mut plan = Plan::new(&cli::Bench::from_words(args), None).unwrap();
            choose(&mut plan);
            let (options, _) = plan.group(0).options('i', 0);
            assert_eq!(options.target.ports.is_some(), takes_turns, "{args}");
        }
    }
}
