//! Telling another node of one's own book: digests of days, what stands where they differ, and a signature under a day on
//! which the books agree. Whom it tells what, the caller says: a branch that is not admitted is refused.

use std::collections::BTreeMap;

use clearing::breaks::Fact;
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Node};
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::leaves::{Scope, Standing};
use ledger::store::StoreError;
use proto::convert::{FieldFault, digests, read_operation, read_outcome};
use proto::v1;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};

use crate::book::Book;
use crate::counting::count;

/// So many parts or places are told of at once.
const AT_ONCE: usize = 2_000;

/// A book that answers.
pub struct Answering<B>(B);

impl<B: Book> Answering<B> {
    /// A book.
    pub fn new(book: B) -> Answering<B> {
        Answering(book)
    }

    /// Tells the digests of some days, with everything in them that is answered by now. Branches that are not admitted are
    /// left out.
    ///
    /// # Errors
    /// When the request cannot be read, or the book.
    pub async fn roots(
        &self,
        asked: &v1::RootsRequest,
        admits: impl Fn(&Branch) -> bool + Send,
    ) -> Result<v1::RootsReply, Refusal> {
        let days = (read_day("from", &asked.from)?, read_day("to", &asked.to)?);
        let scope =
            Scope { home: read_pool("home", &asked.home)?, treatment: read_pool("treatment", &asked.treatment)? };
        let roots = self.own_roots(days, scope).await?;
        let told = roots.iter().filter(|(branch, _)| admits(branch));
        Ok(v1::RootsReply { roots: told.map(|(branch, root)| digests::write_root(branch, root)).collect() })
    }

    /// Tells what is inside parts of branches.
    ///
    /// # Errors
    /// When the request cannot be read, is about what is not admitted, or the book cannot be read.
    pub async fn inside(
        &self,
        asked: &v1::InsideRequest,
        admits: impl Fn(&Branch) -> bool + Send,
    ) -> Result<v1::InsideReply, Refusal> {
        let parts = few(&asked.parts, "parts")?.iter().map(digests::read_part_ref).collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|fault| unreadable(&fault))?;
        parts.iter().try_for_each(|(branch, _)| admitted(branch, &admits))?;
        let inside = self.0.leaves().leaf_inside(parts).await.map_err(|fault| unread(&fault))?;
        Ok(v1::InsideReply { inside: inside.iter().map(digests::write_inside).collect() })
    }

    /// Tells what stands at places.
    ///
    /// # Errors
    /// When the request cannot be read, is about what is not admitted, or the book cannot be read.
    pub async fn facts(
        &self,
        asked: &v1::FactsRequest,
        admits: impl Fn(&Branch) -> bool + Send,
    ) -> Result<v1::FactsReply, Refusal> {
        let place = |asked: &v1::PlaceRef| {
            let branch = digests::read_branch(asked.branch.as_ref()).map_err(|fault| unreadable(&fault))?;
            admitted(&branch, &admits).map(|()| (branch, asked.place))
        };
        let places = few(&asked.places, "places")?.iter().map(place).collect::<Result<Vec<_>, Refusal>>()?;
        let standing = self.0.leaves().leaf_standing(places).await.map_err(|fault| unread(&fault))?;
        Ok(v1::FactsReply { places: standing.iter().map(|at| write_facts(at)).collect::<Result<_, Refusal>>()? })
    }

    /// Signs a certificate of agreement, if the book holds exactly what it says and there is who signs.
    ///
    /// # Errors
    /// When the text is no certificate, the book holds otherwise, or there is no signing certificate.
    pub async fn sign(
        &self,
        asked: &v1::SignRequest,
        signer: Option<Signer>,
        admits: impl Fn(&Branch) -> bool + Send,
    ) -> Result<v1::DocumentSignature, Refusal> {
        let agreement = Agreement::read(&asked.text).map_err(|fault| invalid("text", fault))?;
        admitted(&agreement.branch, &admits)?;
        if !self.holds(&agreement).await? {
            return Err(invalid("text", "is not what this book holds"));
        }
        let signer = signer.ok_or_else(|| invalid("text", "cannot be signed: there is no signing.pem"))?;
        let signature = signer.sign(asked.text.as_bytes()).map_err(|_| Refusal::new(Reason::Internal))?;
        Ok(digests::write_signature(signature.scheme, signature.bytes, signature.chain))
    }

    /// Whether the book holds exactly what a certificate says: the digest, and the sums where it states any, which are
    /// worked out from the book's own operations. Version and what it replaces are the hub's to number, as the text says.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub async fn holds(&self, agreement: &Agreement) -> Result<bool, Refusal> {
        let Branch { day, home, treatment } = agreement.branch;
        let scope = Scope { home: Some(home), treatment: Some(treatment) };
        let roots = self.own_roots((day, day), scope).await?;
        let says = |root: &Node| (root.count, root.digest) == (agreement.operations, agreement.root);
        if !roots.get(&agreement.branch).is_some_and(says) {
            return Ok(false);
        }
        let Some(tally) = agreement.tally else { return Ok(true) };
        let counted = count(&self.0, agreement.branch, tally.family).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "the book cannot be counted to be certified");
            Refusal::new(Reason::Internal)
        })?;
        Ok(counted.root.as_ref().is_some_and(says) && counted.tally == tally)
    }

    async fn own_roots(&self, days: (Date, Date), scope: Scope) -> Result<BTreeMap<Branch, Node>, Refusal> {
        self.0.fold().await.map_err(|fault| unread(&fault))?;
        self.0.leaves().leaf_roots(days, scope).await.map_err(|fault| unread(&fault))
    }
}

fn admitted(branch: &Branch, admits: &impl Fn(&Branch) -> bool) -> Result<(), Refusal> {
    let detail = || format!("{} → {} is not for this certificate", branch.home, branch.treatment);
    if admits(branch) {
        Ok(())
    } else {
        Err(Refusal::new(Reason::RegionNotServed).of_field("branch").because(detail()))
    }
}

fn write_facts(standing: &[Standing]) -> Result<v1::FactsAt, Refusal> {
    let fact = |(digest, operation, outcome): &Standing| {
        let operation = read_operation(operation).map_err(|_| Refusal::new(Reason::Internal))?;
        let outcome = read_outcome(outcome).map_err(|_| Refusal::new(Reason::Internal))?;
        Ok(Fact::of(&outcome).map(|fact| digests::write_fact(digest, &operation.key.to_text(), &fact)))
    };
    let facts = standing.iter().filter_map(|standing| fact(standing).transpose());
    Ok(v1::FactsAt { facts: facts.collect::<Result<_, Refusal>>()? })
}

fn few<'a, T>(asked: &'a [T], field: &'static str) -> Result<&'a [T], Refusal> {
    if asked.len() > AT_ONCE { Err(invalid(field, format!("are more than {AT_ONCE}"))) } else { Ok(asked) }
}

fn read_day(field: &'static str, text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| invalid(field, "is not a day such as 2025-06-30"))
}

fn read_pool(field: &'static str, code: &str) -> Result<Option<PoolCode>, Refusal> {
    if code.is_empty() {
        return Ok(None);
    }
    RegionCode::new(code).map(|code| Some(PoolCode(code))).map_err(|fault| invalid(field, fault))
}

fn invalid(field: &'static str, problem: impl ToString) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem.to_string())
}

fn unreadable(fault: &FieldFault) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(fault.field.clone()).because(fault.problem.clone())
}

fn unread(fault: &StoreError) -> Refusal {
    tracing::error!(error = fault as &dyn std::error::Error, "the book cannot be read to be compared");
    Refusal::new(Reason::Internal)
}
