//! What `ginnel sp` means.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use ginnel::sp::Url;
use ginnel::{AddressError, Policy};

use super::{UsageError, octal, policy, seconds, system};
use crate::args::sp::{End, Format, PaceArgs, PlacesArgs, SpArgs};

/// One end of a messaging pattern, and what it does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sp {
    pub(crate) end: End,
    pub(crate) places: Places,
    pub(crate) said: Option<Said>,
    pub(crate) pace: Pace,
    pub(crate) format: Option<Format>,
    pub(crate) subscribe: Vec<OsString>,
}

/// Where it meets others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) dial: Vec<String>,
    pub(crate) listen: Vec<String>,
    pub(crate) fds: Vec<u16>,
    /// Nobody need be there yet.
    pub(crate) dial_on: bool,
    pub(crate) allow: Option<Policy>,
    pub(crate) mode: Option<u32>,
    /// Somebody may come later: there is more than what was inherited.
    pub(crate) stay_open: bool,
}

/// What it sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(OsString),
    File(PathBuf),
    /// Standard input to its end.
    Input,
}

/// How often, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) count: Option<u64>,
    pub(crate) interval: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
}

/// What was typed does not go with an end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpUsage {
    #[error("nobody to meet: say where with --dial, --listen or --fd")]
    Nowhere,
    #[error("{text:?} is no URL")]
    Url { text: String, source: AddressError },
    #[error("nobody can be dialled at socket://: hand a socket in with --fd")]
    NotDialled,
    #[error("{text:?} is no count: a number from 1 on is wanted")]
    Count { text: String },
    #[error("{end} needs something to say: --data or --file")]
    NothingToSay { end: End },
    #[error("{flag} means nothing to {end}, which {does}")]
    Useless { flag: &'static str, end: End, does: &'static str },
    #[error("{flag} is for those who say something: --data or --file")]
    Silent { flag: &'static str },
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl TryFrom<SpArgs> for Sp {
    type Error = UsageError;

    fn try_from(args: SpArgs) -> Result<Self, UsageError> {
        check(&args)?;
        let SpArgs { end, places, data, file, pace, format, subscribe } = args;
        let said = match (data, file) {
            (Some(text), _) => Some(Said::Text(text)),
            (None, Some(path)) if path.as_os_str() == "-" => Some(Said::Input),
            (None, Some(path)) => Some(Said::File(path)),
            (None, None) => None,
        };
        Ok(Self { end, places: places.try_into()?, said, pace: pace.try_into()?, format, subscribe })
    }
}

impl TryFrom<PlacesArgs> for Places {
    type Error = UsageError;

    fn try_from(args: PlacesArgs) -> Result<Self, UsageError> {
        let PlacesArgs { dial, listen, fds, dial_on, allow, mode } = args;
        system::need("--fd", !fds.is_empty())?;
        system::need("--mode", mode.is_some())?;
        if dial.is_empty() && listen.is_empty() && fds.is_empty() {
            return Err(SpUsage::Nowhere.into());
        }
        for text in &dial {
            if url(text)? == Url::Socket {
                return Err(SpUsage::NotDialled.into());
            }
        }
        let mut stay_open = !dial.is_empty();
        for text in &listen {
            stay_open |= url(text)? != Url::Socket;
        }
        if !stay_open && fds.is_empty() {
            return Err(SpUsage::Nowhere.into());
        }
        let (allow, mode) = (allow.map(policy).transpose()?, mode.map(octal).transpose()?);
        Ok(Self { dial, listen, fds, dial_on, allow, mode, stay_open })
    }
}

impl TryFrom<PaceArgs> for Pace {
    type Error = UsageError;

    fn try_from(args: PaceArgs) -> Result<Self, UsageError> {
        let PaceArgs { count, interval, delay, recv_timeout, send_timeout, timeout } = args;
        Ok(Self {
            count: count.map(number).transpose()?,
            interval: interval.map(seconds).transpose()?,
            delay: delay.map(seconds).transpose()?,
            recv_timeout: recv_timeout.map(seconds).transpose()?,
            send_timeout: send_timeout.map(seconds).transpose()?,
            timeout: timeout.map(seconds).transpose()?,
        })
    }
}

/// Does everything go with this end, and is everything there that it needs?
fn check(args: &SpArgs) -> Result<(), SpUsage> {
    let SpArgs { end, ref pace, .. } = *args;
    let speaks = args.data.is_some() || args.file.is_some();
    let given = [
        ("--data", args.data.is_some(), Part::Says),
        ("--file", args.file.is_some(), Part::Says),
        ("--interval", pace.interval.is_some(), Part::Begins),
        ("--delay", pace.delay.is_some(), Part::Begins),
        ("--send-timeout", pace.send_timeout.is_some(), Part::Waits),
        ("--recv-timeout", pace.recv_timeout.is_some(), Part::Hears),
        ("--format", args.format.is_some(), Part::Hears),
        ("--subscribe", !args.subscribe.is_empty(), Part::Subscribes),
    ];
    for (flag, _, part) in given.into_iter().filter(|(_, given, _)| *given) {
        if !part.is_played_by(end) {
            return Err(SpUsage::Useless { flag, end, does: part.instead() });
        }
        let may_be_silent = matches!(end, End::Pair | End::Pair0 | End::Bus);
        if matches!(part, Part::Begins | Part::Waits) && !speaks && may_be_silent {
            return Err(SpUsage::Silent { flag });
        }
    }
    let must_speak = matches!(end, End::Req | End::Pub | End::Push | End::Surveyor);
    if must_speak && !speaks { Err(SpUsage::NothingToSay { end }) } else { Ok(()) }
}

/// What an end may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Says,
    /// Says something without being asked.
    Begins,
    /// Waits until what it says can be sent.
    Waits,
    Hears,
    Subscribes,
}

impl Part {
    fn is_played_by(self, end: End) -> bool {
        match self {
            Self::Says => !matches!(end, End::Sub | End::Pull),
            Self::Begins => !matches!(end, End::Sub | End::Pull | End::Rep | End::Respondent),
            Self::Waits => matches!(end, End::Push | End::Pair | End::Pair0),
            Self::Hears => !matches!(end, End::Pub | End::Push),
            Self::Subscribes => end == End::Sub,
        }
    }

    /// What those do who do not.
    fn instead(self) -> &'static str {
        match self {
            Self::Says => "sends nothing",
            Self::Begins => "sends nothing by itself",
            Self::Waits => "does not wait to send",
            Self::Hears => "receives nothing",
            Self::Subscribes => "does not subscribe",
        }
    }
}

fn url(text: &str) -> Result<Url, SpUsage> {
    text.parse().map_err(|source| SpUsage::Url { text: text.to_owned(), source })
}

fn number(text: String) -> Result<u64, SpUsage> {
    match text.parse() {
        Ok(number @ 1..) if text.bytes().all(|digit| digit.is_ascii_digit()) => Ok(number),
        _ => Err(SpUsage::Count { text }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;
    use crate::plan::Plan;

    fn plan(words: &str) -> Result<Sp, UsageError> {
        let words = words.split_whitespace();
        match Plan::try_from(Args::try_parse_from(["ginnel", "sp"].into_iter().chain(words)).unwrap())? {
            Plan::Sp(plan) => Ok(plan),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_end_has_places_something_to_say_and_a_pace() {
        let words = "req --dial ipc://a --dial tcp://h:1 --data hi --count 2 --interval 0.5 --format hex";
        let places = Places {
            dial: vec!["ipc://a".into(), "tcp://h:1".into()],
            listen: vec![],
            fds: vec![],
            dial_on: false,
            allow: None,
            mode: None,
            stay_open: true,
        };
        let pace = Pace {
            count: Some(2),
            interval: Some(Duration::from_millis(500)),
            delay: None,
            recv_timeout: None,
            send_timeout: None,
            timeout: None,
        };
        let meant = Sp {
            end: End::Req,
            places,
            said: Some(Said::Text("hi".into())),
            pace,
            format: Some(Format::Hex),
            subscribe: vec![],
        };
        assert_eq!(plan(words), Ok(meant));
        assert_eq!(plan("push --listen ipc://a --file -").unwrap().said, Some(Said::Input));
        assert_eq!(plan("push --listen ipc://a -F f").unwrap().said, Some(Said::File("f".into())));
        assert_eq!(plan("pair1 --listen ipc://a").unwrap().end, End::Pair);
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_fact() {
        let table = [
            ("pull", "nobody to meet: say where with --dial, --listen or --fd"),
            ("pull --listen socket://", "nobody to meet: say where with --dial, --listen or --fd"),
            ("pull --listen /a", "\"/a\" is no URL"),
            ("pull --dial ws://a", "\"ws://a\" is no URL"),
            ("pull --dial socket://", "nobody can be dialled at socket://: hand a socket in with --fd"),
            ("pull --dial tcp://h:1 --count 0", "\"0\" is no count: a number from 1 on is wanted"),
            ("pull --dial tcp://h:1 --count +1", "\"+1\" is no count: a number from 1 on is wanted"),
            (
                "pull --dial tcp://h:1 --recv-timeout 0",
                "\"0\" is no time: a number of seconds above 0 is wanted",
            ),
            ("pull --dial tcp://h:1 --allow me", "\"me\" says not who is allowed"),
            ("req --dial tcp://h:1", "req needs something to say: --data or --file"),
            ("surveyor --dial tcp://h:1", "surveyor needs something to say: --data or --file"),
            ("pub --dial tcp://h:1", "pub needs something to say: --data or --file"),
            ("push --dial tcp://h:1", "push needs something to say: --data or --file"),
            ("sub --dial tcp://h:1 --data x", "--data means nothing to sub, which sends nothing"),
            ("pull --dial tcp://h:1 --file x", "--file means nothing to pull, which sends nothing"),
            (
                "rep --dial tcp://h:1 --data x --interval 1",
                "--interval means nothing to rep, which sends nothing by itself",
            ),
            (
                "respondent --dial tcp://h:1 --delay 1",
                "--delay means nothing to respondent, which sends nothing by itself",
            ),
            (
                "sub --dial tcp://h:1 --send-timeout 1",
                "--send-timeout means nothing to sub, which does not wait to send",
            ),
            (
                "pub --dial tcp://h:1 --data x --recv-timeout 1",
                "--recv-timeout means nothing to pub, which receives nothing",
            ),
            (
                "push --dial tcp://h:1 --data x --format hex",
                "--format means nothing to push, which receives nothing",
            ),
            (
                "pull --dial tcp://h:1 --subscribe x",
                "--subscribe means nothing to pull, which does not subscribe",
            ),
            (
                "pair --dial tcp://h:1 --interval 1",
                "--interval is for those who say something: --data or --file",
            ),
            ("bus --dial tcp://h:1 --delay 1", "--delay is for those who say something: --data or --file"),
        ];
        for (words, message) in table {
            assert_eq!(plan(words).unwrap_err().to_string(), message, "{words}");
        }
    }

    #[test]
    fn what_is_no_end_no_number_and_no_format_is_refused_as_typed() {
        for words in [
            "ginnel sp",
            "ginnel sp poly --dial tcp://h:1",
            "ginnel sp pull --fd x",
            "ginnel sp pull --fd 65536",
            "ginnel sp pull --fd -1",
            "ginnel sp pull --dial tcp://h:1 --format octal",
            "ginnel sp push --dial tcp://h:1 --data a --file b",
            "ginnel sp push --dial tcp://h:1 a",
        ] {
            let error = Args::try_parse_from(words.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words}");
        }
    }
}
