//! Words behind options that are checked as they are read.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::super::typed::{Source, Typed};
use super::super::{Stop, format as formats, number, url as urls};
use crate::cli::Program;
use crate::mqtt::{Version, topic};

/// -C.
pub(super) fn count(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let count = number::integer(&text(v));
    t.count = Some(at_least_1(count, || {
        format!("Error: Invalid message count \"{count}\".\n")
    })?);
    Ok(())
}

/// -e.
pub(super) fn response_topic(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let name = utf8(v, "-e")?;
    if topic::has_wildcard(&name) {
        return wrong(format!(
            "Error: Invalid response topic '{name}', does it contain '+' or '#'?"
        ));
    }
    t.response_topic = Some(name);
    Ok(())
}

/// -f.
pub(super) fn file(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    set_source(t, Source::File(PathBuf::from(v)))
}

/// -F.
pub(super) fn format(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let text = text(v);
    formats::check(&text)?;
    t.format = Some(text);
    Ok(())
}

/// -i.
pub(super) fn id(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    if t.session.id_prefix.is_some() {
        return wrong("Error: -i and -I argument cannot be used together.\n");
    }
    t.connection.id = Some(text(v));
    Ok(())
}

/// -I.
pub(super) fn id_prefix(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    if t.connection.id.is_some() {
        return wrong("Error: -i and -I argument cannot be used together.\n");
    }
    t.session.id_prefix = Some(text(v));
    Ok(())
}

/// -k.
pub(super) fn keepalive(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    t.connection.keepalive = match u16::try_from(number::integer(&text(v))) {
        Ok(seconds @ 5..) => seconds,
        _ => {
            return wrong(
                "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n",
            );
        }
    };
    Ok(())
}

/// -L.
pub(super) fn url(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    urls::read(t, &text(v))
}

/// -m.
pub(super) fn message(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    set_source(t, Source::Message(v.to_owned()))
}

/// -M.
pub(super) fn max_inflight(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let count = at_least_1(number::integer(&text(v)), || {
        "Error: Maximum inflight messages must be greater than 0.\n".to_owned()
    })?;
    t.session.max_inflight = Some(u16::try_from(count).unwrap_or(u16::MAX));
    Ok(())
}

/// -o.
pub(super) fn options_file(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    if t.options_file.replace(PathBuf::from(v)).is_some() {
        return wrong("Error: Duplicate -o argument given.\n");
    }
    Ok(())
}

/// -p.
pub(super) fn port(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let port = number::integer(&text(v));
    match u16::try_from(port) {
        Ok(port) => t.connection.port = Some(port),
        Err(_) => return wrong(format!("Error: Invalid port given: {port}")),
    }
    Ok(())
}

/// -q.
pub(super) fn qos(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let qos = number::integer(&text(v));
    match u8::try_from(qos) {
        Ok(qos @ 0..=2) => t.qos = qos,
        _ => return wrong(format!("Error: Invalid QoS given: {qos}")),
    }
    Ok(())
}

/// -t.
pub(super) fn topic(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let topic = utf8(v, "-t")?;
    add_topic(t, topic)
}

/// -T.
pub(super) fn filter_out(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let filter = utf8(v, "-T")?;
    if bad_filter(&filter) {
        return wrong(format!(
            "Error: Invalid filter topic '{filter}', are all '+' and '#' wildcards correct?"
        ));
    }
    t.filter_out.push(filter);
    Ok(())
}

/// -U.
pub(super) fn unsubscribe(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let filter = utf8(v, "-U")?;
    if bad_filter(&filter) {
        return wrong(format!(
            "Error: Invalid unsubscribe topic '{filter}', are all '+' and '#' wildcards correct?"
        ));
    }
    t.unsubscribe.push(filter);
    Ok(())
}

/// -V.
pub(super) fn version(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    t.version = match text(v).as_str() {
        "mqttv31" | "31" => Version::V31,
        "mqttv311" | "311" => Version::V311,
        "mqttv5" | "5" => Version::V5,
        _ => return wrong("Error: Invalid protocol version argument given.\n"),
    };
    Ok(())
}

/// -W.
pub(super) fn timeout(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let seconds = number::integer(&text(v));
    t.timeout = Some(at_least_1(seconds, || {
        format!("Error: Invalid timeout \"{seconds}\".\n")
    })?);
    Ok(())
}

/// -x.
pub(super) fn session_expiry(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    t.expiry = Some(expiry(&text(v))?);
    t.version = Version::V5;
    Ok(())
}

/// --proxy.
pub(super) fn proxy(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    urls::read_proxy(t, &text(v))
}

/// --random-filter.
pub(super) fn random_filter(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let chance = number::float(&text(v));
    if !(0.1..=1000.0).contains(&chance) {
        return wrong("Error: --random-filter chance must be between 0.1-100.0\n");
    }
    t.random_filter = Some(chance.min(100.0));
    Ok(())
}

/// --repeat.
pub(super) fn repeat(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    t.repeat = at_least_1(number::integer(&text(v)), || {
        "Error: --repeat argument must be >0.\n".to_owned()
    })?;
    Ok(())
}

/// --repeat-delay.
pub(super) fn repeat_delay(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let seconds = number::float(&text(v));
    if seconds < 0.0 {
        return wrong("Error: --repeat-delay argument must be >=0.0.\n");
    }
    t.repeat_delay = seconds;
    Ok(())
}

/// --retain-handling.
pub(super) fn retain_handling(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let when = text(v);
    if !["always", "new", "never"].contains(&when.as_str()) {
        return wrong(format!(
            "Error: Unknown value '{when}' for --retain-handling.\n"
        ));
    }
    t.retain_handling = Some(when);
    Ok(())
}

/// --will-qos.
pub(super) fn will_qos(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let qos = number::integer(&text(v));
    match u8::try_from(qos) {
        Ok(qos @ 0..=2) => t.session.will_qos = qos,
        _ => return wrong(format!("Error: Invalid will QoS {qos}.\n")),
    }
    Ok(())
}

/// --will-topic.
pub(super) fn will_topic(t: &mut Typed, v: &OsStr) -> Result<(), Stop> {
    let name = utf8(v, "--will-topic")?;
    if topic::has_wildcard(&name) {
        return wrong(format!(
            "Error: Invalid will topic '{name}', does it contain '+' or '#'?"
        ));
    }
    t.session.will_topic = Some(name);
    Ok(())
}

/// A topic of -t or of a URL.
pub(in super::super) fn add_topic(typed: &mut Typed, topic: String) -> Result<(), Stop> {
    match typed.program {
        Program::MosquittoSub if bad_filter(&topic) => wrong(format!(
            "Error: Invalid subscription topic '{topic}', are all '+' and '#' wildcards correct?"
        )),
        Program::MosquittoSub => {
            typed.topics.push(topic);
            Ok(())
        }
        _ if topic::has_wildcard(&topic) => wrong(format!(
            "Error: Invalid publish topic '{topic}', does it contain '+' or '#'?"
        )),
        _ => {
            typed.topics = vec![topic];
            Ok(())
        }
    }
}

/// Wildcards in wrong places, or a length that no packet has. They look at nothing else.
fn bad_filter(filter: &str) -> bool {
    !filter.is_empty() && topic::check_filter(filter).is_err()
}

pub(super) fn set_source(typed: &mut Typed, source: Source) -> Result<(), Stop> {
    if typed.source.is_some() {
        return wrong("Error: Only one type of message can be sent at once.\n");
    }
    typed.source = Some(source);
    Ok(())
}

fn expiry(word: &str) -> Result<u32, Stop> {
    if word == "∞" {
        return Ok(u32::MAX);
    }
    match number::whole(word) {
        None => Err(Stop::Wrong(
            "Error: session-expiry-interval not a number.\n".to_owned(),
        )),
        Some(-1) => Ok(u32::MAX),
        Some(seconds) => u32::try_from(seconds)
            .map_err(|_| Stop::Wrong("Error: session-expiry-interval out of range.\n".to_owned())),
    }
}

fn at_least_1(number: i64, text: impl Fn() -> String) -> Result<u64, Stop> {
    match u64::try_from(number) {
        Ok(number @ 1..) => Ok(number),
        _ => Err(Stop::Wrong(text())),
    }
}

fn wrong<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Wrong(text.into()))
}

/// A word where it does not matter what is not UTF-8 in it.
fn text(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

/// A word that has to be UTF-8, as they see it: without control characters and non-characters.
fn utf8(word: &OsStr, name: &str) -> Result<String, Stop> {
    let fits = |c: char| !c.is_control() && !is_noncharacter(c);
    match word.to_str().filter(|text| text.chars().all(fits)) {
        Some(text) => Ok(text.to_owned()),
        None => wrong(format!("Error: Malformed UTF-8 in {name} argument.\n")),
    }
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}
