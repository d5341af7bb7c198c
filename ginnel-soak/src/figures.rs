//! What was measured, as a table, and whether it kept within its bounds.

use std::fmt;
use std::time::Duration;

use crate::counts::Counts;
use crate::scenario::Scenario;
use crate::system::Holding;

/// What one run of a scenario measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) peers: u64,
    pub(crate) before: Holding,
    /// Once all hostile peers have begun.
    pub(crate) connected: Holding,
    /// At the end of the attack.
    pub(crate) during: Holding,
    pub(crate) after: Holding,
    /// The kernel's own memory, in bytes, at the same moments but for the second.
    pub(crate) kernel: [u64; 3],
    /// Sockets of the whole machine, before and after.
    pub(crate) sockets: [u64; 2],
    /// Most descriptors seen.
    pub(crate) most_fds: u64,
    /// What the well-behaved measured: before, while the server fills everybody's queue, and in the attack.
    pub(crate) calm: Counts,
    pub(crate) filling: Option<Counts>,
    pub(crate) attacked: Counts,
    /// What the server says of the filling.
    pub(crate) fill: Option<Counts>,
    pub(crate) server: Counts,
    pub(crate) crowd: Counts,
    /// Somebody who comes in the middle of the attack is answered after so long.
    pub(crate) newcomer: Option<Duration>,
}

/// Something that must hold.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) holds: bool,
    what: String,
}

impl Claim {
    pub(crate) const fn new(holds: bool, what: String) -> Self {
        Self { holds, what }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.holds { "ok    " } else { "BROKEN" }, self.what)
    }
}

impl Figures {
    /// Everything that must hold.
    pub(crate) fn claims(&self, scenario: &Scenario, noise: Duration) -> Vec<Claim> {
        let [before, most] = [self.calm.of("p99"), most_p99(&self.calm, noise)];
        let (peak, most_resident) = (self.after.peak, (scenario.most_resident)(self));
        let most_fds = self.before.descriptors + self.peers * scenario.fds_of_peer + SPARE_FDS;
        let mut claims = vec![
            Claim::new(
                self.attacked.of("calls") > 0,
                format!("all calls of the well-behaved were answered: {}", self.attacked.of("answered")),
            ),
            // Nothing is timed of a call that hangs.
            Claim::new(
                self.attacked.of("least") > self.calm.of("least"),
                format!("each of them was, {} times at least", self.attacked.of("least")),
            ),
            Claim::new(
                self.attacked.of("p99") <= most,
                format!(
                    "their p99 was {}; twice the {} before and {noise:?} are allowed",
                    micros(self.attacked.of("p99")),
                    micros(before)
                ),
            ),
            Claim::new(
                peak <= most_resident,
                format!("{} were resident at most, {} are allowed", mib(peak), mib(most_resident)),
            ),
            Claim::new(
                self.most_fds <= most_fds,
                format!("{} descriptors at most, {most_fds} are allowed", self.most_fds),
            ),
            Claim::new(
                self.after.descriptors == self.before.descriptors,
                format!("{} descriptors after, {} before", self.after.descriptors, self.before.descriptors),
            ),
            Claim::new(
                self.newcomer.is_some_and(|length| length <= NEWCOMER),
                format!("somebody new was answered after {:?}", self.newcomer.unwrap_or_default()),
            ),
        ];
        claims.extend((scenario.judge)(self));
        claims
    }

    pub(crate) fn table(&self, name: &str) -> String {
        let Self { before, connected, during, after, kernel, sockets, .. } = self;
        let row = |name: &str, cells: [String; 4]| {
            let [a, b, c, d] = cells;
            format!("  {name:<22}{a:>12}{b:>12}{c:>12}{d:>12}\n")
        };
        let dash = || "-".to_owned();
        let mut text = format!("== {name}: {} hostile peers\n", self.peers);
        text += &row("", ["before", "connected", "attacked", "after"].map(str::to_owned));
        text += &row("server, resident", [before, connected, during, after].map(|it| mib(it.resident)));
        text += &row("server, its peak", [dash(), dash(), mib(during.peak), mib(after.peak)]);
        text += &row(
            "server, descriptors",
            [before, connected, during, after].map(|it| it.descriptors.to_string()),
        );
        text += &row("kernel's objects", [mib(kernel[0]), dash(), mib(kernel[1]), mib(kernel[2])]);
        text += &row("sockets, all", [sockets[0].to_string(), dash(), dash(), sockets[1].to_string()]);
        for quantile in ["p50", "p99", "max"] {
            let of = |counts: &Counts| micros(counts.of(quantile));
            let filling = self.filling.as_ref().map_or_else(dash, |it| format!("({})", of(it)));
            text += &row(&format!("call, {quantile}"), [of(&self.calm), filling, of(&self.attacked), dash()]);
        }
        text += &format!("  server: {}\n  peers: {}\n", self.server, self.crowd);
        text
    }
}

/// The most that the p99 of an attacked server may be.
pub(crate) fn most_p99(calm: &Counts, noise: Duration) -> u64 {
    2 * calm.of("p99") + noise.as_nanos() as u64
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn micros(nanos: u64) -> String {
    format!("{:.0} µs", nanos as f64 / 1000.0)
}

/// Somebody who comes in the middle of an attack stands in line with those who attack.
const NEWCOMER: Duration = Duration::from_secs(2);

/// Of the newcomer, and of whoever is on the way in or out.
const SPARE_FDS: u64 = 70;
