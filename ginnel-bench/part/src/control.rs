//! The conversation between the parent and one part, in lines.
//!
//! The parent writes `round LAPS`. A part says `ready` once; after each round the client says
//! `took NANOSECONDS LATENCIES`; a part that cannot go on says `failed REASON` and ends. The end
//! of its input ends a part.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use crate::{Held, Latencies};

/// A part's end of the conversation.
#[expect(missing_debug_implementations, reason = "two trait objects, with nothing to show")]
pub struct Control {
    orders: Box<dyn BufRead>,
    replies: Box<dyn Write>,
}

/// What the client found in one round.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Measured {
    /// From the first lap to the end of the last.
    pub elapsed: Duration,
    /// The laps one by one, or a sample of them.
    pub latencies: Latencies,
}

/// One line of a part.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The server listens, or the client is connected.
    Ready,
    /// A round is done.
    Took(Measured),
    /// The server holds this for its connections.
    Held(Held),
    /// The part ends, for this reason.
    Failed(String),
}

impl Control {
    /// Orders from standard input, replies to standard output.
    pub fn stdio() -> Self {
        Self { orders: Box::new(io::stdin().lock()), replies: Box::new(io::stdout()) }
    }

    /// Orders one round, and nobody reads the replies.
    pub fn once(laps: u64) -> Self {
        let orders = io::Cursor::new(Self::order(laps));
        Self { orders: Box::new(orders), replies: Box::new(io::sink()) }
    }

    /// The line that orders a round.
    pub fn order(laps: u64) -> String {
        format!("round {laps}\n")
    }

    /// Waits for the next order; `None` when there are no more.
    ///
    /// This blocks also in asynchronous parts: between rounds there is nothing else to do.
    pub(crate) fn next(&mut self) -> io::Result<Option<u64>> {
        let mut line = String::new();
        if self.orders.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let laps = line.trim_end().strip_prefix("round ").and_then(|laps| laps.parse().ok());
        laps.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an order"))
    }

    pub(crate) fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        // One write for the line, so that the parent wakes up once.
        self.replies.write_all(reply.encode().as_bytes())?;
        self.replies.flush()
    }
}

impl Measured {
    /// The time of a whole round, and of its laps.
    pub fn new(elapsed: Duration, latencies: Latencies) -> Self {
        Self { elapsed, latencies }
    }
}

impl Reply {
    fn encode(&self) -> String {
        match self {
            Self::Ready => "ready\n".to_owned(),
            Self::Took(measured) => {
                format!("took {} {}\n", measured.elapsed.as_nanos(), measured.latencies.encode())
            }
            Self::Held(Held { heap, resident }) => {
                let heap = heap.map_or_else(|| "-".to_owned(), |heap| heap.to_string());
                format!("held {heap} {resident}\n")
            }
            Self::Failed(reason) => format!("failed {}\n", reason.replace('\n', " ")),
        }
    }

    /// Reads a line of a part, without its end.
    pub fn decode(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ready" => Some(Self::Ready),
            "took" => {
                let (elapsed, latencies) = rest.split_once(' ')?;
                let elapsed = Duration::from_nanos(elapsed.parse().ok()?);
                Some(Self::Took(Measured { elapsed, latencies: Latencies::decode(latencies)? }))
            }
            "held" => {
                let (heap, resident) = rest.split_once(' ')?;
                let heap = if heap == "-" { None } else { Some(heap.parse().ok()?) };
                Some(Self::Held(Held { heap, resident: resident.parse().ok()? }))
            }
            "failed" => Some(Self::Failed(rest.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_one_by_one_and_end() {
        let mut control = Control::once(17);
        assert_eq!(control.next().expect("an order"), Some(17));
        assert_eq!(control.next().expect("the end"), None);
    }

    #[test]
    fn replies_come_back() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_nanos(40));
        let took = Reply::Took(Measured { elapsed: Duration::from_nanos(123), latencies });
        assert_eq!(took.encode(), "took 123 40:1\n");
        let Some(Reply::Took(back)) = Reply::decode("took 123 40:1") else { panic!("own line") };
        assert_eq!((back.elapsed.as_nanos(), back.latencies.quantile(0.5)), (123, 40));
        let held = Held { heap: Some(7), resident: 4096 };
        assert_eq!(Reply::Held(held).encode(), "held 7 4096\n");
        assert!(matches!(Reply::decode("held 7 4096"), Some(Reply::Held(back)) if back == held));
        assert!(matches!(Reply::decode("held - 1"), Some(Reply::Held(Held { heap: None, resident: 1 }))));
        assert!(matches!(Reply::decode("ready"), Some(Reply::Ready)));
        assert!(matches!(Reply::decode("failed two words"), Some(Reply::Failed(why)) if why == "two words"));
        assert!(Reply::decode("took 123").is_none());
        assert!(Reply::decode("").is_none());
    }
}
