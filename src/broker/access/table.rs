//! Rules as a table (CSV, RFC 4180) with the columns `allow, ipaddr, username, clientid, access,
//! topic`. The first row that matches decides.

use std::net::IpAddr;

use super::address::Range;
use super::filter::{Pattern, covers};
use super::{Client, FileError};
use crate::mqtt::topic::{self, Quoted};

/// The columns, in the order in which they stand where the file does not name them.
const COLUMNS: [&str; 6] = ["allow", "ipaddr", "username", "clientid", "access", "topic"];
/// The user name that is everybody's.
const EVERYBODY: &str = "$all";
/// Before a filter that is taken as it is written.
const LITERAL: &str = "eq ";

/// What happens where no row matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMatch {
    /// It is denied.
    Deny,
    /// It is allowed.
    Allow,
}

/// The rows of a file.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Row>,
    no_match: NoMatch,
}

#[derive(Debug, Clone)]
struct Row {
    allow: bool,
    /// An empty cell is for every client, here and in the two below.
    address: Option<Range>,
    username: Option<Box<str>>,
    client_id: Option<Box<str>>,
    subscribe: bool,
    publish: bool,
    topic: Pattern,
    /// `eq `: only this very filter or topic.
    literal: bool,
}

impl Table {
    /// Whether a file is a table: its first line names the columns or is a row.
    pub(super) fn looks_like(text: &str) -> bool {
        let first = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        first.is_some_and(|line| {
            let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
            let first = cells.next().unwrap_or_default();
            let others = cells.count();
            is_column(first) && others > 0 || ["0", "1"].contains(&first) && others >= 5
        })
    }

    /// Reads a file; `no_match` is for what no row covers.
    ///
    /// # Errors
    /// The first row that is wrong.
    pub fn parse(text: &str, no_match: NoMatch) -> Result<Table, FileError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        let mut order = [0, 1, 2, 3, 4, 5];
        let mut line = 1;
        for (at, record) in reader.records().enumerate() {
            let record = record.map_err(|error| FileError {
                line: error.position().map_or(line, position_line),
                what: "this is not CSV in UTF-8".to_owned(),
            })?;
            line = record.position().map_or(line, position_line);
            let fail = |what| FileError { line, what };
            if at == 0 && record.get(0).is_some_and(is_column) {
                order = columns(&record).map_err(fail)?;
                continue;
            }
            if record.len() != COLUMNS.len() {
                return Err(fail(format!(
                    "{} cells, and {} are wanted: {}",
                    record.len(),
                    COLUMNS.len(),
                    COLUMNS.join(",")
                )));
            }
            let cells = order.map(|at| record.get(at).unwrap_or_default());
            rows.push(Row::new(cells).map_err(fail)?);
        }
        Ok(Table { rows, no_match })
    }

    pub(super) fn may_publish(&self, client: &Client<'_>, name: &str) -> bool {
        self.first(client, |row, filter| row.publish && row.names(filter, name))
    }

    /// Whether a message may arrive that a granted subscription lets through.
    pub(super) fn may_receive(&self, client: &Client<'_>, name: &str) -> bool {
        self.first(client, |row, filter| {
            // Who was allowed to subscribe to this very filter gets what it matches; to forbid
            // the filter is not to forbid its topics.
            let grants = row.literal && row.allow && topic::matches(filter, name);
            row.subscribe && (grants || row.names(filter, name))
        })
    }

    /// Whether the client may subscribe: the first row that covers the whole filter decides.
    pub(super) fn may_subscribe(&self, client: &Client<'_>, wanted: &str) -> bool {
        self.first(client, |row, filter| {
            row.subscribe
                && match row.literal {
                    true => filter == wanted,
                    false => covers(filter, wanted),
                }
        })
    }

    fn first(&self, client: &Client<'_>, is_meant: impl Fn(&Row, &str) -> bool) -> bool {
        self.rows
            .iter()
            .filter(|row| row.is_for(client))
            .find(|row| {
                row.topic
                    .of(client)
                    .is_some_and(|filter| is_meant(row, &filter))
            })
            .map_or(self.no_match == NoMatch::Allow, |row| row.allow)
    }
}

impl Row {
    /// Cells in the order of [`COLUMNS`].
    fn new(cells: [&str; 6]) -> Result<Row, String> {
        let [allow, address, username, client_id, access, topic] = cells;
        let some = |cell: &str| (!cell.is_empty()).then(|| cell.into());
        let allow = match allow {
            "0" => false,
            "1" => true,
            other => return Err(format!("allow is {}, and is 0 or 1", Quoted(other))),
        };
        let address = match address {
            "" => None,
            text => Some(text.parse().map_err(|()| {
                format!(
                    "ipaddr is {}, and is an address or a range as 10.0.0.0/8",
                    Quoted(text)
                )
            })?),
        };
        let (subscribe, publish) = match access {
            "1" => (true, false),
            "2" => (false, true),
            "3" => (true, true),
            other => {
                return Err(format!(
                    "access is {}, and is 1 (subscribe), 2 (publish) or 3 (both)",
                    Quoted(other)
                ));
            }
        };
        let (literal, filter) = match topic.strip_prefix(LITERAL) {
            Some(filter) => (true, filter.trim_start()),
            None => (false, topic),
        };
        topic::check_filter(filter)
            .map_err(|error| format!("topic {}: {error}", Quoted(filter)))?;
        Ok(Row {
            allow,
            address,
            username: match username {
                EVERYBODY => None,
                name => some(name),
            },
            client_id: some(client_id),
            subscribe,
            publish,
            topic: match literal {
                true => Pattern::literal(filter),
                false => Pattern::new(filter),
            },
            literal,
        })
    }

    fn is_for(&self, client: &Client<'_>) -> bool {
        let same = |wanted: &Option<Box<str>>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let is_near = |range: Range| client.address.is_some_and(|ip: IpAddr| range.contains(ip));
        // A client that is called "+" must not widen what a row says.
        !self.topic.is_widened_by(client)
            && same(&self.username, client.username)
            && same(&self.client_id, Some(client.client_id))
            && self.address.is_none_or(is_near)
    }

    fn names(&self, filter: &str, name: &str) -> bool {
        match self.literal {
            true => filter == name,
            false => topic::matches(filter, name),
        }
    }
}

fn is_column(cell: &str) -> bool {
    COLUMNS.iter().any(|name| cell.eq_ignore_ascii_case(name))
}

/// Where each of [`COLUMNS`] stands.
fn columns(record: &csv::StringRecord) -> Result<[usize; 6], String> {
    let mut order = [0; 6];
    for (place, name) in order.iter_mut().zip(COLUMNS) {
        *place = record
            .iter()
            .position(|cell| cell.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                format!(
                    "there is no column {name}; the first line is {}",
                    COLUMNS.join(",")
                )
            })?;
    }
    match record.iter().find(|cell| !is_column(cell)) {
        Some(other) => Err(format!(
            "{} is no column; the first line is {}",
            Quoted(other),
            COLUMNS.join(",")
        )),
        None => Ok(order),
    }
}

fn position_line(position: &csv::Position) -> usize {
    usize::try_from(position.line()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "allow,ipaddr,username,clientid,access,topic\n";

    fn table(rows: &str, no_match: NoMatch) -> Table {
        Table::parse(&format!("{HEAD}{rows}"), no_match).unwrap()
    }

    fn ann() -> Client<'static> {
        Client {
            username: Some("ann"),
            client_id: "c1",
            address: Some("10.1.2.3".parse().unwrap()),
        }
    }

    #[test]
    fn the_first_match_wins() {
        let table = table(
            "0,,$all,,3,a/secret\n1,,ann,,1,a/#\n1,,,c1,2,b/+\n0,,$all,,3,b/#\n",
            NoMatch::Deny,
        );
        let ann = ann();
        assert!(table.may_receive(&ann, "a/x"));
        assert!(!table.may_receive(&ann, "a/secret"));
        assert!(!table.may_publish(&ann, "a/x"));
        assert!(table.may_publish(&ann, "b/x"));
        assert!(!table.may_publish(&ann, "b/x/y"));
        assert!(table.may_subscribe(&ann, "a/#"));
        assert!(table.may_subscribe(&ann, "a/+"));
        assert!(!table.may_subscribe(&ann, "a/secret"));
        assert!(!table.may_subscribe(&ann, "#"));
        assert!(!table.may_subscribe(&ann, "c"));
    }

    #[test]
    fn whom_a_row_is_for() {
        for (cells, is_for) in [
            ("1,,,,3,t", true),
            ("1,,$all,,3,t", true),
            ("1,,ann,,3,t", true),
            ("1,,bob,,3,t", false),
            ("1,,,c1,3,t", true),
            ("1,,,c2,3,t", false),
            ("1,10.1.2.3,,,3,t", true),
            ("1,10.1.0.0/16,,,3,t", true),
            ("1,10.2.0.0/16,,,3,t", false),
            ("1,10.1.0.0/16,ann,c1,3,t", true),
            ("1,10.1.0.0/16,ann,c2,3,t", false),
        ] {
            let table = table(cells, NoMatch::Deny);
            assert_eq!(table.may_publish(&ann(), "t"), is_for, "{cells}");
        }
        let nowhere = Client {
            address: None,
            username: None,
            ..ann()
        };
        assert!(!table("1,0.0.0.0/0,,,3,t", NoMatch::Deny).may_publish(&nowhere, "t"));
        assert!(table("1,,$all,,3,t", NoMatch::Deny).may_publish(&nowhere, "t"));
        assert!(!table("1,,ann,,3,t", NoMatch::Deny).may_publish(&nowhere, "t"));
    }

    #[test]
    fn names_in_topics() {
        let table = table("1,,,,3,dev/%c/%u/#\n", NoMatch::Deny);
        assert!(table.may_publish(&ann(), "dev/c1/ann/x"));
        assert!(!table.may_publish(&ann(), "dev/c2/ann/x"));
        assert!(table.may_subscribe(&ann(), "dev/c1/ann/+"));
        let wild = Client {
            client_id: "+",
            ..ann()
        };
        assert!(!table.may_publish(&wild, "dev/c1/ann/x"));
        assert!(!table.may_subscribe(&wild, "dev/+/ann/x"));
    }

    #[test]
    fn literal_filters() {
        let deny = table("0,,$all,,1,eq #\n", NoMatch::Allow);
        assert!(!deny.may_subscribe(&ann(), "#"));
        assert!(deny.may_subscribe(&ann(), "a/#"));
        assert!(deny.may_receive(&ann(), "a/b"));
        let allow = table("1,,$all,,1,eq a/#\n1,,$all,,2,eq x/%c\n", NoMatch::Deny);
        assert!(allow.may_subscribe(&ann(), "a/#"));
        assert!(!allow.may_subscribe(&ann(), "a/b"));
        assert!(allow.may_receive(&ann(), "a/b"));
        assert!(!allow.may_receive(&ann(), "b"));
        assert!(allow.may_publish(&ann(), "x/%c"));
        assert!(!allow.may_publish(&ann(), "x/c1"));
    }

    #[test]
    fn no_match() {
        assert!(!table("", NoMatch::Deny).may_publish(&ann(), "t"));
        assert!(table("", NoMatch::Allow).may_publish(&ann(), "t"));
        assert!(table("0,,,,2,t\n", NoMatch::Allow).may_subscribe(&ann(), "t"));
    }

    #[test]
    fn forms() {
        let text = "# who\nTopic, Access, allow, clientid, username, ipaddr\n\"a,b\",3,1,,,\n";
        assert!(Table::looks_like(text));
        let table = Table::parse(text, NoMatch::Deny).unwrap();
        assert!(table.may_publish(&ann(), "a,b"));
        let bare = "1,,,,3,a\n";
        assert!(Table::looks_like(bare));
        assert!(
            Table::parse(bare, NoMatch::Deny)
                .unwrap()
                .may_publish(&ann(), "a")
        );
        assert!(!Table::looks_like("topic read a,b,c,d,e,f\n"));
        assert!(!Table::looks_like(""));
    }

    #[test]
    fn errors_name_the_line() {
        for (row, what) in [
            ("2,,,,3,t", "allow is '2'"),
            ("1,10.0.0.0/40,,,3,t", "ipaddr is '10.0.0.0/40'"),
            ("1,,,,4,t", "access is '4'"),
            ("1,,,,3,a/#/b", "topic 'a/#/b'"),
            ("1,,,,3,", "topic '': it is empty"),
            ("1,,,3,t", "5 cells"),
        ] {
            let error =
                Table::parse(&format!("{HEAD}1,,,,3,t\n{row}\n"), NoMatch::Deny).expect_err(row);
            assert_eq!(error.line, 3, "{row}");
            assert!(error.what.contains(what), "{error}");
        }
        let error = Table::parse("allow,topic\n", NoMatch::Deny).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("1: there is no column ipaddr")
        );
    }
}
