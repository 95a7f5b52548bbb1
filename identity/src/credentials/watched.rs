//! What is made of some of a participant's files, and made again when they change: renewing a certificate takes no restart.
//! Used by [`super::Credentials`] and by [`crate::signing`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::IdentityError;
use super::material::Stamp;

/// What is made of files in a participant's folder.
pub(crate) trait FromFiles: Clone {
    /// Their names.
    const FILES: &'static [&'static str];
    /// At most this often are they looked at; who asks in between gets what is there.
    const LOOK_EVERY: Duration;

    /// Makes it of a folder's files as they are now.
    ///
    /// # Errors
    /// When a file is missing, is not what it should be, or does not fit the others.
    fn read(dir: &Path) -> Result<Self, IdentityError>;

    /// The fingerprints of the certificates that the log tells of; none where there is no certificate.
    fn fingerprints(&self) -> Vec<String>;
}

/// What was made of a folder's files, as they are now.
pub(crate) struct Watched<T> {
    dir: PathBuf,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    made: T,
    stamp: Stamp,
    looked: Instant,
}

impl<T: FromFiles> Watched<T> {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a file is missing, is not what it should be, or does not fit the others.
    pub(crate) fn load(dir: &Path) -> Result<Watched<T>, IdentityError> {
        // The stamp is taken first: a change while reading is then seen as a change the next time.
        let stamp = Stamp::of(dir, T::FILES);
        let made = T::read(dir)?;
        Ok(Watched { dir: dir.to_owned(), current: Mutex::new(Current { made, stamp, looked: Instant::now() }) })
    }

    /// What the files make now.
    pub(crate) fn now(&self) -> T {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= T::LOOK_EVERY {
            current.look(&self.dir);
        }
        current.made.clone()
    }
}

impl<T: FromFiles> Current<T> {
    /// Files that are half replaced do not fit together: then what there is stays and the next look tries again.
    fn look(&mut self, dir: &Path) {
        self.looked = Instant::now();
        let stamp = Stamp::of(dir, T::FILES);
        if stamp == self.stamp {
            return;
        }
        let files = T::FILES.join(", ");
        match T::read(dir) {
            Ok(made) => {
                let certificates = made.fingerprints().join(", ");
                tracing::info!(dir = %dir.display(), files, certificates, "took changed certificates");
                self.made = made;
                self.stamp = stamp;
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(dir = %dir.display(), files, error, "changed certificates cannot be used, keeping the old");
            }
        }
    }
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("dir", &self.dir).finish_non_exhaustive()
    }
}
