//! Generates the messages and services of `proto/yidi/v1` without an installed `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=yidi");
    let files = [
        "operation",
        "hub",
        "home",
        "books",
        "mailbox",
        "conversation",
        "clearing",
        "reconciliation",
        "inquiries",
        "corrections",
    ]
    .map(|file| format!("yidi/v1/{file}.proto"));
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
