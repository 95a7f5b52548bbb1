//! What hospitals' books still differ in, as the hub is told: what they compared stands in this side's store (3202), and
//! which of it the hub is told, `clearing::hospital::told` says. Called by [`super`].

use clearing::hospital::Amounts;
use clearing::hospital::told::{RowApart, facts};
use jiff::civil::Date;
use ledger::treatment::{KeptDifference, StandingDifference, StoredOperation};
use proto::convert::{read_leaf, read_operation};
use reconciliation::asking::{Apart, CompareError};

use crate::edge::Edge;
use crate::statement::as_kept;

/// The rows of some days that differ still, of every pool of this side.
pub async fn apart(edge: &Edge, days: (Date, Date)) -> Result<Vec<Apart>, CompareError> {
    let looked = edge.store.look(move |session| {
        let standing = session.hospital_difference_standing(days)?.into_iter();
        let with_operation = standing.map(|standing| {
            let operation = session.operation_find(standing.own.message)?;
            Ok(operation.map(|operation| (standing, operation)))
        });
        with_operation.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
    });
    let mut apart = Vec::new();
    for (standing, operation) in looked.await? {
        apart.extend(told(edge, standing, &operation)?);
    }
    Ok(apart)
}

fn told(edge: &Edge, standing: StandingDifference, operation: &StoredOperation) -> Result<Option<Apart>, CompareError> {
    let StandingDifference { difference, own, reversed_since } = standing;
    let Some(answer) = &operation.answer else { return Ok(None) };
    let bytes = &operation.operation.bytes;
    let Some((branch, leaf)) = read_leaf(bytes, &answer.outcome).map_err(CompareError::Own)? else { return Ok(None) };
    let key = read_operation(bytes).map_err(|fault| CompareError::Own(fault.to_string()))?.key;
    let fund_sum = edge.config.profile(&own.institution).fund_sum;
    let kept = |amounts: Option<Amounts>| amounts.map(|amounts| as_kept(amounts, fund_sum));
    let KeptDifference { kind, direction, own: centre, told: hospital, .. } = difference;
    let row = RowApart {
        kind,
        direction,
        settlement: own.row.cancels.unwrap_or(own.row.settlement),
        hospital: kept(hospital),
        centre: kept(centre),
        reversed_since,
    };
    let of_both = |(outer, inner)| Apart { branch, place: leaf.place, operation: key.to_text(), outer, inner };
    Ok(facts(&row).map(of_both))
}
