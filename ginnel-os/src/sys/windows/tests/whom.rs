//! Who is let in, and who is there.

use super::*;
use crate::sys::windows::objects::Object;
use crate::sys::windows::security::{Sid, check, describe};

use windows_sys::Win32::Foundation::{GetHandleInformation, HANDLE_FLAG_INHERIT};

#[test]
fn both_ends_say_who_is_there() -> io::Result<()> {
    let name = name();
    let listener = listener(SocketKind::Stream, &name);
    let client = connect(SocketKind::Stream, &name)?;
    let server = accept(&listener);
    let (there, here) = (client.peer()?, server.peer()?);
    assert_eq!(there, here, "one process, one session, one user");
    assert_eq!(there.pid, std::process::id());
    assert_eq!(there.sid, Some(Sid::ours()?));
    Ok(())
}

#[test]
fn nobody_but_our_own_user_is_let_in_unless_somebody_is_named() -> io::Result<()> {
    let ours = Sid::ours()?;
    let other = Sid::new("S-1-5-19")?;
    let table = [
        (Access::Owner, String::new()),
        (Access::Sids(vec![other]), "(A;;0x12019b;;;LS)".to_owned()),
        (Access::Anyone, "(A;;0x12019b;;;WD)".to_owned()),
    ];
    for (access, others) in table {
        let name = name();
        let listener = Socket::new(SocketKind::Stream, true);
        listener.bind(&name, &access)?;
        listener.listen(1)?;
        let client = connect(SocketKind::Stream, &name)?;
        let found = describe(client.raw())?;
        assert!(found.starts_with(&format!("O:{ours}")) && found.contains("D:P"), "{found}");
        assert_eq!(found.matches("(A;;").count(), 1 + usize::from(!others.is_empty()), "{found}");
        assert!(found.ends_with(&others), "{found} without {others}");
    }
    Ok(())
}

#[test]
fn no_child_inherits_an_end() -> io::Result<()> {
    let name = name();
    let named = Socket::new(SocketKind::Stream, true);
    named.bind(&PipeName::new(&format!("{name}-2")).expect("a name"), &Access::Owner)?;
    let listener = listener(SocketKind::Stream, &name);
    let client = connect(SocketKind::Stream, &name)?;
    let server = accept(&listener);
    let tcp = Socket::listen_tcp(([127, 0, 0, 1], 0).into(), 8)?;
    let near = Socket::connect_tcp(tcp.tcp_port()?)?;
    let far = accept(&tcp);
    for end in [&named, &client, &server, &tcp, &near, &far] {
        let mut flags = u32::MAX;
        #[expect(unsafe_code, reason = "only the system knows")]
        // SAFETY: the handle is open; one number is written.
        check(unsafe { GetHandleInformation(end.raw(), &raw mut flags) })?;
        assert_eq!(flags & HANDLE_FLAG_INHERIT, 0, "{end:?}");
    }
    Ok(())
}

#[test]
fn identifiers_are_read_from_text() -> io::Result<()> {
    assert_eq!(Sid::new("SY")?, Sid::new("S-1-5-18")?);
    assert!(Sid::new("SY")?.is_trusted());
    assert!(!Sid::ours()?.is_trusted() || Sid::ours()?.as_str().starts_with("S-1-5-"));
    for bad in ["", "S-1", "nobody", "S-1-5-x"] {
        assert!(Sid::new(bad).is_err(), "{bad:?}");
    }
    Ok(())
}

#[test]
fn a_name_has_one_owner_whichever_letters_it_is_written_in() -> io::Result<()> {
    let one = name();
    let same = PipeName::new(&one.to_string().to_uppercase()).expect("a name");
    assert!(!Object::is_taken(&one)?);
    let held = Object::take(&one)?.expect("it is free");
    assert!(Object::is_taken(&same)?);
    assert!(Object::take(&same)?.is_none());
    drop(held);
    assert!(!Object::is_taken(&one)?);
    assert!(Object::take(&same)?.is_some());
    Ok(())
}

/// wine lets a second "first instance" be made; Windows does not.
#[test]
fn the_first_instance_is_the_only_first_one() -> io::Result<()> {
    let name = name();
    let _listener = listener(SocketKind::Stream, &name);
    let second = Socket::new(SocketKind::Stream, true).bind(&name, &Access::Owner);
    if is_wine() {
        assert!(second.is_ok(), "this wine protects the first instance: take the exception out");
    } else {
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
    Ok(())
}

fn is_wine() -> bool {
    use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
    let ntdll: Vec<u16> = "ntdll.dll\0".encode_utf16().collect();
    #[expect(unsafe_code, reason = "the system is asked what it is")]
    // SAFETY: both texts end with a NUL; every process has this module.
    unsafe {
        GetProcAddress(GetModuleHandleW(ntdll.as_ptr()), c"wine_get_version".as_ptr().cast()).is_some()
    }
}
