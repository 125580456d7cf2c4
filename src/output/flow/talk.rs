//! One connection, and the rows of its diagram.

use super::brackets::Brackets;
use super::layout::Layout;
use crate::mqtt::Side;
use crate::output::text::{Safe, columns, cut_line};
use crate::output::time::Time;
use crate::output::{Place, colour};

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Client and server, as they were seen last.
    ends: Option<(String, String)>,
    client: Option<String>,
    version: String,
    pub(super) rows: Vec<String>,
    /// Number of the first row that is held back.
    pub(super) first_row: u64,
    pub(super) bytes: usize,
    pub(super) brackets: Brackets,
    pub(super) last: Option<Time>,
    /// Parts that have been written.
    parts: usize,
    /// It ended: a new CONNECT is another connection, and what else comes belongs to this one.
    pub(super) is_over: bool,
}

impl Talk {
    /// Takes note of who talks.
    pub(super) fn meet(&mut self, place: &Place, client: Option<&str>, from: Side) {
        if let Some(client) = client
            && self.client.as_deref() != Some(client)
        {
            self.client = Some(client.to_owned());
        }
        if let (None, Some((src, dst))) = (&self.ends, place.endpoints) {
            let (client, server) = match from {
                Side::Client => (src, dst),
                Side::Server => (dst, src),
            };
            self.ends = Some((client.to_string(), server.to_string()));
        }
    }

    /// Takes note of what they speak.
    pub(super) fn speaks(&mut self, protocol: &str, version: &str) {
        let is_same = self
            .version
            .strip_prefix(protocol)
            .is_some_and(|rest| rest.strip_prefix(' ') == Some(version));
        if !is_same {
            self.version = format!("{protocol} {version}");
        }
    }

    pub(super) fn push(&mut self, row: String) {
        self.bytes += row.len() + size_of::<String>();
        self.rows.push(row);
    }

    /// The number of the next row.
    pub(super) fn next_row(&self) -> u64 {
        self.first_row + self.rows.len() as u64
    }

    /// Says of each request without an answer what is missing.
    pub(super) fn mark_unfinished(&mut self) {
        for open in self.brackets.unfinished() {
            let note = colour::alert(&format!("no {}", open.lacks));
            let at = open.row.checked_sub(self.first_row);
            let row = at.and_then(|at| self.rows.get_mut(usize::try_from(at).ok()?));
            match row {
                Some(row) => {
                    row.push(' ');
                    row.push_str(&note);
                }
                None => self.rows.push(format!("{}: {note}", open.name())),
            }
        }
        self.brackets = Brackets::default();
    }

    /// What stands above the rows, in lines of the terminal. `is_over`: nothing more will come.
    pub(super) fn head(
        &mut self,
        (is_udp, stream): (bool, u64),
        is_over: bool,
        layout: &Layout,
    ) -> Vec<String> {
        let udp = if is_udp { "u" } else { "" };
        let mut words = Vec::new();
        if let Some(client) = &self.client {
            words.push(Safe(client).to_string());
        }
        if let Some((client, server)) = &self.ends {
            words.push(format!("{client} ↔ {server}"));
        }
        if !self.version.is_empty() {
            words.push(self.version.clone());
        }
        if self.parts > 0 || !is_over {
            words.push(format!("part {}", self.parts + 1));
        }
        self.parts += 1;
        let number = match &self.ends {
            Some(_) => format!("[{udp}{stream}] "),
            None => String::new(),
        };
        lines(&number, &words, layout.width.unwrap_or(usize::MAX))
    }
}

/// Joins words behind a number, and begins a new line where the terminal ends.
fn lines(number: &str, words: &[String], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = number.to_owned();
    let mut is_empty = true;
    for word in words {
        if !is_empty && columns(&line) + 3 + columns(word) > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(number.len())));
            is_empty = true;
        }
        if !is_empty {
            line.push_str(" · ");
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    for line in &mut lines {
        cut_line(line, width);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_go_on_in_the_next_line() {
        let words = ["pub-1", "[::1]:60315 ↔ [::1]:1883", "MQTT 5.0"].map(str::to_owned);
        assert_eq!(
            lines("[2] ", &words, 80),
            ["[2] pub-1 · [::1]:60315 ↔ [::1]:1883 · MQTT 5.0"]
        );
        assert_eq!(
            lines("[2] ", &words, 40),
            ["[2] pub-1 · [::1]:60315 ↔ [::1]:1883", "    MQTT 5.0"]
        );
        assert_eq!(lines("", &["a".repeat(50)], 10), ["aaaaaaaaa…"]);
    }
}
