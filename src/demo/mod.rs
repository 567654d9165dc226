//! The demo (being written).
pub async fn run(_url: &str) -> Result<(), String> {
    Err("not yet".into())
}
