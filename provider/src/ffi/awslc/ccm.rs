//! AES-CCM of AWS-LC (NIST SP 800-38C), in one piece.

use std::ffi::{c_int, c_void};
use std::ptr;

use aws_lc_sys as aws;

use super::check;
use super::cipher::{Context, Direction, by_size};
use crate::error::{Code, Result};

/// The longest tag.
const TAG: usize = 16;

/// Encrypts `input` into `output`, which is as long, and fills `tag`: 4, 6, ... 16 bytes. `nonce` has
/// 7 to 13 bytes.
///
/// # Errors
/// KeySizeRange for a key that is not 16, 24 or 32 bytes long, DataLenRange for more than the nonce
/// leaves room to count.
pub(crate) fn seal(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    input: &[u8],
    output: &mut [u8],
    tag: &mut [u8],
) -> Result<()> {
    let mut ccm = start(Direction::Encrypt, key, nonce, (ptr::null_mut(), tag.len()))?;
    run(&mut ccm, aad, input, output, Code::DataLenRange)?;
    let (command, len) = (aws::EVP_CTRL_AEAD_GET_TAG, tag.len());
    control(&mut ccm, command, len, tag.as_mut_ptr().cast(), "read the tag")
}

/// Decrypts `input` into `output`, which is as long, if the tag is right; if it is wrong, `output`
/// is filled with zeroes.
///
/// # Errors
/// As [`seal`]; EncryptedDataInvalid for a wrong tag.
pub(crate) fn open(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    input: &[u8],
    tag: &[u8],
    output: &mut [u8],
) -> Result<()> {
    let expected = (tag.as_ptr().cast_mut().cast(), tag.len()); // only read from
    let mut ccm = start(Direction::Decrypt, key, nonce, expected)?;
    run(&mut ccm, aad, input, output, Code::EncryptedDataInvalid).inspect_err(|_| output.fill(0))
}

/// A context with key, nonce and tag: the engine wants all of them before the data.
fn start(
    direction: Direction,
    key: &[u8],
    nonce: &[u8],
    (tag, tag_len): (*mut c_void, usize),
) -> Result<Context> {
    assert!((4..=TAG).contains(&tag_len) && (7..=13).contains(&nonce.len()));
    let cipher = by_size(key, aws::EVP_aes_128_ccm, aws::EVP_aes_192_ccm, aws::EVP_aes_256_ccm)?;
    let mut ccm = Context::new()?;
    ccm.init(direction, cipher)?;
    let iv = aws::EVP_CTRL_AEAD_SET_IVLEN;
    control(&mut ccm, iv, nonce.len(), ptr::null_mut(), "set the length of the nonce")?;
    control(&mut ccm, aws::EVP_CTRL_AEAD_SET_TAG, tag_len, tag, "set the tag")?;
    ccm.key(key)?;
    // SAFETY: the context has a cipher, a key and the length of `nonce`; -1 keeps the direction.
    let answer = unsafe {
        let (context, none) = (ccm.0.as_mut_ptr(), ptr::null_mut());
        aws::EVP_CipherInit_ex(context, ptr::null(), none, ptr::null(), nonce.as_ptr(), -1)
    };
    check(answer, Code::FunctionFailed, "set the nonce")?;
    Ok(ccm)
}

/// The length of the data, the associated data, the data: "CCM does all the work" in the last.
fn run(ccm: &mut Context, aad: &[u8], input: &[u8], output: &mut [u8], wrong: Code) -> Result<()> {
    assert_eq!(input.len(), output.len());
    let too_long = |_| Code::DataLenRange.because("more data than one call of CCM takes");
    let len = c_int::try_from(input.len()).map_err(too_long)?;
    let aad_len = c_int::try_from(aad.len())
        .map_err(|_| Code::MechanismParamInvalid.because("more associated data than CCM takes"))?;
    let (context, mut written) = (ccm.0.as_mut_ptr(), 0);
    let none: *mut u8 = ptr::null_mut();
    // SAFETY: two NULL pointers announce a length; without an output, the input is associated data;
    // output and input are as long as each other and do not overlap.
    unsafe {
        let answer = aws::EVP_CipherUpdate(context, none, &mut written, ptr::null(), len);
        check(answer, Code::DataLenRange, "announce the length to CCM")?;
        if aad_len > 0 {
            let answer = aws::EVP_CipherUpdate(context, none, &mut written, aad.as_ptr(), aad_len);
            check(answer, Code::DataLenRange, "take associated data")?;
        }
        let (to, from) = (output.as_mut_ptr(), input.as_ptr());
        let answer = aws::EVP_CipherUpdate(context, to, &mut written, from, len);
        check(answer, wrong, "run AES-CCM")
    }
}

fn control(
    ccm: &mut Context,
    command: c_int,
    number: usize,
    pointer: *mut c_void,
    what: &'static str,
) -> Result<()> {
    // SAFETY: the commands used here take `number` bytes at `pointer`, or no pointer.
    let answer =
        unsafe { aws::EVP_CIPHER_CTX_ctrl(ccm.0.as_mut_ptr(), command, number as c_int, pointer) };
    check(answer, Code::MechanismParamInvalid, what)
}
