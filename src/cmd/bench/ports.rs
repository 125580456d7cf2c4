//! Local ports for runs with very many connections.

use std::sync::Arc;

use super::limits;
use super::plan::Plan;
use crate::client::LocalPorts;

/// More connections are many, in percent of the ports.
const MANY: u64 = 25;

/// Lets connections choose their ports, if they are many. Those that start at addresses of their own
/// are fewer for each.
pub(super) fn choose(plan: &mut Plan) {
    let Some((first, count)) = limits::ports() else {
        return;
    };
    let connections = plan.connections() as u64;
    if connections * 100 > u64::from(count) * MANY {
        let ports = Arc::new(LocalPorts::new(first, count, plan.run));
        for group in &mut plan.groups {
            group.choose_ports(&ports);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn many_connections_choose_their_ports() {
        for (args, chooses) in [
            ("--idle 10", false),
            // No system has more than 65,535 ports.
            ("--idle 60000", true),
            ("--idle 60000 --bind 127.0.0.1,127.0.0.2", false),
            ("--publishers 60000 --rate 1k", true),
        ] {
            let mut plan = Plan::new(&cli::Bench::from_words(args), None).unwrap();
            choose(&mut plan);
            let (options, _) = plan.group(0).options('i', 0);
            assert_eq!(options.target.ports.is_some(), chooses, "{args}");
        }
    }
}
