//! The dated facts of people by version: written once, read by the versions that are in force, and remembered for people
//! lately seen. Called by [`super::enrollees`], [`super::load`] and [`super::past`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use settlement::account::{AccountOf, SharedAccount};
use settlement::ids::{DiseaseCode, PersonNumber};
use settlement::person::{
    AssistanceClass, DatedIdentity, Entitlement, Insurance, Joining, Person, PersonClass, Qualification, Validity,
};

use super::enrollees::{EnrolleeFacts, EntitlementRow, QualificationRow};
use super::row::{Columns, date_text};
use crate::engine::{Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// People lately seen, as rules see them. A person is known again by version and digest of everything that is kept of
/// him, so nothing here can be out of date; what is too much is forgotten all at once.
#[derive(Clone, Default)]
pub(super) struct Recent(Arc<Mutex<HashMap<i64, Known>>>);

/// A few kilobytes each at most: some tens of megabytes in all.
const MOST_KNOWN: usize = 16_384;

struct Known {
    content: Vec<u8>,
    person: Arc<Person>,
}

impl Recent {
    fn find(&self, version: i64, number: &str, content: &[u8]) -> Option<Arc<Person>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&version)?;
        (known.content == content && known.person.number.as_str() == number).then(|| known.person.clone())
    }

    fn keep(&self, version: i64, content: Vec<u8>, person: Arc<Person>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(version, Known { content, person });
    }
}

/// The versions in force of some people, a list, with what rules see of them.
pub(super) fn current(sql: &Sql<'_>, recent: &Recent, people: &str) -> Result<Vec<(i64, Arc<Person>)>, StoreError> {
    const CURRENT: &str = "SELECT enrollees.person AS person, enrollees.enrollee AS enrollee,
                enrollees.content AS content
           FROM json_each(?1) AS wanted CROSS JOIN enrollees WHERE enrollees.person = wanted.value";
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    sql.query(CURRENT, values![people], |row| {
        let (number, version, content) = (row.text(0)?, row.number(1)?, row.bytes(2)?);
        match recent.find(version, number, content) {
            Some(person) => found.push((version, person)),
            None => unknown.push((version, content.to_owned())),
        }
        Ok(())
    })?;
    let mut facts = read(sql, unknown.iter().map(|(version, _)| *version))?;
    for (version, content) in unknown {
        let missing = || StoreError::Corrupt {
            table: "enrollee_versions",
            id: version.to_string(),
            problem: "is in force and not there".into(),
        };
        let person = Arc::new(facts.remove(&version).ok_or_else(missing)?.person());
        recent.keep(version, content, person.clone());
        found.push((version, person));
    }
    Ok(found)
}

/// One version of a person.
pub(super) fn find(sql: &Sql<'_>, version: i64) -> Result<Option<EnrolleeFacts>, StoreError> {
    Ok(read(sql, [version].into_iter())?.remove(&version))
}

fn read(
    sql: &Sql<'_>,
    versions: impl ExactSizeIterator<Item = i64>,
) -> Result<HashMap<i64, EnrolleeFacts>, StoreError> {
    const VERSIONS: &str = "SELECT enrollee, person, home, birth, died FROM json_each(?1) AS wanted
           CROSS JOIN enrollee_versions WHERE enrollee_versions.enrollee = CAST(wanted.value AS BIGINT)";
    if versions.len() == 0 {
        return Ok(HashMap::new());
    }
    let versions: Vec<String> = versions.map(|version| version.to_string()).collect();
    let versions = list(versions.iter().map(String::as_str));
    let facts = sql.query(VERSIONS, values![&versions], |row| version(&Columns::of(row, "enrollee_versions")))?;
    let mut facts: HashMap<i64, EnrolleeFacts> = facts.into_iter().collect();
    dated(sql, &versions, &mut facts)?;
    Ok(facts)
}

fn version(columns: &Columns<'_>) -> Result<(i64, EnrolleeFacts), StoreError> {
    let enrollee = columns.number("enrollee")?;
    let facts = EnrolleeFacts {
        number: columns.id("person", PersonNumber::new)?,
        home: columns.pool("home")?,
        birth: columns.date("birth")?,
        died: columns.optional_date("died")?,
        entitlements: Vec::new(),
        identities: Vec::new(),
        qualifications: Vec::new(),
        family: Vec::new(),
    };
    Ok((enrollee, facts))
}

fn dated(sql: &Sql<'_>, versions: &str, people: &mut HashMap<i64, EnrolleeFacts>) -> Result<(), StoreError> {
    const ENTITLEMENTS: &str = "SELECT enrollee, insurance, category, valid_from, valid_to, continuous_since, tier,
                civil_servant, suspended_from, suspended_to, paid_on, lapsed_months, lapsed_years, repaired_years,
                joined_as, retired_on, claim_free_years, employer
           FROM json_each(?1) AS wanted CROSS JOIN entitlements
          WHERE entitlements.enrollee = CAST(wanted.value AS BIGINT) ORDER BY enrollee, position";
    const IDENTITIES: &str = "SELECT enrollee, class, valid_from, valid_to
           FROM json_each(?1) AS wanted CROSS JOIN identities
          WHERE identities.enrollee = CAST(wanted.value AS BIGINT) ORDER BY enrollee, position";
    const QUALIFICATIONS: &str = "SELECT enrollee, disease, name, valid_from, valid_to
           FROM json_each(?1) AS wanted CROSS JOIN qualifications
          WHERE qualifications.enrollee = CAST(wanted.value AS BIGINT) ORDER BY enrollee, position";
    const SHARED_ACCOUNTS: &str = "SELECT enrollee, owner, pool, insurance, kept_here, valid_from, valid_to
           FROM json_each(?1) AS wanted CROSS JOIN shared_accounts
          WHERE shared_accounts.enrollee = CAST(wanted.value AS BIGINT) ORDER BY enrollee, position";
    let mut each = |text: &'static str, take: fn(&mut EnrolleeFacts, &Columns<'_>) -> Result<(), StoreError>| {
        sql.query(text, values![versions], |row| {
            let columns = Columns::of(row, "enrollee_versions");
            let enrollee = columns.number("enrollee")?;
            people.get_mut(&enrollee).map_or(Ok(()), |facts| take(facts, &columns))
        })
    };
    each(ENTITLEMENTS, |facts, columns| {
        facts.entitlements.push(entitlement(columns)?);
        Ok(())
    })?;
    each(IDENTITIES, |facts, columns| {
        let class = columns.word("class", AssistanceClass::from_word)?;
        facts.identities.push(DatedIdentity { class, validity: columns.validity()? });
        Ok(())
    })?;
    each(QUALIFICATIONS, |facts, columns| {
        let (disease, name) = (columns.id("disease", DiseaseCode::new)?, columns.text("name")?.to_owned());
        let qualification = Qualification { disease, validity: columns.validity()? };
        facts.qualifications.push(QualificationRow { qualification, name });
        Ok(())
    })?;
    each(SHARED_ACCOUNTS, |facts, columns| {
        facts.family.push(shared_account(columns)?);
        Ok(())
    })
    .map(drop)
}

fn shared_account(columns: &Columns<'_>) -> Result<SharedAccount, StoreError> {
    let account = AccountOf {
        owner: columns.id("owner", PersonNumber::new)?,
        pool: columns.pool("pool")?,
        insurance: columns.word("insurance", Insurance::from_word)?,
    };
    let kept_here = columns.flag("kept_here")?;
    Ok(SharedAccount { account, kept_here, validity: columns.validity()? })
}

fn entitlement(columns: &Columns<'_>) -> Result<EntitlementRow, StoreError> {
    let insurance = columns.word("insurance", Insurance::from_word)?;
    let category = columns.text("category")?.to_owned();
    let class = PersonClass::of_code(&category).ok_or_else(|| columns.corrupt("category", "is no class"))?;
    let (validity, continuous_since) = (columns.validity()?, columns.date("continuous_since")?);
    let (tier, civil_servant) = (columns.text("tier")?, columns.flag("civil_servant")?);
    let (from, to) = (columns.optional_date("suspended_from")?, columns.optional_date("suspended_to")?);
    let joining = Joining {
        paid_on: columns.optional_date("paid_on")?,
        lapsed_months: columns.number("lapsed_months")?,
        lapsed_years: columns.number("lapsed_years")?,
        repaired_years: columns.number("repaired_years")?,
        joined_as: Some(columns.text("joined_as")?).filter(|reason| !reason.is_empty()).map(str::to_owned),
    };
    Ok(EntitlementRow {
        entitlement: Entitlement {
            insurance,
            class,
            validity,
            continuous_since,
            tier: (!tier.is_empty()).then(|| tier.to_owned()),
            civil_servant,
            suspended: from.map(|from| Validity { from, to }),
            joining,
            retired_on: columns.optional_date("retired_on")?,
            claim_free_years: columns.number("claim_free_years")?,
        },
        category,
        employer: columns.text("employer")?.to_owned(),
    })
}

/// Appends a version, and says which it is.
pub(super) fn append(sql: &Sql<'_>, facts: &EnrolleeFacts) -> Result<i64, StoreError> {
    let next = "SELECT COALESCE(MAX(enrollee), 0) + 1 FROM enrollee_versions";
    let enrollee = sql.get(next, &[], |row| row.number(0))?;
    sql.execute(
        "INSERT INTO enrollee_versions (enrollee, person, home, birth, died) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![
            enrollee,
            facts.number.as_str(),
            facts.home.0.as_str(),
            &facts.birth.to_string(),
            &date_text(facts.died),
        ],
    )?;
    for (position, entitlement) in (0_i64..).zip(&facts.entitlements) {
        append_entitlement(sql, enrollee, position, entitlement)?;
    }
    for (position, identity) in (0_i64..).zip(&facts.identities) {
        let (from, to) = (identity.validity.from.to_string(), date_text(identity.validity.to));
        sql.execute(
            "INSERT INTO identities (enrollee, position, class, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4, ?5)",
            values![enrollee, position, identity.class.word(), &from, &to],
        )?;
    }
    for (position, QualificationRow { qualification, name }) in (0_i64..).zip(&facts.qualifications) {
        let (from, to) = (qualification.validity.from.to_string(), date_text(qualification.validity.to));
        sql.execute(
            "INSERT INTO qualifications (enrollee, position, disease, name, valid_from, valid_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![enrollee, position, qualification.disease.as_str(), name, &from, &to],
        )?;
    }
    for (position, SharedAccount { account, kept_here, validity }) in (0_i64..).zip(&facts.family) {
        let AccountOf { owner, pool, insurance } = account;
        let (from, to) = (validity.from.to_string(), date_text(validity.to));
        sql.execute(
            "INSERT INTO shared_accounts (enrollee, position, owner, pool, insurance, kept_here, valid_from, valid_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            values![enrollee, position, owner.as_str(), pool.0.as_str(), insurance.word(), *kept_here, &from, &to],
        )?;
    }
    Ok(enrollee)
}

fn append_entitlement(sql: &Sql<'_>, enrollee: i64, position: i64, row: &EntitlementRow) -> Result<(), StoreError> {
    let EntitlementRow { entitlement, category, employer } = row;
    let dates = [
        entitlement.validity.from.to_string(),
        date_text(entitlement.validity.to),
        entitlement.continuous_since.to_string(),
        date_text(entitlement.suspended.map(|suspended| suspended.from)),
        date_text(entitlement.suspended.and_then(|suspended| suspended.to)),
        date_text(entitlement.joining.paid_on),
        date_text(entitlement.retired_on),
    ];
    let [from, to, continuous_since, suspended_from, suspended_to, paid_on, retired_on] =
        dates.each_ref().map(Value::from);
    let Joining { paid_on: _, lapsed_months, lapsed_years, repaired_years, joined_as } = &entitlement.joining;
    sql.execute(
        "INSERT INTO entitlements (enrollee, position, insurance, category, valid_from, valid_to, continuous_since,
                                   tier, civil_servant, suspended_from, suspended_to, paid_on, lapsed_months,
                                   lapsed_years, repaired_years, joined_as, retired_on, claim_free_years, employer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        &[
            enrollee.into(),
            position.into(),
            entitlement.insurance.word().into(),
            category.into(),
            from,
            to,
            continuous_since,
            entitlement.tier.as_deref().unwrap_or_default().into(),
            entitlement.civil_servant.into(),
            suspended_from,
            suspended_to,
            paid_on,
            (*lapsed_months).into(),
            (*lapsed_years).into(),
            (*repaired_years).into(),
            joined_as.as_deref().unwrap_or_default().into(),
            retired_on,
            entitlement.claim_free_years.into(),
            employer.into(),
        ],
    )?;
    Ok(())
}
