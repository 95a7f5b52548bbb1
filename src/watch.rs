//! Health, readiness and metrics of a process on port 7703, and in a demo the sandbox clock.

mod hub;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use broker::hub::Hub;
use jiff::civil::DateTime;
use ledger::clock::Clock;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use settlement::beijing;

/// Upper bounds of the latency buckets, in seconds: a settlement takes milliseconds, a stuck region seconds.
const LATENCY_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0];

/// What a process shows of itself.
#[derive(Clone)]
pub struct Watch {
    metrics: PrometheusHandle,
    ready: Arc<AtomicBool>,
    /// The hub of this process. Not held: it ends when it is stopped, whoever still looks.
    hub: Arc<OnceLock<Weak<Hub>>>,
    sandbox: Option<Clock>,
}

impl Watch {
    /// Starts to collect metrics; once a process. A `sandbox` clock can be set by `POST /clock`.
    ///
    /// # Errors
    /// When metrics are collected already.
    pub fn new(sandbox: Option<Clock>) -> Result<Watch> {
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)?
            .install_recorder()?;
        Ok(Watch { metrics, ready: Arc::default(), hub: Arc::default(), sandbox })
    }

    /// Says that the process takes requests from now on, or does no more.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Has `/health` show how the hub of this process and its home regions are. The first one stays.
    pub fn show_hub(&self, hub: &Arc<Hub>) {
        self.hub.get_or_init(|| Arc::downgrade(hub));
    }

    /// Serves the pages until the process ends.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn serve(self, address: SocketAddr) -> Result<()> {
        let listener =
            tokio::net::TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let mut pages = Router::new()
            .route("/health", get(health))
            .route("/ready", get(ready))
            .route("/metrics", get(|State(watch): State<Watch>| async move { watch.metrics.render() }));
        if self.sandbox.is_some() {
            pages = pages.route("/clock", post(set_clock).get(show_clock));
        }
        tokio::spawn(async move {
            if let Err(fault) = axum::serve(listener, pages.with_state(self)).await {
                tracing::error!(error = %fault, "health and metrics are no longer served");
            }
        });
        Ok(())
    }
}

/// Alive, and for a hub how each home region is. A hub whose store cannot be read is alive and says so.
async fn health(State(watch): State<Watch>) -> (StatusCode, Json<Value>) {
    let Some(hub) = watch.hub.get().and_then(Weak::upgrade) else {
        return (StatusCode::OK, Json(json!({ "alive": true })));
    };
    match hub.health().await {
        Ok(health) => (StatusCode::OK, Json(hub::page(&health))),
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "the hub cannot say how it is");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "alive": true, "store": "cannot be read" })))
        }
    }
}

async fn ready(State(watch): State<Watch>) -> (StatusCode, &'static str) {
    if watch.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn show_clock(State(watch): State<Watch>) -> String {
    let now = watch.sandbox.unwrap_or_default().now();
    format!("{}\n", beijing::at_desk(now).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Takes a Beijing time such as `2025-06-30T16:00`.
async fn set_clock(State(watch): State<Watch>, body: String) -> (StatusCode, String) {
    let instant = body.trim().parse::<DateTime>().ok().and_then(beijing::instant_of);
    match (instant, watch.sandbox) {
        (Some(instant), Some(clock)) => {
            clock.set(instant);
            (StatusCode::OK, format!("{}\n", beijing::at_desk(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")))
        }
        (None, _) | (_, None) => (StatusCode::BAD_REQUEST, "send a Beijing time such as 2025-06-30T16:00\n".to_owned()),
    }
}
