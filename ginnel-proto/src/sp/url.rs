use std::fmt;
use std::str::FromStr;

use crate::address::PIPES;
use crate::{Address, AddressError};

/// Where an end listens or dials, spelt as nng spells it.
///
/// | URL | |
/// |---|---|
/// | `socket://` | sockets that are handed in, see `adopt` |
/// | `ipc:///run/app.sock`, `unix:///run/app.sock` | a socket file; behind `ipc://` stands the path, to the last byte |
/// | `ipc://app` on Windows | the pipe `\\.\pipe\app` |
/// | `abstract://name` | a Linux abstract name; `%2F` and its like stand for bytes |
/// | `tcp://127.0.0.1:5555`, `tcp://[::1]:5555`, `tcp://localhost:5555` | a port; `*`, or no host, is all of this machine |
/// | `tcp4://`, `tcp6://` | the same over one version of IP |
/// | `inproc://name` | this process alone |
///
/// On Windows nng puts `\\.\pipe\` in front of whatever stands behind `ipc://`, and so does this; what could not be found there
/// is refused, as [`Address::pipe`] says. That includes slashes, so no URL of a socket file is by accident one of a pipe.
///
/// ```
/// use ginnel_proto::sp::Url;
/// let url: Url = "ipc://app.sock".parse()?;
/// assert!(matches!(url, Url::Ipc(_)));
/// assert_eq!(url.to_string(), "ipc://app.sock");
/// assert!("socket://something".parse::<Url>().is_err());
/// # Ok::<(), ginnel_proto::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "one for each transport")]
pub enum Url {
    /// Sockets that are handed in.
    Socket,
    /// A socket file, an abstract name, or a named pipe.
    Ipc(Address),
    /// A port of a host.
    Tcp {
        /// Which version of IP, if that matters.
        family: Family,
        /// Its name or address; empty for all of this machine.
        host: String,
        /// The port; 0 lets the kernel choose.
        port: u16,
    },
    /// A name in this process.
    Inproc(String),
}

/// Versions of IP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "either one, or it does not matter")]
pub enum Family {
    /// Whichever there is.
    Any,
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

impl FromStr for Url {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Transport)?;
        match scheme {
            "socket" if rest.is_empty() => Ok(Self::Socket),
            "socket" => Err(AddressError::NothingBehind),
            "ipc" => Ok(Self::Ipc(behind_ipc(rest)?)),
            "unix" => Ok(Self::Ipc(Address::path(rest)?)),
            "abstract" => Ok(Self::Ipc(Address::abstract_name(decode(rest)?)?)),
            "tcp" => tcp(Family::Any, rest),
            "tcp4" => tcp(Family::V4, rest),
            "tcp6" => tcp(Family::V6, rest),
            "inproc" if rest.is_empty() => Err(AddressError::Empty),
            "inproc" if rest.len() > NAME => Err(AddressError::TooLong { len: rest.len(), max: NAME }),
            "inproc" => Ok(Self::Inproc(rest.to_owned())),
            _ => Err(AddressError::Transport),
        }
    }
}

/// What `ipc://` names. With [`FILES`], the only place of this crate that depends on the system: the same URL is to
/// reach nng on both, and nng reads it so.
#[cfg(not(windows))]
fn behind_ipc(path: &str) -> Result<Address, AddressError> {
    Address::path(path)
}

/// What `ipc://` names. nng: `IPC_PIPE_PREFIX` in its platform code for Windows.
#[cfg(windows)]
fn behind_ipc(name: &str) -> Result<Address, AddressError> {
    Address::pipe(format!("{PIPES}{name}"))
}

fn tcp(family: Family, rest: &str) -> Result<Url, AddressError> {
    let (host, port) = rest.rsplit_once(':').ok_or(AddressError::Port)?;
    let is_number = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let port = port.parse().ok().filter(|_| is_number).ok_or(AddressError::Port)?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match (bracketed, host) {
        (Some(inner), _) => inner,
        (None, "*") => "",
        (None, host) if host.contains([':', '/', '[', ']', '@', '?', '#']) => return Err(AddressError::Port),
        (None, host) => host,
    };
    Ok(Url::Tcp { family, host: host.to_owned(), port })
}

/// Bytes of which some are written as `%` and two digits.
fn decode(text: &str) -> Result<Vec<u8>, AddressError> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let digits = [*high, *low];
                let digits =
                    str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                byte.ok_or(AddressError::Escape)?
            }
            (b'%', _) => return Err(AddressError::Escape),
            (byte, _) => byte,
        });
    }
    Ok(bytes)
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.write_str("socket://"),
            Self::Ipc(address) => match address.kind() {
                crate::AddressKind::Path(path) => write!(f, "{FILES}{}", path.display()),
                crate::AddressKind::Pipe(name) => {
                    write!(f, "ipc://{}", name.strip_prefix(PIPES).unwrap_or(name))
                }
                crate::AddressKind::Abstract(name) => {
                    f.write_str("abstract://")?;
                    name.iter().try_for_each(|&byte| match byte {
                        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                            write!(f, "{}", char::from(byte))
                        }
                        _ => write!(f, "%{byte:02X}"),
                    })
                }
                _ => write!(f, "{address}"),
            },
            Self::Tcp { family, host, port } => {
                let scheme = match family {
                    Family::Any => "tcp",
                    Family::V4 => "tcp4",
                    Family::V6 => "tcp6",
                };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{open}{host}{close}:{port}")
            }
            Self::Inproc(name) => write!(f, "inproc://{name}"),
        }
    }
}

/// How a socket file's URL is written, so that it is read as one again.
const FILES: &str = if cfg!(windows) { "unix://" } else { "ipc://" };

/// Most bytes of a name within a process.
const NAME: usize = 59;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tcp(family: Family, host: &str, port: u16) -> Result<Url, AddressError> {
        Ok(Url::Tcp { family, host: host.to_owned(), port })
    }

    #[test]
    fn each_transport_has_its_form() {
        let path = |path: &str| Address::path(path).map(Url::Ipc);
        let table = [
            ("socket://", Ok(Url::Socket)),
            ("unix:///run/a", path("/run/a")),
            ("abstract://a%2Fb", Address::abstract_name("a/b").map(Url::Ipc)),
            ("tcp://127.0.0.1:80", tcp(Family::Any, "127.0.0.1", 80)),
            ("tcp://[::1]:80", tcp(Family::Any, "::1", 80)),
            ("tcp4://localhost:0", tcp(Family::V4, "localhost", 0)),
            ("tcp6://*:65535", tcp(Family::V6, "", 65535)),
            ("tcp://:80", tcp(Family::Any, "", 80)),
            ("inproc://a", Ok(Url::Inproc("a".to_owned()))),
        ];
        for (text, url) in table {
            assert_eq!(text.parse(), url, "{text}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn behind_ipc_stands_a_path_to_the_last_byte() {
        for path in ["/run/a", "a?b#c", r"\\.\pipe\a"] {
            let url = Address::path(path).map(Url::Ipc);
            assert_eq!(format!("ipc://{path}").parse(), url);
            assert_eq!(url.unwrap().to_string(), format!("ipc://{path}"));
        }
    }

    #[cfg(windows)]
    #[test]
    fn behind_ipc_stands_the_name_of_a_pipe() {
        let url: Url = "ipc://a?b#c".parse().unwrap();
        assert_eq!(url, Url::Ipc(Address::pipe(r"\\.\pipe\a?b#c").unwrap()));
        assert_eq!(url.to_string(), "ipc://a?b#c");
        let slash = AddressError::PipeCharacter { found: '/' };
        assert_eq!("ipc:///run/a".parse::<Url>(), Err(slash));
        assert_eq!("ipc://".parse::<Url>(), Err(AddressError::PipeEmpty));
        let file = Url::Ipc(Address::path("/run/a").unwrap());
        assert_eq!(file.to_string(), "unix:///run/a");
    }

    #[test]
    fn anything_else_is_refused_with_the_fact() {
        let table = [
            ("", AddressError::Transport),
            ("socket:", AddressError::Transport),
            ("ws://a", AddressError::Transport),
            ("IPC:///a", AddressError::Transport),
            ("socket://junk", AddressError::NothingBehind),
            ("socket:///p", AddressError::NothingBehind),
            ("socket://?q", AddressError::NothingBehind),
            ("unix://", AddressError::Empty),
            ("unix:///", AddressError::NoName),
            ("abstract://", AddressError::Empty),
            ("abstract://%2", AddressError::Escape),
            ("abstract://%zz", AddressError::Escape),
            ("abstract://%+1", AddressError::Escape),
            ("inproc://", AddressError::Empty),
            ("tcp://", AddressError::Port),
            ("tcp://host", AddressError::Port),
            ("tcp://host:", AddressError::Port),
            ("tcp://host:+1", AddressError::Port),
            ("tcp://host:65536", AddressError::Port),
            ("tcp://::1:80", AddressError::Port),
            ("tcp://u@host:80", AddressError::Port),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Url>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_can_be_read_again(text in "(socket|ipc|unix|abstract|tcp6|inproc)://[\\PC]{0,80}") {
            if let Ok(url) = text.parse::<Url>() {
                prop_assert_eq!(url.to_string().parse::<Url>(), Ok(url));
            }
        }
    }
}
