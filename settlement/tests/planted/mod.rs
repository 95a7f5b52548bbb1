//! Twelve faults of twelve kinds, planted in twelve sections of a good book, and where each has to be reported. Shared
//! with the test that runs `yidi rulebook check` (`tests/processes/rule_tools.rs`).

/// The book in which faults are planted.
pub const GOOD: &str = include_str!("../../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml");

/// A fault in a book.
pub struct Planted {
    /// What stands in the good book.
    good: &'static str,
    /// What takes its place.
    bad: &'static str,
    /// A text that stands in the faulty book once; the fault is reported on the line on which it ends.
    at: &'static str,
    /// The path reported.
    pub path: &'static str,
    /// A part of the problem reported.
    pub problem: &'static str,
}

impl Planted {
    /// The line on which it has to be reported, counted from 1.
    pub fn line(&self, faulty: &str) -> usize {
        let mut found = faulty.match_indices(self.at);
        let (at, text) = found.next().unwrap_or_else(|| panic!("not in the faulty book: {}", self.at));
        assert_eq!(found.next(), None, "stands twice: {text}");
        faulty[..at + text.len()].matches('\n').count() + 1
    }
}

/// The faults, in the order of their lines.
pub const PLANTED: [Planted; 12] = [
    Planted {
        good: "from = 2024-01-01\n",
        bad: "from = \"2024-02-30\"\n",
        at: "\"2024-02-30\"",
        path: "from",
        problem: "is not a day",
    },
    Planted {
        good: "starts = \"01-01\"",
        bad: "starts = \"13-01\"",
        at: "\"13-01\"",
        path: "benefit_year.starts",
        problem: "is not a month and day",
    },
    Planted {
        good: "clause = \"中途结算后不再计起付线\"",
        bad: "claus = \"中途结算后不再计起付线\"",
        at: "claus =",
        path: "interim_stay.claus",
        problem: "is not a key that this table has",
    },
    Planted {
        good: "amount = 300\n",
        bad: "amount = 300.005\n",
        at: "300.005",
        path: "inpatient.deductible.first.amount",
        problem: "at most two decimals",
    },
    Planted {
        good: "id = \"later-stay\"\n",
        bad: "",
        at: "（长期居住备案按本地级别）\"\n\n[[inpatient.deductible_factor]]",
        path: "inpatient.deductible_factor.id",
        problem: "is missing",
    },
    Planted {
        good: "ratio = \"0.87\"",
        bad: "ratio = \"1.87\"",
        at: "\"1.87\"",
        path: "inpatient.ratio.working-second.ratio",
        problem: "above 100 %",
    },
    Planted {
        good: "name = \"恶性肿瘤门诊治疗\"\nsource = \"national\"",
        bad: "name = \"恶性肿瘤门诊治疗\"\nsource = \"nowhere\"",
        at: "\"nowhere\"",
        path: "chronic.disease.cancer.source",
        problem: "no [[source]] has the id nowhere",
    },
    Planted {
        good: "ratio = \"0.60\"\nsource = \"page\"\ntrust = \"assumed\"",
        bad: "ratio = \"0.60\"\nsource = \"page\"\ntrust = \"hearsay\"",
        at: "\"hearsay\"",
        path: "outpatient.ratio.primary.trust",
        problem: "is not one of official, reported, assumed",
    },
    Planted {
        good: "id = \"other-temporary-chronic\"\nfiling = [\"other-temporary\"]",
        bad: "id = \"other-temporary-chronic\"\nfiling = [\"other-temporary\", \"referral\"]",
        at: "id = \"other-temporary-chronic\"",
        path: "off_site",
        problem: "overlaps the row on line",
    },
    Planted {
        good: "care = [\"outpatient\", \"purchase\"]",
        bad: "care = [\"outpatient\"]",
        at: "[[unfiled]]\nid = \"inpatient\"",
        path: "unfiled",
        problem: "leaves a gap: no row for purchase",
    },
    Planted {
        good: "id = \"disease-diabetes\"",
        bad: "id = \"disease-hypertension\"",
        at: "id = \"disease-hypertension\"\ndisease = [\"M03900\"]\ncounts = [\"chronic\"]\nmeasure = \"fund_paid\"\n\
             amount = \"unset\"\nper = \"month\"\nsource = \"unknown\"\ntrust = \"assumed\"\n\
             clause = \"高血压月限额的数额没有找到\"\n\n[[cap]]\nid",
        path: "cap.disease-hypertension.id",
        problem: "stands twice in this table",
    },
    Planted {
        good: "refused = 505",
        bad: "refused = 999",
        at: "refused = 999",
        path: "example.unfiled.refused",
        problem: "is not the code of a refusal",
    },
];

/// The good book with all of them.
pub fn faulty_book() -> String {
    PLANTED.iter().fold(GOOD.to_owned(), |text, Planted { good, bad, .. }| {
        assert!(text.contains(good), "not in the book: {good}");
        text.replacen(good, bad, 1)
    })
}
