//! Generates the messages and services of `proto/yidi/v1` without an installed `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=yidi");
    let descriptors = protox::compile(
        ["yidi/v1/operation.proto", "yidi/v1/hub.proto", "yidi/v1/home.proto", "yidi/v1/mailbox.proto"],
        ["."],
    )?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
