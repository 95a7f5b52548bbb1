//! What was refused here for good, by key and content. The same message gets the same refusal again; one that says
//! something else under the key is judged on its own.

use jiff::Timestamp;
use settlement::refusal::{Reason, Refusal};

use super::{MessageKey, Session, stored};
use crate::store::StoreError;
use crate::values;

const FIND: &str = "SELECT code, field, detail FROM refusals WHERE key = ?1 AND digest = ?2";
const INSERT: &str = "INSERT INTO refusals VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";

impl Session<'_, '_> {
    /// What a message of this key and content was refused for.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn refusal_find(&self, key: &MessageKey, digest: &[u8; 32]) -> Result<Option<Refusal>, StoreError> {
        let key = key.to_text();
        self.sql.find(FIND, values![&key, digest.as_slice()], |row| {
            let reason = u16::try_from(row.number(0)?).ok().and_then(Reason::from_code);
            Ok(Refusal {
                reason: reason.ok_or_else(|| stored::corrupt("refusals", &key, "has no reason"))?,
                field: row.optional_text(1)?.map(|field| field.to_owned().into()),
                detail: row.optional_text(2)?.map(ToOwned::to_owned),
            })
        })
    }

    /// Keeps what a message is refused for. The first refusal stays.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn refusal_insert(
        &self,
        key: &MessageKey,
        digest: &[u8; 32],
        refusal: &Refusal,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key.to_text();
        let (code, at) = (i64::from(refusal.reason.code()), at.as_microsecond());
        let (field, detail) = (refusal.field.as_deref(), refusal.detail.as_deref());
        self.sql.execute(INSERT, values![&key, digest.as_slice(), code, field, detail, at])?;
        Ok(())
    }
}
