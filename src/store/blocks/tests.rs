//! Damage, torn writes and foreign files, block by block.

use super::*;

fn fresh(path: &std::path::Path) -> Blocks {
    let options = &mut File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path).unwrap();
    Blocks::create(file, Damage::default()).unwrap()
}

fn again(path: &std::path::Path) -> Result<Blocks, Unusable> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    Blocks::open_to_write(file, Damage::default())
}

fn read(blocks: &Blocks, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![0; len];
    blocks.read(offset, &mut out).map(|()| out)
}

fn byte(block: u64) -> u8 {
    block.to_le_bytes()[0]
}

#[test]
fn what_is_synced_reads_back_across_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let blocks = fresh(&path);
    blocks.set_len(3_000 * BLOCK_LEN).unwrap();
    blocks.write(0, &[7; 320]).unwrap();
    for block in [1, 1_023, 1_024, 1_025, 2_999] {
        blocks.write(block * BLOCK_LEN, &[byte(block); BLOCK]).unwrap();
    }
    blocks.write(10 * BLOCK_LEN, &[9; 3 * BLOCK]).unwrap();
    blocks.sync_data().unwrap();
    drop(blocks);
    let blocks = again(&path).unwrap();
    assert_eq!(blocks.len().unwrap(), 3_000 * BLOCK_LEN);
    assert_eq!(read(&blocks, 0, 320).unwrap(), [7; 320]);
    for block in [1, 1_023, 1_024, 1_025, 2_999] {
        assert_eq!(read(&blocks, block * BLOCK_LEN, BLOCK).unwrap(), [byte(block); BLOCK]);
    }
    assert_eq!(read(&blocks, 10 * BLOCK_LEN, 3 * BLOCK).unwrap(), [9; 3 * BLOCK]);
    assert_eq!(read(&blocks, 2_000 * BLOCK_LEN, 1).unwrap(), [0], "never written");
    assert!(read(&blocks, 2_999 * BLOCK_LEN, 2 * BLOCK).is_err());
}

#[test]
fn it_shrinks_and_grows_with_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let blocks = fresh(&path);
    blocks.set_len(2_000 * BLOCK_LEN).unwrap();
    for block in [5, 1_500] {
        blocks.write(block * BLOCK_LEN, &[1; BLOCK]).unwrap();
    }
    blocks.set_len(3 * BLOCK_LEN).unwrap();
    blocks.set_len(2_000 * BLOCK_LEN).unwrap();
    blocks.sync_data().unwrap();
    for blocks in [blocks, again(&path).unwrap()] {
        for block in [5, 1_500] {
            assert_eq!(read(&blocks, block * BLOCK_LEN, BLOCK).unwrap(), [0; BLOCK]);
        }
    }
}

#[test]
fn a_flip_is_seen_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let blocks = fresh(&path);
    blocks.set_len(4 * BLOCK_LEN).unwrap();
    for round in 0..3 {
        blocks.write(0, &[round; 320]).unwrap();
        blocks.write(BLOCK_LEN, &[round; 3 * BLOCK]).unwrap();
        blocks.sync_data().unwrap();
    }
    drop(blocks);
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let blocks = again(&path).unwrap();
        assert_eq!(read(&blocks, 0, 320).unwrap(), [2; 320], "flipped {at}");
        for block in 1..4 {
            match read(&blocks, block * BLOCK_LEN, BLOCK) {
                Ok(data) => assert_eq!(data, [2; BLOCK], "flipped {at}"),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                    assert!(blocks.damage.load(Ordering::SeqCst));
                }
            }
        }
    }
}

#[test]
fn a_torn_head_gives_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let blocks = fresh(&path);
    blocks.set_len(BLOCK_LEN).unwrap();
    for round in 1..4 {
        blocks.write(0, &[round; 320]).unwrap();
        blocks.sync_data().unwrap();
    }
    drop(blocks);
    let mut bytes = std::fs::read(&path).unwrap();
    for copy in [2, 3] {
        bytes[copy * BLOCK + 100] ^= 1;
    }
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&again(&path).unwrap(), 0, 320).unwrap(), [2; 320]);
    bytes[100] ^= 1;
    bytes[BLOCK + 100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(again(&path), Err(Unusable::Damaged)));
}

#[test]
fn foreign_files_and_other_versions_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    for foreign in [&b"letters"[..], &[0; 20_000], b""] {
        std::fs::write(&path, foreign).unwrap();
        assert!(matches!(again(&path), Err(Unusable::Foreign)));
        assert_eq!(std::fs::read(&path).unwrap(), foreign);
    }
    let blocks = fresh(&path);
    blocks.set_len(BLOCK_LEN).unwrap();
    blocks.sync_data().unwrap();
    blocks.write(0, &[1]).unwrap();
    blocks.sync_data().unwrap();
    drop(blocks);
    let mut bytes = std::fs::read(&path).unwrap();
    (0..4).for_each(|copy| bytes[copy * BLOCK + 16] = 9);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(again(&path), Err(Unusable::Version(9))));
}
