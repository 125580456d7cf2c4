//! Is there MQTT in the payload of frames?

use super::{Data, Found, Searched};
use crate::{
    capture::{
        detect::{self, Chain},
        websocket::{deflate::Inflater, header::unmask},
    },
    mqtt::frame::FixedHeader,
};

/// Payload that is looked at for MQTT, and how often that is done in one search.
const MAX_PAYLOAD: usize = 4096;
const MAX_LOOKS: usize = 256;

/// The same where the payload begins inside of a packet, and one has to be searched for.
const MAX_INSIDE: usize = 1024;
const MAX_LOOKS_INSIDE: usize = 16;

/// Looks for MQTT in the payload of frames.
#[derive(Debug, Default)]
pub(super) struct Looker {
    looks: usize,
    looks_inside: usize,
    payload: Vec<u8>,
    /// Where frames begin in it.
    starts: Vec<usize>,
    inflater: Option<Inflater>,
}

impl Looker {
    pub(super) fn look(&mut self, searched: &Searched<'_>, data: &[Data], found: &mut Found) {
        let Some(first) = data.first() else {
            return;
        };
        let body = body(searched.bytes, first);
        // Most often a frame begins with a packet. If not, only frames that end well are worth it.
        let key = first.header.mask.unwrap_or_default();
        let begins_packet = body
            .first()
            .is_some_and(|byte| detect::legal_byte1(byte ^ key.first().unwrap_or(&0)));
        let ends_well = found.frames > 1 || found.ends_segment;
        // Where nothing is masked, packets inside of what is thought to be frames are no sign that
        // it is: they may be plain MQTT.
        let is_in_a_row = found.frames > 2 || (found.frames > 1 && searched.last && found.complete);
        let is_telling = found.is_masked
            || first.is_compressed
            || is_in_a_row
            || (searched.is_known && ends_well);
        let is_worth_it = begins_packet || first.is_compressed || (ends_well && is_telling);
        if !is_worth_it || self.looks == MAX_LOOKS {
            return;
        }
        self.looks += 1;
        self.collect(searched.bytes, data);
        if found.frames == 0 && is_one_packet(&self.payload, first.header.len) {
            found.evidence += 12;
        }
        if self.payload.is_empty() {
            return;
        }
        match detect::chain(&self.payload, 0, &self.starts) {
            Chain::Possible {
                evidence, complete, ..
            } => {
                found.evidence += evidence;
                found.begins_packet = true;
                found.is_all_mqtt = complete && found.frames as usize >= data.len();
                if found.is_all_mqtt {
                    found.evidence += 12;
                }
            }
            // The first frame may begin inside of a packet.
            Chain::Refuted if is_telling && self.looks_inside < MAX_LOOKS_INSIDE => {
                self.looks_inside += 1;
                let payload = self.payload.get(..MAX_INSIDE).unwrap_or(&self.payload);
                let starts = self.starts.partition_point(|start| *start < payload.len());
                let starts = self.starts.get(..starts).unwrap_or_default();
                let mut search = detect::Search::default();
                let inside = search.run(payload, starts, detect::KNOWN, searched.last);
                if inside.boundary.is_some() {
                    found.evidence += inside.evidence;
                }
            }
            Chain::Refuted => {}
        }
    }

    /// Puts the front of the payload of all frames together.
    fn collect(&mut self, bytes: &[u8], data: &[Data]) {
        self.payload.clear();
        self.starts.clear();
        if let Some(inflater) = &mut self.inflater {
            inflater.forget();
        }
        let mut plain = Vec::new();
        for data in data {
            let room = MAX_PAYLOAD.saturating_sub(self.payload.len());
            if room == 0 {
                return;
            }
            let body = body(bytes, data);
            let body = body.get(..room).unwrap_or(body);
            self.starts.push(self.payload.len());
            let key = data.header.mask.unwrap_or_default();
            if !data.is_compressed {
                unmask(body, key, 0, &mut self.payload);
                continue;
            }
            plain.clear();
            unmask(body, key, 0, &mut plain);
            let payload = &mut self.payload;
            let mut keep = |made: &[u8]| {
                let room = MAX_PAYLOAD.saturating_sub(payload.len());
                payload.extend_from_slice(made.get(..room).unwrap_or(made));
            };
            let inflater = self.inflater.get_or_insert_with(Inflater::new);
            let mut read = inflater.piece(&plain, &mut keep);
            if read.is_ok() && data.header.fin && body.len() as u64 == data.header.len {
                read = inflater.end(&mut keep);
            }
            if read.is_err() {
                return;
            }
        }
    }
}

fn body<'a>(bytes: &'a [u8], data: &Data) -> &'a [u8] {
    let body = bytes.get(data.at..).unwrap_or_default();
    body.get(..data.header.len as usize).unwrap_or(body)
}

/// Whether a frame of `len` bytes is one packet of that length.
fn is_one_packet(payload: &[u8], len: u64) -> bool {
    matches!(
        FixedHeader::parse(payload),
        Ok(Some(header)) if header.packet_len() as u64 == len && detect::prefix_fits(payload)
    )
}
