//! One direction of a connection read as WebSocket: heads first, frames then.

use memchr::memmem;

use super::{
    frames::{Compression, Fed, Frames, Inside},
    header,
    search::{Searched, search},
    upgrade::{self, Beginning, Head, MAX_HEAD},
};
use crate::capture::{
    dialogue::next_scan,
    follower::{Claim, End, Follower, Lost},
    record::{Place, SkipReason},
    tape::Tape,
};
use crate::mqtt::{Side, session::WebSocketFault};

/// What is searched for a frame at most.
const WINDOW: usize = 256 * 1024;

/// The same where it is not known whether this is WebSocket.
const SMALL_WINDOW: usize = 64 * 1024;

/// Up to so many bytes, what is new is searched often.
const OFTEN: usize = 16 * 1024;

/// Bytes searched in vain after which it is not.
const GIVE_UP: u64 = 256 * 1024;

/// Bytes of other HTTP after which no upgrade is expected any longer.
const MAX_HTTP: u64 = 1 << 20;

/// What both directions know of the connection.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    /// The end that opened it.
    pub(super) opener: Option<End>,
    /// The same, if it is the other one, and what it asks has not come yet: its frames will come
    /// from the very first one on.
    pub(super) awaited: Option<End>,
    /// The upgrade was seen.
    pub(super) is_upgraded: bool,
    /// Frames were found in the middle of a direction.
    is_found: bool,
    /// Whether permessage-deflate was offered, and whether it was accepted.
    offered: Option<bool>,
    accepted: Option<bool>,
}

impl Agreed {
    fn compression(&self) -> Compression {
        match (self.offered, self.accepted) {
            (_, Some(true)) => Compression::Yes,
            (_, Some(false)) | (Some(false), None) => Compression::No,
            (_, None) => Compression::Unknown,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    state: State,
    /// The first byte of the stream was seen.
    from_start: bool,
    /// What came and is not read.
    tape: Tape,
    frames: Frames,
    /// Bytes at the front of the tape that do not hold the end of a head.
    head_searched: usize,
    /// Bytes of HTTP that is not ours.
    other_http: u64,
    /// This end sends responses.
    responds: bool,
    /// Length of the tape at which searching is worth it again.
    next_search: usize,
    /// Where on the tape frames may begin, see [`Outcome`](super::search::Outcome).
    suspect: Option<usize>,
    /// Bytes searched in vain since this direction was last understood.
    searched: u64,
    /// Where the client asks for WebSocket and does not offer MQTT.
    not_offered: Option<Place>,
    /// Something is lost, or was not understood.
    is_behind_gap: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// The first bytes tell what comes.
    #[default]
    Beginning,
    /// In a head.
    Head,
    /// Behind a head that does not lead to WebSocket; another one may.
    OtherHttp,
    /// Behind a request that does, if it was granted.
    Requested,
    Frames,
    /// A frame must be searched for.
    Searching,
    /// A close frame came.
    Closed,
    /// This is no WebSocket.
    Failed,
}

impl Lane {
    /// The bytes will come from the very first one on.
    pub(super) fn syn(&mut self) {
        self.from_start = self.state == State::Beginning && self.tape.is_empty();
    }

    /// Nothing speaks for WebSocket, and nothing will.
    pub(super) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Nothing has come.
    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Beginning && self.tape.is_empty()
    }

    /// Whether frames will come, if they will, from the very first one on.
    pub(super) fn will_be_whole(&self) -> bool {
        self.from_start && (self.is_fresh() || self.is_http())
    }

    /// Whether it began with HTTP.
    pub(super) fn is_http(&self) -> bool {
        matches!(
            self.state,
            State::Head | State::OtherHttp | State::Requested
        )
    }

    /// The first byte is there, and WebSocket does not begin like this.
    pub(super) fn is_refuted(&self) -> bool {
        self.has_failed() && self.from_start
    }

    /// So many of the last bytes may be frames.
    pub(super) fn suspected(&self) -> usize {
        match self.suspect {
            Some(at) if self.state == State::Searching => self.tape.len().saturating_sub(at),
            _ => 0,
        }
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        self.tape.len()
    }

    pub(super) fn data(
        &mut self,
        bytes: &[u8],
        place: Place,
        agreed: &mut Agreed,
        inside: &mut Inside<'_>,
    ) {
        match self.state {
            State::Closed | State::Failed => {}
            State::Frames => self.feed(bytes, place, agreed, inside),
            State::Searching if !self.is_known(agreed, inside) && begins_upgrade(bytes) => {
                let len = self.tape.len();
                self.skip(len, inside);
                self.tape.push(bytes, place);
                self.state = State::Head;
                self.run(false, agreed, inside);
            }
            _ => {
                self.tape.push(bytes, place);
                self.run(false, agreed, inside);
            }
        }
    }

    pub(super) fn gap(
        &mut self,
        lost: Lost,
        place: Place,
        agreed: &mut Agreed,
        inside: &mut Inside<'_>,
    ) {
        if matches!(self.state, State::Closed | State::Failed) {
            return;
        }
        self.run(true, agreed, inside);
        if self.state == State::Frames {
            if !self.frames.gap(lost, place, inside) {
                self.search_from_here();
            }
            return;
        }
        let rest = self.tape.len();
        self.skip(rest, inside);
        inside.gap(Lost::wrapped(lost.bytes), place);
        self.from_start = false;
        self.search_from_here();
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, agreed: &mut Agreed, inside: &mut Inside<'_>) {
        self.run(true, agreed, inside);
        if self.state == State::Searching {
            let rest = self.tape.len();
            self.skip(rest, inside);
        }
        self.tape = Tape::default();
    }

    fn is_known(&self, agreed: &Agreed, inside: &Inside<'_>) -> bool {
        agreed.is_upgraded || agreed.is_found || inside.dialogue.claim() == Claim::Mine
    }

    /// Reads what is on the tape as far as it can be told what it is.
    fn run(&mut self, last: bool, agreed: &mut Agreed, inside: &mut Inside<'_>) {
        while !self.tape.is_empty() && self.step(last, agreed, inside) {}
    }

    /// One step; false if more bytes are needed.
    fn step(&mut self, last: bool, agreed: &mut Agreed, inside: &mut Inside<'_>) -> bool {
        match self.state {
            State::Beginning => {
                self.state = match upgrade::beginning(self.tape.bytes()) {
                    Beginning::Head => State::Head,
                    Beginning::Unclear => return false,
                    Beginning::Other if self.from_start => State::Failed,
                    Beginning::Other => State::Searching,
                };
                true
            }
            State::Head => self.head(agreed, inside),
            State::OtherHttp => self.other_http(),
            State::Requested => {
                match upgrade::beginning(self.tape.bytes()) {
                    Beginning::Head => self.state = State::Head,
                    Beginning::Unclear => return false,
                    Beginning::Other => {
                        agreed.is_upgraded = true;
                        inside.syn(true);
                        if let Some(place) = self.not_offered.take() {
                            inside.fault(WebSocketFault::NotOffered, place);
                        }
                        self.frames.begin_with(Side::Client);
                        self.state = State::Frames;
                    }
                }
                true
            }
            State::Frames => {
                let Some((bytes, place)) = self.tape.take_segment() else {
                    return false;
                };
                self.feed(&bytes, place, agreed, inside);
                true
            }
            State::Searching => self.search(last, agreed, inside),
            State::Closed | State::Failed => {
                self.tape = Tape::default();
                false
            }
        }
    }

    fn head(&mut self, agreed: &mut Agreed, inside: &mut Inside<'_>) -> bool {
        let Some((head, len)) = upgrade::head(self.tape.bytes(), self.head_searched) else {
            self.head_searched = self.tape.len();
            if self.tape.len() <= MAX_HEAD {
                return false;
            }
            self.tape.take(MAX_HEAD);
            self.head_searched = 0;
            self.other_http += MAX_HEAD as u64;
            self.state = State::OtherHttp;
            return true;
        };
        let place = self.tape.place_at(0);
        self.tape.take(len);
        self.head_searched = 0;
        self.responds = matches!(head, Head::Response { .. } | Head::OtherResponse);
        self.state = match head {
            Head::Request { mqtt, deflate } => {
                self.not_offered = (!mqtt).then_some(place);
                agreed.offered = Some(deflate);
                State::Requested
            }
            Head::Response { mqtt, old, deflate } => {
                agreed.accepted = Some(deflate);
                agreed.is_upgraded = true;
                if mqtt || old {
                    inside.dialogue.announce();
                }
                inside.syn(false);
                if !mqtt {
                    inside.fault(WebSocketFault::NotAnswered, place);
                }
                self.frames.begin_with(Side::Server);
                if let Some(client) = agreed.awaited {
                    inside.dialogue.syn(client, true, inside.out);
                }
                State::Frames
            }
            Head::OtherRequest | Head::OtherResponse => State::OtherHttp,
        };
        true
    }

    /// Looks for the next head that may be one of an upgrade.
    fn other_http(&mut self) -> bool {
        let begin = match self.responds {
            true => upgrade::RESPONSE,
            false => upgrade::REQUEST,
        };
        let found = memmem::find(self.tape.bytes(), begin);
        let len = match found {
            Some(at) => at,
            // It may have begun.
            None => self.tape.len().saturating_sub(begin.len() - 1),
        };
        self.tape.take(len);
        self.other_http += len as u64;
        if found.is_some() {
            self.state = State::Head;
        } else if self.other_http > MAX_HTTP {
            self.state = State::Failed;
        }
        found.is_some()
    }

    fn feed(&mut self, bytes: &[u8], place: Place, agreed: &Agreed, inside: &mut Inside<'_>) {
        match agreed.compression() {
            Compression::Unknown => {}
            known => self.frames.deflate = known,
        }
        match self.frames.feed(bytes, place, inside) {
            Fed::All => {}
            Fed::Closed => {
                self.state = State::Closed;
                self.tape = Tape::default();
            }
            Fed::Stuck(unread) => self.stuck(bytes, unread, place, inside),
        }
    }

    /// What should be a frame is none.
    fn stuck(&mut self, bytes: &[u8], unread: usize, place: Place, inside: &mut Inside<'_>) {
        let mut rest = self.frames.partial();
        rest.extend_from_slice(bytes.get(bytes.len() - unread..).unwrap_or_default());
        self.frames.blame(header::fault(&rest), place, inside);
        self.frames.lose();
        // The first byte is the one that is not understood.
        inside.gap(Lost::wrapped(1), place);
        let mut behind = Tape::default();
        behind.push(rest.get(1..).unwrap_or_default(), place);
        while let Some((bytes, place)) = self.tape.take_segment() {
            behind.push(&bytes, place);
        }
        self.tape = behind;
        self.search_from_here();
    }

    fn search_from_here(&mut self) {
        self.state = State::Searching;
        self.is_behind_gap = true;
        self.next_search = 0;
        self.searched = 0;
    }

    fn search(&mut self, last: bool, agreed: &mut Agreed, inside: &mut Inside<'_>) -> bool {
        let len = self.tape.len();
        if !last && len < self.next_search {
            return false;
        }
        // As often as plain MQTT is looked for: who finds something first is right.
        self.next_search = match len < OFTEN {
            true => next_scan(len),
            false => len + len / 2,
        };
        let is_known = self.is_known(agreed, inside);
        let outcome = search(Searched {
            bytes: self.tape.bytes(),
            segments: &self.tape.segments(),
            is_known,
            is_masked: self.frames.is_masked,
            may_be_compressed: match agreed.compression() {
                Compression::Unknown => self.frames.deflate != Compression::No,
                known => known == Compression::Yes,
            },
            last,
        });
        self.suspect = outcome.suspect;
        if let Some(at) = outcome.found {
            self.skip(at, inside);
            self.searched = 0;
            self.state = State::Frames;
            agreed.is_found = true;
            let is_masked = self
                .tape
                .bytes()
                .get(1)
                .is_some_and(|byte| byte & 0x80 != 0);
            let by_mask = if is_masked {
                inside.end
            } else {
                inside.end.other()
            };
            inside.dialogue.opened_by(agreed.opener.unwrap_or(by_mask));
            return true;
        }
        let window = if is_known { WINDOW } else { SMALL_WINDOW };
        if len > window {
            self.searched += (len / 2) as u64;
            self.skip(len / 2, inside);
            self.next_search = 0;
            if !is_known && self.searched > GIVE_UP {
                self.state = State::Failed;
            }
        }
        self.state == State::Failed
    }

    /// Gives up bytes that cannot be read.
    fn skip(&mut self, len: usize, inside: &mut Inside<'_>) {
        if len == 0 {
            return;
        }
        let reason = match self.is_behind_gap {
            true => SkipReason::AfterGap,
            false => SkipReason::MidStream,
        };
        inside.skipped(len, self.tape.place_at(0), reason);
        self.tape.take(len);
        self.next_search = self.next_search.saturating_sub(len);
        self.suspect = self.suspect.and_then(|at| at.checked_sub(len));
    }
}

/// Whether a segment begins with a head that may lead to WebSocket.
fn begins_upgrade(segment: &[u8]) -> bool {
    segment.starts_with(upgrade::REQUEST) || segment.starts_with(upgrade::RESPONSE)
}
