//! Generates the client of the operators' protocol from the shared file.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::path::Path::new("../proto");
    let file = root.join("hexad/v1/hexad.proto");
    println!("cargo::rerun-if-changed={}", file.display());
    let descriptors = protox::compile([&file], [root])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
