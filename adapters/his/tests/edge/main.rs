//! The treatment side from the outside: real HTTP in, real mutual TLS out, a scripted hub behind it.

mod comparing;
mod doubt;
mod fake_hub;
mod gateway;
mod http;
mod inpatient;
mod log;
mod nonsense;
mod order;
mod outpatient;
mod privacy;
mod repeats;
mod requests;
mod statements;
mod world;
