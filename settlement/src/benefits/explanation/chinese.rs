//! The steps of a calculation in Chinese, as a clerk at the desk says them.

use super::render::{Context, Left};
use super::{Language, Standing, Step, Together};
use crate::adjudication::Fund;
use crate::encounter::CareKind;
use crate::money::Money;
use crate::rulebook::admission::StayEntitlement;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::Per;

/// Says a step of a result.
pub(super) fn say(step: &Step, context: &Context<'_>) -> String {
    let Context { result, left: Left { own_share, self_paid, over_limit, to_pay }, by_fund_paid, tilted } = *context;
    match *step {
        Step::Gate { person, level, care, footing, standing, identity, age, stay, year } => {
            let footing = match standing {
                Standing::Filed => footing.name().to_owned(),
                Standing::Committed => format!("{}（承诺书，证明材料未补交）", footing.name()),
                Standing::Deemed => footing.reason().to_owned(),
                Standing::Unfiled => format!("{}，未备案", footing.reason()),
            };
            let identity = identity.map_or(String::new(), |identity| format!("，{}", identity.name()));
            let nth = if care == CareKind::Inpatient { format!("第{stay}次") } else { String::new() };
            format!(
                "{}{identity}，{age}岁，{}年度{nth}{}，{}医疗机构，{footing}。",
                person.name(),
                year.0,
                care.name(),
                level.name()
            )
        }
        Step::Unfiled { clause: _, footing } => format!("没有有效备案，按参保地规定视同“{}”。", footing.reason()),
        Step::Died { day } => format!("参保人已于{day}死亡，待遇按死亡之日确定。"),
        Step::StayEntitlement { clause: _, on, day } => match on {
            StayEntitlement::Decision => format!("{day}享有待遇。"),
            StayEntitlement::Admission => format!("入院之日（{day}）享有待遇，本次住院支付至出院。"),
            StayEntitlement::Whole => format!("自入院至{day}每日均享有待遇。"),
        },
        Step::Waited { clause: _, began, first } => format!("等待期自{began}起算，{first}起享受待遇，已满。"),
        Step::Place { clause: _ } => "就医地属于参保地规定单独列明的地区。".to_owned(),
        Step::DeemedFiled { clause: _, footing } => format!("该就医地无需备案，视同“{}”。", footing.reason()),
        Step::Commitment { clause: _, class } => {
            format!("长期居住备案以承诺书办理，证明材料尚未补交，按“{}”待遇。", class.reason())
        }
        Step::FilingEnded { clause: _, last } => format!("备案有效期至{last}，入院时已过期。"),
        Step::BackHome { clause: _, footing } => {
            format!("长期备案期间回参保地就医，按“{}”待遇。", footing.reason())
        }
        Step::BestIdentity { clause: _, identity, among } => {
            format!("同时具有{among}种身份，就高按{}计算。", identity.name())
        }
        Step::UsedBeforeChange { clause: _, in_policy } => {
            format!("年度内变更险种，累计连续计算，待遇计算基数已累计{in_policy}。")
        }
        Step::Outside { fund, self_paid, over_limit } => {
            format!("{}另付政策范围外费用：自费{self_paid}，超限价{over_limit}。", fund.name())
        }
        Step::Floor { clause: _, of, base, share, before, raised } => {
            let due = Money::round(share.of(base));
            let cut = if due == raised { String::new() } else { format!(" = {due}，至多支付{raised}") };
            format!("保底支付：{}{base} × {share}{cut}，统筹支付由{before}提高到{raised}。", of.name())
        }
        Step::Split(split) => format!(
            "总费用{}：全自费{}，超限价{}，先行自付{}，政策范围内{}。",
            split.total(),
            split.self_paid,
            split.over_limit,
            split.first_self_pay,
            split.in_policy
        ),
        Step::FirstSelfPay { clause: _, class_b, ratio, sent, amount } => {
            format!("先行自付按参保地口径重算：乙类{class_b} × {ratio} = {amount}（就医地为{sent}）。")
        }
        Step::PreDeduction { clause: _, in_policy, ratio, amount } => {
            format!("异地就医先自付：{in_policy} × {ratio} = {amount}，其余{}为待遇计算基数。", in_policy - amount)
        }
        Step::Deductible { clause: _, amount, factor, per, before, base, borne } => {
            let due = due(amount, factor.map(|(_, factor)| factor), per, before);
            format!("{due}，{}，其余{}按比例支付。", borne_of(borne, result.deductible), base - borne)
        }
        Step::Segment { clause: _, change, from, cost, ratio, effective } => {
            let changed = changed(change.is_some(), ratio, effective);
            if by_fund_paid {
                format!("统筹年度已付{from}起的一段：费用{cost}，统筹支付{effective}{changed}。")
            } else {
                format!("自{from}起的{cost}，统筹支付{effective}{changed}。")
            }
        }
        Step::Cap { clause: _, cap, used, left } => format!("封顶线{cap}，本年已用{used}，还可用{left}。"),
        Step::CapGrowth { clause: _, amount, years, claim_free_years, plus } => {
            format!(
                "封顶线{amount}，连续参保计{years}年、零报销计{claim_free_years}年，提高{plus}，为{}。",
                amount + plus
            )
        }
        Step::MonthlyCap { clause: _, month, cap, available, used, left } => {
            let carried = if available == cap { String::new() } else { format!("，结转后可用{available}") };
            format!("月度限额{cap}{carried}，{month}已用{used}，还可用{left}。")
        }
        Step::Together { clause: _, what, diseases } => match what {
            Together::HighestCap => format!("有{diseases}个病种，共用其中最高的限额。"),
            Together::TopTwoCaps => format!("有{diseases}个病种，共用最高两种限额之和。"),
            Together::HighestRatio => format!("有{diseases}个病种，按其中最高的比例支付。"),
        },
        Step::LayerSegment { fund, clause: _, from, cost, ratio } => {
            format!("{}：自{from}起的{cost}，支付{ratio}。", fund.name())
        }
        Step::TierSlice { clause: _, change, from, cost, ratio, effective } => {
            format!(
                "大病自{from}起的{cost}，支付{effective}{}（按本次）。",
                changed(change.is_some(), ratio, effective)
            )
        }
        Step::TiltStart { clause: _, start, so_far, burden } => {
            format!("倾斜救助起付线{start}，本年救助后已负担{so_far}，本次负担{burden}。")
        }
        Step::Share { fund, clause: _, base, ratio } => format!("{}：{base} × {ratio}。", name(fund, tilted)),
        Step::CatastrophicBase { clause: _, threshold: _, so_far, now, deductible } => format!(
            "大病保险：合规费用年度累计{so_far} + 本次{now} = {}，起付线{deductible}，{}。",
            so_far + now,
            if so_far + now > deductible { "已超过" } else { "未超过" }
        ),
        Step::Tier { clause: _, from, cost, ratio } => format!("大病自{from}起的{cost}，支付{ratio}（按年度累计）。"),
        Step::AssistanceStart { clause: _, start, so_far, burden } => {
            format!("医疗救助起付线{start}，本年已负担{so_far}，本次负担{burden}。")
        }
        Step::Paid { fund, before, paid } => {
            let of = if tilted { fund.name() } else { "" };
            let name = name(fund, tilted);
            format!("{name}支付{paid}（{of}年度累计{before} → {}），其余自付{own_share}。", before + paid)
        }
        Step::Account { clause: _, open, balance, paid } => {
            format!("个人账户可付{open}，余额{balance}，支付{paid}，尚需支付{to_pay}。")
        }
        Step::Family { clause: _, share, pool, insurance, open, balance, paid } => {
            let owner = result.family().get(share).map_or("", |share| share.account.owner.as_str());
            let ledger = insurance.name();
            format!(
                "家庭共济：{owner}的个人账户（{pool} {ledger}）可付{open}，余额{balance}，支付{paid}，尚需支付{to_pay}。"
            )
        }
        Step::FamilyElsewhere { clause: _, pool, insurance } => {
            format!("家庭共济：有一个{pool} {}的个人账户不在本节点，不能支付。", insurance.name())
        }
        Step::Cash { amount } => {
            let (total, all) = (result.coverage().total(), own_share + over_limit + self_paid);
            format!(
                "个人负担{all}：自付{own_share}，超限价{over_limit}，自费{self_paid}；其中现金支付：\
                 总费用{total} − 基金{} − 账户{} = {amount}。",
                total - all,
                all - amount
            )
        }
        Step::Derived(derived) => derived.say(Language::Chinese),
    }
}

/// What a payer is called. Tilted assistance is paid by the assistance fund, and called otherwise.
fn name(fund: Fund, tilted: bool) -> &'static str {
    if tilted { "倾斜救助" } else { fund.name() }
}

/// How an off-site rule changes a ratio.
fn changed(off_site: bool, ratio: Ratio, effective: Ratio) -> String {
    match off_site {
        true if ratio == effective => "（与参保地相同）".to_owned(),
        true => format!("（参保地{ratio}，异地调整后{effective}）"),
        false => String::new(),
    }
}

fn due(amount: Money, factor: Option<Ratio>, per: Per, before: Money) -> String {
    let factor = factor.map_or(String::new(), |factor| format!(" × {factor}"));
    let before = match per {
        Per::Stay if before.is_zero() => String::new(),
        Per::Stay => format!("，本次住院此前已承担{before}"),
        Per::Year => format!("，年度内已承担{before}"),
        Per::Cycle => format!("，本周期内已承担{before}"),
    };
    format!("起付线{amount}{factor}{before}")
}

/// What is borne in the end of a deductible that was counted.
fn borne_of(counted: Money, borne: Money) -> String {
    if counted == borne {
        return format!("本次承担{borne}");
    }
    format!("本次计入{counted}，之后基金抵减{}，实际承担{borne}", counted - borne)
}
