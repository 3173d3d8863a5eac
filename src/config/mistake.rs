use std::fmt;

/// One mistake in a file a person wrote: where it is, what is wrong, what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileError {
    /// File as it was named to us, or the environment variable or flag.
    pub file: String,
    /// Line, counted from 1; 0 where there is no line (a file that cannot be read).
    pub line: usize,
    /// Key path, tables named by their `id`: `chp.chp1.commitment.min_load`. Empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}; {}", self.message, self.remedy)
    }
}

impl std::error::Error for FileError {}
