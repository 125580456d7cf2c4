//! When connections leave for a while and come back: in turn.

use super::{Group, Plan};

/// The roles of connections, in the order in which they are opened: subscribers first, since most of
/// them are there then when the last publisher is.
pub(in crate::cmd::bench) const ROLES: [char; 3] = ['s', 'i', 'p'];

impl Plan {
    /// The part of `--reconnect-every` after which this connection leaves for the first time, above 0
    /// and below 1: those that leave as often are spread evenly, in all shards together.
    pub(in crate::cmd::bench) fn first_leave(&self, group: usize, role: char, number: u32) -> f64 {
        let every = self.group(group).reconnect_every;
        let (mut before, mut all) = (0, 0);
        for at_role in ROLES {
            for (index, other) in self.groups.iter().enumerate() {
                if other.reconnect_every != every {
                    continue;
                }
                let numbers = other.numbers(at_role);
                if (index, at_role) == (group, role) {
                    before = all + u64::from(number.saturating_sub(numbers.first));
                }
                all += u64::from(numbers.count);
            }
        }
        (before + 1) as f64 / (all + 1) as f64
    }
}

impl Group {
    /// The numbers of the connections in this role.
    pub(in crate::cmd::bench) fn numbers(&self, role: char) -> super::Numbers {
        match role {
            's' => self.subscribers,
            'i' => self.idle,
            _ => self.publishers,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli;

    use super::*;

    #[test]
    fn those_that_leave_take_turns_whoever_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        let text = "topic = \"t\"\nsubscribers = 0\n\
            [[group]]\npublishers = 1000\n\
            [[group]]\npublishers = 2\nidle = 1\nreconnect-every = \"1s\"\n\
            [[group]]\npublishers = 3\nreconnect-every = \"9s\"\n\
            [[group]]\npublishers = 0\nidle = 2\nreconnect-every = \"1s\"\n";
        std::fs::write(&file, text).unwrap();
        let args = cli::Bench::from_words(&format!("--scenario {}", file.display()));
        let plan = Plan::new(&args, None).unwrap();
        let sixth = |leave: f64| leave * 6.0;
        let quick = [
            (1, 'i', 0),
            (3, 'i', 1),
            (3, 'i', 2),
            (1, 'p', 1000),
            (1, 'p', 1001),
        ];
        for (turn, (group, role, number)) in quick.into_iter().enumerate() {
            let found = sixth(plan.first_leave(group, role, number));
            assert!(
                (found - (turn + 1) as f64).abs() < 1e-9,
                "{role}{number}: {found}"
            );
        }
        let slow = [1002, 1003, 1004].map(|number| plan.first_leave(2, 'p', number));
        assert_eq!(slow, [0.25, 0.5, 0.75]);
    }
}
