//! What `yidi inquiry` and `yidi ticket` have in common: asking again, closing, withdrawing, notes, lists.

use anyhow::Result;
use clap::{Args, Subcommand};
use proto::v1;

use super::{client, printed};
use crate::cli::Ending;
use crate::filing::Access;
use crate::status;

/// How many one question looks at.
const A_PAGE: u32 = 500;

/// What may happen to an inquiry, whatever its kind.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask once more, as who asked: the answer will not do. The time to answer begins anew.
    AskAgain {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
    },
    /// Close it, as who asked: the answer will do.
    Close {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
    },
    /// Take it back before it is answered, as who asked.
    Withdraw {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
    },
    /// Add what is known meanwhile, as either side.
    Note {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
    },
    /// List the open ones of your regions, each with its last day. Exits with 1 where one is overdue.
    List {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// Which of them.
        #[command(flatten)]
        which: Which,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one with its history.
    Show {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// An inquiry, what is said of it, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfOne {
    #[command(flatten)]
    access: Access,
    /// Its id.
    id: String,
    /// In words; no names, no documents, no diagnoses.
    #[arg(long)]
    words: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Which inquiries a list shows.
#[derive(Debug, Args)]
pub struct Which {
    /// Only what your regions are asked.
    #[arg(long, conflicts_with = "from_me")]
    to_me: bool,
    /// Only what your regions ask.
    #[arg(long)]
    from_me: bool,
    /// Those too that were closed or withdrawn.
    #[arg(long, conflicts_with = "overdue")]
    all: bool,
    /// Only those that should have been answered.
    #[arg(long)]
    overdue: bool,
}

impl Which {
    fn request(&self, kind: &str) -> v1::ListInquiriesRequest {
        let direction = match (self.to_me, self.from_me) {
            (true, _) => "to",
            (false, true) => "from",
            (false, false) => "",
        };
        let standing = match (self.all, self.overdue) {
            (true, _) => "",
            (false, true) => "overdue",
            (false, false) => "open",
        };
        v1::ListInquiriesRequest {
            direction: direction.into(),
            standing: standing.into(),
            kind: kind.into(),
            after: String::new(),
            limit: A_PAGE,
        }
    }
}

/// Runs the command for checks, or for tickets.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command, kind: &str) -> Result<Ending> {
    let (changed, as_json) = match command {
        Command::AskAgain { of } => (client(&of.access)?.ask_again(of.change()).await, of.json),
        Command::Close { of } => (client(&of.access)?.close(of.change()).await, of.json),
        Command::Withdraw { of } => (client(&of.access)?.withdraw(of.change()).await, of.json),
        Command::Note { of } => (client(&of.access)?.note(of.change()).await, of.json),
        Command::List { access, which, json } => return list(&access, &which.request(kind), json).await,
        Command::Show { access, id, json } => {
            let shown = client(&access)?.show(v1::ShowInquiryRequest { id }).await;
            return printed::one(&shown.map_err(|refused| status::to_refusal(&refused))?.into_inner(), json);
        }
    };
    super::print(&changed.map_err(|refused| status::to_refusal(&refused))?.into_inner(), as_json)
}

impl OfOne {
    fn change(&self) -> v1::ChangeInquiryRequest {
        v1::ChangeInquiryRequest { id: self.id.clone(), words: self.words.clone() }
    }
}

async fn list(access: &Access, wanted: &v1::ListInquiriesRequest, as_json: bool) -> Result<Ending> {
    let (mut client, mut request) = (client(access)?, wanted.clone());
    let mut all = Vec::new();
    loop {
        let page = client.list(request.clone()).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        all.extend(page.inquiries);
        if page.next.is_empty() {
            break;
        }
        request.after = page.next;
    }
    // The most pressing first; what waits for no answer goes last.
    all.sort_by_key(|view| (view.days_left.is_none(), view.days_left));
    printed::list(&all, as_json)?;
    Ok(Ending::of(all.iter().all(|view| view.days_left.is_none_or(|left| left >= 0))))
}
