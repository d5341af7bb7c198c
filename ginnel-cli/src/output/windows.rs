use std::io::{self, Stdout, Write};

/// Standard output whose buffer is emptied at once. A console is given text, which std translates for it, so this is
/// std's own.
#[derive(Debug)]
pub(super) struct Standard(Stdout);

#[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
pub(super) fn standard() -> io::Result<Standard> {
    Ok(Standard(io::stdout()))
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stdout = self.0.lock();
        let n = stdout.write(bytes)?;
        stdout.flush()?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
