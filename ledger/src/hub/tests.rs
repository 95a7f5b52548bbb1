//! What the hub's store promises.
