//! `--write`: the frames of what was selected, on a second way through the capture.

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Seek, Write};
use std::path::Path;

use super::super::{Exit, Failure, note};
use super::View;
use crate::capture::copy::FrameWriter;
use crate::capture::pick::{Pick, Role};
use crate::capture::{Frame, FrameReader};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::{Packet, PacketType, PropertyId, Version};
use crate::mqttsn::MessageType;
use crate::mqttsn::decode::Header;
use crate::output::Decoded;

/// The target that is stdout.
const STDOUT: &str = "-";

/// How a capture is read for the second time.
pub(super) enum Again {
    /// From its file.
    File(String),
    /// From a copy, that was made while it was read from where it comes only once.
    Copy(File),
    /// From memory.
    Bytes(Vec<u8>),
}

impl Again {
    fn open(self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Again::File(name) => Box::new(File::open(name)?),
            Again::Copy(mut copy) => {
                copy.rewind()?;
                Box::new(copy)
            }
            Again::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        })
    }
}

/// Copies what is read.
pub(super) struct Copying {
    from: Box<dyn Read>,
    to: File,
}

impl Read for Copying {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.to
            .write_all(buffer.get(..read).unwrap_or_default())
            .map_err(|error| io::Error::other(format!("no copy can be kept of it: {error}")))?;
        Ok(read)
    }
}

/// The capture called `name`, so that it can be read twice: where it is no file, a copy is made of
/// what comes, in the folder for temporary files.
pub(super) fn twice(name: &str, reader: Box<dyn Read>) -> Result<(Box<dyn Read>, Again), Failure> {
    if Path::new(name).is_file() {
        return Ok((reader, Again::File(name.to_owned())));
    }
    let failed = |error: io::Error| {
        let folder = std::env::temp_dir();
        Failure::new(
            Exit::Io,
            format!(
                "--write reads the capture twice, and no copy of {name} can be kept in {}: {error}",
                folder.display()
            ),
        )
    };
    // It has no name, and is gone when nobody has it open any more.
    let copy = tempfile::tempfile().map_err(failed)?;
    let to = copy.try_clone().map_err(failed)?;
    let copying = Copying { from: reader, to };
    Ok((Box::new(copying), Again::Copy(copy)))
}

/// Copies the frames of the capture that `pick` wants to `target`; `out` is stdout.
pub(super) fn write(
    name: &str,
    again: Again,
    pick: &mut Pick,
    target: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let failed = |what: String| Failure::new(Exit::Io, what);
    let cannot_read = |error: io::Error| failed(format!("cannot read {name}: {error}"));
    let shown = if target == STDOUT { "stdout" } else { target };
    let cannot_write = |error: io::Error| failed(format!("cannot write {shown}: {error}"));
    let mut reader = FrameReader::new(again.open().map_err(cannot_read)?);
    let mut file;
    let to: &mut dyn Write = match target {
        STDOUT => out,
        _ => {
            file = BufWriter::new(File::create(target).map_err(cannot_write)?);
            &mut file
        }
    };
    let mut writer = FrameWriter::new(to).map_err(cannot_write)?;
    // What is damaged at the end of the file has been said on the first way.
    let mut data = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        let is_wanted = pick.wants(&frame);
        data.clear();
        if is_wanted {
            data.extend_from_slice(frame.data);
        }
        let (place, link, original_len) = (frame.place, frame.link, frame.original_len);
        // They stood before the frame, which may need them.
        for secrets in reader.take_secrets() {
            if pick.needs_secrets() {
                writer.secrets(&secrets).map_err(cannot_write)?;
            }
        }
        if is_wanted {
            let frame = Frame {
                place,
                link,
                original_len,
                data: &data,
            };
            writer.frame(&frame).map_err(cannot_write)?;
        }
    }
    writer.flush().map_err(cannot_write)?;
    note(format_args!(
        "{shown}: {} of {} frames",
        writer.frames(),
        reader.frames()
    ));
    Ok(())
}

/// Refuses a target that would destroy the capture, and one that is in the way of a view.
pub(super) fn check(capture: &str, target: &str, view: Option<View>) -> Result<(), Failure> {
    if target == STDOUT {
        return match view {
            Some(View::Nothing) => Ok(()),
            _ => Err(Failure::usage(
                "--write - puts the frames on stdout, and so nothing else can be shown there: \
                 write to a file, or leave the view out",
            )),
        };
    }
    let same = |path: &str| Path::new(path).canonicalize().ok();
    match (same(capture), same(target)) {
        (Some(capture), Some(target)) if capture == target => Err(Failure::usage(
            "--write cannot write to the capture that it reads",
        )),
        _ => Ok(()),
    }
}

/// What a packet says of others.
pub(super) fn role(decoded: &Decoded<'_>) -> Role {
    let byte1 = decoded.bytes.first().copied().unwrap_or_default();
    let version = decoded.origin.version;
    match PacketType::from_byte1(byte1) {
        PacketType::CONNECT | PacketType::CONNACK => Role::Opens,
        PacketType::AUTH if version == Version::V5 => Role::Opens,
        PacketType::PUBLISH if version == Version::V5 => alias_role(decoded),
        _ => Role::Plain,
    }
}

fn alias_role(decoded: &Decoded<'_>) -> Role {
    let context = Context {
        version: decoded.origin.version,
        from: decoded.origin.place.from,
    };
    let Ok(Packet::Publish(publish)) = decode(decoded.bytes, context, &mut Strict) else {
        return Role::Plain;
    };
    let alias = publish.properties.number(PropertyId::TOPIC_ALIAS);
    match alias.and_then(|alias| u16::try_from(alias).ok()) {
        Some(alias) if publish.topic.is_empty() => Role::UsesAlias(alias),
        Some(alias) => Role::SetsAlias(alias),
        None => Role::Plain,
    }
}

/// What a message of MQTT-SN says of others.
pub(super) fn role_of_message(bytes: &[u8]) -> Role {
    match Header::of_message(bytes).map(|(_, header)| header.message_type) {
        Some(MessageType::CONNECT | MessageType::CONNACK) => Role::Opens,
        Some(
            MessageType::REGISTER
            | MessageType::REGACK
            | MessageType::SUBSCRIBE
            | MessageType::SUBACK,
        ) => Role::Names,
        _ => Role::Plain,
    }
}
