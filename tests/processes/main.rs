//! The executable as its users start it: real processes, killed and started again.

mod agreement;
mod certificates;
mod crash;
mod demo;
mod hospital_books;
mod papers;
mod privacy;
mod process;
mod readme;
