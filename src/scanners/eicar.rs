//! The test virus that every scanner knows, harmless by agreement. It stands nowhere in this program's text or binary, else a scanner
//! on the administrator's machine would remove them; it is put together when asked for.

use std::hint::black_box;

/// Each byte is one more than it should be.
const SHIFTED: [u8; 68] = *b"Y6P\"Q&ABQ\\5]Q[Y65)Q_*8DD*8~%FJDBS.TUBOEBSE.BOUJWJSVT.UFTU.GJMF\"%I,I+";

/// The test virus.
pub(super) fn eicar() -> Vec<u8> {
    // The compiler must not do it beforehand.
    black_box(SHIFTED).iter().map(|b| b - 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn it_is_the_one_that_all_know() {
        let hex: String = Sha256::digest(eicar()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f");
    }
}
