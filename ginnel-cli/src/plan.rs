//! What the command line means: addresses, kinds, policies and times, checked. Pure: nothing is opened here.

mod sp;
#[cfg(unix)]
#[path = "plan/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "plan/windows.rs"]
mod system;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ginnel::{Address, AddressError, AddressKind, Hello, HelloError, Policy, PolicyError, ToAddress, Wire};
use serde::{Serialize, Serializer};

use crate::args::{
    Args, CallArgs, Command, ConnectArgs, ListenArgs, NameArgs, PeerArgs, PlaceArgs, RecvArgs, SendArgs,
    SpeechArgs, WhoArgs,
};
use crate::speech::{Codec, Speech};

pub(crate) use self::sp::{Pace, Places, Said, Sp, SpUsage};
pub(crate) use self::system::Datagrams;

/// One command with everything that it needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Listen(Listen),
    Connect(Connect),
    Send(Send),
    Recv(Recv),
    Call(Call),
    Who(Who),
    Peer(Peer),
    Sp(Sp),
    Demo,
    DemoPart { role: String, address: OsString },
}

/// What is spoken at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Stream,
    SeqPacket,
    Datagram(Datagrams),
}

/// Where to go, what is spoken there, and for how long to wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: Address,
    pub(crate) kind: Kind,
    pub(crate) timeout: Option<Duration>,
}

/// A place to listen at, and who may come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) place: Place,
    pub(crate) allow: Option<Policy>,
    pub(crate) mode: Option<u32>,
    pub(crate) backlog: Option<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) name: Name,
    pub(crate) work: Work,
}

/// What is done with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is joined to standard input and output.
    Join(Option<Speech>),
    /// It is given to a command.
    Exec(OsString, Option<Speech>),
    /// A command answers its requests.
    Answer(OsString, Codec),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) place: Place,
    pub(crate) exec: Option<OsString>,
    pub(crate) speech: Option<Speech>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) place: Place,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) body: Body,
}

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Text(OsString),
    /// Standard input to its end.
    Input,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recv {
    pub(crate) name: Name,
    pub(crate) exec: Option<OsString>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) place: Place,
    pub(crate) codec: Codec,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) body: Body,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) place: Place,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    pub(crate) hello: Hello,
    pub(crate) standby: bool,
    pub(crate) allow: Option<Policy>,
    pub(crate) mode: Option<u32>,
    pub(crate) timeout: Option<Duration>,
}

/// Most descriptors that one message carries; see unix(7).
pub(crate) const MAX_FDS: usize = 253;

/// What was typed has no meaning.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("{text:?} is no address")]
    Address { text: OsString, source: AddressError },
    #[error("{text:?} says not who is allowed")]
    Allow { text: String, source: PolicyError },
    #[error("file permissions do not protect an abstract name: say who is allowed with --allow")]
    AbstractWithoutAllow,
    #[error("{text:?} is no mode: three octal digits are wanted, 000 to 777")]
    Mode { text: String },
    #[error("{text:?} is no time: a number of seconds above 0 is wanted")]
    Timeout { text: String },
    #[error("{given} files given, {MAX_FDS} fit one message")]
    TooManyFiles { given: usize },
    #[error("without a connection nobody can be asked who is there")]
    DatagramWho,
    #[cfg(windows)]
    #[error("Windows has nothing for {flag}")]
    Absent { flag: &'static str },
    #[error("the raw wire cuts bytes anywhere: there is nothing that a codec could read")]
    CodecWithoutFrames,
    #[error("a peer cannot introduce itself so")]
    Hello(#[from] HelloError),
    #[error(transparent)]
    Sp(#[from] SpUsage),
}

impl TryFrom<Args> for Plan {
    type Error = UsageError;

    fn try_from(args: Args) -> Result<Self, UsageError> {
        Ok(match args.command {
            Command::Listen(args) => Self::Listen(args.try_into()?),
            Command::Connect(args) => Self::Connect(args.try_into()?),
            Command::Send(args) => Self::Send(args.try_into()?),
            Command::Recv(args) => Self::Recv(args.try_into()?),
            Command::Call(args) => Self::Call(args.try_into()?),
            Command::Who(args) => Self::Who(args.try_into()?),
            Command::Peer(args) => Self::Peer(args.try_into()?),
            Command::Sp(args) => Self::Sp(args.try_into()?),
            Command::Demo => Self::Demo,
            Command::DemoPart(args) => Self::DemoPart { role: args.role, address: args.address },
        })
    }
}

impl TryFrom<ListenArgs> for Listen {
    type Error = UsageError;

    fn try_from(args: ListenArgs) -> Result<Self, UsageError> {
        let ListenArgs { name, exec, answer, speech, backlog } = args;
        let name = Name { backlog, ..name.try_into()? };
        let work = match (exec, answer) {
            (_, Some(script)) => Work::Answer(script, speech.codec.unwrap_or(Codec::Cbor)),
            (Some(script), None) => Work::Exec(script, spoken(speech)?),
            (None, None) => Work::Join(spoken(speech)?),
        };
        Ok(Self { name, work })
    }
}

impl TryFrom<ConnectArgs> for Connect {
    type Error = UsageError;

    fn try_from(args: ConnectArgs) -> Result<Self, UsageError> {
        let ConnectArgs { place, exec, speech } = args;
        Ok(Self { place: place.try_into()?, exec, speech: spoken(speech)? })
    }
}

impl TryFrom<SendArgs> for Send {
    type Error = UsageError;

    fn try_from(args: SendArgs) -> Result<Self, UsageError> {
        let SendArgs { place, files, text } = args;
        system::need("--fd", !files.is_empty())?;
        fit_one_message(&files)?;
        let body = match text {
            Some(text) => Body::Text(text),
            None if files.is_empty() => Body::Input,
            None => Body::Text(OsString::new()),
        };
        Ok(Self { place: place.try_into()?, files, body })
    }
}

impl TryFrom<RecvArgs> for Recv {
    type Error = UsageError;

    fn try_from(args: RecvArgs) -> Result<Self, UsageError> {
        Ok(Self { name: args.name.try_into()?, exec: args.exec })
    }
}

impl TryFrom<CallArgs> for Call {
    type Error = UsageError;

    fn try_from(args: CallArgs) -> Result<Self, UsageError> {
        let CallArgs { address, codec, files, timeout, text } = args;
        system::need("--fd", !files.is_empty())?;
        fit_one_message(&files)?;
        let body = match text {
            Some(text) if text != "-" => Body::Text(text),
            _ => Body::Input,
        };
        let place = PlaceArgs { address, seqpacket: false, datagram: false, timeout };
        Ok(Self { place: place.try_into()?, codec, files, body })
    }
}

impl TryFrom<WhoArgs> for Who {
    type Error = UsageError;

    fn try_from(args: WhoArgs) -> Result<Self, UsageError> {
        let WhoArgs { address, seqpacket, datagram, timeout } = args;
        if datagram {
            return Err(UsageError::DatagramWho);
        }
        Ok(Self { place: PlaceArgs { address, seqpacket, datagram, timeout }.try_into()? })
    }
}

impl TryFrom<PeerArgs> for Peer {
    type Error = UsageError;

    fn try_from(args: PeerArgs) -> Result<Self, UsageError> {
        let PeerArgs { address: text, name, data, no_standby, allow, mode, timeout } = args;
        system::need("--no-standby", no_standby)?;
        system::need("--mode", mode.is_some())?;
        Ok(Self {
            address: address(&text)?,
            hello: Hello::new(&name)?.with_data(data.unwrap_or_default())?,
            standby: !no_standby,
            allow: allow.map(policy).transpose()?,
            mode: mode.map(octal).transpose()?,
            timeout: timeout.map(seconds).transpose()?,
        })
    }
}

impl TryFrom<NameArgs> for Name {
    type Error = UsageError;

    fn try_from(args: NameArgs) -> Result<Self, UsageError> {
        let NameArgs { place, allow, mode } = args;
        system::need("--mode", mode.is_some())?;
        let place = Place::try_from(place)?;
        let allow = allow.map(policy).transpose()?;
        let is_abstract = matches!(place.address.kind(), AddressKind::Abstract(_));
        // Datagrams have no credentials to judge.
        if is_abstract && allow.is_none() && !matches!(place.kind, Kind::Datagram(_)) {
            return Err(UsageError::AbstractWithoutAllow);
        }
        Ok(Self { place, allow, mode: mode.map(octal).transpose()?, backlog: None })
    }
}

impl TryFrom<PlaceArgs> for Place {
    type Error = UsageError;

    fn try_from(args: PlaceArgs) -> Result<Self, UsageError> {
        let kind = match system::datagrams(args.datagram)? {
            Some(packets) => Kind::Datagram(packets),
            None if args.seqpacket => Kind::SeqPacket,
            None => Kind::Stream,
        };
        Ok(Self { address: address(&args.address)?, kind, timeout: args.timeout.map(seconds).transpose()? })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::SeqPacket => "seqpacket",
            Self::Datagram(_) => "datagram",
        })
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A codec alone means the native wire; nothing at all means bytes.
fn spoken(args: SpeechArgs) -> Result<Option<Speech>, UsageError> {
    let wire = args.wire.map(Wire::from);
    match (wire, args.codec) {
        (None, None) => Ok(None),
        (Some(Wire::Raw), Some(_)) => Err(UsageError::CodecWithoutFrames),
        (wire, codec) => Ok(Some(Speech { wire: wire.unwrap_or_default(), codec })),
    }
}

fn fit_one_message(files: &[PathBuf]) -> Result<(), UsageError> {
    if files.len() > MAX_FDS {
        return Err(UsageError::TooManyFiles { given: files.len() });
    }
    Ok(())
}

fn address(text: &OsStr) -> Result<Address, UsageError> {
    text.to_address().map_err(|source| UsageError::Address { text: text.to_owned(), source })
}

fn policy(text: String) -> Result<Policy, UsageError> {
    text.parse().map_err(|source| UsageError::Allow { text, source })
}

fn octal(text: String) -> Result<u32, UsageError> {
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    let is_octal = digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if is_octal && mode <= 0o777 => Ok(mode),
        _ => Err(UsageError::Mode { text }),
    }
}

fn seconds(text: String) -> Result<Duration, UsageError> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).ok_or(UsageError::Timeout { text })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    fn plan(words: &[&str]) -> Result<Plan, UsageError> {
        let words = std::iter::once("ginnel").chain(words.iter().copied());
        Plan::try_from(Args::try_parse_from(words).unwrap())
    }

    fn place(kind: Kind) -> Place {
        Place { address: Address::path("/a").unwrap(), kind, timeout: None }
    }

    fn name(kind: Kind) -> Name {
        Name { place: place(kind), allow: None, mode: None, backlog: None }
    }

    fn call(body: Body) -> Call {
        Call { place: place(Kind::Stream), codec: Codec::Cbor, files: vec![], body }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Args::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let about = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("ginnel {}", command.get_name());
            assert!(about.contains(&example), "{example}");
            assert!(command.get_about().is_some(), "{example}");
        }
    }

    #[test]
    fn what_was_typed_becomes_what_was_meant() {
        let same_user = Some(Policy::same_user());
        let table: [(&[&str], Plan); 8] = [
            (&["listen", "/a"], Plan::Listen(Listen { name: name(Kind::Stream), work: Work::Join(None) })),
            (
                &["listen", "/a", "--allow", "same-user", "--backlog", "7", "--exec", "cat"],
                Plan::Listen(Listen {
                    name: Name { allow: same_user, backlog: Some(7), ..name(Kind::Stream) },
                    work: Work::Exec("cat".into(), None),
                }),
            ),
            (
                &["connect", "/a", "--seqpacket"],
                Plan::Connect(Connect { place: place(Kind::SeqPacket), exec: None, speech: None }),
            ),
            (
                &["send", "/a"],
                Plan::Send(Send { place: place(Kind::Stream), files: vec![], body: Body::Input }),
            ),
            (
                &["send", "/a", "hi"],
                Plan::Send(Send { place: place(Kind::Stream), files: vec![], body: Body::Text("hi".into()) }),
            ),
            (
                &["recv", "/a", "--exec", "wc"],
                Plan::Recv(Recv { name: name(Kind::Stream), exec: Some("wc".into()) }),
            ),
            (&["who", "/a"], Plan::Who(Who { place: place(Kind::Stream) })),
            (&["--json", "demo"], Plan::Demo),
        ];
        for (words, meant) in table {
            assert_eq!(plan(words), Ok(meant), "{words:?}");
        }
    }

    #[test]
    fn a_peer_says_who_it_is() {
        let meant = Plan::Peer(Peer {
            address: "/a".to_address().unwrap(),
            hello: Hello::new("anna").unwrap().with_data("x").unwrap(),
            standby: true,
            allow: None,
            mode: None,
            timeout: Some(Duration::from_secs(1)),
        });
        let words = ["peer", "/a", "--name", "anna", "--data", "x", "--timeout", "1"];
        assert_eq!(plan(&words), Ok(meant));
        let long = "x".repeat(256);
        assert_eq!(
            plan(&["peer", "/a", "--name", &long]),
            Err(UsageError::Hello(HelloError::Name { bytes: 256 }))
        );
    }

    #[test]
    fn a_codec_alone_means_the_native_wire() {
        let table: [(&[&str], Plan); 5] = [
            (
                &["listen", "/a", "--wire", "lines", "--exec", "cat"],
                Plan::Listen(Listen {
                    name: name(Kind::Stream),
                    work: Work::Exec("cat".into(), Some(Speech { wire: Wire::Lines, codec: None })),
                }),
            ),
            (
                &["listen", "/a", "--answer", "cat"],
                Plan::Listen(Listen {
                    name: name(Kind::Stream),
                    work: Work::Answer("cat".into(), Codec::Cbor),
                }),
            ),
            (
                &["connect", "/a", "--codec", "json"],
                Plan::Connect(Connect {
                    place: place(Kind::Stream),
                    exec: None,
                    speech: Some(Speech { wire: Wire::Native, codec: Some(Codec::Json) }),
                }),
            ),
            (&["call", "/a", "7"], Plan::Call(call(Body::Text("7".into())))),
            (&["call", "/a", "-"], Plan::Call(call(Body::Input))),
        ];
        for (words, meant) in table {
            assert_eq!(plan(words), Ok(meant), "{words:?}");
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_the_fact() {
        let table: [(&[&str], &str); 9] = [
            (&["listen", ""], "\"\" is no address"),
            (&["connect", "fd:x"], "\"fd:x\" is no address"),
            (&["recv", "/a/"], "\"/a/\" is no address"),
            (
                &["listen", "@a"],
                "file permissions do not protect an abstract name: say who is allowed with --allow",
            ),
            (&["listen", "/a", "--allow", "me"], "\"me\" says not who is allowed"),
            (&["who", "/a", "--timeout", "0"], "\"0\" is no time: a number of seconds above 0 is wanted"),
            (&["who", "/a", "--timeout", "inf"], "\"inf\" is no time: a number of seconds above 0 is wanted"),
            (
                &["connect", "/a", "--wire", "raw", "--codec", "raw"],
                "the raw wire cuts bytes anywhere: there is nothing that a codec could read",
            ),
            (&["who", "/a", "--datagram"], "without a connection nobody can be asked who is there"),
        ];
        for (words, message) in table {
            assert_eq!(plan(words).unwrap_err().to_string(), message, "{words:?}");
        }
    }

    #[test]
    fn an_abstract_name_needs_a_policy_from_whoever_listens() {
        assert!(plan(&["listen", "@a", "--allow", "anyone"]).is_ok());
        assert!(plan(&["connect", "@a"]).is_ok());
    }

    #[test]
    fn contradictions_are_refused_as_typed() {
        for words in [
            "ginnel listen /a --seqpacket --datagram",
            "ginnel listen /a --datagram --allow anyone",
            "ginnel recv /a --datagram --mode 0666",
            "ginnel listen /a --datagram --backlog 1",
            "ginnel listen",
            "ginnel listen /a --seqpacket --wire lines",
            "ginnel connect /a --datagram --codec cbor",
            "ginnel listen /a --answer cat --wire lines",
            "ginnel listen /a --answer cat --exec cat",
            "ginnel connect /a --wire smoke",
            "ginnel call /a one two",
            "ginnel send /a one two",
        ] {
            let error = Args::try_parse_from(words.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words}");
        }
    }
}
