//! What must always hold of mailboxes, checked on their rows.

use super::Mailboxes;
use crate::store::StoreError;

/// A letter must wait until it has ended, and what was replayed waits again.
const MISPLACED: &str = "SELECT letters.number FROM letters
      LEFT JOIN letters_waiting AS waiting ON waiting.number = letters.number
      LEFT JOIN letter_endings AS last ON last.number = letters.number
           AND last.turn = (SELECT MAX(turn) FROM letter_endings WHERE letter_endings.number = letters.number)
     WHERE (waiting.number IS NULL) <> (last.ending IS NOT NULL AND last.ending <> 'replayed')
     ORDER BY letters.number";

/// Whoever has a letter has all earlier ones about its subject, unless they are dead.
const OVERTAKEN: &str = "SELECT earlier.number FROM letters AS earlier
      JOIN letters_waiting AS waiting ON waiting.number = earlier.number
     WHERE NOT EXISTS (SELECT 1 FROM letter_endings WHERE letter_endings.number = earlier.number)
       AND EXISTS (SELECT 1 FROM letters AS later
                     JOIN letter_endings AS ending ON ending.number = later.number AND ending.ending = 'acknowledged'
                    WHERE later.mailbox = earlier.mailbox AND later.subject = earlier.subject
                      AND later.version > earlier.version)
     ORDER BY earlier.number";

const ACKNOWLEDGED: &str = "SELECT mailbox, id FROM letters
     WHERE EXISTS (SELECT 1 FROM letter_endings AS ending
                    WHERE ending.number = letters.number AND ending.ending = 'acknowledged')
     ORDER BY number";

impl Mailboxes {
    /// The numbers of letters that neither wait nor have ended, or both, and of those that a later one about their
    /// subject has overtaken.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_misplaced(&self) -> Result<Vec<i64>, StoreError> {
        self.engine
            .read(|sql| {
                let mut numbers = sql.query(MISPLACED, &[], |row| row.number(0))?;
                numbers.extend(sql.query(OVERTAKEN, &[], |row| row.number(0))?);
                Ok(numbers)
            })
            .await
    }

    /// Every letter that its owner has acknowledged: the mailbox, and its id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_acknowledged(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.engine
            .read(|sql| sql.query(ACKNOWLEDGED, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))))
            .await
    }
}
