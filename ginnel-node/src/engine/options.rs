//! Options, as a list of numbers in an agreed order; what is no number was not given.

use std::time::Duration;

use ginnel_os::{Bound, ClientOptions, ConnectionOptions, PeerOptions, ServerOptions, Wire, sp};

use crate::js::{Failure, Fault};

/// Numbers, by their places in the list. `src/engine/options.ts` writes them in the same order.
struct Given<'a>(&'a [f64]);

impl Given<'_> {
    fn number(&self, at: usize) -> Option<f64> {
        self.0.get(at).copied().filter(|number| !number.is_nan())
    }

    fn count(&self, at: usize) -> Option<usize> {
        self.number(at).map(|number| number as usize)
    }

    fn length(&self, at: usize) -> Option<Duration> {
        let number = self.number(at)?;
        Some(Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX))
    }

    /// A length of time, of which infinity means that there is none.
    fn patience(&self, at: usize) -> Option<Option<Duration>> {
        self.number(at).map(|number| if number.is_infinite() { None } else { self.length(at) })
    }

    /// A bound whose bytes, messages and descriptors stand here, in the place of another.
    fn bound(&self, at: usize, other: Bound) -> Bound {
        Bound {
            bytes: self.count(at).unwrap_or(other.bytes),
            messages: self.count(at + 1).unwrap_or(other.messages),
            fds: self.count(at + 2).unwrap_or(other.fds),
        }
    }
}

/// Places 0 to 11.
pub(super) fn connection(numbers: &[f64]) -> Result<ConnectionOptions, Failure> {
    let given = Given(numbers);
    let mut options = ConnectionOptions::new().wire(wire(given.count(0).unwrap_or(0))?);
    if let Some(bytes) = given.count(1) {
        options = options.largest_message(bytes);
    }
    if let Some(fds) = given.count(2) {
        options = options.most_fds(fds);
    }
    options = options.queue(given.bound(3, Bound::CONNECTION)).inbox(given.bound(6, Bound::CONNECTION));
    if let Some(length) = given.patience(9) {
        options = options.greeting_deadline(length);
    }
    if let Some(length) = given.patience(10) {
        options = options.progress_deadline(length);
    }
    if let Some(length) = given.length(11) {
        options = options.keep_alive(length);
    }
    Ok(options)
}

fn wire(number: usize) -> Result<Wire, Failure> {
    let wires = [Wire::Native, Wire::Raw, Wire::LengthPrefixed, Wire::Lines, Wire::Kyneta];
    let unknown = || Failure::new(Fault::Range, "ERR_OUT_OF_RANGE", "there is no such wire");
    wires.get(number).copied().ok_or_else(unknown)
}

/// Also 12 to 14.
pub(super) fn client(numbers: &[f64]) -> Result<ClientOptions, Failure> {
    let given = Given(numbers);
    let mut options = ClientOptions::new().connection(connection(numbers)?);
    let (base, cap) = pauses(&given);
    options = options.pause(base, cap);
    if let Some(most) = given.count(14) {
        options = options.attempts(u32::try_from(most).unwrap_or(u32::MAX));
    }
    Ok(options)
}

fn pauses(given: &Given<'_>) -> (Duration, Duration) {
    let base = given.length(12).unwrap_or(Duration::from_millis(20));
    (base, given.length(13).unwrap_or(Duration::from_secs(1)).max(base))
}

/// Also 15 and 16.
pub(super) fn server(numbers: &[f64]) -> Result<ServerOptions, Failure> {
    let given = Given(numbers);
    let mut options = ServerOptions::new().connection(connection(numbers)?);
    if let Some(bytes) = given.count(15) {
        options = options.total(bytes);
    }
    if let Some(bytes) = given.count(16) {
        options = options.answers(bytes);
    }
    Ok(options)
}

/// Also 12, 13, 15, 17 and 18.
pub(super) fn peer(numbers: &[f64]) -> Result<PeerOptions, Failure> {
    let given = Given(numbers);
    let (base, cap) = pauses(&given);
    let mut options = PeerOptions::new().connection(connection(numbers)?).pauses(base, cap);
    if let Some(bytes) = given.count(15) {
        options = options.total(bytes);
    }
    at_path(options, given.number(17).map(|standby| standby != 0.0), given.count(18))
}

/// What can be said of sockets that can be given away, and of socket files.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "as where there are no such files")]
fn at_path(
    mut options: PeerOptions,
    standby: Option<bool>,
    mode: Option<usize>,
) -> Result<PeerOptions, Failure> {
    if let Some(standby) = standby {
        options = options.standby(standby);
    }
    if let Some(mode) = mode {
        options = options.mode(mode as u32);
    }
    Ok(options)
}

/// Of pipes neither can be said: a standby that is not wanted is never there.
#[cfg(windows)]
fn at_path(options: PeerOptions, standby: Option<bool>, mode: Option<usize>) -> Result<PeerOptions, Failure> {
    if standby == Some(true) {
        return Err(Failure::absent("standbys, who would be given a socket"));
    }
    no_mode(mode)?;
    Ok(options)
}

#[cfg(windows)]
fn no_mode(mode: Option<usize>) -> Result<(), Failure> {
    mode.map_or(Ok(()), |_| Err(Failure::absent("permission bits of sockets: use `allow`")))
}

/// Places of their own, 0 to 15.
pub(super) fn sp(numbers: &[f64]) -> Result<sp::Options, Failure> {
    let given = Given(numbers);
    let mut options = sp::Options::new();
    if let Some(bytes) = given.count(0) {
        options = options.largest_message(bytes);
    }
    if let Some(most) = given.count(1) {
        options = options.hops(most.min(255) as u8);
    }
    if let Some(messages) = given.count(2) {
        options = options.send_queue(messages);
    }
    if let Some(messages) = given.count(3) {
        options = options.receive_queue(messages);
    }
    if given.number(4).is_some() || given.number(5).is_some() {
        options = options.inbox(given.bound(4, Bound::CONNECTION));
    }
    if let Some(prefer) = given.number(7) {
        options = options.prefer_new(prefer != 0.0);
    }
    if let Some(time) = given.patience(8) {
        options = options.resend_after(time);
    }
    if let Some(time) = given.length(9) {
        options = options.survey_time(time);
    }
    if let Some(most) = given.count(10) {
        options = options.open_requests(most);
    }
    if let Some(pause) = given.length(11) {
        options = options.redial(pause);
    }
    if let Some(pause) = given.length(12) {
        options = options.redial_up_to(pause);
    }
    if let Some(time) = given.patience(13) {
        options = options.greeting_deadline(time);
    }
    if let Some(time) = given.patience(14) {
        options = options.progress_deadline(time);
    }
    in_file(options, given.count(15))
}

/// Permission bits of a socket file.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "as where there are no such files")]
fn in_file(options: sp::Options, mode: Option<usize>) -> Result<sp::Options, Failure> {
    Ok(match mode {
        Some(mode) => options.mode(mode as u32),
        None => options,
    })
}

#[cfg(windows)]
fn in_file(options: sp::Options, mode: Option<usize>) -> Result<sp::Options, Failure> {
    no_mode(mode)?;
    Ok(options)
}
