//! Names and documents at rest: encrypted, with a keyed digest beside them for exact look-up. One key a region, in a
//! file of its own that only its owner may read; from it come a key for digests and one for encryption. Without
//! the file the store's names cannot be read; the next load of the people's files seals them anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};

const KEY_BYTES: usize = 32;

/// Why a region's key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The file cannot be read or made.
    #[error("cannot read or make the key {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no key.
    #[error("{0} is not a key of {KEY_BYTES} bytes")]
    Length(PathBuf),
    /// The system gives no chance.
    #[error("the system has no random bytes")]
    Random,
}

/// What a sealed text is, so that one cannot be passed off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// A name.
    Name,
    /// A document's number.
    Document,
    /// A card's number.
    Card,
    /// All that the files say of a person; only its digest is kept.
    Content,
}

impl Matter {
    fn word(self) -> &'static [u8] {
        match self {
            Matter::Name => b"name",
            Matter::Document => b"document",
            Matter::Card => b"card",
            Matter::Content => b"content",
        }
    }
}

/// A region's key.
pub struct Sealing {
    digest: hmac::Key,
    seal: RandomizedNonceKey,
}

impl Sealing {
    /// Opens a key, and makes one where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, or is no key.
    pub fn of_key(path: &Path) -> Result<Sealing, SealingError> {
        let key = match fs::read(path) {
            Ok(key) => key,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => make(path)?,
            Err(source) => return Err(SealingError::File { path: path.to_owned(), source }),
        };
        if key.len() != KEY_BYTES {
            return Err(SealingError::Length(path.to_owned()));
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let derived = |purpose: &[u8]| hmac::sign(&root, purpose);
        let seal = RandomizedNonceKey::new(&AES_256_GCM, derived(b"yidi region seal").as_ref());
        Ok(Sealing {
            digest: hmac::Key::new(hmac::HMAC_SHA256, derived(b"yidi region digest").as_ref()),
            seal: seal.map_err(|_| SealingError::Length(path.to_owned()))?,
        })
    }

    /// The keyed digest by which a text is found.
    pub fn digest(&self, matter: Matter, text: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.digest);
        context.update(matter.word());
        context.update(&[0]);
        context.update(text.as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// Encrypts a text.
    pub fn seal(&self, matter: Matter, text: &str) -> Vec<u8> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(matter.word()), &mut sealed)
            .expect("a name is far below what the cipher takes, and the system has random bytes");
        [nonce.as_ref().as_slice(), &sealed].concat()
    }

    /// Decrypts a text; none where it was sealed under another key, as another matter, or changed since.
    pub fn open(&self, matter: Matter, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut opened = sealed.to_vec();
        let text = self.seal.open_in_place(nonce, Aad::from(matter.word()), &mut opened).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// A key appears whole or not at all, wherever the process or the machine dies: a part of one would keep the region from
/// ever starting again. Only one process makes it, the one that has the store.
fn make(path: &Path) -> Result<Vec<u8>, SealingError> {
    let mut key = vec![0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| SealingError::Random)?;
    let failed = |source| SealingError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let draft = path.with_extension("key-draft");
    write(&draft, &key).and_then(|()| fs::rename(&draft, path)).and_then(|()| sync_folder(path)).map_err(failed)?;
    Ok(key)
}

fn write(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_text_is_read_back_under_its_own_key_and_matter_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealing = Sealing::of_key(&folder.path().join("one.key")).expect("a key");
        let again = Sealing::of_key(&folder.path().join("one.key")).expect("the same key");
        let other = Sealing::of_key(&folder.path().join("two.key")).expect("another key");
        let sealed = sealing.seal(Matter::Name, "张三");
        assert_eq!(again.open(Matter::Name, &sealed).as_deref(), Some("张三"));
        assert_eq!(sealing.open(Matter::Document, &sealed), None);
        assert_eq!(other.open(Matter::Name, &sealed), None);
        assert_eq!(sealing.open(Matter::Name, b"short"), None);
        assert_ne!(sealed, sealing.seal(Matter::Name, "张三"), "equal names do not look equal");
        assert_eq!(sealing.digest(Matter::Card, "A1"), again.digest(Matter::Card, "A1"));
        assert_ne!(sealing.digest(Matter::Card, "A1"), sealing.digest(Matter::Document, "A1"));
        assert_ne!(sealing.digest(Matter::Card, "A1"), other.digest(Matter::Card, "A1"));
    }

    #[test]
    fn the_key_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        Sealing::of_key(&folder.path().join("one.key")).expect("a key");
        let mode = fs::metadata(folder.path().join("one.key")).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_a_crash_left_half_made_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("one.key-draft"), b"half a k").expect("a file");
        let sealing = Sealing::of_key(&folder.path().join("one.key")).expect("a key");
        let again = Sealing::of_key(&folder.path().join("one.key")).expect("the same key");
        assert_eq!(again.open(Matter::Name, &sealing.seal(Matter::Name, "张三")).as_deref(), Some("张三"));
    }
}
