//! A bill by payer, where nothing else of the settlement travels.

use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::money::Money;

use crate::v1;

pub fn write(payers: &Payers) -> v1::Shares {
    let Payers { funds, account, cash, hospital } = payers;
    v1::Shares {
        basic: funds.of(Fund::Basic).fen(),
        large_sum: funds.of(Fund::LargeSum).fen(),
        catastrophic: funds.of(Fund::Catastrophic).fen(),
        civil_servant: funds.of(Fund::CivilServant).fen(),
        assistance: funds.of(Fund::Assistance).fen(),
        account: account.fen(),
        cash: cash.fen(),
        hospital: hospital.fen(),
    }
}

/// Any amounts are a bill by payer; whether they add up is for whoever knows the bill.
pub fn read(shares: &v1::Shares) -> Payers {
    let v1::Shares { basic, large_sum, catastrophic, civil_servant, assistance, account, cash, hospital } = *shares;
    let mut funds = FundShares::default();
    for (fund, fen) in Fund::ALL.into_iter().zip([basic, large_sum, catastrophic, civil_servant, assistance]) {
        funds.set(fund, Money::from_fen(fen));
    }
    let [account, cash, hospital] = [account, cash, hospital].map(Money::from_fen);
    Payers { funds, account, cash, hospital }
}
