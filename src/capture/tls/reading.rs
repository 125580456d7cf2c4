//! What records say, in their order: the hellos, the changes of keys, the application data.

use super::{
    Tls, TlsVersion,
    handshake::Message,
    lane::Outcome,
    record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Header},
    records::{Piece, Record},
    secrets::Secrets,
    session::{EarlyData, Step},
    waiting::Wait,
};
use crate::{
    capture::{
        follower::End,
        packets::Out,
        record::{Place, SealReason},
    },
    mqtt::Side,
};

/// Records that do not authenticate, from the first one on, after which the keys are believed to be
/// wrong.
const MAX_FAILED: u64 = 16;

impl Tls {
    /// Reads the next piece of `end`, or says what it must wait for.
    pub(super) fn read(&mut self, end: End, piece: &Piece, out: &mut Out) -> Result<(), Wait> {
        match piece {
            Piece::Lost { bytes, place } => {
                self.lose(end, *bytes, *place);
                Ok(())
            }
            Piece::Record(record) => match self.session.version() {
                None => self.read_hello(end, record),
                Some(TlsVersion::TLS13) => self.read_tls13(end, record, out),
                Some(TlsVersion::TLS12) => self.read_tls12(end, record, out),
                Some(_) => Err(Wait::Never(SealReason::UnsupportedVersion)),
            },
        }
    }

    /// A loss cuts the record that is coming: if it is a plain one, the messages in its front are
    /// worth something.
    pub(super) fn read_front(&mut self, end: End) {
        let way = self.ways.get(end);
        let bytes = way.records.bytes();
        if let Ok(Some(header)) = Header::parse(bytes)
            && header.content_type == HANDSHAKE
            && way.held.is_empty()
            && way.lane.step.is_none()
            && !way.lane.is_lossy()
        {
            let front = bytes.get(Header::LEN..).unwrap_or_default().to_vec();
            self.messages(end, &front);
        }
    }

    fn lose(&mut self, end: End, bytes: u64, place: Place) {
        let lane = &mut self.ways.get_mut(end).lane;
        lane.lose(bytes, place);
        // The front of a ClientHello has the random, by which secrets are found.
        if let Some(hello) = lane.messages.lose()
            && self.session.client.is_none()
        {
            self.message(end, Message::ClientHello(Box::new(hello)));
        }
    }

    /// Reads a record while the ServerHello is not known.
    fn read_hello(&mut self, end: End, record: &Record) -> Result<(), Wait> {
        let is_client = self.side(end) == Side::Client;
        let is_retried = self.session.is_retried;
        let hellos = self.session.client_hellos;
        match record.header.content_type {
            ALERT if record.body.len() == 2 => Ok(()),
            _ if is_client && hellos > u32::from(is_retried) => Err(Wait::Hello),
            HANDSHAKE => {
                self.messages(end, &record.body);
                Ok(())
            }
            CHANGE_CIPHER_SPEC if is_retried => Ok(()),
            // Early data, which a retry rejects.
            APPLICATION_DATA if is_retried && is_client => Ok(()),
            _ => Err(Wait::Hello),
        }
    }

    fn read_tls13(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        let side = self.side(end);
        let is_second_hello_due = self.session.is_retried && self.session.client_hellos < 2;
        let lane = &mut self.ways.get_mut(end).lane;
        match record.header.content_type {
            CHANGE_CIPHER_SPEC => Ok(()), // RFC 8446, D.4
            ALERT if lane.opened == 0 => Ok(()),
            HANDSHAKE if lane.opened == 0 => {
                self.messages(end, &record.body);
                Ok(())
            }
            APPLICATION_DATA if side == Side::Client && is_second_hello_due => Ok(()),
            APPLICATION_DATA => {
                if lane.step.is_none() {
                    let is_early = side == Side::Client && self.session.offers_early_data();
                    lane.step = Some(if is_early {
                        Step::Early
                    } else {
                        Step::Handshake
                    });
                }
                self.open(end, record, out)
            }
            _ => {
                self.lose(end, record.header.record_len() as u64, record.place);
                Ok(())
            }
        }
    }

    fn read_tls12(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        let lane = &mut self.ways.get_mut(end).lane;
        if lane.step.is_some() {
            return self.open(end, record, out);
        }
        match record.header.content_type {
            CHANGE_CIPHER_SPEC if record.body.len() == 1 => {
                lane.enter(Step::Tls12, &self.session);
                Ok(())
            }
            // The ChangeCipherSpec before it may be lost.
            _ if lane.is_lossy() && record.body.len() > 16 => {
                lane.step = Some(Step::Tls12);
                let result = self.open(end, record, out);
                let way = self.ways.get_mut(end);
                if way.lane.opened == 0 {
                    way.lane.step = None;
                    if record.header.content_type == HANDSHAKE {
                        self.messages(end, &record.body);
                        return Ok(());
                    }
                }
                result
            }
            HANDSHAKE => {
                self.messages(end, &record.body);
                Ok(())
            }
            ALERT => Ok(()),
            _ => {
                self.lose(end, record.header.record_len() as u64, record.place);
                Ok(())
            }
        }
    }

    /// Opens a sealed record and does what its content says.
    fn open(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        if self.session.method().is_none() {
            return Err(Wait::Never(SealReason::UnsupportedSuite));
        }
        if self.session.client.is_none() {
            return Err(Wait::Hello);
        }
        let lane = &self.ways.get(end).lane;
        if lane.step == Some(Step::Early) && self.is_answer_due(&out.secrets) {
            return Err(Wait::EarlyData);
        }
        let mut scratch = std::mem::take(&mut out.scratch);
        let lane = &mut self.ways.get_mut(end).lane;
        let had_lost = lane.is_lossy();
        let budget = &mut out.tls_budget;
        let opened = lane.open(record, &self.session, &out.secrets, budget, &mut scratch);
        let result = match opened {
            Outcome::Opened(opened) => {
                let content = scratch.get(..opened.len).unwrap_or_default();
                self.content(end, opened.content_type, content, record.place, out);
                Ok(())
            }
            Outcome::NoKeys => Err(Wait::Secrets),
            Outcome::Passed => Ok(()),
            Outcome::Failed => {
                let is_wrong = lane.opened == 0 && lane.failed >= MAX_FAILED;
                let is_odd = lane.opened > 0 && !had_lost;
                self.lose(end, record.header.record_len() as u64, record.place);
                if is_odd {
                    self.tell(SealReason::KeysDoNotFit, record.place, out);
                }
                match is_wrong {
                    true => Err(Wait::Never(SealReason::KeysDoNotFit)),
                    false => Ok(()),
                }
            }
        };
        out.scratch = scratch;
        result
    }

    /// Whether the server will say if it takes early data, and it can be read.
    fn is_answer_due(&self, secrets: &Secrets) -> bool {
        self.session.early_data == EarlyData::Unknown
            && !self.is_last
            && self
                .session
                .has_secret(Step::Handshake, Side::Server, secrets)
    }

    fn content(&mut self, end: End, kind: u8, content: &[u8], place: Place, out: &mut Out) {
        let step = self.ways.get(end).lane.step;
        if self.side(end) == Side::Server
            && matches!(step, Some(Step::Application))
            && self.session.early_data == EarlyData::Unknown
        {
            // The answer was lost. What is known is that the client has sent it.
            self.session.early_data = EarlyData::Accepted;
            self.has_news = true;
        }
        match kind {
            APPLICATION_DATA => {
                let is_rejected = self.session.early_data == EarlyData::Rejected;
                if step != Some(Step::Early) || !is_rejected {
                    self.deliver(end, content, place, out);
                }
            }
            HANDSHAKE => self.messages(end, content),
            // A renegotiation.
            CHANGE_CIPHER_SPEC if step == Some(Step::Tls12) => {
                let lane = &mut self.ways.get_mut(end).lane;
                lane.enter(Step::Tls12, &self.session);
            }
            _ => {}
        }
    }

    fn messages(&mut self, end: End, content: &[u8]) {
        let mut found = Vec::new();
        let lane = &mut self.ways.get_mut(end).lane;
        lane.messages.push(content, |message| found.push(message));
        for message in found {
            self.message(end, message);
        }
    }

    fn message(&mut self, end: End, message: Message) {
        let side = self.side(end);
        let is_tls13 = self.session.version() == Some(TlsVersion::TLS13);
        let lane = &mut self.ways.get_mut(end).lane;
        match (message, side) {
            (Message::ClientHello(hello), Side::Client) => {
                self.session.client = Some(hello);
                self.session.client_hellos += 1;
            }
            (Message::ServerHello(hello), Side::Server) if hello.is_retry() => {
                self.session.is_retried = true;
                self.session.early_data = EarlyData::Rejected;
            }
            // There is but one in TLS 1.3.
            (Message::ServerHello(hello), Side::Server) if !is_tls13 => {
                self.session.chose_mqtt = hello.chose_mqtt;
                self.session.server = Some(hello);
            }
            (Message::EncryptedExtensions(extensions), Side::Server) => {
                self.session.chose_mqtt = extensions.chose_mqtt;
                if self.session.early_data == EarlyData::Unknown {
                    self.session.early_data = match extensions.accepts_early_data {
                        true => EarlyData::Accepted,
                        false => EarlyData::Rejected,
                    };
                }
            }
            (Message::EndOfEarlyData, Side::Client) if lane.step == Some(Step::Early) => {
                lane.enter(Step::Handshake, &self.session);
            }
            (Message::Finished, _) if lane.step == Some(Step::Handshake) => {
                lane.enter(Step::Application, &self.session);
            }
            (Message::KeyUpdate, _)
                if matches!(lane.step, Some(Step::Application | Step::Updated)) =>
            {
                lane.enter(Step::Updated, &self.session);
            }
            _ => return,
        }
        self.has_news = true;
    }
}
