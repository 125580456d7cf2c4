//! How connections end.

use super::stream::Stream;
use super::{MAX_KEPT, Mode, Source};
use crate::capture::{Turn, TurnKind};
use crate::cmd::capture_replay::step::{Action, Leave};
use crate::mqtt::Side;

impl Source {
    pub(super) fn turn(&mut self, turn: &Turn) {
        if self.settings.mode != Mode::Sessions {
            return;
        }
        let Some(stream) = self.streams.get_mut(&turn.at.stream) else {
            return;
        };
        self.at = super::At::default();
        if let Some(time) = turn.at.time {
            self.last_time = Some(time.nanos);
            stream.last_time = stream.last_time.max(self.last_time);
        }
        match turn.kind {
            TurnKind::Finished | TurnKind::Reset => {
                let leave = match turn.at.from {
                    Some(Side::Server) => Leave::ByServer(None),
                    _ => Leave::Cut,
                };
                self.leave(turn.at.stream, leave);
            }
            TurnKind::Over => {
                self.leave(turn.at.stream, Leave::Unseen);
                self.streams.remove(&turn.at.stream);
            }
            _ => {}
        }
    }

    /// The connection ends.
    pub(super) fn leave(&mut self, number: u64, leave: Leave) {
        let Some(mut stream) = self.streams.remove(&number) else {
            return;
        };
        self.leave_stream(&mut stream, leave);
        self.streams.insert(number, stream);
    }

    fn leave_stream(&mut self, stream: &mut Stream, leave: Leave) {
        self.forget_held(stream);
        stream.is_over = true;
        let outstanding = std::mem::take(&mut stream.outstanding);
        if let Some(id) = stream.captured_id.take()
            && stream.persists
        {
            self.keep_filters(&id, stream);
            if !outstanding.is_empty() && self.kept.len() < MAX_KEPT {
                self.kept.insert(id, outstanding);
            }
        }
        let Some(live) = stream.live.take() else {
            return;
        };
        let leave = match self.settings.mode {
            Mode::Sessions => self.played_leave(stream, leave),
            Mode::Messages(_) => leave,
        };
        let unreleased = match stream.loses_releases {
            true => usize::MAX,
            false => stream.unreleased.len(),
        };
        let time = stream.last_time.max(self.last_time);
        self.push(live.session, time, Action::Leave(leave, unreleased));
    }

    /// How it ends in the replay: whoever closes the connection, a DISCONNECT of the server has
    /// ended it before. What made the server do it may not be there in the replay.
    fn played_leave(&mut self, stream: &mut Stream, leave: Leave) -> Leave {
        let leave = match stream.farewell.take() {
            Some(said) => Leave::ByServer(Some(said)),
            None => leave,
        };
        let is_reproducible =
            !stream.is_incomplete && !stream.is_taken_over && !stream.is_timed_out();
        match leave {
            Leave::ByServer(_) if !is_reproducible => {
                self.found.server_ends_cut += 1;
                return Leave::Cut;
            }
            Leave::Disconnect(..) => self.found.disconnects += 1,
            Leave::Cut => self.found.cuts += 1,
            Leave::ByServer(_) => self.found.server_ends += 1,
            Leave::Unseen => self.found.unseen_ends += 1,
        }
        leave
    }

    /// Whoever is still there leaves.
    pub(super) fn finish(&mut self) {
        self.at = super::At::default();
        let mut open: Vec<u64> = self.streams.keys().copied().collect();
        open.sort_unstable();
        for stream in open {
            self.leave(stream, Leave::Unseen);
        }
        self.sn_finish();
    }
}
