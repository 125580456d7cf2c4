//! capture stub
/// stub
pub fn is_capture(_: &[u8]) -> bool {
    false
}
