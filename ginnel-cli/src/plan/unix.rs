//! What of the command line there is on Unix: everything.

use super::UsageError;

/// Packets without a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Datagrams;

#[expect(clippy::unnecessary_wraps, reason = "they are refused elsewhere")]
pub(super) fn datagrams(wanted: bool) -> Result<Option<Datagrams>, UsageError> {
    Ok(wanted.then_some(Datagrams))
}

#[expect(clippy::unnecessary_wraps, reason = "some are refused elsewhere")]
pub(super) fn need(_flag: &'static str, _given: bool) -> Result<(), UsageError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;
    use crate::plan::{Body, Kind, Plan};

    fn plan(words: &[&str]) -> Result<Plan, UsageError> {
        let words = std::iter::once("ginnel").chain(words.iter().copied());
        Plan::try_from(Args::try_parse_from(words).unwrap())
    }

    #[test]
    fn what_only_unix_has_is_meant_as_typed() {
        let Ok(Plan::Send(send)) = plan(&["send", "/a", "--datagram", "--fd", "f"]) else {
            panic!("no plan")
        };
        assert_eq!(send.place.kind, Kind::Datagram(Datagrams));
        assert_eq!((send.files, send.body), (vec!["f".into()], Body::Text("".into())));
        let Ok(Plan::Listen(listen)) = plan(&["listen", "/a", "--mode", "0660"]) else { panic!("no plan") };
        assert_eq!(listen.name.mode, Some(0o660));
        let Ok(Plan::Peer(peer)) = plan(&["peer", "/a", "--no-standby"]) else { panic!("no plan") };
        assert!(!peer.standby);
        let words = ["sp", "pull", "--fd", "3", "--listen", "socket://"];
        let Ok(Plan::Sp(sp)) = plan(&words) else { panic!("no plan") };
        assert_eq!((sp.places.fds, sp.places.stay_open), (vec![3], false));
    }

    #[test]
    fn a_mode_is_three_octal_digits() {
        for words in [["listen", "/a", "--mode", "888"], ["recv", "/a", "--mode", "+7"]] {
            let message = format!("{:?} is no mode: three octal digits are wanted, 000 to 777", words[3]);
            assert_eq!(plan(&words).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn as_many_files_as_fit_one_message() {
        let words = |count| [&["send", "/a"][..], &["--fd", "f"].repeat(count)].concat();
        assert!(plan(&words(253)).is_ok());
        assert_eq!(plan(&words(254)), Err(UsageError::TooManyFiles { given: 254 }));
    }

    #[test]
    fn an_abstract_name_for_datagrams_needs_no_policy() {
        assert!(plan(&["listen", "@a", "--datagram"]).is_ok());
    }
}
