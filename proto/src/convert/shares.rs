//! A bill by payer, where nothing else of the settlement travels.

use settlement::adjudication::{Fund, Payers};

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
