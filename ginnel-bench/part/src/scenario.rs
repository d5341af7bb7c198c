//! What is measured, and in which unit the result is told.

use std::time::Duration;

use crate::exchange::{PUBLISHED, WINDOW};

/// One question the benchmark asks of every system that can answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scenario {
    /// The word for it on the command line and in results.
    pub name: &'static str,
    /// What the two processes do.
    pub shape: Shape,
    /// What a result counts.
    pub unit: Unit,
}

/// What the client and the server of a scenario do in one lap; a round is many laps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The client sends a message over a stream and waits for its echo.
    RoundTrip {
        /// Length of the message, each way.
        bytes: usize,
    },
    /// The client only sends, over a stream; the server says once that everything arrived.
    OneWay {
        /// Length of each message.
        bytes: usize,
    },
    /// The same with packets.
    Packets {
        /// Length of each packet.
        bytes: usize,
    },
    /// The client sends whole messages, gathered in batches; the server says once that all arrived.
    Messages {
        /// Length of each message.
        bytes: usize,
    },
    /// The same with a call of its own for each message.
    Sends {
        /// Length of each message.
        bytes: usize,
    },
    /// The client sends a request and waits for its answer.
    Call {
        /// Length of the request and of the answer.
        bytes: usize,
    },
    /// The same through a client that comes back.
    ClientCall {
        /// Length of the request and of the answer.
        bytes: usize,
    },
    /// The server sends a message to as many as are connected, gathered in batches; all of those are in one process.
    Broadcast {
        /// Length of the message.
        bytes: usize,
        /// How many receive it.
        receivers: usize,
    },
    /// A request and its answer through sockets that do nothing else, such as REQ and REP.
    Requests {
        /// Length of the request and of the answer.
        bytes: usize,
    },
    /// Messages through sockets that go one way, such as PUSH and PULL; the server says once that all arrived.
    Pipeline {
        /// Length of each message.
        bytes: usize,
    },
    /// The server publishes to as many as have subscribed, such as PUB to SUB; all of those are in one process.
    Publish {
        /// Length of the message.
        bytes: usize,
        /// How many receive it.
        receivers: usize,
    },
    /// Each message carries one descriptor, which the server takes and closes.
    Fds,
    /// The client connects, is sent one byte, and closes.
    Connect,
    /// Nothing, on many connections that one process holds.
    Idle {
        /// How many.
        connections: usize,
    },
}

/// What a result counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds for one lap.
    Nanoseconds,
    /// Messages or packets in a second: one for each lap and, of what is published, for each who receives it.
    Messages,
    /// Laps in a second, each one descriptor.
    Fds,
    /// Payload bytes in a second.
    Bytes,
    /// Bytes of memory for each connection.
    Memory,
}

/// Which direction of a value is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// A time.
    Lower,
    /// A rate.
    Higher,
}

impl Scenario {
    const fn new(name: &'static str, shape: Shape, unit: Unit) -> Self {
        Self { name, shape, unit }
    }

    /// The scenario of this name.
    pub fn named(name: &str) -> Option<Self> {
        SCENARIOS.into_iter().chain([IDLE]).find(|scenario| scenario.name == name)
    }

    /// The value of a round, in this scenario's unit.
    pub fn value(&self, laps: u64, elapsed: Duration) -> f64 {
        let (laps, seconds) = (laps as f64, elapsed.as_secs_f64());
        match self.unit {
            Unit::Nanoseconds => seconds * 1e9 / laps,
            Unit::Messages | Unit::Fds => laps * self.deliveries() / seconds,
            Unit::Bytes => laps * self.payload() as f64 / seconds,
            Unit::Memory => f64::NAN,
        }
    }

    /// The nanoseconds of one lap, of a value in this scenario's unit.
    pub const fn lap(&self, value: f64) -> f64 {
        match self.unit {
            Unit::Nanoseconds | Unit::Memory => value,
            Unit::Messages | Unit::Fds => self.deliveries() * 1e9 / value,
            Unit::Bytes => self.payload() as f64 * 1e9 / value,
        }
    }

    /// The next number of laps that a round of this scenario can have.
    pub const fn whole_laps(&self, laps: u64) -> u64 {
        match self.shape {
            Shape::Fds | Shape::Broadcast { .. } => laps.next_multiple_of(WINDOW),
            Shape::Publish { .. } => laps.next_multiple_of(PUBLISHED),
            _ => laps,
        }
    }

    /// What a lap counts for.
    const fn deliveries(&self) -> f64 {
        match self.shape {
            Shape::Publish { receivers, .. } => receivers as f64,
            _ => 1.0,
        }
    }

    const fn payload(&self) -> usize {
        match self.shape {
            Shape::RoundTrip { bytes } | Shape::OneWay { bytes } | Shape::Packets { bytes } => bytes,
            Shape::Messages { bytes } | Shape::Sends { bytes } => bytes,
            Shape::Call { bytes } | Shape::ClientCall { bytes } | Shape::Broadcast { bytes, .. } => bytes,
            Shape::Requests { bytes } | Shape::Pipeline { bytes } | Shape::Publish { bytes, .. } => bytes,
            Shape::Fds | Shape::Connect | Shape::Idle { .. } => 1,
        }
    }
}

impl Unit {
    /// The unit as results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Messages => "messages/s",
            Self::Fds => "fds/s",
            Self::Bytes => "bytes/s",
            Self::Memory => "bytes",
        }
    }

    /// Which direction is the good one.
    pub const fn better(self) -> Better {
        match self {
            Self::Nanoseconds | Self::Memory => Better::Lower,
            Self::Messages | Self::Fds | Self::Bytes => Better::Higher,
        }
    }
}

impl Better {
    /// The direction as results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// Every scenario, in the order of the report.
pub const SCENARIOS: [Scenario; 19] = [
    Scenario::new("rtt-64", Shape::RoundTrip { bytes: 64 }, Unit::Nanoseconds),
    Scenario::new("rtt-4k", Shape::RoundTrip { bytes: 4 << 10 }, Unit::Nanoseconds),
    Scenario::new("oneway-64", Shape::OneWay { bytes: 64 }, Unit::Messages),
    Scenario::new("oneway-64k", Shape::OneWay { bytes: 64 << 10 }, Unit::Bytes),
    Scenario::new("oneway-1m", Shape::OneWay { bytes: 1 << 20 }, Unit::Bytes),
    Scenario::new("packets-64", Shape::Packets { bytes: 64 }, Unit::Messages),
    Scenario::new("messages-64", Shape::Messages { bytes: 64 }, Unit::Messages),
    Scenario::new("messages-4k", Shape::Messages { bytes: 4 << 10 }, Unit::Messages),
    Scenario::new("messages-1m", Shape::Messages { bytes: 1 << 20 }, Unit::Bytes),
    Scenario::new("sends-64", Shape::Sends { bytes: 64 }, Unit::Messages),
    Scenario::new("call-64", Shape::Call { bytes: 64 }, Unit::Nanoseconds),
    Scenario::new("client-64", Shape::ClientCall { bytes: 64 }, Unit::Nanoseconds),
    Scenario::new("broadcast-64-to-100", Shape::Broadcast { bytes: 64, receivers: 100 }, Unit::Messages),
    Scenario::new("fds", Shape::Fds, Unit::Fds),
    Scenario::new("connect", Shape::Connect, Unit::Nanoseconds),
    Scenario::new("sp-reqrep-64", Shape::Requests { bytes: 64 }, Unit::Nanoseconds),
    Scenario::new("sp-pipeline-64", Shape::Pipeline { bytes: 64 }, Unit::Messages),
    Scenario::new("sp-pipeline-64k", Shape::Pipeline { bytes: 64 << 10 }, Unit::Messages),
    Scenario::new("sp-pubsub-64-to-10", Shape::Publish { bytes: 64, receivers: 10 }, Unit::Messages),
];

/// What is not raced, but looked at once.
pub const IDLE: Scenario = Scenario::new("idle-10k", Shape::Idle { connections: 10_000 }, Unit::Memory);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_unit() {
        let value = |name, laps, micros| {
            Scenario::named(name).map(|scenario| scenario.value(laps, Duration::from_micros(micros)).round())
        };
        assert_eq!(value("rtt-64", 100, 500), Some(5_000.0));
        assert_eq!(value("oneway-64", 100, 500), Some(200_000.0));
        assert_eq!(value("oneway-64k", 10, 1_000), Some(655_360_000.0));
        assert_eq!(value("messages-64", 100, 500), Some(200_000.0));
        assert_eq!(value("messages-1m", 10, 1_000), Some(10_485_760_000.0));
        assert_eq!(value("fds", 32, 1_000), Some(32_000.0));
        assert_eq!(value("sp-pubsub-64-to-10", 100, 500), Some(2_000_000.0));
        assert_eq!(value("no such scenario", 1, 1), None);
    }

    #[test]
    fn a_lap_is_as_long_whatever_the_unit() {
        for scenario in SCENARIOS {
            let value = scenario.value(100, Duration::from_micros(500));
            assert_eq!(scenario.lap(value).round(), 5_000.0, "{}", scenario.name);
        }
    }
}
