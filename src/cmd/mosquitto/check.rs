//! What must fit together when everything is read, in the order in which they look at it.

use std::fs::File;

use super::super::connect::{PacketProperties, PropertyArgError, each_property};
use super::typed::Typed;
use super::{Stop, name};
use crate::cli::Program;
use crate::mqtt::Version;

pub(super) fn check(typed: &mut Typed) -> Result<(), Stop> {
    if let Some(option) = typed.not_had.first() {
        return Err(Stop::NotHad(format!(
            "Error: {option} is not available: midge, which runs as {}, has no TLS-PSK and \
             no OpenSSL engines.",
            name(typed.program)
        )));
    }
    if typed.connection.srv {
        // The records have it.
        typed.connection.port = None;
    }
    will(typed)?;
    tls(typed)?;
    session(typed)?;
    if typed.program == Program::MosquittoSub
        && typed.topics.is_empty()
        && typed.unsubscribe.is_empty()
    {
        return wrong(
            "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).",
        );
    }
    properties(typed)?;
    work(typed)?;
    response_topic(typed)?;
    connection(typed)
}

fn will(typed: &Typed) -> Result<(), Stop> {
    let session = &typed.session;
    let orphan = match session.will_topic {
        Some(_) => None,
        None if session.will_payload.is_some() => Some("payload"),
        None if session.will_retain => Some("retain"),
        None => None,
    };
    match orphan {
        None => Ok(()),
        Some(what) => wrong(format!(
            "Error: Will {what} given, but no will topic given."
        )),
    }
}

fn tls(typed: &Typed) -> Result<(), Stop> {
    let transport = &typed.connection.transport;
    if transport.cert.is_some() != transport.key.is_some() {
        return wrong("Error: Both certfile and keyfile must be provided if one of them is set.");
    }
    let is_in_use =
        transport.cafile.is_some() || transport.capath.is_some() || transport.tls_use_os_certs;
    if is_in_use
        && let Some(version @ ("tlsv1" | "tlsv1.0" | "tlsv1.1")) = transport.tls_version.as_deref()
    {
        return Err(Stop::NotHad(format!(
            "Error: --tls-version {version} is not available: midge, which runs as {}, has TLS \
             1.2 and 1.3.",
            name(typed.program)
        )));
    }
    match typed.keyform.as_deref() {
        None => Ok(()),
        Some(_) if transport.key.is_none() => {
            wrong("Error: If keyform is set, keyfile must be also specified.")
        }
        Some("pem") => Ok(()),
        Some(form) => Err(Stop::NotHad(format!(
            "Error: --keyform {form} is not available: midge, which runs as {}, reads keys as pem.",
            name(typed.program)
        ))),
    }
}

fn session(typed: &mut Typed) -> Result<(), Stop> {
    let keep = typed.session.disable_clean_session;
    let has_id = typed.connection.id.is_some() || typed.session.id_prefix.is_some();
    if typed.version < Version::V5 {
        return match keep && !has_id {
            true => wrong("Error: You must provide a client id if you are using the -c option."),
            false => Ok(()),
        };
    }
    if keep && typed.expiry.is_none() {
        typed.expiry = Some(u32::MAX);
    }
    match typed.expiry == Some(u32::MAX) && !has_id {
        true => wrong(
            "Error: You must provide a client id if you are using an infinite session expiry \
             interval.",
        ),
        false => Ok(()),
    }
}

/// That the properties can be sent.
fn properties(typed: &Typed) -> Result<(), Stop> {
    let mut all = PacketProperties::default();
    for one in each_property(&typed.session.property) {
        let Err(error) = all.add(one) else {
            continue;
        };
        let why = match error {
            PropertyArgError::Repeated { .. } => "Duplicate property in property list",
            _ => "A network protocol error occurred when communicating with the broker.",
        };
        let packet = match one.first().and_then(|packet| packet.to_str()) {
            Some("will") => "Will".to_owned(),
            packet => packet.unwrap_or_default().to_uppercase(),
        };
        return wrong(format!("Error in {packet} properties: {why}"));
    }
    Ok(())
}

/// mosquitto_rr adds the response topic itself.
fn response_topic(typed: &Typed) -> Result<(), Stop> {
    let mut all = each_property(&typed.session.property);
    let is_given = all.any(
        |one| matches!(one, [packet, name, ..] if packet == "publish" && name == "response-topic"),
    );
    match typed.program == Program::MosquittoRr && is_given {
        true => Err(Stop::Failed(
            "Error in PUBLISH properties: Duplicate response topic.".to_owned(),
        )),
        false => Ok(()),
    }
}

/// What each program needs.
fn work(typed: &Typed) -> Result<(), Stop> {
    let has_topic = typed.topics.last().is_some_and(|topic| !topic.is_empty());
    let has_both = has_topic && typed.source.is_some();
    match typed.program {
        Program::MosquittoPub => match typed.empty_input() {
            Some(text) => Err(Stop::Failed(text)),
            None if !has_both => Err(Stop::Lost(
                "Error: Both topic and message must be supplied.".to_owned(),
            )),
            None => Ok(()),
        },
        Program::MosquittoRr if !has_both || typed.response_topic.is_none() => {
            wrong("Error: All of topic, message, and response topic must be supplied.")
        }
        Program::MosquittoRr => match typed.empty_input() {
            Some(text) => Err(Stop::Failed(text)),
            None => Ok(()),
        },
        Program::MosquittoSub if typed.no_retained && typed.retained_only => Err(Stop::Failed(
            "\nError: Combining '-R' and '--retained-only' makes no sense.".to_owned(),
        )),
        Program::MosquittoSub | Program::Midge => Ok(()),
    }
}

/// What they find when they set the connection up.
fn connection(typed: &Typed) -> Result<(), Stop> {
    let connection = &typed.connection;
    let failed = |text: &str| Err(Stop::Failed(text.to_owned()));
    let is_broken = |option| typed.not_utf8.contains(&option);
    if connection.id.as_deref() == Some("") || is_broken("-i") || is_broken("-I") {
        return failed(match typed.program {
            Program::MosquittoPub => "Error: Invalid id.",
            _ => "Error: Invalid id and/or clean_session.",
        });
    }
    let has_password_alone = typed.version < Version::V5
        && connection.password.is_some()
        && connection.username.is_none();
    if has_password_alone || is_broken("-u") {
        return failed("Error: Problem setting username and/or password.");
    }
    let transport = &connection.transport;
    let files = [&transport.cafile, &transport.cert, &transport.key];
    if files
        .into_iter()
        .flatten()
        .any(|path| File::open(path).is_err())
    {
        return failed("Error: Problem setting TLS options: File not found.");
    }
    if connection.host.as_deref() == Some("") {
        return failed("Unable to connect (Lookup error.).");
    }
    Ok(())
}

fn wrong(text: impl Into<String>) -> Result<(), Stop> {
    Err(Stop::Wrong(text.into()))
}
