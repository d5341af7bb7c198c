//! The page that says how Ginnel and nng get on. Its tables are what the tests have seen: they fail if it says something
//! else, and write it if `GINNEL_WRITE_PAGES` is set.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

/// The table of this name is the one of the page.
pub(crate) fn holds(name: &str, table: &str) -> Result<()> {
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) =
        page.split_once(&begin).with_context(|| format!("{PAGE} has no place for {name}"))?;
    let (said, after) = rest.split_once(&end).with_context(|| format!("{name} does not end in {PAGE}"))?;
    if said == table {
        return Ok(());
    }
    if std::env::var_os("GINNEL_WRITE_PAGES").is_some() {
        return Ok(fs::write(&path, [before, &begin, table, &end, after].concat())?);
    }
    ensure!(
        false,
        "{PAGE} says something else; with GINNEL_WRITE_PAGES=1 it is written anew. Seen:\n{table}"
    );
    Ok(())
}

/// Tests run side by side.
static WRITING: Mutex<()> = Mutex::new(());

const PAGE: &str = "../../docs/interop-nng.md";
