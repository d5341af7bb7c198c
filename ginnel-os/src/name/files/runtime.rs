//! The directory of portable names: `$XDG_RUNTIME_DIR/ginnel`, else `/tmp/ginnel-<uid>`.
//!
//! See the XDG Base Directory Specification for the variable and what it promises.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::error::SocketError;
use crate::sys::{self, FileKind, Kernel, Names};

/// Finds the directory, making it if need be, and checks that it is ours alone.
pub(super) fn directory() -> io::Result<PathBuf> {
    safe_directory(place(std::env::var_os("XDG_RUNTIME_DIR"), sys::user()))
}

/// Where it is. The specification has relative values ignored.
fn place(runtime: Option<OsString>, uid: u32) -> PathBuf {
    match runtime.map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() => runtime.join("ginnel"),
        _ => PathBuf::from(format!("/tmp/ginnel-{uid}")),
    }
}

fn safe_directory(path: PathBuf) -> io::Result<PathBuf> {
    match sys::make_directory(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => check(&path, sys::user())?,
    }
    Ok(path)
}

/// Nobody else may own it or reach into it, and it is no link.
fn check(path: &Path, uid: u32) -> io::Result<()> {
    let (parent, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
    let parent = Kernel.open_directory(parent)?;
    let found = Kernel.status_at(parent.as_fd(), name.as_encoded_bytes())?;
    match found {
        Some(status)
            if status.kind == FileKind::Directory && status.uid == uid && status.mode & 0o077 == 0 =>
        {
            Ok(())
        }
        Some(status) => {
            Err(SocketError::UnsafeDirectory { owner: status.uid, mode: status.mode & 0o777 }.into())
        }
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_variable_counts_only_if_it_is_absolute() {
        assert_eq!(place(Some("/run/user/7".into()), 7), Path::new("/run/user/7/ginnel"));
        assert_eq!(place(Some("run".into()), 7), Path::new("/tmp/ginnel-7"));
        assert_eq!(place(None, 7), Path::new("/tmp/ginnel-7"));
    }

    #[test]
    fn it_is_made_for_us_alone_and_found_again() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("ginnel");
        for _ in 0..2 {
            assert_eq!(safe_directory(path.clone()).unwrap(), path);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_directory_open_to_others_a_link_and_a_file_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let (open, link, file) = (temp.path().join("o"), temp.path().join("l"), temp.path().join("f"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(temp.path(), &link).unwrap();
        fs::write(&file, "").unwrap();
        for path in [open, link, file] {
            let error = safe_directory(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        }
    }
}
